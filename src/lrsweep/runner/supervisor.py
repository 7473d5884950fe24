"""The supervisor of a worker: it keeps a training process going until the study is whole.

A training process that was killed, or that hangs in a trial, is started once more for that trial, and then reported. One that
says itself what is wrong is not started again. A training process ends when its supervisor ends, however that happens.
"""

import multiprocessing
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from lrsweep import errors
from lrsweep.terminal import complain

KILLED = 137  # exit code of a process that was killed, as a shell gives it for SIGKILL
TIMED_OUT = 124  # exit code of a process that was killed after its time limit, as timeout(1) gives it
INTERRUPTED = 130
# A fork need not import again. It is safe on Linux alone, and here, where the supervisor has neither threads nor a GPU.
CHILDREN: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")

Announce = Callable[[str | None], None]  # called with the name of a training that begins, and with None when it has ended
Work = Callable[..., None]  # what the training process does, called with an Announce and the arguments


@dataclass(frozen=True)
class Limits:
    """How long a training may take, and how often it is started."""

    trial_minutes: float | None
    attempts: int


def supervise(work: Work, arguments: tuple, limits: Limits) -> int:
    """Do the work in another process, and once more where that is killed or hangs; give its exit code.

    work: a function of a module, called as work(announce, *arguments).
    """
    tried: Counter[str | None] = Counter()
    while True:
        code, training = _once(work, arguments, limits)
        if code not in (KILLED, TIMED_OUT):
            return code
        tried[training] += 1
        last = tried[training] >= limits.attempts
        complain(_complaint(training, code, limits, last))
        if last:
            return code


def _once(work: Work, arguments: tuple, limits: Limits) -> tuple[int, str | None]:
    """Start a training process and follow it to its end; give its exit code and the training that was under way."""
    here, there = CHILDREN.Pipe(duplex=False)
    process = CHILDREN.Process(target=_child, args=(there, work, arguments), daemon=True)
    process.start()
    there.close()
    training: str | None = None
    limit_s: float | None = None
    timed_out = False
    try:
        while True:
            left_s = None if limit_s is None else max(0.0, limit_s - time.monotonic())
            if not wait([here], left_s):
                timed_out = True
                process.kill()
                break
            training = here.recv()
            limit_s = time.monotonic() + limits.trial_minutes * 60 if training and limits.trial_minutes else None
    except EOFError:
        pass
    except KeyboardInterrupt:
        process.join(10)
        return INTERRUPTED, training
    if timed_out:
        return TIMED_OUT, training  # without a join, since a process that hangs may outlive even SIGKILL
    process.join()
    return KILLED if process.exitcode < 0 else process.exitcode, training


def _child(connection: Connection, work: Work, arguments: tuple) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    code = errors.exit_code(lambda: work(connection.send, *arguments))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or nobody reads it any more
            stream.flush()
    os._exit(code)


def _end_with_parent() -> None:
    """End this process when its parent has ended, so that a killed worker leaves no process that trains or holds a lock."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(KILLED)


def _complaint(training: str | None, code: int, limits: Limits, last: bool) -> str:
    what = f"{training or 'the worker'}: "
    if code == TIMED_OUT:
        what += f"found no end after {limits.trial_minutes:g} min, and killed it, expected execution.trial_minutes at most; "
        remedy = "raise that, or see what the machine waits for"
    else:
        what += "its process was killed, expected an end; "
        remedy = "if memory ran out, use fewer --cores or fewer execution.workers"
    return what + (f"{remedy}, and run the same command again: nothing that had finished is lost" if last else "started again")
