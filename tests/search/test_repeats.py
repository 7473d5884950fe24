"""The trials that are trained again: candidates are likely good and spread, and a lucky run does not make one."""

import numpy as np

from lrsweep.search import repeats
from lrsweep.search.trial import COMPLETE, DIVERGED, PRUNED
from tests.spaces import OPEN, USUAL, drawn

DEFAULT = {"lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01}


def valley(n=60, noise=0.01, seed=0):
    """Trials whose true loss is a parabola in log LR, least at an LR of 0.01, and depends on nothing else."""
    random = np.random.default_rng(seed)
    rows = drawn(USUAL, n, seed)
    losses = [2 + 0.2 * np.log(row["lr"] / 0.01) ** 2 + noise * random.normal() for row in rows]
    return [
        {"trial": k, "state": COMPLETE, **row, "final_loss_nats": loss}
        for k, (row, loss) in enumerate(zip(rows, losses, strict=True))
    ]


def chosen(trials, most=5, space=USUAL, default=DEFAULT):
    return repeats.candidates(trials, space, most, default)[1:]


def test_candidates_are_the_default_and_complete_trials():
    trials = valley(6)
    trials[0] |= {"state": PRUNED, "final_loss_nats": np.nan}
    trials[1] |= {"state": DIVERGED, "final_loss_nats": np.nan}
    default, *others = repeats.candidates(trials, USUAL, 9, {**DEFAULT, "beta1": 0.9})
    assert (default.number, default.trial, default.values) == (0, None, DEFAULT), "what phase 2 does not vary is no part of it"
    assert [one.number for one in others] == [1, 2, 3, 4] and {one.trial for one in others} == {2, 3, 4, 5}
    assert all(one.values == {name: trials[one.trial][name] for name in USUAL} for one in others)
    assert len(chosen(trials, 2)) == 2 and len(chosen(trials[:3])) == 1 and chosen(trials[:2]) == []


def test_likely_good_trials_are_better_than_lucky_ones():
    """Over 15 studies with a noise of 0.05 nats: the true loss above the least of the first candidate, and of all five."""
    ours, lucky = [], []
    for seed in range(15):
        trials = valley(noise=0.05, seed=seed)
        above = [0.2 * np.log(row["lr"] / 0.01) ** 2 for row in trials]
        best = sorted(range(60), key=lambda k: trials[k]["final_loss_nats"])[:5]
        for found, numbers in ((ours, [one.trial for one in chosen(trials)]), (lucky, best)):
            found.append([above[numbers[0]], np.mean([above[k] for k in numbers])])
    assert (np.mean(ours, axis=0) < 0.8 * np.mean(lucky, axis=0)).all()


def test_candidates_are_spread_over_those_that_are_near_best():
    """Where nothing but noise tells the trials apart, candidates are far from each other; the luckiest five need not be."""
    trials = [{**row, "final_loss_nats": 2 + 0.01 * (k % 7)} for k, row in enumerate(valley())]
    points = USUAL.encode_all(trials)

    def gap(numbers):
        own = points[numbers]
        return min(float(np.linalg.norm(a - b)) for i, a in enumerate(own) for b in own[:i])

    lucky = sorted(range(60), key=lambda k: trials[k]["final_loss_nats"])[:5]
    assert gap([one.trial for one in chosen(trials)]) > 2 * gap(lucky)


def test_candidates_do_not_depend_on_the_order_of_the_rows_and_know_choices():
    trials = valley()
    assert chosen(trials) == chosen(trials[::-1])
    rows = drawn(OPEN, 30)
    trials = [
        {"trial": k, "state": COMPLETE, **row, "final_loss_nats": 2.0 + (row["optimizer"] == "muon")}
        for k, row in enumerate(rows)
    ]
    assert all(one.values["optimizer"] == "adamw" for one in chosen(trials, space=OPEN, default=rows[0]))
    same = [{**row, "final_loss_nats": 2.0} for row in trials]
    assert len(chosen(same, space=OPEN, default=rows[0])) == 5
