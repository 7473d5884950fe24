"""The files of results/: where each lies, which columns each table has, and how all are read and written.

Every file is written to a temporary name beside it and renamed, so that no reader ever sees half of one. No time stamp,
host or duration goes into any of them. A trial job imports this module, so pyarrow and pandas are imported where used.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsweep import files
from lrsweep.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

RESULTS = Path("results")

SIMULATED = "simulated"  # the JSON key, table column and safetensors metadata of what no model was trained for

COMPLETE, PRUNED, DIVERGED = "COMPLETE", "PRUNED", "DIVERGED"

# column: (type, meaning with its unit). A column ending in ? may be null.
Columns = Mapping[str, tuple[str, str]]

_TRIAL = {"trial": ("int32", "number of the trial in its study")}
_EVAL = {
    "step": ("int32", "steps trained"),
    "lr": ("float64", "learning rate at this step"),
    "loss_nats": ("float64", "loss on the fixed validation batches"),
}
_STEP = {
    "step": ("int32", "step, from 1"),
    "lr": ("float64", "learning rate of this step"),
    "loss_nats": ("float64", "loss on the training batch, before the step"),
    "grad_norm": ("float64", "gradient norm before clipping"),
}
_HYPERPARAMETERS = {
    "lr": ("float64", "maximum learning rate"),
    "beta2": ("float64", "AdamW beta2"),
    "weight_decay": ("float64", "AdamW weight decay"),
}
_COMPONENTS = {
    "trailing_mean_nats?": ("float64", "mean loss of the last evals, as many as the window"),
    "minimum_nats?": ("float64", "least loss so far"),
    "reference_nats?": ("float64", "r: mean loss of the window of evals before this one"),
    "u?": ("float64", "u: term of this eval in M_u"),
    "m_u?": ("float64", "M_u up to this eval"),
}

TABLES: Mapping[str, Columns] = {
    "trials": {
        **_TRIAL,
        "state": ("string", "COMPLETE, PRUNED (stopped at a rung) or DIVERGED (non-finite loss)"),
        "steps": ("int32", "steps trained"),
        **_HYPERPARAMETERS,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "last_loss_nats?": ("float64", "loss at the last finite eval, wherever the trial ended"),
        "final_loss_nats?": ("float64", "loss at the last step; null unless COMPLETE"),
        "metric?": ("float64", "steering metric at the last eval"),
        "m_u?": ("float64", "M_u at the last eval"),
    },
    "evals": {**_TRIAL, **_EVAL, **_COMPONENTS},
    "steps": {**_TRIAL, **_STEP},
    "rungs": {
        **_TRIAL,
        "rung": ("int32", "resource level, in steps"),
        "value": ("float64", "steering metric at the rung"),
        "references": ("int32", "number of trials that it was compared with"),
        "threshold?": ("float64", "greatest value that goes on; null where there was nothing to compare with"),
        "stopped": ("bool", "whether the trial was stopped here"),
    },
    "proposals": {
        **_TRIAL,
        **_HYPERPARAMETERS,
        "sampler": ("string", "uniform, sobol, mfgp, gp or tpe"),
        "n_complete": ("int32", "COMPLETE trials in sight"),
        "n_pruned": ("int32", "PRUNED trials in sight"),
        "n_diverged": ("int32", "DIVERGED trials in sight"),
        "n_pending": ("int32", "earlier trials not in sight"),
        "seed": ("int64", "seed of the sampler"),
    },
    "bins": {
        "stage": ("string", "warm-up or decay"),
        "lr_low": ("float64", "lower border of the bin, learning rate"),
        "lr_high": ("float64", "upper border of the bin, learning rate"),
        "n_steps": ("int32", "steps in the bin"),
        "grad_norm_p05?": ("float64", "5 % quantile of the gradient norm before clipping"),
        "grad_norm_p50?": ("float64", "median"),
        "grad_norm_p95?": ("float64", "95 % quantile"),
        "spike_rate?": ("float64", "share of the steps that are spikes"),
    },
    "probes": {
        **_TRIAL,
        "side": ("string", "under or over the edge"),
        "max_lr": ("float64", "maximum learning rate of the trial"),
        "step": ("int32", "update that is measured before it is made, from 1"),
        "lr": ("float64", "learning rate of this update"),
        "loss_nats": ("float64", "loss on the batch of the update, before it"),
        "grad_norm": ("float64", "gradient norm before clipping"),
        "clip": ("float64", "share of the gradient that clipping leaves"),
        "critical_low_lr?": ("float64", "learning rate along the update at which the loss still falls; null where it never does"),
        "critical_high_lr?": ("float64", "learning rate along the update at which it falls no more; null where it always does"),
        "critical_lr?": ("float64", "critical learning rate: the middle of the two"),
        "eigenvalue?": ("float64", "greatest eigenvalue of the preconditioned Hessian; null where it is not finite"),
        "eigenvalue_error?": ("float64", "a true eigenvalue is no further away"),
        "products": ("int32", "Hessian-vector products that it took"),
        "threshold": ("float64", "eigenvalue above which full-batch Adam is unstable at this learning rate"),
    },
    "assignments": {
        **_TRIAL,
        "cluster": ("int32", "cluster, 0 has the lowest mean final loss"),
        "silhouette": ("float64", "silhouette of the trial, -1 to 1"),
    },
    "shapes": {
        **_TRIAL,
        "rank": ("int32", "rank of the final loss among the complete trials, 1 is the best"),
        "final_loss_nats": ("float64", "loss at the last step"),
        "warmup_flatness?": ("float64", "share of the whole drop of the loss that comes after warm-up"),
        "steepest_nats_per_step?": ("float64", "greatest drop between two evals"),
        "steepest_step?": ("float64", "middle of these two evals, in steps"),
        "convexity?": ("float64", "of the curve after it: 1 the drop comes at once, 0 evenly, -1 at the end"),
    },
    "correlations": {
        "metric": ("string", "loss, trailing_mean, minimum or m_u"),
        "rung": ("int32", "resource level, in steps"),
        "n": ("int32", "complete and audited trials behind the numbers"),
        "spearman?": ("float64", "rank correlation with the final loss"),
        "spearman_low?": ("float64", "2.5 % bootstrap quantile"),
        "spearman_high?": ("float64", "97.5 % bootstrap quantile"),
        "kendall?": ("float64", "Kendall's tau-b with the final loss"),
        "kendall_low?": ("float64", "2.5 % bootstrap quantile"),
        "kendall_high?": ("float64", "97.5 % bootstrap quantile"),
    },
    "replay": {
        "rule": ("string", "stopping rule"),
        "metric": ("string", "metric that the rule compares"),
        "order": ("int32", "number of the random order"),
        "steps": ("int64", "steps trained under the rule"),
        "best_loss_nats": ("float64", "final loss of the best trial that was kept"),
        "stopped": ("int32", "trials stopped"),
    },
    "replicates": {
        "replicate": ("int32", "number of the training run"),
        "candidate": ("int32", "0 is the default, 1 the study's best, and so on"),
        "trial?": ("int32", "the candidate's trial in phase 2; null for the default"),
        "round": ("int32", "round of the race, from 0"),
        "stays": ("bool", "whether the candidate is still in the race after this round"),
        **_HYPERPARAMETERS,
        "seed": ("int64", "seed of the initial weights and of the batches"),
        "state": ("string", "COMPLETE or DIVERGED"),
        "final_loss_nats?": ("float64", "loss at the last step; null where it diverged"),
    },
    "final_evals": dict(_EVAL),
    "final_steps": dict(_STEP),
}


_marked = False  # whether this process made up a curve, or read what was made from one


def mark_simulated() -> None:
    """From now on all JSON and tables that this process writes say that they are simulated. Reading a marked one does it too."""
    global _marked
    _marked = True


def is_marked() -> bool:
    """Whether what this process writes is marked as simulated."""
    return _marked


def marked(value: dict[str, Any]) -> dict[str, Any]:
    """The value, with the mark before it where it is simulated."""
    return {SIMULATED: True, **value} if _marked else value


def says_simulated(path: Path) -> bool:
    """Whether an artifact (JSON, parquet or safetensors) says that it is simulated: then it is evidence of nothing."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return SIMULATED in pq.read_schema(path).names
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "np") as file:
            return SIMULATED in (file.metadata() or {})
    value = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(value, dict) and SIMULATED in value


def folder(stage: str) -> Path:
    """The stage's folder in results/; it is made when a file is written to it."""
    return RESULTS / stage


def write_json(path: Path, value: Any) -> None:
    """Writes JSON in one spelling: keys in the order given, floats to the bit, a final newline; no NaN."""
    value = marked(value) if isinstance(value, dict) else value
    files.write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON artifact.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the stage that writes it has not run: `snakemake --cores all` runs it") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: damaged ({error}), expected JSON; remove it and run the pipeline again") from None
    if isinstance(value, dict) and value.pop(SIMULATED, False):
        mark_simulated()
    return value


def schema(name: str) -> "pa.Schema":
    """The arrow schema of one of TABLES; each field carries its meaning."""
    import pyarrow as pa

    fields = [
        pa.field(
            column.rstrip("?"),
            getattr(pa, kind)() if kind != "bool" else pa.bool_(),
            column.endswith("?"),
            {"meaning": meaning},
        )
        for column, (kind, meaning) in TABLES[name].items()
    ]
    return pa.schema(fields)


def write_table(path: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as the table `name`; see write_columns."""
    columns = [column.rstrip("?") for column in TABLES[name]]
    write_columns(path, name, {column: [row[column] for row in rows] for column in columns})


def write_columns(path: Path, name: str, columns: Mapping[str, Any]) -> None:
    """Writes columns (lists or arrays of one length) as the table `name` in parquet: the same values give the same bytes.

    Raises:
        pyarrow.ArrowInvalid, KeyError: a column does not fit the schema (a fault of ours).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = schema(name)
    arrays = [pa.array(columns[field.name], field.type) for field in fields]
    for field, array in zip(fields, arrays, strict=True):
        assert field.nullable or not array.null_count, f"{name}.{field.name} holds nulls"
    table = pa.Table.from_arrays(arrays, schema=fields)
    if _marked:
        table = table.append_column(SIMULATED, pa.array([True] * table.num_rows, pa.bool_()))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    files.write_bytes(path, sink.getvalue().to_pybytes())


def read_table(path: Path, name: str) -> "pd.DataFrame":
    """Reads the table `name`; nullable numbers come as NaN.

    Raises:
        UserError: the file is missing or damaged, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the stage that writes it has not run: `snakemake --cores all` runs it") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: damaged ({error}), expected parquet; remove it and run the pipeline again") from None
    if SIMULATED in table.column_names:
        mark_simulated()
        table = table.drop_columns(SIMULATED)
    if not table.schema.equals(schema(name)):
        raise UserError(
            f"{path}: found columns {table.column_names}, expected those of {name}; remove it and run the pipeline again"
        )
    return table.to_pandas()


def read(path: Path) -> Any:
    """Reads a JSON artifact, or a table that is named after its file (those of the final training: final_NAME).

    Raises:
        UserError: the file is missing or damaged.
    """
    if path.suffix == ".json":
        return read_json(path)
    return read_table(path, f"final_{path.stem}" if path.parent.name == "train" else path.stem)
