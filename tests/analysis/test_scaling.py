"""The LR carried to the final training: by a law, by one profile, or not at all."""

import math

import pytest

from lrsweep.analysis.profile import Run
from lrsweep.analysis.scaling import independent, scale

FACTORS = (0.35, 0.7, 1.4, 2.8)


def runs(best, level=3.0):
    """Four runs of a valley around its best LR."""
    return [Run(best * factor, i, level * math.exp(0.03 * math.log(factor) ** 2)) for i, factor in enumerate(FACTORS)]


def broken(best):
    """Runs of which none came to its end."""
    return [Run(one.lr, one.seed, None) for one in runs(best)]


def test_the_best_lr_is_carried_along_the_law():
    proxies = [({"steps": steps}, runs(0.02 * (steps / 100) ** -0.25)) for steps in (100.0, 200.0, 400.0, 800.0)]
    found = scale(proxies, {"steps": 3200.0}, 0)
    truth = 0.02 * 32**-0.25
    assert found.lr == pytest.approx(truth, rel=0.3), "pulled to the published exponent a little"
    assert found.law.lr.low < truth < found.law.lr.high
    assert [one.proxy for one in found.proxies] == [0, 1, 2, 3] and found.message is None


def test_a_proxy_that_breaks_is_left_out():
    found = scale(
        [({"steps": 100.0}, runs(0.02)), ({"steps": 200.0}, broken(0.02)), ({"steps": 400.0}, runs(0.02))], {"steps": 800.0}, 0
    )
    assert [one.proxy for one in found.proxies] == [0, 2] and "left out" in found.law.warnings[0]


def test_one_proxy_alone_gives_its_own_best():
    found = scale([({"steps": 100.0}, runs(0.02)), ({"steps": 200.0}, broken(0.02))], {"steps": 800.0}, 0)
    assert found.lr == pytest.approx(0.02, rel=0.1) and found.law is None and "One proxy alone" in found.message


def test_a_size_that_all_proxies_share_and_the_target_has_not_counts_too():
    """Nothing but the literature says what four times the width does: about a quarter of the LR."""
    proxies = [({"steps": steps, "d_model": 32.0}, runs(0.02)) for steps in (100.0, 200.0, 400.0)]
    same, wider = (scale(proxies, {"steps": 400.0, "d_model": width}, 0) for width in (32.0, 128.0))
    assert set(same.law.exponents) == {"steps"} and set(wider.law.exponents) == {"steps", "d_model"}
    assert wider.lr / same.lr == pytest.approx(0.25, rel=0.15)
    assert any("d_model is 32 in every profile" in one for one in wider.law.warnings)


def test_runs_that_diverge_bound_the_best_from_above():
    """Whatever lies above the best LR breaks: the answer stays where training ends."""
    half = [Run(one.lr, one.seed, None) if one.lr > 0.02 * 1.5 else one for one in runs(0.02)]
    found = scale([({"steps": steps}, half) for steps in (100.0, 200.0, 400.0)], {"steps": 800.0}, 0)
    assert 0.01 < found.lr < 0.02 * 2.8 and all(one.profile.lr.high <= 0.02 * 2.8 for one in found.proxies)


def test_a_target_inside_or_far_outside_gets_an_answer_and_a_warning():
    proxies = [({"steps": steps}, runs(0.02)) for steps in (100.0, 200.0, 400.0)]
    inside, near, far = (scale(proxies, {"steps": steps}, 0) for steps in (300.0, 800.0, 100_000.0))
    assert any("inside" in one for one in inside.law.warnings) and inside.lr == pytest.approx(0.02, rel=0.15)
    assert not near.law.warnings
    assert any("steps 100000 is far outside the profiles, 100 to 400" in one for one in far.law.warnings)
    widths = [found.law.lr.high / found.law.lr.low for found in (inside, near, far)]
    assert widths == sorted(widths) and widths[2] > 1.5 * widths[1]


def test_proxies_that_contradict_the_law_give_way_to_the_nearest():
    """Best LRs that jump by a factor of 16 to and fro are no power of the length."""
    bests = {100.0: 0.02, 200.0: 0.32, 400.0: 0.02, 800.0: 0.32}
    found = scale([({"steps": steps}, runs(best)) for steps, best in bests.items()], {"steps": 1600.0}, 0)
    assert not found.law.followed and found.law.nearest.sizes == {"steps": 800.0}
    assert found.lr == pytest.approx(0.32, rel=0.1)
    assert found.law.lr.low < 0.1 and any("contradict" in one for one in found.law.warnings)


def test_no_proxy_at_all_says_why():
    assert scale([({"steps": 100.0}, broken(0.02))], {"steps": 800.0}, 0).lr is None
    assert "No proxy has three LRs" in scale([({"steps": 100.0}, broken(0.02))], {"steps": 800.0}, 0).message
    assert scale([], {}, 0).message is None


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ([{"steps": 100.0}, {"steps": 200.0}], ["steps"]),
        ([{"steps": 100.0, "d_model": 32.0, "d_ff": 96.0}, {"steps": 100.0, "d_model": 64.0, "d_ff": 192.0}], ["d_model"]),
        (
            [{"d_model": 32.0, "d_ff": 96.0}, {"d_model": 64.0, "d_ff": 192.0}, {"d_model": 64.0, "d_ff": 256.0}],
            ["d_model", "d_ff"],
        ),
        ([{"steps": 100.0}], []),
    ],
)
def test_a_law_has_only_names_that_it_can_tell_apart(sizes, names):
    assert independent(sizes) == names
