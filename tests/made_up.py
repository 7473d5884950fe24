"""Artifacts of made-up curves carry a mark; this reads it back from each kind of file."""

import json
from pathlib import Path

from lrsweep.store.tables import SIMULATED


def says_simulated(path: Path) -> bool:
    """Say whether an artifact (JSON, parquet or safetensors) is marked as simulated, and so evidence of nothing."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return SIMULATED in pq.read_schema(path).names
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "np") as file:
            return SIMULATED in (file.metadata() or {})
    value = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(value, dict) and SIMULATED in value
