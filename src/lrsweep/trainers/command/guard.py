"""The guard of a script: it starts the script in a group of processes of its own, and ends that group when its own stdin closes.

So a script ends with the worker that started it, however that ends, and nothing that it started outlives it: on Linux not even
what it put into a session of its own, as torchrun does. Standard library only, run as a file.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # from linux/prctl.h: orphans below this process become its children


def main(grace_s: float, command: list[str]) -> int:
    """Run the command and give its exit code, 128 + the signal where one ended it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
        return 127
    threading.Thread(target=_end_with_worker, args=(child.pid, grace_s), daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)  # what the script left running
    _end_orphans()
    return code if code >= 0 else 128 - code


def _say(text: str) -> None:
    """Write a line to stderr, with what cannot be printed as escapes; where it cannot be written, the exit code says enough."""
    with suppress(OSError):
        os.write(2, "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text).encode() + b"\n")


def _end_with_worker(group: int, grace_s: float) -> None:
    os.read(0, 1)  # nothing is ever written: it returns when the worker has ended, or wants the script to
    _signal(group, signal.SIGTERM)
    time.sleep(grace_s)
    _signal(group, signal.SIGKILL)


def _end_orphans() -> None:
    """Kill what has become a child of this process, and then what that leaves."""
    with suppress(ChildProcessError):  # there is none left
        while True:
            for status in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):  # it has ended meanwhile
                    if int(status.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                        os.kill(int(status.parent.name), signal.SIGKILL)
            os.waitpid(-1, 0)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
