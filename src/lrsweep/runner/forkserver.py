"""Jobs forked from a process that has the slow imports behind it: importing torch takes as long as a short trial.

The first job of a run that trains forks a server before its own work, and later jobs of the same workspace and code ask it. What
a job does is the same either way. The server ends when nobody has asked for IDLE_S; jobs on other machines import for themselves.
"""

import fcntl
import gc
import hashlib
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SWITCH = "LRSWEEP_FORKSERVER"  # set by the Snakefile for jobs on the same machine
FOLDER = Path(".snakemake")
IDLE_S = 20.0
_OF_THIS_JOB: list[socket.socket] = []  # which the server must not keep open
TRAINING = ("trials", "block", "race")  # the first of these to come forks the server
KILLED = 137  # exit code of a job that went without a word, as a shell gives it for SIGKILL
TIMED_OUT = 124  # and of one that was killed since it took too long, as timeout(1) gives it
INTERRUPTED = 130
PID_BYTES = 4


def wanted(argv: list[str]) -> bool:
    """Whether this call is a job of Snakemake on this machine, which may be forked."""
    return SWITCH in os.environ and len(argv) > 1


def trains(argv: list[str]) -> bool:
    """Whether it is one that trains trials."""
    return argv[1] in TRAINING


def have_done(argv: list[str], job: Callable[[], None], limit_s: float | None) -> int:
    """Has the job done by a fork of the server or, where there is none, of this process; its exit code, KILLED or TIMED_OUT."""
    if (code := ask(argv, limit_s)) is not None:
        return code
    ours, other = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _OF_THIS_JOB.append(other)
        _answer(other, job)
    other.close()
    with ours:
        code = _await(ours, limit_s)
    if code != TIMED_OUT:  # one that hangs may even outlive a SIGKILL
        os.waitpid(pid, 0)
    return KILLED if code is None else code


def ask(argv: list[str], limit_s: float | None = None) -> int | None:
    """Has the job done by a fork of the server; its exit code, or None where there is no server or it ended before it heard."""
    request = json.dumps({"argv": argv, "environment": dict(os.environ)}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(_path("sock")))
            socket.send_fds(connection, [request[:1]], [1, 2])
            connection.sendall(request[1:])
        except OSError:
            return None
        return _await(connection, limit_s)


def _await(connection: socket.socket, limit_s: float | None) -> int | None:
    """The exit code of a fork that answers, or None if none began; one that has not ended after limit_s is killed."""
    connection.settimeout(limit_s)
    pid = None
    try:
        if not (word := _receive(connection, PID_BYTES)):
            return None
        pid = int.from_bytes(word)
        answer = _receive(connection, 1)
    except TimeoutError:
        if pid:
            os.kill(pid, signal.SIGKILL)
        return TIMED_OUT
    except KeyboardInterrupt:
        return INTERRUPTED
    return answer[0] if answer else KILLED


def _receive(connection: socket.socket, size: int) -> bytes:
    """That many bytes; none if the other side has ended, which resets the connection where it left something unread."""
    try:
        return connection.recv(size, socket.MSG_WAITALL)
    except ConnectionError:
        return b""


def offer(job: Callable[[], None]) -> None:
    """Forks a server for later jobs, unless one is there; `job` does the job that sys.argv names, and may exit."""
    FOLDER.mkdir(exist_ok=True)
    lock = os.open(_path("lock"), os.O_RDWR | os.O_CREAT, 0o600)  # empty: it needs no room on the disk
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fork() == 0:
            _serve(job, lock)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)


def _path(kind: str) -> Path:
    """Named after the code, so that an edited package is never served from memory. Relative: such addresses are short."""
    package = Path(__file__).parent
    files = sorted(package.rglob("*.py"))
    stamp = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    return FOLDER / f"jobs-{hashlib.sha256(repr((sys.executable, stamp)).encode()).hexdigest()[:12]}.{kind}"


def _serve(job: Callable[[], None], lock: int) -> None:
    for connection in _OF_THIS_JOB:
        connection.close()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # a pipe of the first job must not stay open
        os.dup2(quiet, stream)
    _preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks: they answer for themselves
    address = _path("sock")
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        mask = os.umask(0o177)  # only this user may ask
        listener.bind(str(address))
        os.umask(mask)
        listener.listen(64)
        while select.select([listener], [], [], IDLE_S)[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                os.close(lock)
                _work(connection, job)
            connection.close()
    address.unlink(missing_ok=True)
    os._exit(0)


def _preload() -> None:
    """What a job would import on its way: torch loads its compiler's modules when it is told to be deterministic."""
    import optuna._gp.acqf
    import optuna.samplers  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import scipy.optimize
    import scipy.stats  # noqa: F401
    import torch._inductor  # noqa: F401

    gc.collect()
    gc.freeze()  # or each fork would look through all of these again: 0.16 s


def _work(connection: socket.socket, job: Callable[[], None]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    begin, streams, _, _ = socket.recv_fds(connection, 1, 2)
    with connection.makefile("rb") as rest:
        request = begin + rest.readline()
    if not request.endswith(b"\n"):  # whom this is for ended while it asked
        os._exit(KILLED)
    for stream, target in zip(streams, (1, 2), strict=True):
        os.dup2(stream, target)
        os.close(stream)
    asked = json.loads(request)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = asked["argv"]
    _answer(connection, job)


def _answer(connection: socket.socket, job: Callable[[], None]) -> None:
    """Does the job, says which process does it and how it ended, and exits."""
    with suppress(OSError):  # whom this is for may have ended, of which the thread hears
        connection.sendall(os.getpid().to_bytes(PID_BYTES))
    threading.Thread(target=_end_with_client, args=(connection,), daemon=True).start()
    code = 1
    try:
        job()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):
            connection.sendall(bytes([code]))
        os._exit(code)


def _end_with_client(connection: socket.socket) -> None:
    """A job that was killed takes its fork with it."""
    if not _receive(connection, 1):
        os.kill(os.getpid(), signal.SIGKILL)
