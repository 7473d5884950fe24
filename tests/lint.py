"""What `make lint` checks beside ruff, snakefmt and mypy: lengths, and what `snakemake --lint` says.

python -m tests.lint
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKED = ("src", "tests", "benchmarks", "workflow")
MODULE_LINES, FUNCTION_LINES = 300, 50

# Longer than that, each with its reason.
LONG = {
    "tests/bad_input.py": "a table, one case a line",
    "tests/figures/test_figures.py": "one table of each kind, and what each figure makes of it",
    "tests/figures/test_figures.py tables": "one table of each kind, written out",
}

# What snakemake --lint finds by design: the start of its title, and why it stays.
ACCEPTED = {
    "No log directive defined": "commands write one line each, which people want to see; what a stage made is in its provenance",
    "Specify a conda environment or container": "one lock pins all stages, so that DVC and Snakemake run the same code",
    "Path composition with '+'": "a caption and its newline, no path",
}


def too_long() -> Iterator[tuple[str, int]]:
    """Modules and functions over their limit, with their lines; a function as `module function`."""
    for path in sorted(path for folder in CHECKED for kind in ("*.py", "*.smk") for path in (ROOT / folder).rglob(kind)):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > MODULE_LINES:
            yield name, lines
        for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
            if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.lineno + 1) > FUNCTION_LINES:
                yield f"{name} {node.name}", lines


def workflow_findings() -> set[str]:
    """The titles of what `snakemake --lint` finds; its JSON is not to be had from the command line (9.27.1)."""
    done = subprocess.run(["snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True)
    assert "Lints for" in done.stderr or "Congratulations" in done.stderr, done.stderr
    return set(re.findall(r"^    \* (.+?):?$", done.stderr, re.MULTILINE))


def problems() -> Iterator[str]:
    """A line for each finding without a reason, and for each reason without a finding."""
    long, findings = dict(too_long()), workflow_findings()
    yield from (
        f"{name}: {lines} lines; split it, or give a reason in tests/lint.py" for name, lines in long.items() if name not in LONG
    )
    yield from (f"tests/lint.py: {name} is not too long any more; remove its reason" for name in LONG if name not in long)
    for title in sorted(findings):
        if not title.startswith(tuple(ACCEPTED)):
            yield f"snakemake --lint: {title}"
    for start in ACCEPTED:
        if not any(title.startswith(start) for title in findings):
            yield f"tests/lint.py: snakemake --lint does not say {start!r} any more; remove its reason"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) if found else "lengths and workflow: all checks passed")
    sys.exit(bool(found))
