"""Words of a sentence: what is counted, and what is listed."""

from typing import Any


def counted(n: int, one: str, many: str | None = None) -> str:
    """Write a number with what is counted.

    >>> counted(1, "run"), counted(2, "run"), counted(1, "seed that was", "seeds that were")
    ('1 run', '2 runs', '1 seed that was')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def listed(words: Any) -> str:
    """Write words as a sentence does: a, b and c."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last
