"""The events of a study add up to what a person wants to know while it runs."""

import io
import os
import socket
import sys
from dataclasses import replace

import pytest

from lrsweep.runner.progress import Event, Size, Watch, read, show, summarize

SIZE = Size("sweep_bayes", trials=12, at_once=8, levels=(10, 20, 40), first_block=8, eta=2)
VALUES = {"lr": 0.01, "beta2": 0.99, "weight_decay": 0.01}


def event(trial, until, state, steps=None, loss=3.0, at_s=0.0, **more):
    steps = until if steps is None else steps
    place = {"host": socket.gethostname(), "pid": os.getpid(), "values": VALUES}
    ended = {"steps": steps, "trained": steps, "seconds": 1.0, "loss_nats": loss} if state else {}
    return Event(trial=trial, until=until, at_s=at_s, state=state, **place, **ended, **more)


def test_the_block_is_counted_rung_by_rung():
    first = [event(trial, 10, "COMPLETE") for trial in range(8)]
    assert summarize(first[:7], SIZE).done == 0  # no one knows yet who goes on
    found = summarize(first, SIZE)
    assert (found.done, found.pruned) == (4, {10: 4})
    second = [event(trial, 20, "COMPLETE") for trial in (0, 1, 2)] + [event(3, 20, "DIVERGED", steps=15, loss=None)]
    found = summarize([*first, *second], SIZE)
    assert (found.done, found.pruned, found.diverged) == (6, {10: 4, 20: 1}, 1)
    third = [event(0, 40, "COMPLETE", loss=2.5), event(1, 40, "COMPLETE", loss=2.4)]
    found = summarize([*first, *second, *third], SIZE)
    assert (found.done, found.best.trial) == (8, 1)


def test_later_trials_and_the_best():
    rows = [event(8, 40, "PRUNED", steps=20), event(9, 40, "COMPLETE", loss=2.0), event(10, 40, "DIVERGED", steps=5, loss=None)]
    found = summarize(rows, SIZE)
    assert (found.done, found.pruned, found.diverged, found.best.trial) == (3, {20: 1}, 1, 9)
    assert "3 of 12 done" in str(found) and "pruned 1 at 20" in str(found) and "best 2.0000 nats at lr 0.01" in str(found)


def test_a_run_that_was_killed_is_not_running():
    size = Size("sweep_uniform", trials=4, at_once=4, levels=(40,))
    mine, dead = event(0, 40, None), event(1, 40, None)
    dead = Event(**{**dead.__dict__, "pid": 2**22 - 1})
    assert summarize([mine, dead], size).running == 1
    assert summarize([mine, event(0, 40, "COMPLETE")], size).running == 0


def test_time_left_is_the_steps_left_at_the_speed_of_late():
    size = Size("sweep_uniform", trials=4, at_once=4, levels=(40,))
    rows = [event(0, 40, "COMPLETE", at_s=1.0), event(1, 40, "COMPLETE", at_s=2.0)]
    assert summarize(rows, size).left_s == 2.0  # 80 steps in 2 s, 80 to go
    assert summarize([], size).left_s is None


def test_events_outlive_a_cut_line(tmp_path):
    path = tmp_path / "events.jsonl"
    watch = Watch(path, trial=3, until=40, values=VALUES, proposing_s=0.5)
    watch.start()
    watch.end("COMPLETE", 40, 40, 2.5)
    path.write_bytes(path.read_bytes() + b'{"trial": 4, "unt')
    started, ended = read(path)
    assert (started.state, ended.state, ended.loss_nats) == (None, "COMPLETE", 2.5)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("kind", "over", "lines"), [(io.StringIO, 0, 2), (Terminal, 2, 1)])
def test_plain_lines_in_a_log_and_one_live_line_on_a_terminal(kind, over, lines, monkeypatch):
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    for rows in ([event(0, 40, "COMPLETE")], [event(0, 40, "COMPLETE"), event(1, 40, "COMPLETE")]):
        show(summarize(rows, Size("sweep_uniform", trials=2, at_once=2, levels=(40,))))
    assert (stream.getvalue().count("\n"), stream.getvalue().count("\r\x1b[K")) == (lines, over)


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_values_of_a_trial_cannot_steer_the_terminal(kind, monkeypatch):
    stream, size = kind(), Size("sweep_uniform", trials=1, at_once=1, levels=(40,))
    monkeypatch.setattr(sys, "stderr", stream)
    best = replace(event(0, 40, "COMPLETE"), values={"lr": 0.1, "a\x1b[2J": "b\n\x07\udcff"})
    show(summarize([best], size))
    assert stream.getvalue().removeprefix("\r\x1b[K").removesuffix("\n").isprintable()
    assert r"a\x1b[2J b\n\x07\udcff" in stream.getvalue()


@pytest.mark.parametrize("stream", ["closed", None, "latin-1", "ascii"])
def test_a_run_goes_on_whatever_stderr_is(stream, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding=stream if stream in ("latin-1", "ascii") else "utf-8")
    if stream == "closed":
        out.close()
    monkeypatch.setattr(sys, "stderr", out if stream else None)
    best = replace(event(0, 40, "COMPLETE"), values={"optimizer": "\u03bc\u20ac"})
    show(summarize([best], Size("sweep_uniform", trials=1, at_once=1, levels=(40,))))
    assert stream in ("closed", None) or rb"optimizer \u03bc\u20ac" in out.buffer.getvalue()
