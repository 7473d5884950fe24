"""A study over any space: what is proposed lies in it, is the same in whatever order trials end, and finds what is planted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsweep.search import plan, study
from lrsweep.search.plan import Task
from lrsweep.search.proposing import propose
from lrsweep.search.trial import EvalPoint, Record
from lrsweep.space import Choice, Float, Int, Space
from tests.search.studies import SECTION

SMALL = SECTION.model_copy(update={"first_block": 4, "lag": 3, "trials": 10})


@st.composite
def dimensions(draw):
    kind = draw(st.sampled_from(["float", "int", "choice", "mixed"]))
    scale = draw(st.sampled_from(["linear", "log"]))
    if kind == "choice":
        return Choice(choices=("a", "b", "c")[: draw(st.integers(2, 3))])
    if kind == "mixed":
        return Choice(choices=(1, 2.5, "none"))
    low = draw(st.integers(1, 50))
    if kind == "int":
        return Int(type="int", min=low, max=low + draw(st.integers(1, 100)), scale=scale)
    return Float(min=low / 100, max=low / 100 + draw(st.integers(1, 100)), scale=scale)


SPACES = st.builds(
    lambda lr, others: Space({"lr": lr, **{f"name{i}": one for i, one in enumerate(others)}}),
    st.sampled_from([Float(min=1e-4, max=1e-1, scale="log"), Float(min=0.1, max=0.2, scale="linear")]),
    st.lists(dimensions(), max_size=7),
)


def curve(space, proposal, end, until):
    """A record of a trial that ends at the loss `end` if it is trained so far."""
    evals = tuple(EvalPoint(step, proposal.lr, end + math.exp(-step / 60)) for step in range(0, until + 1, 10))
    return Record("c", proposal, 0, "COMPLETE", until, evals, ())


def loss(space, values):
    return 2 + float(np.sum((space.encode(values) - 0.6) ** 2))


def played(space, section, seed, random, loss):
    """Play a study whose running trials end in a random order; the records by trial."""
    done, running, proposals = {}, [], {}
    found = plan.study(section, done)

    def proposal(k):
        if k not in proposals:
            block = plan.block(section, done) if k >= section.first_block else []
            seen = [*block, *(done[Task(j, 0, section.steps)] for j in study.sight(k, section))] if block else []
            proposals[k] = propose(seen, [proposal(j) for j in study.pending(k, section)], k, section, space, seed)
        return proposals[k]

    while not found.whole:
        for task in found.open():
            if task not in running:
                running.append(task)
        task = running.pop(random.randrange(len(running)))
        one = proposal(task.trial)
        done[task] = curve(space, one, loss(space, one.values), task.until)
    return [proposals[k] for k in range(section.trials)]


@settings(max_examples=15)
@given(SPACES, st.integers(0, 3), st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_proposals_lie_in_the_space_and_do_not_depend_on_the_order_of_ends(space, seed, one, other):
    found = played(space, SMALL, seed, one, loss)
    assert found == played(space, SMALL, seed, other, loss)
    assert {proposal.sampler for proposal in found} == {"sobol", "mfgp"}
    for proposal in found:
        assert list(proposal.values) == list(space) and space.contains(proposal.values)
        for name, value in proposal.values.items():
            kinds = {Float: float, Int: int}.get(type(space[name]), object)
            assert isinstance(value, kinds)
            if isinstance(space[name], Float) and space[name].min < value < space[name].max:
                assert float(f"{value:.4g}") == value


@pytest.mark.parametrize("sampler", ["mfgp", "gp", "tpe"])
def test_every_sampler_takes_numbers_and_choices(sampler):
    space = Space(
        {
            "lr": Float(min=1e-4, max=1e-1, scale="log"),
            "steps": Int(type="int", min=10, max=100, scale="log"),
            "kind": Choice(choices=("a", "b", 3)),
        }
    )
    rows = [propose([], [], k, SMALL, space, seed=0) for k in range(4)]
    rows += [replace(rows[k], trial=k + 4, values={**rows[k].values, "kind": 3}) for k in range(4)]
    records = [curve(space, one, loss(space, one.values), 300) for one in rows]
    found = propose(records, rows[:1], 9, SMALL.model_copy(update={"sampler": sampler}), space, seed=0)
    assert found.sampler == sampler and space.contains(found.values)


def planted(space, values):
    """The least is at lr 0.01, 30 steps and choice b; the others cost as much as half a decade of the LR."""
    away = (math.log10(values["lr"]) + 2) ** 2 + math.log(values["steps"] / 30) ** 2
    return 2 + 0.3 * away + 0.1 * (values["kind"] != "b")


def test_a_planted_optimum_is_found_better_than_by_sobol():
    space = Space(
        {
            "lr": Float(min=1e-4, max=1.0, scale="log"),
            "steps": Int(type="int", min=3, max=300, scale="log"),
            "kind": Choice(choices=("a", "b", "c", "d")),
        }
    )
    section = SECTION.model_copy(update={"first_block": 8, "lag": 4, "cap_quantile": 0.7})
    best = {"mfgp": [], "sobol": []}
    for seed in range(4):
        rows = [propose([], [], k, section, space, seed) for k in range(8)]
        for k in range(8, 32):
            records = [curve(space, one, planted(space, one.values), 300) for one in rows]
            rows.append(propose(records, [], k, section, space, seed))
        blind = [propose([], [], k, section, space, seed) for k in range(32)]
        for name, found in (("mfgp", rows), ("sobol", blind)):
            best[name].append(min((planted(space, one.values), one.values["kind"]) for one in found))
    assert all(kind == "b" and least < 2.02 for least, kind in best["mfgp"])
    assert all(ours < theirs for ours, theirs in zip(best["mfgp"], best["sobol"], strict=True))
