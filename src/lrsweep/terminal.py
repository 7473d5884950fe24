"""What a terminal shows: no name or value from a file can steer it, fill it, or be too foreign for its encoding."""

import os
import re
import sys
from io import TextIOWrapper

from lrsweep.addresses import in_public

LONGEST_WORD, LONGEST_LINE = 300, 2000  # characters; a file's name has 255 at most


def plain(text: str) -> str:
    r"""Write what cannot be printed as an escape: ESC as \x1b, a byte that is not UTF-8 as \udcff. Ends of lines stay.

    Addresses stand without what may be a secret.

    >>> print(plain("a\x1b[31m\nb\u202e"))
    a\x1b[31m
    b\u202e
    """
    return "".join(one if one.isprintable() or one == "\n" else one.encode("unicode_escape").decode() for one in in_public(text))


def readable(text: str) -> str:
    """Write a text plainly, and leave out the middle of a word or of a line that no person reads.

    >>> readable(f"{'a' * 50_000}: found {'b' * 300}").count("a")
    89
    """
    short = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _ends(word[0], 90), plain(text))
    return re.sub(rf".{{{LONGEST_LINE + 1},}}", lambda line: _ends(line[0], LONGEST_LINE), short)


def on_a_line(text: str) -> str:
    r"""Write a text readably on one line: the name of a run that holds ends of lines adds no line of YAML to be pasted.

    >>> print(on_a_line("a\nb: 1"))
    a\nb: 1
    """
    return readable(text).replace("\n", "\\n")


def _ends(text: str, most: int) -> str:
    """Give the beginning of a text and its end, which has the remedy of a message."""
    tail = most // 3
    return f"{text[: most - tail]}…{text[-tail:]}"


def say(text: str) -> None:
    """Print a text, plainly. Where nobody reads on, as behind `| head`, nothing more is shown.

    Raises:
        OSError: stdout cannot be written, as a file on a full disk; with its name.
    """
    try:
        print(plain(text), file=sys.stdout, flush=True)
    except BrokenPipeError:
        _hush(1)
    except OSError as error:
        _hush(1)
        raise OSError(error.errno, error.strerror, "stdout") from None


def note(text: str, end: str = "\n") -> None:
    """Print to stderr what goes on, readably; where nobody can read it any more, nothing is said."""
    show(f"{readable(text)}{end}")


def show(text: str) -> None:
    """Write to stderr as it is what is known to be readable; where that is closed, broken or full, nothing is said."""
    if sys.stderr and not sys.stderr.closed:
        encoding = sys.stderr.encoding or "utf-8"  # none in a buffer of text
        try:
            sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stderr.flush()
        except OSError:
            _hush(2)


def complain(text: str) -> None:
    """Print to stderr what is wrong, each line with the name of the program."""
    note("\n".join(f"lrsweep: {line}" for line in text.split("\n")))


def warn(text: str) -> None:
    """Print a warning to stderr."""
    complain(f"warning: {text}")


def take_any_character() -> None:
    """Let stdout and stderr show as an escape what their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def open_what_is_closed() -> None:
    """Let stdin, stdout and stderr lead to nowhere where they are closed: a file of ours would get their number and text."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            _hush(number)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _hush(number: int) -> None:
    """Let a stream lead to nowhere, with what it still holds."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)
