"""The proxies of the final training, and what it is compared with, from params.yaml to compare.json, trained and made up."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lrsweep.analysis.comparison import Comparison
from lrsweep.config import checking, presets
from lrsweep.stages.estimate import least_steps, scale_steps
from lrsweep.store.results import FOLDER, Results
from lrsweep.trainers.simulated import BEST_LR
from tests.pipeline import ROOT, clone, configured, events, run_stage

STAGES = ("check", "corpus", "tokenize", "sweep_uniform", "edge", "sweep_bayes", "select", "scale", "train")
SIZES = [{"d_ff": 32, "n_heads": 1, "d_model": 16}, {"d_ff": 64, "n_heads": 2, "d_model": 32}]
COMPARE = {"seeds": 2, "each": True, "rules": True}
MADE_UP = {"simulate": True, "scale": {"steps": [20, 40]}, "train": {"steps": 160, "compare": COMPARE}}
TRAINED = {"model": {"parametrization": "mup", "base_width": 16}, "scale": {"steps": [10], "sizes": SIZES}}
TRAINED["train"] = {"compare": {**COMPARE, "seeds": 1}}


def project(folder, more):
    folder = configured(clone(folder / "project"), more)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LRSWEEP_WORK", raising=False)
        for stage in STAGES:
            run_stage(stage, checking.load(Path("params.yaml")), Results(FOLDER))
    return folder


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    return project(tmp_path_factory.mktemp("made up"), MADE_UP)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return project(tmp_path_factory.mktemp("trained"), TRAINED)


def rules_of(folder):
    return {rule["name"]: rule for rule in Results(folder / "results").read_json("scale/law.json")["rules"]}


def compared(folder):
    return Results(folder / "results").read_as(Comparison, "train/compare.json")


def ends(folder):
    return [event for stage, event in events(folder) if stage == "train" and event.state]


def test_the_answer_comes_near_the_planted_best_and_other_rules_say_so(made_up):
    """Made-up curves have one best LR at any length; their loss differs from run to run by 0.02 nats."""
    found, losses = rules_of(made_up), compared(made_up).rules
    assert losses.keys() == found.keys() and len(found) == 5 and all(len(one) == 2 for one in losses.values())
    answer, default = found["answer of the proxies"], found["default"]
    assert BEST_LR / 2 < answer["values"]["lr"] < 2 * BEST_LR
    assert max(losses["answer of the proxies"]) < min(losses["default"]) - 0.2, "the default's LR is 20 times too low"
    assert {name: default["values"][name] for name in ("lr", "beta2", "weight_decay")} == {
        "lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01,
    }  # fmt: skip


def test_weight_decay_is_carried_to_each_length_as_a_share_of_it(made_up):
    """What was selected at 40 steps: lr · weight decay · steps is the same in all proxies and in the final training."""
    results = Results(made_up / "results")
    selected, final = results.read_json("select/choice.json")["selected"], results.read_json("train/metrics.json")
    share = selected["lr"] * selected["weight_decay"] * 40
    proxies = results.read_table("scale/profiles.parquet")
    assert (proxies["lr"] * proxies["weight_decay"] * proxies["steps"]).to_numpy() == pytest.approx(share)
    assert final["lr"] * final["weight_decay"] * 160 == pytest.approx(share) and final["beta2"] == selected["beta2"]
    assert final["lr"] == results.read_json("scale/law.json")["lr"]
    assert rules_of(made_up)["selected values unchanged"]["values"] == selected


def test_the_gain_is_split_into_what_each_hyperparameter_is_worth_at_the_target(made_up):
    """A made-up loss is a sum over the names: gains are the planted ones, to the noise of one shared seed, and add up."""
    found, final = compared(made_up), Results(made_up / "results").read_json("train/metrics.json")
    assert [link.changed for link in found.links] == [(), ("lr",), ("beta2",), ("weight_decay",)]
    assert found.links[0].values == {"lr": 1e-3, "beta2": 0.999, "weight_decay": 0.01} and found.text == "validation"
    assert found.links[1].values == {**found.links[0].values, "lr": final["lr"]}
    assert found.links[-1].values == {name: final[name] for name in ("lr", "beta2", "weight_decay")}, "plainly, not as a share"
    planted = 0.3 * (math.log10(1e-3 / BEST_LR) ** 2 - math.log10(final["lr"] / BEST_LR) ** 2)
    assert found.links[1].gain_nats == pytest.approx(planted * (1 - 21**-0.7), abs=1e-6), "the same seeds, so the same noise"
    assert sum(link.gain_nats for link in found.links[1:]) == pytest.approx(found.gain_nats) == pytest.approx(final["gain_nats"])
    assert found.links[-1].losses_nats[0] == final["final_loss_nats"], "its first seed is the final training itself"


def test_all_that_is_compared_meets_the_same_seeds_and_is_trained_once(made_up):
    assert len({(tuple(event.values.items()), event.trial % 100) for event in ends(made_up)}) == len(ends(made_up)) == 14, (
        "of seven configurations over two seeds"
    )
    seeds = {}
    for path in made_up.glob("work/*/train/trials/*/*.json"):
        record = Results(made_up).read_json(path.relative_to(made_up))
        seeds.setdefault(tuple(record["proposal"]["values"].items()), set()).add(record["seed"])
    assert len(set(map(frozenset, seeds.values()))) == 1 and {len(own) for own in seeds.values()} == {2}
    assert len(list(made_up.glob("work/*/train/trials/*/*.weights"))) == 1, "of the final training alone"


def test_sizes_of_mup_models_are_proxies_of_a_wider_one(trained):
    """Of sizes that grow together the law takes the width, and knows that muP keeps its best LR."""
    law = Results(trained / "results").read_json("scale/law.json")
    assert law["target"] == {"steps": 40.0, "d_ff": 64.0, "n_heads": 2.0, "mup_width": 32.0}
    assert law["law"]["roles"] == {"mup_width": "width in muP", "steps": "horizon"}
    table = Results(trained / "results").read_table("scale/profiles.parquet")
    assert set(zip(table["d_model"], table["d_ff"], strict=True)) == {(16, 32), (32, 64)}


def test_published_formulas_say_that_they_are_not_for_mup(trained):
    found = rules_of(trained)
    for name in ("Step Law", "DeepSeek"):
        assert found[name]["values"] is None
        assert found[name]["note"] == "does not apply: it is for the standard parametrization"
    losses = compared(trained)
    assert losses.rules.keys() == {"answer of the proxies", "default", "selected values unchanged"} and losses.text == "test"
    final = Results(trained / "results").read_json("train/metrics.json")
    assert losses.links[-1].losses_nats == losses.rules["answer of the proxies"] == (final["test_loss_nats"],)


@pytest.mark.parametrize(("more", "new"), [({"compare": {**COMPARE, "seeds": 3}}, 7), ({"compare": None}, 0)])
def test_more_seeds_train_the_new_ones_alone_and_fewer_nothing(made_up, monkeypatch, more, new):
    monkeypatch.chdir(made_up)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    before = len(ends(made_up))
    configured(made_up, {"train": more})
    run_stage("train", checking.load(Path("params.yaml")), Results(FOLDER))
    assert len(ends(made_up)) - before == new
    assert all(len(one) == 3 for one in compared(made_up).rules.values()) and bool(compared(made_up).links) == bool(new)


def test_an_lr_by_hand_is_compared_at_that_lr_and_trains_the_default_no_second_time(made_up, monkeypatch):
    monkeypatch.chdir(made_up)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    configured(made_up, {"lr": 0.005, "train": {"compare": {"seeds": 2, "each": False, "rules": False}}})
    before = len(ends(made_up))
    run_stage("train", checking.load(Path("params.yaml")), Results(FOLDER))
    found = compared(made_up)
    assert [link.values["lr"] for link in found.links] == [1e-3, 0.005, 0.005] and not found.rules
    assert len(ends(made_up)) - before == 4, "with the default's others, and with the final ones, over two seeds"


def other_steps(params, study):
    """The steps of all other trainings of a run whose study takes so many."""
    race = (params.select.budget + params.assess.audit_trials) * params.sweep_bayes.steps
    probes = params.sharpness.lrs * max(params.sharpness.steps)
    phase_1 = params.sweep_uniform.trials + params.edge.refine.profile + params.edge.refine.breaks
    return phase_1 * params.sweep_uniform.steps + probes + study + race + params.train.steps


def test_the_default_proxies_cost_at_most_a_sixth_of_the_run():
    """The study takes what it took in the median on the pool of the default text."""
    params, ending = checking.load(ROOT / "params.yaml"), pd.read_csv(ROOT / "docs/benchmarks/ending.csv")
    study = float(ending.loc[ending["pool"] == "stories", "steps_median"].iloc[0])
    assert 0 < scale_steps(params) <= other_steps(params, study) / 6


def multiply_adds(model, vocabulary):
    """For each token: the matrices of the blocks, the head, and the products of attention."""
    width, context = model.d_model, model.context_length
    return model.n_layers * (4 * width**2 + 3 * width * model.d_ff + 2 * context * width) + width * vocabulary


def test_the_proxies_of_the_write_up_cost_a_twentieth_of_it(tmp_path, monkeypatch):
    """Half of the trials are counted past each rung."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "workflow/presets", tmp_path / "workflow/presets")
    monkeypatch.chdir(tmp_path)
    presets.apply(tmp_path / "params.yaml", ["writeup"])
    params = checking.load(tmp_path / "params.yaml")
    whole = other_steps(params, least_steps(params.sweep_bayes)) * multiply_adds(params.model, params.tokenize.vocab_size)
    models = [params.model.model_copy(update=size) for size in params.scale.sizes]
    proxies = params.scale.runs * sum(params.scale.steps) * sum(multiply_adds(m, params.tokenize.vocab_size) for m in models)
    assert whole / 40 < proxies <= whole / 20
    assert params.train.steps <= 8 * max(params.scale.steps), "no farther than a law is trusted"
