"""Numbers at their ends: whatever losses a study has, each analysis ends with finite numbers or says that there are none."""

import json
import math
import warnings
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrsweep.analysis import (
    ablations,
    assessment,
    breaking,
    clusters,
    comparison,
    crossings,
    edge,
    endings,
    importance,
    outliers,
    profile,
    rising,
    scaling,
    stability,
    statements,
)
from lrsweep.analysis.noise import Difference, Estimate, Noise, indistinct
from lrsweep.analysis.profile import Run
from lrsweep.errors import UserError
from lrsweep.logs.measurement import LARGEST, LEAST
from lrsweep.search.trial import COMPLETE, DIVERGED
from tests.analysis import test_assessment as of_assessment
from tests.analysis import test_clusters as of_clusters
from tests.analysis import test_crossings as of_crossings
from tests.analysis import test_edge as of_edge
from tests.analysis import test_importance as of_importance
from tests.analysis import test_rising as of_rising
from tests.analysis import test_selection as of_selection
from tests.spaces import USUAL, drawn, held

# None: diverged. Negative losses and those over 709 nats, whose exponential is no float, do come.
LOSSES = st.sampled_from([None, 0.0, -1e200, 1e200, 1e-300, 710.0, 2.0, 2.0, 2.0000000000000004, -3.0, 1e8])
STUDIES = st.lists(LOSSES, min_size=1, max_size=12)

# What can be measured lies within LARGEST and is 0 within LEAST. A profile takes the logarithm of a loss.
POSITIVE = [LEAST, 2.0, math.nextafter(2.0, 3.0), 710.0, LARGEST]
PROFILED = st.sampled_from([None, *POSITIVE])
MEASURED = st.sampled_from([None, *POSITIVE, 0.0, -3.0, -LARGEST])
LRS = st.sampled_from([1e-30, 1e-3, 0.01, math.nextafter(0.01, 1.0), 0.3, 1e30])
NORMS = st.sampled_from([0.0, LEAST, 1.0, LARGEST, math.nan])


def finite(found):
    json.dumps(found, allow_nan=False)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def states(losses):
    return [DIVERGED if loss is None else COMPLETE for loss in losses]


def plain(losses):
    return [np.nan if loss is None else loss for loss in losses]


@settings(max_examples=60)
@given(STUDIES, st.booleans())
@example([None] * 6, False)
@example([2.0] * 6, True)
def test_the_edge(losses, one_lr):
    lrs = np.full(len(losses), 0.01) if one_lr else np.geomspace(1e-4, 0.1, len(losses))
    section = of_edge.SECTION.model_copy(update={"bootstrap": 100})
    tables = of_edge.study(lrs.tolist(), plain(losses), states(losses))
    found, bins = edge.find_edge(*tables, section=section, study=of_edge.STUDY, seed=0, refining=edge.NOT_REFINED)
    finite(asdict(found))
    finite(bins)
    assert found.lr_range.min < found.lr_range.max


@settings(max_examples=40)
@given(STUDIES)
@example([2.0] * 8)
def test_clusters(losses):
    rows = [
        {"trial": k, "state": state, "steps": 120, **values, "final_loss_nats": loss}
        for k, (values, loss, state) in enumerate(zip(drawn(USUAL, len(losses)), plain(losses), states(losses), strict=True))
    ]
    evals = [{"trial": row["trial"], "step": s, "loss_nats": row["final_loss_nats"]} for row in rows for s in range(0, 121, 10)]
    trials = held(pd.DataFrame(rows), USUAL)
    found, assigned = clusters.find_clusters(trials, pd.DataFrame(evals).dropna(), of_clusters.SECTION, 0)
    finite(asdict(found))
    finite(assigned)


@settings(max_examples=30)
@given(STUDIES, st.sampled_from([1, 4]))
@example([2.0] * 12, 1)
def test_importance(losses, trees):
    table = of_importance.study(n=len(losses))
    table["final_loss_nats"] = plain(losses)
    table["state"] = states(losses)
    section = of_importance.SECTION.model_copy(update={"trees": trees, "fewest_trials": 4})
    found = importance.rank_hyperparameters(held(table, USUAL), section, 0)
    finite(asdict(found))


def runs_of(points):
    return [Run(lr, seed, loss) for seed, (lr, loss) in enumerate(points)]


@settings(max_examples=60)
@given(st.lists(st.lists(MEASURED.filter(lambda one: one is not None), max_size=3), min_size=2, max_size=3))
@example([[0.0, 1e-100], [0.0, 1e-100], [0.0, 1e-100]])
@example([[LARGEST, -LARGEST], [2.0, 2.0], [2.0]])
@example([[2.0, math.nextafter(2.0, 3.0)] * 2, [2.0]])
def test_the_noise_between_seeds(groups):
    noise = Noise.of(groups)
    own = noise.at_least(Noise.of(groups[:1]))
    finite(
        [
            asdict(noise),
            *(one and asdict(one) for one in (Estimate.of(groups[0], own), Difference.of(*groups[:1], own, groups[1], noise))),
        ]
    )
    assert set(indistinct(dict(enumerate(groups)), 0, noise)) <= set(range(1, len(groups)))


@settings(max_examples=12)
@given(
    st.lists(st.tuples(MEASURED, MEASURED), min_size=4, max_size=4),
    st.tuples(MEASURED, MEASURED),
    LOSSES.filter(lambda one: one is not None),
)
@example([(None, None)] * 4, (None, None), 2.0)
@example([(2.0, 2.0)] * 4, (2.0, 2.0), 2.0)
@example([(0.0, LARGEST)] * 4, (-LARGEST, LARGEST), 710.0)
def test_the_choice(raced, confirming, single):
    table = of_selection.trials().assign(final_loss_nats=lambda t: t["final_loss_nats"].where(t["trial"] != 4, single))
    standing = [number for number, losses in enumerate(raced) if None not in losses] or [0]
    found = of_selection.choose(*raced, table=table, standing=standing, confirming=dict.fromkeys(range(4), confirming))
    finite(asdict(found))


@settings(max_examples=12)
@given(st.lists(MEASURED, min_size=1, max_size=12), st.integers(0, 11), st.booleans())
@example([2.0] * 12, 6, False)
@example([None] * 12, 0, False)
@example([LARGEST, -LARGEST] * 6, 4, True)
def test_the_assessment(losses, stopped, by_step):
    trials, evals = of_assessment.study(len(losses))
    ends = dict(enumerate(plain(losses)))
    trials = trials.assign(state=states(losses), final_loss_nats=plain(losses), last_loss_nats=plain(losses))
    columns = ["loss_nats", "trailing_mean_nats", "minimum_nats", "m_u"]
    place = evals["trial"] if not by_step else (evals["trial"] + evals["step"] // 20) % len(losses)
    evals = evals.assign(**{name: place.map(ends) for name in columns}).dropna(subset=["loss_nats"], ignore_index=True)
    which = [trial for trial in range(min(stopped, len(losses))) if ends[trial] == ends[trial]]
    tables = of_assessment.prune(trials, evals, which)
    found, pairs, replayed = assessment.assess(*tables, dict.fromkeys(which, 2.0), of_assessment.SECTION, of_assessment.SWEEP, 0)
    finite([asdict(found), pairs, replayed])


@given(st.lists(st.lists(MEASURED, min_size=2, max_size=2).map(tuple), min_size=1, max_size=4))
def test_the_comparison_at_the_final_length(losses):
    steps = [(("lr",) if number else (), {"lr": 0.01}) for number in range(len(losses))]
    rules = {str(number): one for number, one in enumerate(losses)}
    found = comparison.compare(steps, losses.__getitem__, "test", Noise(LARGEST, 3), rules)
    finite(asdict(found))
    assert (comparison.best_of(rules) is None) == all(None in one for one in losses)


@settings(max_examples=12)
@given(st.lists(st.tuples(LRS, st.sampled_from([None, 0.0, -LARGEST, 38.0, LARGEST]), NORMS, NORMS), max_size=6))
@example([(0.01, None, math.nan, math.nan)] * 2)
def test_the_crossings(rows):
    columns = ["max_lr", "eigenvalue", "critical_low_lr", "critical_high_lr"]
    table = pd.DataFrame(rows, columns=columns).astype(float)
    table = table.assign(trial=range(len(rows)), part=of_crossings.AFTER, lr=table["max_lr"], threshold=38.0)
    finite(asdict(crossings.measured(table.assign(critical_lr=table["critical_low_lr"]), 0)))


@settings(max_examples=12)
@given(st.lists(st.tuples(LRS, st.booleans()), max_size=6))
@example([(0.01, True), (math.nextafter(0.01, 1.0), False)])
def test_where_training_breaks(runs):
    found = stability.breaks_of(runs)
    assert (found is None) == (not runs)
    if found:
        finite([asdict(found.lr_at(0.1, 0)), found.probability(0.0)])
        lrs = [lr for lr, _ in runs]
        assert min(lrs) * 0.99 <= found.next_lr(0.1, min(lrs), 4 * max(lrs)) <= 4.01 * max(lrs)


@settings(max_examples=6)
@given(st.lists(st.tuples(LRS.filter(lambda lr: 1e-4 < lr < 1), PROFILED), min_size=1, max_size=7))
@example([(0.01, None)] * 4)
@example([(0.01, 2.0), (0.02, 2.0), (0.04, 2.0)])
@example([(0.01, LEAST), (0.02, LARGEST), (0.04, 2.0)])
def test_a_profile_and_its_next_run(points):
    runs = runs_of(points)
    placed = profile.next_lr(runs, [], 0.01, 2.0, 0)
    assert 0 < placed.lr < math.inf
    if profile.are_enough(runs):
        finite(asdict(profile.profile_of(runs, 0)))
    limit = breaking.limit_nats(runs, LARGEST, 0.5)
    finite([limit, asdict(breaking.breaking(runs, limit, 0)), breaking.next_lr(runs, limit, 2.0)])


@pytest.mark.parametrize("loss", [0.0, -3.0, -LARGEST])
def test_a_loss_without_a_logarithm_is_refused(loss):
    with pytest.raises(
        UserError, match=r"^profile: found a final loss of .*, expected losses above 0, .*; .*edge\.refine, scale and ablate"
    ):
        profile.profile_of(runs_of([(0.01, 2.0), (0.02, loss), (0.04, 2.0)]), 0)


@settings(max_examples=4)
@given(st.lists(st.lists(PROFILED, min_size=4, max_size=4), min_size=1, max_size=3))
@example([[None] * 4] * 3)
@example([[2.0] * 4] * 3)
@example([[LEAST, LEAST, 2.0, LARGEST]] * 2)
def test_the_law(losses):
    proxies = [
        ({"steps": 100.0 * 2**i}, runs_of(zip([0.01, 0.02, 0.04, 0.08], own, strict=True))) for i, own in enumerate(losses)
    ]
    found = scaling.scale(proxies, {"steps": 3200.0}, 0)
    finite(asdict(found))
    assert (found.lr is None) == (not any(profile.are_enough(runs) for _, runs in proxies))


@settings(max_examples=4)
@given(st.lists(st.lists(PROFILED, min_size=5, max_size=5), min_size=2, max_size=3), PROFILED)
@example([[LEAST] * 5] * 2, 6.0)
@example([[1e-300] * 5] * 2, 6.0)
@example([[LARGEST] * 5] * 3, LARGEST)
@example([[None] * 5] * 2, None)
def test_the_ablations(losses, untrained):
    lrs = [0.01, 0.02, 0.04, 0.01, 0.01]
    tried = [ablations.Tried(f"v{i}", {}, None, runs_of(zip(lrs, own, strict=True))) for i, own in enumerate(losses)]
    crossed = [ablations.Tried("both", {}, (1, 2), tried[0].runs)] if len(tried) > 2 else []
    limit = breaking.limit_nats(tried[0].runs, untrained, 0.5)
    found = ablations.compare([*tried, *crossed], ablations.Setting(0.01, (0.01, 0.04), limit, untrained), 0)
    finite(asdict(found))
    assert len(statements.statements(found)) >= len(tried) - 1


@settings(max_examples=12)
@given(st.lists(st.lists(NORMS, min_size=1, max_size=6), max_size=5))
@example([[LARGEST] * 6])
def test_the_rise_of_the_norm(norms):
    rows = [
        {"trial": k, "step": step, "lr": 0.01 * step, "grad_norm": norm}
        for k, own in enumerate(norms) for step, norm in enumerate(own, start=1)
    ]  # fmt: skip
    found = rising.rise_of(pd.DataFrame(rows, columns=["trial", "step", "lr", "grad_norm"]), of_rising.WARMUP, 0)
    finite(found and asdict(found))


@given(st.lists(st.tuples(MEASURED.filter(lambda one: one is not None), st.sampled_from([0.0, 0.01, math.nan])), max_size=6))
def test_the_catapult(points):
    losses, lrs = (np.array([one[i] for one in points]) for i in (0, 1))
    finite(asdict(endings.catapult(lrs, losses, 0.01, 0.9)))


@given(STUDIES, st.sampled_from([6.0, math.inf]))
@example([2.0] * 9, 6.0)
@example([None] * 6, math.inf)
def test_outliers_and_the_sampling(losses, untrained):
    lrs = np.geomspace(1e-4, 0.1, len(losses))
    known = np.where(np.isnan(plain(losses)), untrained, plain(losses))
    rows = [
        endings.Ending(0.0, None, k, lr, state, loss, False, 0, 0.0, False, False)
        for k, (lr, state, loss) in enumerate(zip(lrs.tolist(), states(losses), losses, strict=True))
    ]
    finite([asdict(one) for one in outliers.find_outliers(rows, known, of_edge.SECTION)])
    finite([asdict(one) for one in outliers.sampling(lrs, of_edge.STUDY.lr, 0.5)])
