"""YAML that a person has written, read strictly: what is no YAML, and a key that stands twice, is named with its line."""

from pathlib import Path
from typing import Any

import yaml

from lrsweep.errors import UserError


class _Strict:
    """YAML itself lets the last of two equal keys win, in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                found = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
                raise _Refused(f"line {line}: found {found!r} as a key, expected a name; quote it, or correct the line")
            if key.value in lines:
                first = f"the first stands in line {lines[key.value]}"
                raise _Refused(f"line {line}: found {key.value!r} a second time, expected each key once; remove one, {first}")
            lines[key.value] = line
        return super().construct_mapping(node, deep)  # type: ignore[misc] # the loader's


class _Fast(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """20 ms faster, at the start of every job; it is not on every system."""


class _Loader(_Strict, yaml.SafeLoader):
    """Says better what is no YAML."""


class _Refused(Exception):
    """Of a file whose name is not known here."""


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        UserError: there is no such file, it cannot be read, or it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: found no such file, expected YAML; run the command in the project's folder") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: found a byte that is not UTF-8, expected UTF-8 text; convert the file") from None
    except OSError as error:
        found = f"{error.strerror}".lower()
        raise UserError(f"{path}: found {found}, expected a file of YAML; correct the path or its rights") from None


def parse(text: str, name: object) -> dict[str, Any]:
    """The mapping that a text is; `name` stands in errors.

    Raises:
        UserError: the text is no YAML, has a key twice, or is no mapping.
    """
    try:
        tree = _load(text)
    except _Refused as error:
        raise UserError(f"{name}: {error}") from None
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{name}: {_problem(error, text)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"the character {chr(error.character)!r}" if isinstance(error.character, int) else repr(error.character)
        raise UserError(f"{name}: line {line}: found {found}, expected printable text; remove it") from None
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else f"a {type(tree).__name__}"
        raise UserError(f"{name}: found {found}, expected a mapping of keys to values; take the file from the repository again")
    return tree


def _load(text: str) -> Any:
    """What a text is, by safe loaders."""
    try:
        return yaml.load(text, Loader=_Fast)
    except yaml.YAMLError:
        return yaml.load(text, Loader=_Loader)


def _problem(error: yaml.MarkedYAMLError, text: str) -> str:
    """What is no YAML, in one line, with the place."""
    mark = error.problem_mark or error.context_mark
    assert mark is not None, "both loaders and parsers name a place"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1]:
        return f"line {mark.line + 1}: found a tab, expected spaces; YAML is indented with spaces alone"
    said = " ".join(str(error.problem or error.context).split())
    opened = (
        f" (opened in line {error.context_mark.line + 1})" if error.context_mark and error.context_mark.line != mark.line else ""
    )
    remedy = "look for a bracket, a quote or a colon that is missing there or before"
    return f"line {mark.line + 1}: found what is not YAML ({said}{opened}), expected `key: value` on it; {remedy}"
