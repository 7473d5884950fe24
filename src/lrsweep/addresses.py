"""Addresses of the net: what may be shown of them, without user, password, query and fragment, which may be secrets."""

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

SCHEMES = ("http", "https")
# In a text an address ends at a space or a quote, and before the comma or full stop of the sentence.
_END = r"""(?=[,;:.)]*(?:[\s"'`<>]|$))"""
_IN_TEXT = re.compile(rf"""([A-Za-z][A-Za-z0-9+.-]{{0,30}}://)(?:[^\s/?#"'`<>]*@)?([^\s?#"'`<>]*)(?:[?#][^\s"'`<>]*?{_END})?""")


def public(url: str) -> str:
    """Give an address without its secrets; of one that cannot be taken apart the scheme alone.

    >>> public("https://me:secret@host/a.txt?token=secret#secret"), public("https://me:se/cret@host/a.txt")
    ('https://host/a.txt', 'https://…')
    """
    parts = _parts(url)
    if parts is None:
        return f"{url.partition('://')[0]}://…" if "://" in url else "…"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def in_public(text: str) -> str:
    """Write a text with each address in it without its secrets.

    >>> in_public("found 'ftp://me:secret@host/a?b=secret', expected another")
    "found 'ftp://host/a', expected another"
    """
    return _IN_TEXT.sub(r"\1\2", text) if "://" in text else text


def is_address(url: str) -> bool:
    """Say whether a text is an address that a file can be fetched from.

    >>> [is_address(url) for url in ("https://host:80/a b.txt", "ftp://host/a", "http://", "http://host:port/", "http://[host")]
    [True, False, False, False, False]
    """
    parts = _parts(url)
    if parts is None or parts.scheme not in SCHEMES or not url.isprintable():
        return False
    host = parts.hostname or ""
    try:
        host.encode("idna")
    except UnicodeError:  # an empty label, or one that is too long
        return False
    return bool(host) and not re.search(r"\s", host) and not host.startswith(".")


def _parts(url: str) -> SplitResult | None:
    """Take an address apart; None where that is not possible."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read, since it is looked at only then
    except ValueError:
        return None
    return parts
