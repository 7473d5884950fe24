"""Sources of runs: one reader for each tool whose runs can be taken over as a study, behind one interface (source.Source)."""

from lrsweep.tracking.sources import folders, optuna, tables, wandb
from lrsweep.tracking.sources.source import History, Part, Piece, Source

SOURCES = {
    source.kind: source
    for source in (
        Source("wandb", wandb.find),
        Source("optuna", optuna.find, optuna.NAMES),
        Source("csv", tables.find),
        Source("tensorboard", folders.tensorboard),
        Source("trainer", folders.trainer, folders.TRAINER_NAMES),
        Source("lightning", folders.lightning, folders.LIGHTNING_NAMES),
        Source("jsonl", folders.json_lines),
    )
}

__all__ = ["SOURCES", "History", "Part", "Piece", "Source"]
