"""The meaning of code: what is left of a module without its words to people.

Two versions of a module mean the same when they differ in comments, docstrings, layout or texts for people alone. A string with a
space in it is a message, a caption or a description, and not a key. All else counts: a formula, a constant, a default, an order.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

from lrsweep import files

PACKAGE = Path(__file__).parents[1]
READ: dict[Path, tuple[files.Stamp | None, str]] = {}  # the meaning of each file when it was first read, here or before a fork
BEGAN: dict[Path, files.Stamp | None] = {}  # the files when the command began, before it imported them
UNSURE: set[Path] = set()  # files that were edited between these two, so that memory may hold either


def begin() -> None:
    """Note the files of the package as they are, before they are imported."""
    BEGAN.update((path, files.stamp(path)) for path in PACKAGE.rglob("*.py"))


def digest(roots: Iterable[str], rooms: Iterable[str]) -> str:
    """Give the SHA-256 of the meaning of modules and of all that they import from these rooms (or modules) of the package."""
    paths = sorted({path for root in roots for path in closure(root, frozenset(rooms))})
    text = "\n".join(f"{path.relative_to(PACKAGE).as_posix()}\n{of(path)}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def closure(root: str, rooms: frozenset[str]) -> frozenset[Path]:
    """Give the source files of a module such as search.study, and of all that it imports from these rooms."""
    found: set[Path] = set()
    waiting = [root]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or path in found or (name != root and name.split(".")[0] not in rooms):
            continue
        found.add(path)
        waiting += [one.removeprefix("lrsweep.") for one in _imports(path) if one.startswith("lrsweep.")]
    return frozenset(found)


def of(path: Path) -> str:
    """Give the meaning of a source file when it was first read, as Python in one spelling."""
    if path not in READ:
        READ[path] = files.stamp(path), meaning(path.read_text(encoding="utf-8"))
        if path in BEGAN and BEGAN[path] != READ[path][0]:
            UNSURE.add(path)
    return READ[path][1]


def load() -> None:
    """Import all files whose meaning was read, since a file that is imported later may have been edited by then."""
    for path in READ:
        import_module(".".join(("lrsweep", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"))


def edited() -> list[Path]:
    """Give the files whose meaning has changed since it was first read, or that were edited while the command began."""
    found = sorted(UNSURE)
    for path, (was, meant) in READ.items():
        if (now := files.stamp(path)) != was:
            with suppress(OSError, SyntaxError):
                if meaning(path.read_text(encoding="utf-8")) == meant:
                    READ[path] = now, meant
                    continue
            found.append(path)
    return found


def meaning(source: str) -> str:
    """Give the meaning of Python source, as Python in one spelling.

    >>> meaning("def f(x):  # of x\\n    '''Double x.'''\\n    return 2*x")
    'def f(x):\\n    return 2 * x'
    """
    return ast.unparse(_Wordless().visit(ast.parse(source)))


class _Wordless(ast.NodeTransformer):
    """Removes strings that stand alone, as docstrings do, and empties strings with a space in them."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and any(character.isspace() for character in node.value):
            return ast.copy_location(ast.Constant(""), node)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.body:
            node.body = [ast.Pass()]
        return node


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _source(name: str) -> Path | None:
    path = PACKAGE.joinpath(*name.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None
