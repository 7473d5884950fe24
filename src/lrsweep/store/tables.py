"""Tables in parquet: the same values give the same bytes, and each column carries its meaning.

A table of configurations also carries its space, with names, ranges and choices; `space_of` gives it. A name that a run turns
into a plain one has the column of that beside its own, with the values that were trained.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsweep import files
from lrsweep.errors import UserError
from lrsweep.space import Choice, Dimension, Int, Plain, Space
from lrsweep.store.columns import TABLES, VALUES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SIMULATED = "simulated"  # the column, JSON key and safetensors metadata that mark made-up curves and what comes of them
_SPACE, _PLAIN = b"space", b"plain"  # keys of the schema's metadata
NOT_RUN = "no such file; the stage that writes it has not run: `snakemake --cores all` runs it"


def schema(name: str, space: Space | None) -> "pa.Schema":
    """Give the arrow schema of one of TABLES, with the columns of a space where it holds configurations."""
    import pyarrow as pa

    fields = []
    for column, (kind, meaning) in TABLES[name].items():
        if column == VALUES:
            assert space is not None, f"{name} holds configurations"
            for one in space:
                fields.append(pa.field(one, _type_of(space[one]), False, {"meaning": f"value of {one}"}))
                if plain := space.plain.get(one):
                    kind_of, meaning = pa.int64() if plain.whole else pa.float64(), f"what {one} comes to in this run"
                    fields.append(pa.field(plain.name, kind_of, False, {"meaning": meaning}))
        else:
            kind_of = pa.bool_() if kind == "bool" else getattr(pa, kind)()
            fields.append(pa.field(column.rstrip("?"), kind_of, column.endswith("?"), {"meaning": meaning}))
    about = {}
    if space and VALUES in TABLES[name]:
        about = {_SPACE: space.to_json(), **({_PLAIN: space.plain} if space.plain else {})}
    return pa.schema(fields, {key: json.dumps(value).encode() for key, value in about.items()} or None)


def _type_of(dimension: Dimension) -> "pa.DataType":
    import pyarrow as pa

    if isinstance(dimension, Choice):
        kinds = {type(choice) for choice in dimension.choices}
        return pa.string() if str in kinds else pa.float64() if float in kinds else pa.int64()
    return pa.int64() if isinstance(dimension, Int) else pa.float64()


def write_columns(path: Path, name: str, columns: Mapping[str, Any], space: Space | None, simulated: bool) -> None:
    """Write columns (lists or arrays of one length) as the table `name`, in parquet.

    Raises:
        pyarrow.ArrowInvalid, KeyError: a column does not fit the schema (a fault of ours).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = schema(name, space)
    arrays = [pa.array(columns[field.name], field.type) for field in fields]
    for field, array in zip(fields, arrays, strict=True):
        assert field.nullable or not array.null_count, f"{name}.{field.name} holds nulls"
    table = pa.Table.from_arrays(arrays, schema=fields)
    if simulated:
        table = table.append_column(SIMULATED, pa.array([True] * table.num_rows, pa.bool_()))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    files.write_bytes(path, sink.getvalue().to_pybytes())


def read(path: Path, name: str) -> tuple["pd.DataFrame", bool]:
    """Read the table `name`, and whether it is marked as simulated. A null in a column of numbers becomes NaN.

    Raises:
        UserError: the file is missing or damaged, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # pq.read_table imports all of pyarrow.dataset
            table = file.read()
    except FileNotFoundError:
        raise UserError(f"{path}: {NOT_RUN}") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged ({error}), expected parquet; remove it and run the pipeline again") from None
    simulated = SIMULATED in table.column_names
    if simulated:
        table = table.drop_columns(SIMULATED)
    about = table.schema.metadata or {}
    plain = {name: Plain(*one) for name, one in json.loads(about[_PLAIN]).items()} if _PLAIN in about else {}
    space = Space.from_json(json.loads(about[_SPACE]), plain) if _SPACE in about else None
    if (space is None) == (VALUES in TABLES[name]) or not table.schema.equals(schema(name, space)):
        found = f"found columns {table.column_names}"
        raise UserError(f"{path}: {found}, expected those of {name}; remove it and run the pipeline again")
    frame = table.to_pandas()
    frame.attrs = {} if space is None else {"space": space}
    return frame, simulated


def space_of(table: "pd.DataFrame") -> Space:
    """Give the space that the configurations of a table come from."""
    space = table.attrs["space"]
    assert isinstance(space, Space)
    return space
