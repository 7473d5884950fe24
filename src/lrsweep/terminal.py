"""What a terminal shows: no name or value from a file can steer it, and none is too foreign for its encoding."""

import sys
from io import TextIOWrapper


def plain(text: str) -> str:
    r"""Write what cannot be printed as an escape: ESC as \x1b, a byte that is not UTF-8 as \udcff. Ends of lines stay.

    >>> print(plain("a\x1b[31m\nb\u202e"))
    a\x1b[31m
    b\u202e
    """
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in text)


def say(text: str) -> None:
    """Print a text, plainly."""
    print(plain(text), flush=True)


def warn(text: str) -> None:
    """Print a text to stderr, plainly."""
    print(plain(text), file=sys.stderr, flush=True)


def take_any_character() -> None:
    """Let stdout show as an escape what its encoding lacks, as stderr does."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
