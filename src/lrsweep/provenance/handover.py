"""Handing a finished run from one runner to the other: DVC records what Snakemake made, or Snakemake takes over what DVC made.

Neither checks what it is told here, so nothing is handed over that `lrsweep verify` would not pass.
"""

import subprocess
import sys

from lrsweep.errors import Mismatch, UserError
from lrsweep.provenance.workspace import Workspace


def record(workspace: Workspace) -> None:
    """Let DVC record in dvc.lock, and keep in its cache, what Snakemake has made.

    Raises:
        Mismatch: the files are not what the current parameters make.
        UserError: DVC fails.
    """
    _refuse_others(workspace)
    _call("dvc", "commit", "--force", "--quiet")


def adopt(workspace: Workspace) -> None:
    """Let Snakemake take over what DVC has made, checked out or pulled, whatever the times of the files.

    Raises:
        Mismatch: the files are not what the current parameters make.
        UserError: Snakemake fails.
    """
    _refuse_others(workspace)
    _call("snakemake", "--touch", "--cores", "1", "--quiet", "all")


def _refuse_others(workspace: Workspace) -> None:
    if found := next(workspace.discrepancies(workspace.stages), None):
        raise Mismatch(f"{found}; run the pipeline first: `lrsweep verify` says when all fits")


def _call(module: str, *words: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True)
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise UserError(f"{module} {' '.join(words)}: exit code {done.returncode}: {said[-1] if said else 'no message'}")
