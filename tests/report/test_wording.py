"""Words of the page that depend on what was trained: a script's study has other ones than the built-in model's."""

import math
from dataclasses import replace

import pytest

from lrsweep.analysis.comparison import Link
from lrsweep.analysis.profile import Run
from lrsweep.analysis.rules import rules
from lrsweep.analysis.scaling import scale
from lrsweep.analysis.selection import Luck
from lrsweep.analysis.statements import statements
from lrsweep.report import rows
from lrsweep.report.wording import at_ends, known_columns
from lrsweep.store.imported import Origin
from tests.found import ABLATIONS, NOTHING_ABLATED, NOTHING_SCALED
from tests.report.test_report import content, render, words
from tests.spaces import CARRIED, OPEN, USUAL

TRAINER = {"command": "python train.py --lr {lr}", "reads": ["train.py"]}


def of_script(page):
    """The page of a study that trained a script, to which the published rules do not apply."""
    found = rules(None, {}, {"lr": 0.02}, {"lr": 0.001}, "a script is trained")
    setting = {**page.setting, "trainer": TRAINER}
    return replace(page, setting=setting, held_out=None, unmeasured="a script", scaling=replace(page.scaling, rules=found))


def section(page, name):
    return words(render(page).split(f'<section id="{name}">')[1].split("</section>")[0])


def test_the_warm_up_is_said_where_it_is_known():
    page = section(content(), "setting")
    assert page.count("steps each, 30 of them warm-up") == 2
    assert "steps each, 30 of them warm-up; sampler" in page and "one run, 200 of its steps warm-up" in page


@pytest.mark.parametrize(("space", "own"), [(CARRIED, "one run, 66 of its steps warm-up"), (OPEN, "one run ")])
def test_a_warm_up_that_phase_2_searches_is_none_of_params_yaml(space, own):
    page = section(content(space=space), "setting")
    assert "steps each, with a warm-up that is searched; sampler" in page and own in page
    assert page.count("of them warm-up") == 1 and "200 of its steps" not in page


def test_nothing_is_said_of_a_warm_up_that_scripts_and_imports_need_not_have():
    assert "warm-up" not in section(of_script(content()), "setting")
    origin = Origin("optuna", ("study.db",), 7, ())
    page = section(replace(content(), origins={"sweep_uniform": origin, "sweep_bayes": origin}), "setting")
    assert "of them warm-up" not in page and "200 of its steps warm-up" in page


@pytest.mark.parametrize(("scale_of", "said"), [("log", "log-uniformly"), ("linear", "uniformly")])
def test_the_draw_of_phase_1_is_named_by_its_scale(scale_of, said):
    c = content()
    uniform = {**c.setting["sweep_uniform"], "lr": {**c.setting["sweep_uniform"]["lr"], "scale": scale_of}}
    page = section(replace(c, setting={**c.setting, "sweep_uniform": uniform}), "setting")
    assert f"draws the maximum learning rate {said} and finds" in page


def test_a_script_is_compared_with_the_default_of_params_yaml():
    page = of_script(content())
    for name in ("setting", "choice", "final"):
        told = section(page, name)
        assert "the default of params.yaml" in told and "library" not in told, name
        assert "the library's default" in section(content(), name), name
    assert rows.link_rows(page.comparison, "the default")[0]["step"] == "the default"


def test_rows_that_say_nothing_of_a_script_are_left_out():
    told = {name: section(of_script(content()), name) for name in ("final", "scale")}
    assert "bits per byte" not in told["final"] and "perplexity" not in told["final"]
    assert "Step Law" not in told["scale"] and "DeepSeek" not in told["scale"] and "selected values unchanged" in told["scale"]
    assert "Step Law" in section(content(), "scale") and "bits per byte" in section(content(), "final")


def test_ablations_of_a_script_are_turned_on_by_their_arguments():
    off = replace(of_script(content()), ablations=NOTHING_ABLATED)
    off = replace(off, setting={**off.setting, "ablate": None})
    assert "ablate.variants in params.yaml does so" in section(off, "ablate") and "CS336" not in section(off, "ablate")
    built_in = replace(content(), ablations=NOTHING_ABLATED, setting={**content().setting, "ablate": None})
    assert "CS336" in section(built_in, "ablate")


@pytest.mark.parametrize(("far", "moved"), [(0.3, "lowers it by"), (-0.3, "raises it by")])
def test_a_difference_at_a_borrowed_lr_is_no_sum_of_parts(far, moved):
    base, one, *others = ABLATIONS.variants
    value = one.difference.value + far
    gap = replace(one.difference_at_lr, difference_nats=value, low_nats=value - 0.1, high_nats=value + 0.1)
    changed = replace(one, broken_at_lr=0, difference_at_lr=gap)
    said = statements(replace(ABLATIONS, variants=(base, changed, *others)))[0]
    assert f"the difference is {value:+.3f}, {value - 0.1:+.3f} to {value + 0.1:+.3f} nats" in said
    assert f"and the best LR of each {moved} 0.300" in said and "makes up" not in said


def test_three_names_make_a_list():
    comparison = content().comparison
    first = comparison.links[0]
    link = Link(("beta1", "beta2", "lr"), first.values, (1.0,), 0.5)
    found = replace(comparison, links=(first, link), noise_nats=None)
    assert rows.parts(found) == ["0.500 nats by beta1, beta2 and maximum learning rate"]


@pytest.mark.parametrize(
    ("alike", "expected", "says"),
    [
        (1, -0.0, "No other trial of phase 2 ended within noise of it"),
        (2, -0.0001, "2 trials of phase 2 ended within noise of the best. "),
        (5, -0.02, "the best of them would lie 0.020 nats below its mean by luck alone"),
    ],
)
def test_luck_is_said_where_some_is_expected(alike, expected, says):
    c = content()
    luck = Luck(3, 2.4, 1, 2.41, -0.01, 0.05, alike, expected)
    page = section(replace(c, choice=replace(c.choice, luck=luck)), "choice") + " "
    assert says in page and "0.000 nats" not in page and "Over 1 other seed it has" in page
    assert ("by luck alone" in page) == (expected < -0.001)


def test_one_is_no_plural():
    c = content()
    one = {**c.setting["ablate"], "seeds": 1}
    page = replace(c, states={"COMPLETE": 1}, setting={**c.setting, "ablate": one}, study=replace(c.study, ended_at_trial=1))
    page = replace(page, choice=replace(c.choice, noise=replace(c.choice.noise, degrees_of_freedom=1)))
    assert "Of 1 trial, 1 ran to its end." in section(page, "study") and "all of its 1 trial," in section(page, "study")
    assert "over 1 seed at the selected one" in section(page, "ablate")
    assert "(1 degree of freedom)" in section(page, "choice")


def bordered(best, other=0.02):
    """The answer of two proxies, of which the first has its best LR where this says; the LRs tried are the same."""
    lrs = (0.005, 0.01, 0.02, 0.04)
    told = [
        ({"steps": steps}, [Run(lr, i, 3 + 0.1 * math.log(lr / at) ** 2) for i, lr in enumerate(lrs)])
        for steps, at in ((100.0, best), (400.0, other), (800.0, 0.012))
    ]
    return scale(told, {"steps": 1600.0}, 0)


def test_proxies_whose_best_lr_lies_at_an_end_are_named():
    c, ended, sound = content(), bordered(4.0), bordered(0.015)
    assert ended.law.proxies[0].profile.at_border and not any(one.profile.at_border for one in sound.law.proxies)
    says = "The best LR of the proxy of steps 100 lies at an end of the LRs tried, so the best may lie beyond it"
    assert says in section(replace(c, scaling=ended), "scale")
    assert at_ends(sound) is None and at_ends(NOTHING_SCALED) is None
    both = replace(ended.law, proxies=tuple(replace(one, profile=ended.law.proxies[0].profile) for one in ended.law.proxies))
    assert "of the proxy of steps 100, the proxy of steps 400 and the proxy of steps 800" in at_ends(replace(ended, law=both))
    assert at_ends(replace(ended, law=None)).startswith("The best LR of the proxy lies at an end")


def test_a_column_without_a_value_is_left_out():
    columns = [["trial", "trial", "num"], ["flatness", "warmup_flatness", "num"]]
    assert known_columns([{"trial": 1, "warmup_flatness": float("nan")}], columns) == columns[:1]
    assert known_columns([{"trial": 1, "warmup_flatness": 0.9}], columns) == columns == known_columns([], columns)
    c = content(space=USUAL)
    unknown = [{**row, "warmup_flatness": None} for row in c.shapes]
    page = section(replace(c, shapes=unknown), "clusters")
    assert "How flat these are in warm-up is not known" in page and "flatness" not in page.split("rank")[-1]
