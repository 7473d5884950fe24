"""Proposals are a pure function of the records in sight; what the sampler is told is worked out by hand."""

import numpy as np
import pytest

from lrsweep.search.proposing import propose, tell
from lrsweep.search.uniform import uniform
from lrsweep.space import Float
from tests.search.studies import LR, SECTION, SPACE, known, record


def block():
    rng = np.random.default_rng(0)
    rows = []
    for trial in range(16):
        lr = 10 ** rng.uniform(-4, -1)
        final = 3 + (np.log10(lr) + 2) ** 2 / 4
        complete = trial % 4 == 0
        losses = np.linspace(6, final, 30)[: 30 if complete else 8]
        rows.append(record(trial, "COMPLETE" if complete else "PRUNED", losses.tolist(), float(f"{lr:.4g}")))
    return rows


def test_what_the_sampler_is_told():
    complete = [record(0, "COMPLETE", [5.0] * 4 + [3.0] * 26), record(1, "COMPLETE", [4.0] * 4 + [3.5] * 26)]
    told = tell([*complete, record(2, "PRUNED", [5.0] * 4), record(3, "DIVERGED", [5.0])], SECTION)
    # at the first rung (step 40, eval 4) the complete ones stand at 5 and 4 and end at 3 and 3.5: changes -2 and -0.5
    assert told == [3.0, 3.5, 5.0 - 1.25, 3.75]


def test_what_is_told_is_capped():
    rows = [record(i, "COMPLETE", [float(3 + i)] * 30) for i in range(5)]
    told = tell(rows, SECTION.model_copy(update={"cap_quantile": 0.5}))
    assert told == [3.0, 4.0, 5.0, 5.0, 5.0]


def test_nothing_is_told_without_a_complete_trial():
    assert tell([record(0, "PRUNED", [5.0] * 4)], SECTION) == []


def test_the_first_block_is_sobol_and_inside_the_ranges():
    found = [propose([], [], k, SECTION, SPACE, seed=0) for k in range(16)]
    assert all(p.sampler == "sobol" and SPACE.contains(p.values) for p in found)
    # a Sobol sequence of 16 points has one in each sixteenth of every axis
    shares = sorted(int(16 * np.log(p.lr / LR.min) / np.log(LR.max / LR.min) - 1e-3) for p in found)
    assert len(set(shares)) >= 15


@pytest.mark.parametrize("sampler", ["mfgp", "gp", "tpe"])
def test_a_proposal_is_a_pure_function(sampler):
    section = SECTION.model_copy(update={"sampler": sampler})
    waiting = [known(16, 0.01)]
    first, second = (propose(block(), waiting, 17, section, SPACE, seed=3) for _ in range(2))
    assert first == second
    assert first.sampler == sampler and (first.n_complete, first.n_pruned, first.n_pending) == (4, 12, 1)
    assert propose(block(), waiting, 17, section, SPACE, seed=4) != first


def test_the_gp_goes_where_the_loss_is_low():
    found = propose(block(), [], 16, SECTION, SPACE, seed=0)
    assert 2e-3 < found.lr < 5e-2


def test_the_multi_fidelity_gp_goes_where_the_loss_is_low_and_is_bounded():
    section = SECTION.model_copy(update={"sampler": "mfgp"})
    found = propose(block(), [], 16, section, SPACE, seed=0)
    assert 2e-3 < found.lr < 5e-2
    assert propose(block(), [], 16, section.model_copy(update={"most_told": 8}), SPACE, seed=0) != found


def test_the_multi_fidelity_gp_waits_for_a_complete_trial():
    rows = [record(i, "PRUNED", [5.0] * 4) for i in range(15)] + [record(15, "DIVERGED", [5.0])]
    assert propose(rows, [], 16, SECTION.model_copy(update={"sampler": "mfgp"}), SPACE, seed=0).sampler == "sobol"


def test_values_have_four_significant_digits():
    found = uniform(0, "sweep_uniform", 3, Float(min=1e-4, max=0.1, scale="linear"))
    assert float(f"{found.lr:.4g}") == found.lr
    assert list(found.values) == ["lr"], "the rest is the trainer's own"
