"""The start of `lrsweep`: the workspace's own code, with one thread."""

import os
import sys
from pathlib import Path

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it without a word, also while it imports."""
    try:
        prefer_workspace()
        os.environ["OMP_NUM_THREADS"] = "1"  # before torch and scikit-learn: more threads would change bits and slow small models
        from lrsweep.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def prefer_workspace() -> None:
    """In a temporary workspace of `dvc exp run --temp` the code beside params.yaml counts, not the installed checkout's."""
    own = Path("src/lrsweep/cli/entry.py")
    if own.is_file() and not own.samefile(__file__):
        search = os.pathsep.join(filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")]))
        os.execve(sys.executable, [sys.executable, "-m", "lrsweep", *sys.argv[1:]], {**os.environ, "PYTHONPATH": search})
