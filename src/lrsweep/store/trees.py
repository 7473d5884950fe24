"""Trees of JSON values: the digest of one, and where two differ."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any


def canonical_digest(value: Any) -> str:
    """Give the SHA-256 of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(was: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each key at which two trees differ, as section.key, with both values; None stands for a key that is not there."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in [*was, *(name for name in now if name not in was)]:
            yield from differences(was.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif was != now:
        yield key, was, now
