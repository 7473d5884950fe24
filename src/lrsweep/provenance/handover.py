"""Handing a finished run from one runner to the other: DVC records what Snakemake made, or Snakemake takes over what DVC made.

Neither checks what it is told here, so nothing is handed over that `lrsweep verify` would not pass.
"""

import subprocess
import sys
from collections.abc import Sequence
from functools import partial

from lrsweep.errors import Mismatch, UserError
from lrsweep.provenance.workspace import Workspace


def hand_over(command: Sequence[str], workspace: Workspace) -> None:
    """Run the command of the runner that takes over the files of the workspace.

    Raises:
        Mismatch: the files are not what the current parameters make.
        UserError: the command fails.
    """
    if found := next(workspace.discrepancies(workspace.stages), None):
        raise Mismatch(f"{found}; run the pipeline first: `lrsweep verify` says when all fits")
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise UserError(f"{' '.join(command)}: exit code {done.returncode}: {said[-1] if said else 'no message'}")


record = partial(hand_over, ("dvc", "commit", "--force", "--quiet"))  # in dvc.lock and in DVC's cache
adopt = partial(hand_over, ("snakemake", "--touch", "--cores", "1", "--quiet", "all"))  # whatever the times of the files
