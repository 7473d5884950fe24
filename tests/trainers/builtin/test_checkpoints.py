"""Checkpoints: a saved run goes on to the same bits; one that is damaged or of another run is refused and changes nothing."""

import pytest

from lrsweep.errors import UserError
from lrsweep.space import Budget
from lrsweep.trainers.builtin.checkpoints import NAME
from tests.trainers.builtin.tiny import BUDGET, observe, same, start, trainer


@pytest.mark.parametrize("values", [{}, {"optimizer": "muon"}, {"precision": "bfloat16"}, {"norm": "none", "ffn": "silu"}])
@pytest.mark.parametrize("cut", [0, 5, 7, 20])  # before any step, at an eval, between evals, at the end
def test_a_saved_run_goes_on_to_the_same_bits(tmp_path, values, cut):
    whole = start(**values)
    seen = observe(whole)
    run = start(**values)
    first = observe(run, cut)
    run.save(tmp_path / "state")
    resumed = start(**values)
    observe(resumed, 3)  # other weights: all must come from the saved state
    assert resumed.load(tmp_path / "state") == resumed.step == cut and same(resumed, run)
    rest = observe(resumed)
    assert (first[:-1] if cut == 0 else first) + rest == seen and same(resumed, whole)


def damage(path, how):
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "turned": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]}[how])


@pytest.mark.parametrize("how", ["cut", "empty", "turned", "missing"])
def test_a_damaged_checkpoint_is_refused_and_changes_nothing(tmp_path, how):
    run = start()
    observe(run, 5)
    run.save(tmp_path)
    path = tmp_path / NAME
    path.unlink() if how == "missing" else damage(path, how)
    other, untouched = start(), start()
    observe(other, 3), observe(untouched, 3)
    with pytest.raises(
        UserError, match=rf"{NAME}: (damaged \(.+\)|found no file), expected a (whole )?checkpoint; go on from an"
    ):
        other.load(tmp_path)
    assert same(other, untouched)


OTHERS = {
    "identity": lambda: trainer(identity="other").start({"lr": 0.01}, 1, BUDGET),
    "seed": lambda: start(seed=2),
    "lr": lambda: start(lr=0.02),
    "value": lambda: start(beta1=0.8),
    "budget": lambda: start(budget=Budget(steps=40, warmup_steps=4, eval_every=5)),
    "shape": lambda: start(ffn="silu"),
    "optimizer": lambda: start(optimizer="muon"),
}


@pytest.mark.parametrize("which", OTHERS)
def test_another_run_s_checkpoint_is_refused(tmp_path, which):
    run = start()
    run.save(tmp_path)
    with pytest.raises(UserError, match="made from other parameters, data or code, expected a checkpoint of this run"):
        OTHERS[which]().load(tmp_path)
    assert start().load(tmp_path) == 0
