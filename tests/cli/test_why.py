"""lrsweep why: planted causes are found, and the command answers for real trials or refuses in one line."""

import json
import math
import sys

import numpy as np
import pandas as pd
import pytest
from tokenizers import Tokenizer, models

from lrsweep.analysis import why as analysis
from lrsweep.cli import main as cli
from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.seeding import derive_seed
from lrsweep.space import Budget
from lrsweep.stages import why as stage
from lrsweep.store.results import Results
from lrsweep.text.batches import fixed_batches, sample_batch
from lrsweep.trainers.builtin import training
from lrsweep.trainers.builtin.trainer import Builtin
from lrsweep.trainers.builtin.training import Data
from lrsweep.trainers.trainer import Step
from tests.pipeline import clone, configured, run
from tests.trainers.builtin.conftest import one_thread  # noqa: F401, as in a worker
from tests.trainers.builtin.tiny import MODEL, OPTIMIZER, VOCAB, observe

EDGE = checking.load(checking.PARAMS).edge
WORDS = Tokenizer(models.WordLevel({f"t{token}": token for token in range(VOCAB)}, unk_token="t0"))


def examined(values, tokens, budget, precision="float32", step=None, seed=1):
    """What `why` makes of the greatest rise of a run, or of a step, which trains again to the same bits."""
    data = Data(VOCAB, tokens, fixed_batches(tokens[:500], 2, 4, 16), None)
    trainer = Builtin(MODEL, OPTIMIZER.model_copy(update={"precision": precision}), data, "cpu", "tests")
    steps = [one for one in observe(trainer.start(values, seed, budget), budget.steps) if isinstance(one, Step)]
    curve = {name: np.array([getattr(one, name) for one in steps]) for name in ("lr", "loss_nats", "grad_norm")}
    rise = analysis.find(curve, not steps[-1].finite, budget.steps, step, EDGE)
    seen = stage.examine(trainer.start(values, seed, budget), curve, rise, WORDS)
    assert seen.differs_at is None
    tests = analysis.tests(seen.outcomes, rise, EDGE)
    return rise, seen, {test.name: test for test in tests}, analysis.judge(rise, tests)


def counting(n=40_000):
    """A text that counts from 0 to 9 again and again, which is learned at once."""
    return (np.arange(n) % 10).astype("<u2")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_of_garbage_is_to_blame(precision):
    tokens, seed, at = counting(), derive_seed(1, "batches"), 45
    philox = np.random.Philox(key=seed, counter=[0, 0, 0, at])  # as in text/batches.py
    place = int(np.random.Generator(philox).integers(0, len(tokens) - 16, size=4)[2])
    tokens[place : place + 17] = np.random.default_rng(0).integers(20, VOCAB, 17)
    hit = [step for step in range(1, 61) if (sample_batch(tokens, seed, step, 4, 16)[0] >= 20).any()]
    assert hit == [at], "the garbage is in one batch alone"
    rise, seen, tests, verdict = examined({"lr": 0.01}, tokens, Budget(steps=60, warmup_steps=10, eval_every=20), precision)
    assert (rise.step, rise.kind, verdict.cause) == (at, "spike", "batch"), verdict.says
    assert seen.batch.loss_nats > 2 * max(seen.batch.others_nats) and seen.batch.worst_nats > seen.batch.loss_nats
    assert not set(seen.batch.text.split()) & {f"t{token}" for token in range(20)}
    assert tests[analysis.HALF_LR].spikes and tests[analysis.PRECISE].spikes and not tests[analysis.OTHER_BATCH].spikes


@pytest.mark.parametrize("lr", [{"lr": 30.0}, {"lr": 5.0, "optimizer": "muon"}], ids=["adamw", "muon"])
def test_a_learning_rate_that_is_too_high_is_to_blame(lr, monkeypatch):
    """An LR that is too high throughout makes spikes by chance, whose cause is anyone's guess; here it jumps at one step."""
    monkeypatch.setattr(training, "lr_at", lambda step, most, *_: most if step >= 45 else 0.005)
    rise, _, tests, verdict = examined(lr, counting(), Budget(steps=60, warmup_steps=0, eval_every=20), step=46)
    assert (rise.step, rise.kind, verdict.cause) == (46, "spike", "learning rate"), verdict.says
    recorded, earlier = tests[analysis.RECORDED], tests[analysis.EARLIER]
    assert recorded.multiple >= rise.multiple and recorded.spiking == recorded.runs and not earlier.spikes


def test_the_first_step_with_other_bits_is_named():
    steps = [Step(1, 0.1, 2.0, 3.0), Step(2, 0.1, 1.5, math.nan)]
    curve = {"lr": np.array([0.1, 0.1]), "loss_nats": np.array([2.0, 1.5]), "grad_norm": np.array([3.0, math.nan])}
    assert stage.differs_at(steps, curve) is None
    assert stage.differs_at(steps, curve | {"loss_nats": np.array([2.0, np.nextafter(1.5, 2)])}) == 2
    assert stage.differs_at(steps, curve | {"grad_norm": np.array([math.nan, math.nan])}) == 1
    assert stage.differs_at(steps, {name: values[:1] for name, values in curve.items()}) is None


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two studies of the tiny preset, with LRs at which some trials break at once."""
    lr = {"min": 0.001, "max": 1e4, "scale": "log"}
    sections = {
        "sweep_uniform": {"trials": 5, "lr": lr},
        "sweep_bayes": {"trials": 10, "space": {"lr": lr | {"max": 0.1}}, "ending": None},
        "edge": {"spike_window": 3, "spike_factor": 2.5},
    }
    folder = configured(clone(tmp_path_factory.mktemp("why") / "project"), sections)
    for name in ("corpus", "tokenize", "sweep_uniform", "sweep_bayes"):
        done = run(folder, "lrsweep", name)
        assert not done.returncode, done.stderr
    return folder


def ask(monkeypatch, capsys, folder, *words):
    """The exit code, what was printed, and what was said of an error."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["lrsweep", "why", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    shown = capsys.readouterr()
    return end.value.code, shown.out, shown.err


def trials(folder, stage):
    return pd.read_parquet(folder / f"results/{stage}/trials.parquet").set_index("trial")


def test_a_spike_as_text_json_and_figure(monkeypatch, capsys, project):
    trial = str(trials(project, "sweep_uniform")["lr"].nsmallest(2).index[1])
    code, out, err = ask(monkeypatch, capsys, project, trial, "--json", "--figure", "why.svg")
    assert not code, err
    found = json.loads(out)
    drawn = (project / "why.svg").read_bytes()
    assert found["rise"]["kind"] == "spike" and found["seen"]["differs_at"] is None and found["verdict"]["cause"] != "no spike"
    norms, step = found["seen"]["norms"], found["rise"]["step"]
    at = [one["gradient"] for one in norms if one["step"] == step]
    assert math.hypot(*at) == pytest.approx(found["rise"]["grad_norm"], rel=1e-4)
    assert {test["name"] for test in found["tests"]} == set(pd.DataFrame(found["seen"]["outcomes"])["test"])
    code, text, _ = ask(monkeypatch, capsys, project, trial, "--figure", "why.svg")
    assert not code and found["verdict"]["says"] in text and "the same bits as recorded" in text
    assert drawn.startswith(b"<?xml") and (project / "why.svg").read_bytes() == drawn


def test_no_spike_and_a_step_that_is_none_train_nothing(monkeypatch, capsys, project):
    trial = str(trials(project, "sweep_uniform")["lr"].idxmin())
    code, out, err = ask(monkeypatch, capsys, project, trial, "--step", "20", "--figure", "none.png")
    assert not code and "verdict: no spike: the gradient norm of step 20" in out and "trained again" not in out
    assert "none.png: not drawn" in err and not (project / "none.png").exists()


def test_a_trial_that_breaks_at_once(monkeypatch, capsys, project):
    trial = str(trials(project, "sweep_uniform")["lr"].idxmax())
    code, out, err = ask(monkeypatch, capsys, project, trial, "--figure", "broken.png")
    assert not code, err
    assert "training broke" in out and "verdict: the learning rate" in out and (project / "broken.png").exists()


@pytest.mark.parametrize("state", ["PRUNED", "COMPLETE"])
def test_a_trial_of_phase_2(state, monkeypatch, capsys, project):
    table = trials(project, "sweep_bayes")
    trial = str(table.index[table["state"] == state][0])
    code, out, err = ask(monkeypatch, capsys, project, trial, "--stage", "sweep_bayes", "--json")
    assert not code, err
    found = json.loads(out)
    assert found["state"] == state and found["rise"]["step"] <= table["steps"][int(trial)]
    assert not found["seen"] or found["seen"]["differs_at"] is None


BAD = {
    "no such trial": (("99",), {}, ["TRIAL: found 99", "one of the 5 trials", "0 to 4"]),
    "a trial below zero": (("--", "-1"), {}, ["TRIAL: found -1"]),
    "a trial that is no number": (("best",), {}, ["best", "integer"]),
    "step 1": (("0", "--step", "1"), {}, ["--step: found 1", "expected 2 to"]),
    "a step past the end": (("0", "--step", "21"), {}, ["--step: found 21", "expected 2 to"]),
    "no such stage": (("0", "--stage", "figures"), {}, ["--stage: found 'figures'", "sweep_uniform, edge, sweep_bayes"]),
    "probes": (("0", "--stage", "sharpness"), {}, ["--stage: found 'sharpness'"]),
    "a stage that has not run": (("0", "--stage", "train"), {}, [".json: no such file", "has not run"]),
    "a figure of another kind": (("0", "--figure", "why.gif"), {}, ["why.gif", ".svg or .png"]),
    "other parameters": (("0",), {"optimizer": {"beta1": 0.8}}, ["no trial of sweep_uniform with these parameters", "set back"]),
    "made-up curves": (("0",), {"simulate": True}, ["simulate: found True", "expected false"]),
    "an imported study": (
        ("0",),
        {"sweep_uniform": {"imported": {"folder": "imported/x", "sha256": "0" * 64}}},
        ["sweep_uniform.imported", "expected null"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_line_and_exit_code_2(name, monkeypatch, capsys, project):
    words, sections, said = BAD[name]
    path = project / "params.yaml"
    kept = path.read_text()
    try:
        configured(project, sections)
        code, out, err = ask(monkeypatch, capsys, project, *words)
    finally:
        path.write_text(kept)
    assert (code, out) == (2, ""), err
    assert len(err.splitlines()) == 1 and all(word in err for word in said), err


def test_a_script_is_refused(monkeypatch, capsys, project):
    params = checking.load(project / "params.yaml").model_copy(update={"trainer": "a script"})
    with pytest.raises(UserError, match="trainer: found a script, expected null"):
        stage.run(params, Results(project / "results"), "sweep_uniform", 0, None)
