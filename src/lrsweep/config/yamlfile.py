"""YAML 1.2 files that a person writes, read strictly: a mistake is named with its line. DVC reads them in the same way.

A Document keeps comments and layout (a round trip by ruamel.yaml), so that such a file can be changed.
"""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, CommentedMap, YAMLError
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.representer import RoundTripRepresenter, SafeRepresenter
from ruamel.yaml.util import load_yaml_guess_indent

from lrsweep import files
from lrsweep.errors import UserError

# Bounds on a file, far above what a person writes; a file within them is read within seconds.
MOST_BYTES = 1 << 18
MOST_VALUES = 20_000  # with aliases written out
MOST_LEVELS = 20  # of nested mappings and lists
MOST_DIGITS = 400  # the largest float has 309

# Plain scalars that readers of YAML understand differently: for some 0100 is 64, 1:30 is 90, 1_000 is 1000, 0o17 is 15.
_AMBIGUOUS = re.compile(r"[-+]?(0[0-9]+|[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|[0-9.]*[0-9]_[0-9_.]*|0o[0-7]+|0b[01]+)")
_TAG = "tag:yaml.org,2002:"


class _Refused(Exception):
    """A mistake in a file, without the name of the file, which its reader adds."""


class _Shallow(Composer):
    """Composes values down to MOST_LEVELS, and refuses deeper ones before they are read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.level = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.level += 1
        if self.level > MOST_LEVELS + 1:
            line = self.parser.peek_event().start_mark.line + 1
            raise _Refused(f"line {line}: found more than {MOST_LEVELS} levels, expected fewer; take one out")
        node = super().compose_node(parent, index)
        self.level -= 1
        return node


class _Representer(SafeRepresenter):
    """Quotes all text but plain words, since ruamel.yaml writes ": a" in a way that it cannot read."""

    def represent_str(self, data: str) -> ScalarNode:
        style = None if re.fullmatch(r"\w([\w./ -]*\w)?", data) else "'"
        return self.represent_scalar(f"{_TAG}str", data, style)


_Representer.add_representer(str, _Representer.represent_str)


class _Tree:
    """Makes plain mappings, lists and values from nodes, and refuses ambiguous ones."""

    def __init__(self, reader: YAML) -> None:
        self.constructor = reader.constructor
        self.values = 0

    def of(self, node: Node, level: int = 0) -> Any:
        """Give the value of a node; an alias has the value that it stands for."""
        self.values += 1
        if self.values > MOST_VALUES or level > MOST_LEVELS:
            limit = f"{MOST_VALUES} values in {MOST_LEVELS} levels, aliases written out"
            raise _Refused(f"{_line(node)}: found a file too large, expected at most {limit}; take some out")
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return {name: self.of(below, level + 1) for name, below in _entries(node)}
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.of(below, level + 1) for below in node.value]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        raise _Refused(f"{_line(node)}: found the tag {node.tag}, expected a plain mapping or list; remove the tag")

    def _scalar(self, node: ScalarNode) -> Any:
        found = f"{_line(node)}: found {shortened(node.value, 40)}"
        if node.style is None and _AMBIGUOUS.fullmatch(node.value):
            raise _Refused(
                f"{found}, which readers of YAML understand differently, expected a number in plain figures or text in quotes;"
                " leave out leading zeros, underscores and colons, or quote it"
            )
        try:
            if node.tag == f"{_TAG}int" and len(node.value) > MOST_DIGITS:
                raise ValueError
            return self.constructor.construct_object(node)
        except (ValueError, KeyError):
            raise _Refused(f"{found}, expected a value of its kind, of a usual length; correct it, or quote it") from None


def read(path: Path) -> str:
    """Read the text of a file.

    Raises:
        UserError: the file is missing, too large, not UTF-8, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UserError(f"{path}: found more than {MOST_BYTES} bytes, expected a file that a person writes; correct the path")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: found no such file, expected YAML; run the command in the project's folder") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: found a byte that is not UTF-8, expected UTF-8 text; convert the file") from None
    except OSError as error:
        found = f"{error.strerror}".lower()
        raise UserError(f"{path}: found {found}, expected a file of YAML; correct the path or its rights") from None


def parse(text: str, name: object) -> dict[str, Any]:
    """Parse YAML text into a mapping; errors name the text `name`.

    Raises:
        UserError: the text is not YAML, has a key twice or an ambiguous value, or is not a mapping.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Composer = _Shallow
    try:
        node = reader.compose(text)
        tree = None if node is None else _Tree(reader).of(node)
    except _Refused as error:
        raise UserError(f"{name}: {error}") from None
    except MarkedYAMLError as error:
        raise UserError(f"{name}: {_problem(error, text)}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"the character {chr(error.character)!r}"
        raise UserError(f"{name}: line {line}: found {found}, expected printable text; remove it") from None
    except YAMLError as error:
        said = " ".join(str(error).split())
        raise UserError(f"{name}: found what is not YAML ({said}), expected `key: value`; correct it") from None
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else f"a {type(tree).__name__}"
        raise UserError(f"{name}: found {found}, expected a mapping of keys to values; take the file from the repository again")
    return tree


def dump(value: Any, flow: bool = False) -> str:
    """Write values as YAML 1.2, in their order: a line for each key or, as flow, all on one line in braces and brackets."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style, writer.width, writer.sort_base_mapping_type_on_output = flow, 1 << 20, False  # type: ignore[assignment]
    writer.Representer = _Representer
    out = StringIO()
    writer.dump(value, out)
    return out.getvalue().removesuffix("...\n")


class _RoundTrip(RoundTripRepresenter):
    """Writes out null, which ruamel.yaml leaves empty."""

    def represent_none(self, data: None) -> ScalarNode:
        return self.represent_scalar(f"{_TAG}null", "null")


_RoundTrip.add_representer(type(None), _RoundTrip.represent_none)


class Document:
    """YAML text that `parse` takes. `tree` holds its values, with the spelling of each number."""

    def __init__(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1 << 20  # long lines stay
        self._yaml.Representer = _RoundTrip
        _, _, offset = load_yaml_guess_indent(text)
        self._yaml.indent(mapping=2, sequence=(offset or 0) + 2, offset=offset or 0)
        self.tree: CommentedMap = self._yaml.load(text)

    def __str__(self) -> str:
        out = StringIO()
        self._yaml.dump(self.tree, out)
        return out.getvalue()


def write(path: Path, text: str) -> None:
    """Write a file that a person owns: follow a link, and keep the file's rights.

    Raises:
        UserError: it cannot be written.
    """
    target = path.resolve()
    mode = target.stat().st_mode if target.exists() else None
    files.write_text(target, text)
    if mode is not None:
        target.chmod(mode)


def positions(text: str) -> Iterator[tuple[str, Node, Node]]:
    """Yield the dotted path of each key of YAML text that `parse` takes, with the nodes of the key and of its value."""
    waiting = [("", YAML(typ="safe", pure=True).compose(text))]
    while waiting:
        above, mapping = waiting.pop(0)
        for name, node in mapping.value:
            yield f"{above}{name.value}", name, node
            if isinstance(node, MappingNode):
                waiting.append((f"{above}{name.value}.", node))


def _entries(node: MappingNode) -> Iterator[tuple[str, Node]]:
    """Yield names and values, and refuse a name that stands twice, where YAML itself silently takes the last."""
    lines: dict[str, str] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode) or key.tag != f"{_TAG}str":
            found = repr(key.value) if isinstance(key, ScalarNode) else "'a list or a mapping'"
            raise _Refused(f"{_line(key)}: found {found} as a key, expected a name; quote it, or correct the line")
        if key.value in lines:
            first = f"the first stands in {lines[key.value]}"
            raise _Refused(f"{_line(key)}: found {key.value!r} a second time, expected each key once; remove one, {first}")
        lines[key.value] = _line(key)
        yield key.value, value


def _line(node: Node) -> str:
    return f"line {node.start_mark.line + 1}"


def shortened(text: str, most: int) -> str:
    """Cut a text to so many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}…"


def _problem(error: MarkedYAMLError, text: str) -> str:
    """Say in one line what is not YAML, and where."""
    mark = error.problem_mark or error.context_mark
    assert mark is not None, "the parser names a place"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1]:
        return f"line {mark.line + 1}: found a tab, expected spaces; YAML is indented with spaces alone"
    said = " ".join(str(error.problem or error.context).split())
    start = error.context_mark
    opened = f" (opened in line {start.line + 1})" if start and start.line != mark.line else ""
    remedy = "look for a bracket, a quote or a colon that is missing there or before"
    return f"line {mark.line + 1}: found what is not YAML ({said}{opened}), expected `key: value` on it; {remedy}"
