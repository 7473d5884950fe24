"""The start of `lrsweep`: with the code of the workspace, and with one thread."""

import os
import sys
from pathlib import Path

from lrsweep.runner import meaning
from lrsweep.terminal import complain, open_what_is_closed

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it silently, also while it imports."""
    open_what_is_closed()
    try:
        prefer_workspace()
        meaning.begin()
        os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: more threads would change bits and slow small models
        from lrsweep.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def prefer_workspace() -> None:
    """Start again with the code beside params.yaml where another is installed, as in the workspace of `dvc exp run --temp`."""
    own = Path("src/lrsweep/cli/entry.py")
    if own.is_file() and not own.samefile(__file__):
        if os.pathsep in str(Path("src").resolve()):
            found = f"found a {os.pathsep!r} in the name of {Path.cwd()}, which separates paths for Python"
            complain(f"{found}, expected none; rename the folder")
            sys.exit(2)
        search = os.pathsep.join(filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")]))
        os.execve(sys.executable, [sys.executable, "-m", "lrsweep", *sys.argv[1:]], {**os.environ, "PYTHONPATH": search})
