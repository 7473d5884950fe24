"""A curve is read alike from whatever a script writes, half written or written on by a later call."""

import json
import math

import pytest

from lrsweep.trainers.command import curves
from lrsweep.trainers.command.curves import Point
from lrsweep.trainers.command.settings import CurveFile, CurvePattern
from tests.events import an_event, record, scalar

LOGGED = {"step": "step", "loss": "val_loss", "lr": "lr", "grad_norm": None}


def read(place, **names):
    return curves.read(CurveFile(file=str(place), **{**LOGGED, **names}), str(place))


def lightning(folder):
    """CSVLogger: a version for each call, with rows for training and for validation."""
    for version, steps in ((9, (10, 20)), (10, (30,))):
        place = folder / f"version_{version}"
        place.mkdir()
        rows = [f"{row}\n" for step in steps for row in (f"0,{step},0.5,", f"0,{step},,{1 / step}")]
        (place / "metrics.csv").write_text("epoch,step,lr,val_loss\n" + "".join(rows))
    return folder / "version_*/metrics.csv", {}


def huggingface(folder):
    """The Trainer: a state for each checkpoint, with the whole log up to there."""
    log = [{"step": step, **row} for step in (10, 20, 30) for row in ({"learning_rate": 0.5}, {"eval_loss": 1 / step})]
    for step in (20, 30):
        place = folder / f"checkpoint-{step}"
        place.mkdir()
        rows = [row for row in log if row["step"] <= step]
        (place / "trainer_state.json").write_text(json.dumps({"log_history": rows}))
    return folder / "checkpoint-*/trainer_state.json", {"loss": "eval_loss", "lr": "learning_rate"}


def tensorboard(folder):
    """A file for each call; the last record of the first was cut off."""
    for number, steps in ((1, (10, 20)), (2, (30,))):
        events = [an_event(step, scalar("lr", 0.5), scalar("val_loss", 1 / step)) for step in steps]
        (folder / f"events.out.tfevents.{number}.host").write_bytes(b"".join(map(record, events)) + record(events[0])[:-3])
    return folder, {"step": "any"}


def lines(folder):
    """JSON lines, the last of which is half written; other rows do not count."""
    rows = [{"step": step, "lr": 0.5, "val_loss": 1 / step} for step in (10, 20, 30)]
    text = "".join(json.dumps(row) + "\n" for row in ({"note": "x"}, *rows, {"step": True, "val_loss": 2}))
    (folder / "log.jsonl").write_text(text + '{"step": 40, "val')
    return folder / "*.jsonl", {}


def table(folder):
    """CSV whose second call wrote the header again, and whose last line is half written."""
    head = "step,val_loss,lr\n"
    (folder / "log.csv").write_text(head + "10,0.1,0.5\n20,0.05,0.5\n" + head + f"30,{1 / 30},0.5\n40,0.")
    return folder / "log.csv", {}


@pytest.mark.parametrize(("write", "damaged"), [(lightning, 0), (huggingface, 0), (tensorboard, 0), (lines, 1), (table, 1)])
def test_a_curve_is_read_from_files_of(tmp_path, write, damaged):
    place, names = write(tmp_path)
    found = read(place, **names)
    rows = {}
    for point in found.points:
        rows.setdefault(point.step, {}).update({name: value for name, value in point._asdict().items() if value is not None})
    assert list(rows) == [10, 20, 30] and len(found.damaged) == damaged, found
    for step, row in rows.items():
        assert row == {"step": step, "lr": 0.5, "loss": pytest.approx(1 / step)}


def test_damage_is_named_and_costs_no_other_file(tmp_path):
    place, names = tensorboard(tmp_path)
    (tmp_path / "events.out.tfevents.3.host").write_bytes(b"x" * 40)
    found = read(place, **names)
    assert found.damaged == ("events.out.tfevents.3.host",) and len(found.points) == 3


ODD = {
    "CRLF": ("log.jsonl", '{"step":1,"val_loss":2}\r\n{"step":2,"val_loss":3}\r\n', 0),
    "CRLF in CSV": ("log.csv", "step,val_loss\r\n1,2\r\n2,3\r\n", 0),
    "byte order mark": ("log.jsonl", '\ufeff{"step":1,"val_loss":2}\n{"step":2,"val_loss":3}\n', 0),
    "byte order mark in CSV": ("log.csv", "\ufeffstep,val_loss\n1,2\n2,3\n", 0),
    "spaces behind commas": ("log.csv", "step, val_loss\n1, 2\n2, 3\n", 0),
    "whole numbers as floats": ("log.jsonl", '{"step":"1.0","val_loss":2}\n{"step":2.0,"val_loss":3}', 0),
    "a text with other line breaks": ("log.jsonl", '{"step":1,"val_loss":2,"t":"a\u2028\x0cb"}\n{"step":2,"val_loss":3}', 0),
    "steps that are none": ("log.jsonl", "".join(f'{{"step":{n},"val_loss":{n + 1}}}\n' for n in (1, 1.5, -1, 2, 1e300)), 0),
    "a column that comes twice": ("log.csv", "step,val_loss,val_loss\n1,2,\n2,3,9\n", 1),
    "brackets without end": ("log.jsonl", '{"step":1,"val_loss":2}\n{"step":2,"val_loss":3}\n' + "[" * 100_000, 1),
    "a cell without end": ("log.csv", "step,val_loss\n1,2\n2,3\n3," + "9" * 200_000, 1),
    "rows that are none": ("trainer_state.json", '{"log_history":[1,{"step":1,"val_loss":2},{"step":2,"val_loss":3}]}', 0),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_read(tmp_path, name):
    file, text, damaged = ODD[name]
    (tmp_path / file).write_bytes(text.encode())
    found = read(tmp_path / file)
    assert [point[:2] for point in found.points] == [(1, 2), (2, 3)] and len(found.damaged) == damaged, found


@pytest.mark.parametrize("text", ["1e400", "Infinity", '"inf"', "-Infinity", "1" + 400 * "0"])
def test_a_number_beyond_all_is_an_infinity(tmp_path, text):
    (tmp_path / "log.jsonl").write_text(f'{{"step":1,"val_loss":{text}}}\n{{"step":2,"val_loss":null,"lr":1}}')
    lost, empty = read(tmp_path / "log.jsonl").points
    assert math.isinf(lost.loss) and empty.loss is None


@pytest.mark.parametrize("text", ["[1]", '{"log_history": 3}', "{"])
def test_a_state_without_a_log_is_named(tmp_path, text):
    (tmp_path / "trainer_state.json").write_text(text)
    assert read(tmp_path / "trainer_state.json") == ((), (), ("trainer_state.json",))


def test_a_pattern_takes_numbers_as_they_are_printed(tmp_path):
    place = tmp_path / "stdout.txt"
    place.write_text("step 1e1: val 0.1 lr 5e-1\nstep 20 val\nstep 30: val nan lr 0.5\nstep 4", encoding="utf-8")
    section = CurvePattern(pattern=r"step (?P<step>\S+): val (?P<loss>\S+) lr (?P<lr>\S+)")
    first, last = curves.read(section, str(place)).points
    assert first == Point(10, 0.1, 0.5, None) and last.step == 30 and last.loss != last.loss


def test_what_is_not_there_yet_is_an_empty_curve(tmp_path):
    assert read(tmp_path / "none/*.csv") == ((), (), ())
