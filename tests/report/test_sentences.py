"""Sentences of the page: each is there when it is true of what the page is made from, and only then."""

import math
import re
from dataclasses import replace

import pytest

from lrsweep import figures, report
from lrsweep.analysis.crossings import Measured
from lrsweep.analysis.outliers import Outlier
from lrsweep.analysis.profile import Run
from lrsweep.analysis.ranks import Correlation
from lrsweep.analysis.scaling import scale
from lrsweep.analysis.spikes import Spikes
from lrsweep.report.formats import nats
from lrsweep.report.rows import rule_rows
from lrsweep.space import Space
from lrsweep.store.imported import Origin
from tests.found import MEASURED, SCALING
from tests.report.test_report import CALM, content, render, words
from tests.spaces import USUAL


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"ended_by": "ending"},
            "The study ended after 4 of at most 128 trials, 400 steps: each of the last 4 proposals in its sight",
        ),
        ({}, "The study took all of its 4 trials, 400 steps: it never saw 4 proposals in a row"),
        (
            {"ending_gain": None, "ending_patience": None},
            "The study took all of its 4 trials, 400 steps: no rule could have ended it",
        ),
    ],
)
def test_the_page_says_where_the_study_ended_and_why(changes, says):
    page = content()
    assert says in render(replace(page, study=replace(page.study, **changes)))


def test_the_page_does_not_call_a_worse_loss_a_divergence():
    c = content()
    assert "but training goes on" not in render(c), "training broke at LR 0.4 without a divergence"
    calm = replace(c.edge, instability=CALM)
    assert "but training goes on" in render(replace(c, edge=calm))
    page = render(replace(c, edge=replace(calm, counts=replace(calm.counts, diverged=2))))
    assert "but training goes on" not in page and "2 of 4 trials diverged" in page


def test_an_outlier_lies_below_or_above_what_it_is_compared_with():
    c = content()
    outlier = Outlier(3, 0.01, 2.1, 1.3, -0.057, 4, ("median",))
    page = words(render(replace(c, edge=replace(c.edge, outliers=(outlier,)))))
    assert "That is 1.300 nats below the median of all trials, far outside their spread, and 0.057 nats above the" in page
    assert "median of its neighbours in learning rate." in page


def test_an_analysis_that_says_nothing_is_a_sentence_in_the_place_of_a_chart():
    c = content()
    nothing, cloud = replace(c.importance, importances=(), message="It cannot be told"), replace(c.clusters, k=1, message="None")
    told = report.telling(figures.NAMES, c.edge, nothing, cloud, MEASURED, scaled=True, ablated=True)
    assert set(figures.NAMES) - set(told) == {"importance", "clusters"}
    assert report.telling(figures.NAMES, c.edge, c.importance, c.clusters, MEASURED, scaled=True, ablated=True) == figures.NAMES
    few = report.telling(figures.NAMES, c.edge, c.importance, c.clusters, Measured(()), scaled=False, ablated=False)
    assert set(figures.NAMES) - set(few) == {"sharpness", "profiles", "ablation_curves", "ablation_differences"}
    silent = replace(c.edge, norm_rise=None, spikes=Spikes(None, None, None, 0), missing=("The gradient norm is not logged",))
    unlogged = report.telling(figures.NAMES, silent, c.importance, c.clusters, MEASURED, scaled=True, ablated=True)
    assert set(figures.NAMES) - set(unlogged) == {"lr_grad_norm", "spikes"}
    page = render(replace(c, edge=silent, figures={name: c.figures[name] for name in unlogged}))
    assert 'id="figure-spikes"' not in page and "The gradient norm is not logged." in page
    page = render(replace(c, importance=nothing, clusters=cloud, figures={name: c.figures[name] for name in told}))
    assert "<p>It cannot be told.</p>" in page and "<p>None. So differences between survivors" in page
    assert 'id="figure-importance"' not in page and 'id="figure-clusters"' not in page and "Centre of the survivors" in page


def test_the_page_says_why_the_edge_was_not_measured():
    c = content()
    assert 'id="figure-sharpness"' in render(c)
    page = render(replace(c, unmeasured="curvature is measured for AdamW, and optimizer.optimizer is muon"))
    assert 'id="figure-sharpness"' not in page
    assert "Curvature was not measured: curvature is measured for AdamW, and optimizer.optimizer is muon." in page


def test_the_scale_stands_with_the_answer():
    c = content()
    setting = {**c.setting, "sweep_uniform": {**c.setting["sweep_uniform"], "steps": 120}}
    page = words(render(replace(c, setting=setting, states={"COMPLETE": 4, "PRUNED": 9})).split('<div class="card">')[0])
    assert "of 120 steps in phase 1, 13 trials of up to 300 steps in phase 2, and the runs after these." in page


def test_a_learning_rate_alone_makes_a_sentence():
    space = Space({"lr": USUAL["lr"]})
    opening = words(render(content(space=space)).split('<p class="lead">')[1].split('<div class="card">')[0])
    assert "training is best at a maximum learning rate of 0.012. For 2000 steps the learning rate comes from" in opening


def test_no_sentence_speaks_of_a_model_that_was_not_trained_here():
    origin = Origin("optuna", ("study.db", *"abcd"), 7, ("<b>a note",))
    page = " ".join(render(replace(content(), origins={"sweep_uniform": origin, "sweep_bayes": origin})).split())
    assert page.count("imported: 7 runs from study.db, a, b, c, … (5 in all) (optuna)") == 4 and "&lt;b&gt;a note" in page
    assert "The model of what was trained here is a decoder-only transformer" in page
    for ours in (
        "draws the maximum learning rate uniformly",
        "past a rung only if",
        "the uniform draw missed",
        "The study took all of",
    ):
        assert ours in " ".join(render(content()).split()) and ours not in page


def test_the_page_names_the_command_that_explains_spikes_where_it_can():
    c = content()
    says = "lrsweep why"
    spiked = replace(c.edge, trials=(replace(c.edge.trials[0], trial=7, spikes=2), replace(c.edge.trials[0], trial=8, spikes=9)))
    assert f"{says} 8</code>" in render(replace(c, edge=spiked))
    assert says not in render(replace(c, edge=replace(c.edge, trials=(replace(c.edge.trials[0], spikes=0),))))
    assert says not in render(replace(c, edge=spiked, simulated=True))
    assert says not in render(replace(c, edge=spiked, held_out=None))
    assert says not in render(replace(c, edge=spiked, origins={"sweep_uniform": Origin("w&b", ("runs.csv",), 3, ())}))


def test_the_page_compares_the_answer_with_other_rules():
    c = content()
    page = words(render(c))
    assert "These other rules for 2000 steps were not trained" in page
    trained = {"answer of the proxies": (1.0, 1.02), "Step Law": (1.03, None), "default": (2.0, 2.04)}
    compared = {"seeds": 2, "each": False, "rules": True}
    setting = {**c.setting, "train": {**c.setting["train"], "compare": compared}}
    page = words(render(replace(c, setting=setting, comparison=replace(c.comparison, rules=trained))))
    assert "over 2 seeds, the same for all: answer of the proxies ends lowest." in page
    assert "answer of the proxies 0.01011 1.010 nats after the final training's steps, the least; results" in page
    assert "diverged in 1 of 2 runs; 1.79 N^-0.713 D^0.307" in page
    assert "2.020 nats after the final training's steps, 1.010 nats above the least; select.default" in page


def proxied(bests, steps):
    """A page whose proxies have these best LRs, by their lengths, for a final training of so many steps."""
    c = content()
    factors = (0.35, 0.7, 1.4, 2.8)
    told = [
        ({"steps": length}, [Run(best * f, i, 3 + 0.1 * math.log(f) ** 2) for i, f in enumerate(factors)])
        for length, best in bests.items()
    ]
    setting = {**c.setting, "train": {**c.setting["train"], "steps": steps}}
    return words(render(replace(c, setting=setting, scaling=scale(told, {"steps": float(steps)}, 0))))


def test_the_page_says_that_proxies_contradict_the_law_and_heads_with_the_nearest():
    page = proxied({100.0: 0.02, 200.0: 0.32, 400.0: 0.02, 800.0: 0.32}, 1600)
    assert "Use a maximum learning rate of 0.3" in page and "for 1600 steps" in page
    assert "contradict each other, and the nearest one answers" in page
    assert "; of the nearest proxy, since the proxies contradict the law" in page
    assert "the profiles contradict the law (they lie a factor of" in page
    assert "contradict" not in proxied({100.0: 0.02, 200.0: 0.02, 400.0: 0.02}, 800)


def test_the_page_says_how_far_the_final_training_lies_from_the_proxies():
    same = {100.0: 0.02, 200.0: 0.02, 400.0: 0.02}
    assert "steps 9000 is far outside the profiles, 100 to 400: trust the interval, not the LR" in proxied(same, 9000)
    assert "this interpolates" in proxied(same, 300)
    assert "far outside" not in proxied(same, 800) and "interpolates" not in proxied(same, 800)


def test_the_page_says_where_the_final_training_had_another_value_than_the_selected_one():
    c = content()
    (name,) = [name for name in c.space if name == "weight_decay"]
    own = {"selected": {**c.choice.selected, name: 0.08}}
    said = "The selected weight decay is 0.08 for 300 steps. The final training had 0.0133"
    assert said in words(render(replace(c, choice=replace(c.choice, **own), trained={**c.trained, name: 0.0133})))
    assert "The final training had" not in words(
        render(replace(c, choice=replace(c.choice, **own), trained={**c.trained, name: 0.08}))
    )


def test_losses_at_their_ends_are_written_briefly_and_compared_by_their_difference():
    assert [nats(value) for value in (1e75, -1e6, 999999.0, 0.0)] == ["1e+75", "\u22121e+06", "999999.000", "0.000"]
    said = {name: how for name, _, how in rule_rows(SCALING.rules, {"default": (0.0,), "answer of the proxies": (-3.0,)})}
    assert "0.000 nats after the final training's steps, 3.000 nats above the least" in said["default"]


def test_a_blank_stands_between_sentences():
    """Also where a sentence is there in some studies alone."""
    text = re.sub(r"<(code|script|style)\b.*?</\1>", "", render(content()), flags=re.DOTALL)
    assert not re.findall(r"\w+[.;:][A-Z]\w+", re.sub(r"<[^>]+>", " ", text))


@pytest.mark.parametrize(
    ("every", "up", "down", "said"),
    [
        ((0.0, -0.3, 0.4), (-0.9, -1.0, -0.7), (0.7, 0.2, 0.9), "Up to a point: over the range"),
        ((0.0, -0.3, 0.4), (-0.9, -1.0, 0.1), (0.7, 0.2, 0.9), "That cannot be told: over the range"),
        ((-0.8, -0.9, -0.3), (-0.9, -1.0, -0.7), (0.7, 0.2, 0.9), "Yes: over the range"),
        ((0.0, None, None), (-0.9, None, None), (0.7, None, None), "That cannot be told: over the range"),  # few trials
    ],
)
def test_a_higher_learning_rate_can_be_better_up_to_a_point(every, up, down, said):
    c = content()
    lr = replace(
        c.assessment.lr,
        over_all=Correlation(30, *every),
        up_to_best=Correlation(12, *up),
        from_best=Correlation(12, *down),
    )
    assert said in words(render(replace(c, assessment=replace(c.assessment, lr=lr))))
