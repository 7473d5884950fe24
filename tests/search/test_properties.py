"""What must hold for any numbers: the metrics, the rungs, the stopping rule, its replay and the race.

Those of the schedule, the tokens, the corpus and the smoothing stand in their files.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.search import racing, replaying, settings
from lrsweep.search.metric import NAMES, components
from lrsweep.search.stopping import halve, judge, threshold
from tests.search.studies import SECTION as SWEEP
from tests.search.test_racing import SECTION as RACE

SHARES = st.integers(0, 64).map(lambda n: n / 64)
CURVES = st.lists(st.tuples(SHARES, st.floats(0.5, 12)), min_size=1, max_size=40)  # LR as a share of its maximum, and loss
METRICS = st.builds(
    settings.Metric,
    name=st.just("m_u"),
    window=st.integers(1, 6),
    kappa=st.floats(1, 2),
    rho=SHARES,
    rise_weight=SHARES.map(lambda share: 3 * share),
)
ETAS = st.integers(2, 5)
# Multiples of 1/8: sums and products with powers of two are exact, so that no rounding makes or breaks a tie.
VALUES = st.integers(-4000, 4000).map(lambda n: n / 8)


def values(rows):
    return [[row.value(name) for name in NAMES] for row in rows]


@given(CURVES, METRICS)
def test_metrics_are_those_of_their_definition(curve, section):
    w, (lrs, losses) = section.window, zip(*curve, strict=True)
    for n, row in enumerate(components(lrs, losses, 1.0, section)):
        evals = losses[1 : n + 1]
        assert row.loss_nats == losses[n]
        assert row.minimum_nats == min(evals, default=None)
        assert row.trailing_mean_nats == (pytest.approx(np.mean(evals[-w:])) if evals else None)
        terms = []
        for i in range(w + 1, n + 1):
            rise = losses[i] - np.mean(losses[i - w : i])
            terms.append(-section.rise_weight * rise if lrs[i] >= section.rho else losses[i])
        weights = section.kappa ** np.arange(len(terms))
        assert row.m_u == (pytest.approx(np.average(terms, weights=weights), abs=1e-9) if terms else None)


@given(CURVES, METRICS, st.sampled_from([0.25, 2.0, 16.0]))
def test_metrics_scale_with_the_losses_and_do_not_depend_on_the_unit_of_the_lr(curve, section, factor):
    lrs, losses = zip(*curve, strict=True)
    plain = values(components(lrs, losses, 1.0, section))
    scaled = values(components(lrs, [factor * loss for loss in losses], 1.0, section))
    assert scaled == [[None if one is None else factor * one for one in row] for row in plain]
    assert values(components([factor * lr for lr in lrs], losses, factor, section)) == plain


@given(CURVES, METRICS, st.floats(0, 5), st.booleans())
def test_a_shift_of_the_losses_shifts_m_u_away_from_the_peak_and_not_near_it(curve, section, shift, near):
    section, losses = section.model_copy(update={"rho": 0.5}), [loss for _, loss in curve]
    lrs = [1.0 if near else 0.0] * len(losses)
    before = components(lrs, losses, 1.0, section)
    after = components(lrs, [loss + shift for loss in losses], 1.0, section)
    for one, other in zip(before, after, strict=True):
        if one.m_u is not None:
            assert other.m_u == pytest.approx(one.m_u + (0.0 if near else shift), abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 3000), ETAS)
def test_rungs_grow_by_eta_up_to_the_end_and_fall_on_evals(evals, every, steps, eta):
    stopping = settings.Stopping(first_rung=evals * every, eta=eta, slack=0.0)
    rungs = SWEEP.model_copy(update={"eval_every": every, "steps": steps, "stopping": stopping}).rungs
    assert list(rungs) == [stopping.first_rung * eta**i for i in range(len(rungs))]
    assert all(rung < steps and rung % every == 0 for rung in rungs)
    assert stopping.first_rung * eta ** len(rungs) >= steps, "none is left out"


@given(st.lists(VALUES, min_size=1, max_size=60), ETAS, st.randoms(use_true_random=False))
def test_the_threshold_is_one_of_the_values_and_lets_a_fixed_share_go_on(found, eta, random):
    limit = threshold(found, eta)
    assert limit in found
    assert sum(value < limit for value in found) <= len(found) // eta < sum(value <= limit for value in found)
    shuffled = random.sample(found, len(found))
    assert threshold(shuffled, eta) == limit, "in whatever order they came"
    assert threshold([2 * value + 3 for value in found], eta) == 2 * limit + 3


@given(VALUES, st.lists(VALUES, max_size=60), ETAS)
def test_a_verdict_follows_from_order_alone(value, references, eta):
    verdict = judge(value, references, eta)
    assert verdict.stopped == (bool(references) and value > threshold([*references, value], eta))
    assert judge(4 * value - 1, [4 * one - 1 for one in references], eta).stopped == verdict.stopped
    if verdict.stopped:
        assert judge(value + 1, references, eta).stopped, "nor does a worse one go on"


@given(st.lists(st.none() | VALUES, min_size=1, max_size=40), ETAS)
def test_halving_keeps_the_better_part_of_the_sound(found, eta):
    block = dict(enumerate(found))
    kept = halve(block, len(block), eta)
    sound = {trial: value for trial, value in block.items() if value is not None}
    assert kept == sorted(kept) and set(kept) <= set(sound)
    assert len(kept) == min(len(block) // eta, len(sound))
    assert all(sound[one] <= sound[other] for one in kept for other in sound if other not in kept)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=12), ETAS, st.integers(0, 99))
def test_a_replay_is_the_stopping_rule_one_trial_after_another(curves, eta, seed):
    """Rungs at steps 1 and 2 of 3; the replayed sums are those of `judge` over the order that the replay drew."""
    known = pd.DataFrame(
        {"trial": range(len(curves)), "state": "COMPLETE", "steps": 3, "final_loss_nats": [c[-1] for c in curves]}
    )
    points = [(trial, step, loss) for trial, curve in enumerate(curves) for step, loss in enumerate(curve, start=1)]
    evals = pd.DataFrame(points, columns=["trial", "step", "loss_nats"])
    evals = evals.assign(minimum_nats=evals["loss_nats"], trailing_mean_nats=np.nan, m_u=np.nan)
    rows = replaying.replay(known, evals, (1, 2), settings.Stopping(first_rung=1, eta=eta, slack=0.0), 2, seed)
    for order in range(2):
        sequence = replaying.generator(seed, "assess/replay", order).permutation(len(curves)).tolist()
        earlier: dict[int, list[float]] = {1: [], 2: []}
        trained = {}
        for trial in sequence:
            trained[trial] = 3
            for rung, before in earlier.items():
                stopped = judge(curves[trial][rung - 1], before, eta).stopped
                before.append(curves[trial][rung - 1])
                if stopped:
                    trained[trial] = rung
                    break
        kept = [curves[trial][-1] for trial, steps in trained.items() if steps == 3]
        (row,) = (r for r in rows if (r["rule"], r["metric"], r["order"]) == ("strict", "loss", order))
        assert (row["steps"], row["stopped"], row["best_loss_nats"]) == (
            sum(trained.values()),
            len(curves) - len(kept),
            min(kept),
        )
    whole = min(curve[-1] for curve in curves)
    assert all(row["steps"] <= 3 * len(curves) and row["best_loss_nats"] >= whole for row in rows)


LOSS = st.floats(1, 4) | st.none()


@given(st.data(), st.integers(1, 5), st.integers(2, 5), st.integers(2, 3), st.integers(0, 10))
def test_a_race_keeps_its_budget_and_drops_for_good(data, candidates, seeds, first, spare):
    first = min(first, seeds)
    budget = (candidates + 1) * first + spare
    section = RACE.model_copy(update={"candidates": candidates, "seeds": seeds, "first_seeds": first, "budget": budget})
    table = data.draw(st.lists(st.lists(LOSS, min_size=seeds, max_size=seeds), min_size=candidates + 1, max_size=candidates + 1))
    rounds = list(racing.run(candidates + 1, section, lambda entry: table[entry.candidate][entry.repeat]))
    entries = [entry for found in rounds for entry in found.entries]
    assert len(entries) == len(set(entries)) <= budget
    for candidate in range(candidates + 1):
        repeats = [entry.repeat for entry in entries if entry.candidate == candidate]
        assert repeats == list(range(len(repeats))), "seeds come in order"
    standing = set(range(candidates + 1))
    for found in rounds:
        assert {entry.candidate for entry in found.entries} <= standing, "who is out gets no more seeds"
        assert set(found.standing) <= standing
        standing = set(found.standing)
    lost = {entry.candidate for entry in entries if table[entry.candidate][entry.repeat] is None}
    assert not standing & lost, "nobody who has diverged is left"
