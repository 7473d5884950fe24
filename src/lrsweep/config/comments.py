"""The comments of params.yaml, made from the descriptions of its keys, which stand under the fields of the settings."""

import textwrap
from collections.abc import Mapping

from ruamel.yaml import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import CollectionNode

from lrsweep.config import yamlfile
from lrsweep.config.document import Document

COLUMN, WIDTH = 28, 130  # where a comment begins, and the longest line


def refresh(text: str, descriptions: Mapping[str, str]) -> str:
    """Write a comment at each described key of params.yaml, by its dotted path; values, order and the head of the file stay.

    A comment stands after the value, or above the key where the line would be too long.
    """
    document = Document(text)
    head = "".join(token.value for token in (document.tree.ca.comment or [None, None])[1] or [])
    _strip(document.tree)
    bare = str(document)
    lines = bare.split("\n")
    for path, name, node in yamlfile.positions(bare):
        below = isinstance(node, CollectionNode) and not node.flow_style
        last = (name if below else node).end_mark
        begins_line = not lines[name.start_mark.line][: name.start_mark.column].strip()
        if path in descriptions and begins_line and last.line == name.start_mark.line:
            lines[last.line] = _commented(lines[last.line], descriptions[path])
        if below and "." not in path and name.start_mark.line:
            lines[name.start_mark.line] = "\n" + lines[name.start_mark.line]
    return head + "\n".join(lines)


def _commented(line: str, said: str) -> str:
    """Put a comment after a line, or in lines above it."""
    behind = f"{line:{COLUMN - 2}}  # {said}"
    if len(behind) <= WIDTH:
        return behind
    indent = " " * (len(line) - len(line.lstrip())) + "# "
    return "\n".join([*textwrap.wrap(said, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False), line])


def _strip(value: object) -> None:
    """Remove the comments."""
    if isinstance(value, CommentedMap | CommentedSeq):
        value.ca.items.clear()
        value.ca.comment = None
        for below in value.values() if isinstance(value, CommentedMap) else value:
            _strip(below)
