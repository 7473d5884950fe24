"""Tables with a column for each run, as W&B exports charts: a step, then `RUN - VALUE` with `RUN - VALUE__MIN` and `__MAX`."""

STEPS = ("step", "steps", "_step", "global_step", "trainer/global_step", "train/step", "iter", "iteration", "update", "")
BORDERS = ("__MIN", "__MAX")  # of what a chart has drawn together, beside each column


def is_wide(columns: list[str]) -> bool:
    """Say whether a table has a step and then a column for each run."""
    return len(columns) > 1 and (columns[0].lower() in STEPS or any(" - " in name for name in columns[1:]))


def series(columns: list[str]) -> dict[int, tuple[str, str]]:
    """Give the run and the value of each column that is neither the steps nor a border; a value may have no name."""
    kept = [number for number, name in enumerate(columns) if number and not name.endswith(BORDERS)]
    parts = {number: columns[number].rpartition(" - ") for number in kept}
    return {number: (run, value) if mark else (value, "") for number, (run, mark, value) in parts.items()}
