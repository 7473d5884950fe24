"""A call of a script: its group of processes, its output in two files, and its end."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lrsweep import files

GUARD = Path(__file__).with_name("guard.py")
GRACE_S = 10.0  # between SIGTERM and SIGKILL
SHOWN_LINES, SHOWN_BYTES = 12, 4000  # of the output of a script that failed
KEPT_BYTES = 2**20  # of what a script prints, where no curve is read from it


class Call:
    """One call of a command, with its output added to stdout.txt and stderr.txt of a folder."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        with (folder / "stdout.txt").open("ab") as out, (folder / "stderr.txt").open("ab") as err:
            self._began = out.tell(), err.tell()
            guarded = [sys.executable, "-I", "-S", str(GUARD), str(GRACE_S), *command]
            self._guard = subprocess.Popen(
                guarded, stdin=subprocess.PIPE, stdout=out, stderr=err, env=dict(environment), start_new_session=True
            )

    def wait(self, timeout_s: float | None) -> int | None:
        """Wait for the end; give the exit code, or None where it has not ended in time."""
        with suppress(subprocess.TimeoutExpired):
            return self._guard.wait(timeout_s)
        return None

    def stop(self) -> None:
        """End the script: SIGTERM, and SIGKILL where that is not enough."""
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    def tail(self) -> str:
        """Give the end of what this call wrote: of stderr, or of stdout where that is empty."""
        for name, start in zip(("stderr.txt", "stdout.txt"), self._began[::-1], strict=True):
            with (self.folder / name).open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(start, size - SHOWN_BYTES))
                lines = file.read().decode(errors="replace").strip().splitlines()
            if lines:
                return "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])
        return "    (it printed nothing)"

    def shorten(self, name: str) -> None:
        """Keep the end of a long stdout.txt or stderr.txt: a progress bar may print more than a trial's files are worth."""
        path = self.folder / name
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - KEPT_BYTES))
            end = file.read()
        if size > 2 * KEPT_BYTES:
            files.write_bytes(path, b"(what came before is not kept)\n" + end)
