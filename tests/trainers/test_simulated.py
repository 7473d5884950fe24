"""Made-up curves: like those of training, the same every time, for any space, and cheap."""

import math
import subprocess
import sys

import pytest

from lrsweep.errors import UserError
from lrsweep.space import Budget
from lrsweep.trainers.builtin.settings import NAMES
from lrsweep.trainers.simulated import Simulated
from lrsweep.trainers.trainer import Eval, Step

BUDGET = Budget(steps=40, warmup_steps=4, eval_every=5)


def start(lr, seed=1, **values):
    return Simulated(NAMES).start({"lr": lr, **values}, seed, BUDGET)


def curve(lr, seed=1, until=40, **values):
    return list(start(lr, seed, **values).observe(until))


def test_a_made_up_curve_is_like_one_of_training_and_always_the_same():
    whole = curve(0.01)
    expected = []
    for step in range(41):
        expected += [(Step, step)] * (step > 0) + [(Eval, step)] * (step % 5 == 0)
    assert [(type(seen), seen.step) for seen in whole] == expected
    assert whole == curve(0.01) and whole != curve(0.01, seed=2)
    assert curve(0.01, until=20) == [seen for seen in whole if seen.step <= 20]
    assert whole[-1].loss_nats < curve(0.0003)[-1].loss_nats < whole[0].loss_nats
    lrs = [seen.lr for seen in whole if isinstance(seen, Step)]
    assert lrs[3] == max(lrs) == 0.01 and lrs[-1] == pytest.approx(0.001) and lrs[3:] == sorted(lrs[3:], reverse=True)


def test_a_high_lr_breaks_half_way():
    seen = curve(1.0)
    assert seen[-1].step == 20 and math.isnan(seen[-1].loss_nats)
    assert all(one.finite for one in seen[:-1])


def test_a_run_goes_on_from_where_it_stands(tmp_path):
    run = start(0.01)
    first = list(run.observe(15))
    run.save(tmp_path / "state")
    other = start(0.01)
    assert other.load(tmp_path / "state") == 15
    rest = list(other.observe(40))
    assert first + rest == first + list(run.observe(40)) == curve(0.01)


@pytest.mark.parametrize("data", [None, "", "{", '{"steps": 1}', "[]"])
def test_a_damaged_state_is_refused(tmp_path, data):
    if data is not None:
        (tmp_path / "state.json").write_text(data)
    run = start(0.01)
    with pytest.raises(UserError, match=r"state\.json: damaged \(.*\), expected a step; go on from an earlier one"):
        run.load(tmp_path)
    assert run.step == 0


def last(**values):
    return curve(0.01, **values)[-1].loss_nats


def test_any_space_has_an_optimum():
    """Each number has a valley in its logarithm, each word a constant; names are nothing that this trainer must know."""
    losses = [last(anything=10.0**power) for power in range(-5, 5)]
    best = losses.index(min(losses))
    assert losses[:best] == sorted(losses[:best], reverse=True) and losses[best:] == sorted(losses[best:])
    assert len({last(kind=word) for word in ("a", "b", "c")}) == 3
    assert last(anything=0.1) != last(another=0.1) and math.isfinite(last(count=0))
    assert last(anything=0.1, kind="a") == last(kind="a", anything=0.1)


def test_it_needs_no_torch():
    code = "import sys; import lrsweep.trainers.simulated; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
