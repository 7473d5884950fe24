"""Laws from profiles with planted exponents: what is found, how far the prior goes, and what is warned of."""

from itertools import product

import numpy as np
import pytest

from lrsweep.analysis.law import PRIORS, Proxy, law_of, role_of
from lrsweep.analysis.profile import Interval, Profile

EXPONENTS = {"N": -0.6, "D": 0.1, "bs": 0.3}
AT = {"N": 4e9, "D": 5e10, "bs": 512.0}


def around(value: float, factor: float = 1.1) -> Interval:
    return Interval(value, value / factor, value * factor)


def profile(lr: float, loss: float = 2.0, sd: float = 0.05, at_border: bool = False) -> Profile:
    return Profile(
        around(lr), around(lr / 2), around(lr * 1.5), around(2 * lr), around(loss, 1.01), around(0.1), sd, at_border, 7
    )


def planted(sizes) -> float:
    return 0.003 * float(np.prod([(sizes[name] / AT[name]) ** EXPONENTS[name] for name in sizes]))


def grid(scatter: float = 0.0, **columns) -> list[Proxy]:
    rng = np.random.default_rng(0)
    points = [dict(zip(columns, values, strict=True)) for values in product(*columns.values())]
    return [Proxy(point, profile(planted(point) * float(np.exp(rng.normal(0, scatter))))) for point in points]


WIDE = {"N": (1e7, 1e8, 1e9), "D": (1e8, 1e9, 1e10), "bs": (32.0, 128.0)}


def test_planted_exponents_are_found_and_their_target_too():
    found = law_of(grid(0.05, **WIDE), AT, 0, 0)
    for name, planted_one in EXPONENTS.items():
        assert found.exponents[name].value == pytest.approx(planted_one, abs=0.08)
        assert found.exponents[name].low <= planted_one <= found.exponents[name].high
    assert found.lr.value == pytest.approx(planted(AT), rel=0.3)
    assert found.lr.low <= planted(AT) <= found.lr.high
    assert found.followed and found.warnings == ()


def test_the_band_is_as_wide_as_the_profiles():
    found = law_of(grid(**WIDE), AT, 0, 0)
    assert np.array(found.band) / found.lr.value == pytest.approx([0.5, 1.5])


def test_a_column_that_does_not_differ_has_the_exponent_of_the_literature():
    found = law_of(grid(N=(1e8,), D=(1e8, 1e9, 1e10)), {"N": 2e8, "D": 1e10}, 0, 0)
    assert found.exponents["N"].value == pytest.approx(PRIORS["size"].mean, abs=0.02)
    assert any("N is 1e+08 in every profile" in one for one in found.warnings)


@pytest.mark.parametrize("exponent", [1.0, -2.0])
def test_an_exponent_far_from_the_literature_is_followed_where_profiles_are_sure_of_it(exponent):
    proxies = [Proxy({"N": n}, profile(0.003 * (n / 1e8) ** exponent)) for n in (1e7, 3e7, 1e8)]
    found = law_of(proxies, {"N": 3e8}, 0, 0)
    assert found.exponents["N"].value == pytest.approx(exponent, abs=0.1)
    assert found.followed and found.lr.low <= 0.003 * 3**exponent <= found.lr.high


def test_few_profiles_stay_nearer_to_the_literature_than_many():
    columns = {"N": (1e8, 2e8)}
    few, many = (law_of(grid(**{**columns, "N": n}), {"N": 1e9}, 0, 0) for n in ((1e8, 2e8), tuple(np.geomspace(1e7, 1e9, 9))))
    prior, planted_one = PRIORS["size"].mean, EXPONENTS["N"]
    assert abs(few.exponents["N"].value - planted_one) > abs(many.exponents["N"].value - planted_one)
    assert min(prior, planted_one) <= few.exponents["N"].value <= max(prior, planted_one)
    assert few.lr.high / few.lr.low > many.lr.high / many.lr.low


def test_a_target_far_outside_has_a_warning_and_a_wider_interval():
    proxies = grid(0.05, N=(1e7, 3e7, 1e8))
    near, far = law_of(proxies, {"N": 2e8}, 0, 0), law_of(proxies, {"N": 1e11}, 0, 0)
    assert any("far outside" in one for one in far.warnings) and near.warnings == ()
    assert far.lr.high / far.lr.low > near.lr.high / near.lr.low


def test_a_target_inside_is_said_to_be_so():
    assert any("inside" in one for one in law_of(grid(N=(1e7, 1e8, 1e9)), {"N": 2e8}, 0, 0).warnings)


def test_profiles_that_contradict_the_law_give_way_to_the_nearest():
    lrs = (1e-4, 1e-1, 1e-4, 1e-1, 1e-4, 1e-1)
    proxies = [Proxy({"N": n}, profile(lr)) for n, lr in zip(np.geomspace(1e6, 1e9, 6).tolist(), lrs, strict=True)]
    found = law_of(proxies, {"N": 2e9}, 0, 0)
    assert not found.followed and any("contradict" in one for one in found.warnings)
    assert found.nearest == proxies[-1] and found.lr.value == pytest.approx(1e-1, rel=0.1)
    assert found.lr.low < 1e-3 and found.lr.high > 1


def test_profiles_at_a_border_are_left_out():
    proxies = grid(N=(1e7, 1e8, 1e9))
    wrong = Proxy({"N": 3e8}, profile(1.0, at_border=True))
    found = law_of([*proxies, wrong], {"N": 2e9}, 0, 0)
    assert found.lr == law_of(proxies, {"N": 2e9}, 0, 0).lr
    assert any("1 of 4 profiles" in one for one in found.warnings)


def test_a_batch_that_trains_badly_says_little():
    good = grid(N=(1e7, 1e8, 1e9), bs=(64.0, 128.0))
    bad = [Proxy({"N": n, "bs": 4096.0}, profile(planted({"N": n, "bs": 64.0}), loss=2.4)) for n in (1e7, 1e8, 1e9)]
    target = {"N": 2e9, "bs": 128.0}
    alone, both = law_of(good, target, 0, 0), law_of([*good, *bad], target, 0, 0)
    as_good = [Proxy(one.sizes, profile(one.profile.lr.value)) for one in bad]
    bent = law_of([*good, *as_good], target, 0, 0)
    assert abs(both.exponents["bs"].value - alone.exponents["bs"].value) < 0.1
    assert bent.exponents["bs"].value < both.exponents["bs"].value


def test_the_interval_holds_a_new_size_that_scatters_like_the_proxies():
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sizes = np.geomspace(1e7, 3.2e8, 6).tolist()
        proxies = [Proxy({"N": n}, profile(planted({"N": n}) * float(np.exp(rng.normal(0, 0.15))))) for n in sizes]
        truth = planted({"N": 1e9}) * float(np.exp(rng.normal(0, 0.15)))
        found = law_of(proxies, {"N": 1e9}, 0, 0)
        held += found.lr.low <= truth <= found.lr.high
    assert held >= 36


def test_the_best_lr_stays_where_it_is_under_mup():
    """Two widths with one best LR, and two that differ by noise: the answer is theirs, and that of a standard model is lower."""
    proxies = [({"width": w, "mup_width": w}, 0.01 * factor) for w, factor in ((64.0, 1.0), (128.0, 1.1))]
    found = {
        name: law_of([Proxy({name: sizes[name]}, profile(lr, sd=0.2)) for sizes, lr in proxies], {name: 512.0}, 0, 0)
        for name in ("width", "mup_width")
    }
    assert found["mup_width"].lr.value == pytest.approx(0.0105, rel=0.15) and found["width"].lr.value < 0.007


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("N", "size"),
        ("D", "horizon"),
        ("bs", "batch"),
        ("d_model", "width"),
        ("Steps", "horizon"),
        ("q", "other"),
        ("mup_width", "width in muP"),
    ],
)
def test_names_have_roles(name, role):
    assert role_of(name) == role
