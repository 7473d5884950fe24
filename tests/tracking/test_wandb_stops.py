"""The stopping rule against W&B's own engine: on 400 random sweeps the same trials are stopped, after the same evals.

The engine's answers are fixtures, which `make fixtures-sweeps` writes; it needs an environment of its own (numpy 1).
"""

import json
from pathlib import Path

import pytest

from lrsweep.search.replaying import RULES
from lrsweep.search.stopping import judge
from tests.wandb_histories import CASES, sweep, write_up

ANSWERS = json.loads((Path(__file__).parents[1] / "fixtures/wandb_stops.json").read_text())


def rungs(case):
    """In evals, below the end: a trial that is stopped at its end is not stopped."""
    found, rung = [], case["min_iter"]
    while rung < len(case["trials"][0]):
        found.append(rung)
        rung *= case["eta"]
    return found


def stops(case, rule):
    """After how many evals each trial is stopped, when they run one after the other; rule(losses so far, references)."""
    reached = {rung: [] for rung in rungs(case)}
    answers = []
    for losses in case["trials"]:
        end = None
        for rung in reached:
            stopped = rule(losses[:rung], reached[rung], case["eta"])
            reached[rung].append(losses[rung - 1])
            if stopped:
                end = rung
                break
        answers.append(end)
    return answers


def ours(losses, references, eta):
    return judge(losses[-1], references, eta).stopped


def replayed(name):
    return lambda losses, references, eta: RULES[name](losses[-1], min(losses), sorted(references), eta, 0.0)


def theirs(case, answers):
    return [None if answer == len(losses) else answer for answer, losses in zip(answers, case["trials"], strict=True)]


@pytest.mark.parametrize(
    ("engine", "rule"),
    [
        ("strict", ours),
        *((engine, replayed(rule)) for engine, rule in (("strict", "ours"), ("strict", "strict"), ("not_strict",) * 2)),
    ],
)
def test_the_same_trials_are_stopped(engine, rule):
    fired = 0
    for number in range(CASES):
        case = sweep(number)
        expected = theirs(case, ANSWERS[engine][number])
        assert stops(case, rule) == expected, f"sweep {number}"
        fired += sum(answer is not None for answer in expected)
    assert fired > 1000  # the comparison is of stops, not of their absence


def test_the_write_ups_min_iter_stops_nothing():
    """Meant as 250 steps, counted as 250 evals of 20: no run ever reaches a rung."""
    assert ANSWERS["write_up"] == [[None] * 23]
    assert rungs(write_up()) == []
