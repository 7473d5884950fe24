"""The comparison at the final training's length: steps by hand, planted gains found again, and runs that diverge."""

import pytest

from lrsweep.analysis.comparison import best_of, chain, compare
from lrsweep.analysis.noise import Noise

DEFAULT = {"lr": 0.001, "beta2": 0.999, "weight_decay": 0.01, "optimizer": "adamw"}
CHOSEN = {"beta2": 0.98, "lr": 0.02, "weight_decay": 0.01, "optimizer": "muon"}
NOISE = Noise(0.02, 10)


def test_the_lr_comes_first_and_the_others_one_at_a_time_or_all_at_once():
    one_by_one = chain(DEFAULT, CHOSEN, each=True)
    assert [changed for changed, _ in one_by_one] == [(), ("lr",), ("beta2",), ("optimizer",)], "what is equal makes no step"
    assert [values["lr"] for _, values in one_by_one] == [0.001, 0.02, 0.02, 0.02]
    assert [values["beta2"] for _, values in one_by_one] == [0.999, 0.999, 0.98, 0.98]
    assert one_by_one[0][1] == DEFAULT and one_by_one[-1][1] == CHOSEN
    at_once = chain(DEFAULT, CHOSEN, each=False)
    assert [changed for changed, _ in at_once] == [(), ("lr",), ("beta2", "optimizer")] and at_once[-1][1] == CHOSEN
    assert [changed for changed, _ in chain(CHOSEN, CHOSEN, each=True)] == [()]


@pytest.mark.parametrize("each", [True, False])
def test_planted_gains_are_found_again_and_add_up_to_the_whole(each):
    """A loss that is a sum over names: each gain is what its name was given, whatever the seed adds to all alike."""
    planted = {"lr": 0.5, "beta2": 0.07, "weight_decay": 0.0, "optimizer": -0.03}
    steps = chain(DEFAULT, CHOSEN, each)

    def losses(number):
        values = steps[number][1]
        gained = sum(gain for name, gain in planted.items() if values[name] == CHOSEN[name])
        return tuple(3.0 + seed / 10 - gained for seed in range(3))

    found = compare(steps, losses, "test", NOISE, {})
    for link in found.links[1:]:
        assert link.gain_nats == pytest.approx(sum(planted[name] for name in link.changed))
    assert sum(link.gain_nats for link in found.links[1:]) == pytest.approx(found.gain_nats) == pytest.approx(0.54)
    assert found.noise_nats == pytest.approx(2.228139 * 0.02 * (2 / 3) ** 0.5), "t at 10 degrees of freedom, three seeds each"


def test_a_diverged_run_leaves_the_gains_beside_it_unknown():
    steps = chain(DEFAULT, CHOSEN, each=True)
    losses = [(3.0, 3.2), (2.5, None), (2.0, 2.2), (1.9, 2.1)]
    found = compare(steps, losses.__getitem__, "validation", NOISE, {})
    assert [link.gain_nats for link in found.links] == [None, None, None, pytest.approx(0.1)]
    assert found.gain_nats == pytest.approx(1.1), "both ends are known"
    broken = compare(steps[:1], lambda _: (None, None), "validation", Noise(None, 0), {})
    assert broken.gain_nats is None and broken.noise_nats is None


def test_the_best_rule_has_the_least_mean_and_diverged_nowhere():
    assert best_of({}) is None
    assert best_of({"ours": (1.0, 1.2), "step law": (0.5, None), "selected": (1.3, 1.0)}) == "ours"
