"""What to try next follows from what the run left open."""

from dataclasses import replace

import pytest

from lrsweep.analysis.ranges import Bounded
from lrsweep.report.advice import MOST, advice
from tests.report.test_report import content, render, words


def tried(**changes):
    """The advice of a page with other values, by the key or command."""
    c = replace(content(), **changes)
    return {one.by: one.words for one in advice(c.edge, c.study, c.choice, c.scaling, c.setting)}


C = content()
SETTLED = replace(C.choice, border_warnings=(), lower_lr=None)
NO_PROXIES = replace(C.scaling, lr=None, law=None)


def wide(low, high):
    return replace(C.scaling, law=replace(C.scaling.law, followed=True, lr=replace(C.scaling.law.lr, low=low, high=high)))


def stable(low, high):
    return replace(C.edge, max_stable_lr=Bounded(0.3, low, high))


@pytest.mark.parametrize(
    ("changes", "by", "said"),
    [
        (
            {"choice": replace(SETTLED, border_warnings=C.choice.border_warnings)},
            "sweep_bayes.space.lr",
            "from 0.001 to 0.16: the",
        ),
        ({"scaling": NO_PROXIES, "choice": SETTLED}, "scale", "what is best for 300 steps need not be so for 2000"),
        ({"scaling": wide(0.003, 0.03), "choice": SETTLED}, "scale.runs", "10 runs instead of 5: the interval of the learning"),
        ({"study": replace(C.study, ended_by="trials", ending_gain=0.05)}, "sweep_bayes.trials", "still promised a gain"),
        ({"edge": stable(0.1, 0.4), "choice": SETTLED}, "edge.refine.breaks", "its interval spans a factor of 4.0"),
        ({"edge": stable(0.1, None), "choice": SETTLED}, "edge.refine.breaks", "its interval is open at an end"),
        ({"setting": {**C.setting, "ablate": None}, "choice": SETTLED}, "lrsweep preset ablations", "which parts of the model"),
        ({"scaling": NO_PROXIES, "edge": stable(0.25, 0.35)}, "dvc exp run -S lr=0.01234", "where stability matters more"),
    ],
)
def test_what_is_left_open_is_what_to_try(changes, by, said):
    assert said in tried(**changes)[by]


def test_what_is_settled_is_not_tried_again():
    law = replace(C.scaling.law, lr=replace(C.scaling.law.lr, low=0.009, high=0.011))
    study, scaling = replace(C.study, ended_by="ending"), replace(C.scaling, law=law)
    settled = {"edge": stable(0.25, 0.35), "study": study, "choice": SETTLED, "scaling": scaling}
    assert tried(**settled) == {}
    assert "Nothing was left open." in words(render(replace(C, **settled)))


def test_the_page_shows_few_pieces_in_their_order():
    open_ = {"edge": stable(0.1, None), "scaling": NO_PROXIES, "setting": {**C.setting, "ablate": None}}
    found = list(tried(**open_))
    assert len(found) == MOST and found[0] == "sweep_bayes.space.lr"
    page = words(render(replace(C, **open_)).split("What to try next")[1].split("</ul>")[0])
    assert all(by in page for by in found)


def test_where_nothing_trained_there_is_one_thing_to_do():
    none = replace(C.choice, candidates=tuple(replace(one, n=0) for one in C.choice.candidates))
    assert list(tried(choice=none)) == ["sweep_uniform.lr.max"]
