"""The start of `lrsweep`: the workspace's own code, and for jobs a fork of a process that has imported already."""

import os
import sys
from pathlib import Path

from lrsweep.runner import forkserver
from lrsweep.runner.forkserver import INTERRUPTED


def main() -> None:
    """Runs the command line, or has a job done by the fork server; Ctrl-C ends it without a word, also while it imports."""
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _main() -> None:
    prefer_workspace()
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch and scikit-learn: more threads would change bits and slow small models
    if forkserver.wanted(sys.argv):
        if forkserver.trains(sys.argv):
            from lrsweep.runner import supervision

            sys.exit(supervision.run(sys.argv, _job))
        if (code := forkserver.ask(sys.argv)) is not None:
            sys.exit(code)
    from lrsweep.cli.main import main as run

    run()


def _job() -> None:
    """Does the job that sys.argv names, and leaves a process behind that later ones are forked from."""
    import lrsweep.stages.trials  # noqa: F401
    from lrsweep.cli.main import main as run

    forkserver.offer(run)
    run()


def prefer_workspace() -> None:
    """In a temporary workspace of `dvc exp run --temp` the code beside params.yaml counts, not the installed checkout's."""
    own = Path("src/lrsweep/entry.py")
    if own.is_file() and not own.samefile(__file__):
        search = os.pathsep.join(filter(None, [str(Path("src").resolve()), os.environ.get("PYTHONPATH")]))
        os.execve(sys.executable, [sys.executable, "-m", "lrsweep", *sys.argv[1:]], {**os.environ, "PYTHONPATH": search})
