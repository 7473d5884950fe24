"""params.yaml as a document: values change; comments, order and layout stay (a round trip by ruamel.yaml)."""

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, CommentedMap, CommentedSeq, CommentToken
from ruamel.yaml.error import CommentMark
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.util import load_yaml_guess_indent

from lrsweep import files


class _Representer(RoundTripRepresenter):
    """Writes out null, which ruamel.yaml leaves empty."""

    def represent_none(self, data: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)


class Document:
    """YAML text that config.yamlfile.parse takes. `tree` holds its values, with the spelling of each number."""

    def __init__(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1 << 20  # long lines stay
        self._yaml.Representer = _Representer
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


def put(mapping: CommentedMap, key: str, value: Any) -> None:
    """Set a key to a value of another document, on one line. Comments below the key stay below it."""
    below = _take(mapping, key if key in mapping else _last(mapping))
    if key in mapping and _is_block(mapping[key]) and mapping[key].ca.comment:
        behind, *_ = mapping[key].ca.comment
        mapping.ca.items[key] = [None, None, behind, None]
    mapping[key] = _on_one_line(value)
    _give(mapping, key, below)


def remove(mapping: CommentedMap, key: str) -> None:
    """Remove a key with the comment after it. Comments below it stay, below the key before."""
    below = _take(mapping, key)
    before = list(mapping)[list(mapping).index(key) - 1]
    del mapping[key]
    mapping.ca.items.pop(key, None)
    if mapping and before != key:
        _give(mapping, before, below)


# ruamel.yaml keeps all text between two keys in one token at the end of the first one's value: the comment after the value and,
# after a line break, the comments below it up to the next key. So these have to move where the value goes.


def _leaf(parent: Any, key: Any) -> tuple[Any, Any, int]:
    """Find the mapping or list, the key in it, and the slot that keep the token after a value."""
    while _is_block(parent[key]):
        parent = parent[key]
        key = _last(parent)
    return parent, key, 2 if isinstance(parent, CommentedMap) else 0


def _take(parent: Any, key: Any) -> str:
    """Cut off the comments below a value, without the comment after it."""
    holder, key, slot = _leaf(parent, key)
    found = holder.ca.items.get(key)
    if not found or not found[slot]:
        return ""
    behind, _, below = found[slot].value.partition("\n")
    if behind:
        found[slot].value = behind + "\n"
    else:
        found[slot] = None
    return below


def _give(parent: Any, key: Any, below: str) -> None:
    """Put comments below a value."""
    holder, key, slot = _leaf(parent, key)
    if below:
        found = holder.ca.items.setdefault(key, [None] * 4)
        if not found[slot]:
            found[slot] = CommentToken("\n", CommentMark(0))
        found[slot].value += below


def _is_block(value: Any) -> bool:
    """Say whether a value stands on lines of its own."""
    return isinstance(value, CommentedMap | CommentedSeq) and bool(value) and not value.fa.flow_style()


def _last(container: Any) -> Any:
    return list(container)[-1] if isinstance(container, CommentedMap) else len(container) - 1


def _on_one_line(value: Any) -> Any:
    """Copy a value without its comments, in braces and brackets."""
    copy: Any
    if isinstance(value, CommentedMap):
        copy = CommentedMap((key, _on_one_line(below)) for key, below in value.items())
    elif isinstance(value, CommentedSeq):
        copy = CommentedSeq(_on_one_line(below) for below in value)
    else:
        return value
    copy.fa.set_flow_style()
    return copy
