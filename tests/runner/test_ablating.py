"""The study of ablations, on made-up curves: where its runs go, what is trained again, and what its stage writes."""

import json
import sys
from pathlib import Path

import pytest

from lrsweep.config import checking, yamlfile
from lrsweep.config.params import Params
from lrsweep.runner.ablating import Ablation
from lrsweep.runner.worker import complete
from lrsweep.search.racing import Entry
from lrsweep.stages import ablate
from lrsweep.store import results as store
from lrsweep.store.results import Results
from lrsweep.store.tables import space_of
from lrsweep.trainers.simulated import BEST_LR, DIVERGING_LR
from tests.pipeline import events

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests/trainers/command/script.py"
TREE = yamlfile.parse((ROOT / "params.yaml").read_text(), "params.yaml")
SELECTED = {"lr": 0.04, "beta2": 0.97, "weight_decay": 0.01}
SECTION = {
    "variants": {"no_norm": {"norm": "none"}, "no_warmup": {"warmup_steps": 0}},
    "grid": False, "factor": 3.0, "below": 2, "above": 2, "seeds": 3, "profile_runs": 3, "edge_runs": 2, "broken": 0.5,
}  # fmt: skip


def params(**section):
    return Params.model_validate({**TREE, "simulate": True, "ablate": {**SECTION, **section}})


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.write_json(tmp_path / "results/select/choice.json", {"selected": SELECTED})
    return Results(tmp_path / "results")


def test_runs_go_to_the_ladder_then_to_the_best_lr_and_where_training_breaks(results):
    study = complete(Ablation(params(), results))
    for number in range(3):
        runs = {study.purpose(entry): [] for entry in study.entries(number)}
        for entry in study.entries(number):
            runs[study.purpose(entry)].append(study.run(entry).lr)
        assert runs["ladder"] == [0.04, 0.01333, 0.004444, 0.12, 0.36] and runs["seed"] == [0.04, 0.04]
        assert all(BEST_LR / 5 < lr < BEST_LR * 5 for lr in runs["best"])
        assert all(0.12 < lr < 0.36 for lr in runs["edge"]), "training breaks between these two of the ladder"
    values = {study.record(Entry(1, run)).proposal.values["norm"] for run in range(study.section.runs)}
    assert values == {"none"} and "norm" not in study.record(Entry(0, 0)).proposal.values
    seeds = [[study.record(entry).seed for entry in study.entries(number)] for number in range(3)]
    assert seeds[0] == seeds[1] == seeds[2] and len(set(seeds[0])) == study.section.runs


def test_another_variant_trains_nothing_of_the_others_again(results, tmp_path):
    complete(Ablation(params(), results))
    first = len([event for _, event in events(tmp_path) if event.state])
    assert first == 3 * 12
    added = {"post_norm": {"norm": "post"}, **SECTION["variants"]}
    complete(Ablation(params(variants=added), results))
    assert len([event for _, event in events(tmp_path) if event.state]) == first + 12


def test_the_stage_writes_every_run_and_the_answer(results):
    section = params(grid=True)
    ablate.run(section, results)
    table = results.read_table("ablate/profiles.parquet")
    assert table["variant"].unique().tolist() == ["baseline", "no_norm", "no_warmup", "no_norm + no_warmup"]
    assert set(table["norm"][table["variant"] == "baseline"]) == {"pre"}
    assert set(table["warmup_steps"][table["variant"] == "no_warmup"]) == {0}
    assert set(zip(table["state"], table["broken"], strict=True)) == {("COMPLETE", False), ("DIVERGED", True)}
    assert (table["lr"][table["broken"]] > DIVERGING_LR).all()
    assert set(space_of(table)) == {*SELECTED, "norm", "warmup_steps"}
    found = results.read_json("ablate/ablations.json")
    assert results.simulated and found["compared"] == 3 and len(found["interactions"]) == 1
    base = found["variants"][0]
    assert base["profile"]["lr"]["low"] < BEST_LR < base["profile"]["lr"]["high"]
    low, high = base["breaks_lr"]["low"], base["breaks_lr"]["high"]  # an end is open where it lies above the LRs tried
    assert low < DIVERGING_LR < (high or 1.0)


def test_null_trains_nothing_and_writes_empty_results(results, tmp_path):
    ablate.run(Params.model_validate({**TREE, "simulate": True, "ablate": None}), results)
    assert len(results.read_table("ablate/profiles.parquet")) == 0
    assert results.read_json("ablate/ablations.json")["variants"] == [] and not list(tmp_path.glob("work/*"))


def test_a_ladder_that_breaks_everywhere_goes_on_below(results):
    store.write_json(results.path("select/choice.json"), {"selected": {**SELECTED, "lr": 9.0}})
    study = complete(Ablation(params(), results))
    tried = [study.run(entry).lr for entry in study.entries(0)]
    assert min(tried) < min(tried[:7]) / 3
    ablate.run(params(), results)
    assert results.read_json("ablate/ablations.json")["variants"][0]["broken"] > 0


def test_words_for_a_scripts_command(results, tmp_path):
    """The variant's words are put behind the command of its own runs: it is told to measure half as often, and does."""
    tree = {name: one for name, one in TREE.items() if name not in checking.script.NOT_APPLYING}
    tree["trainer"] = {
        "command": f"{sys.executable} {SCRIPT} --lr {{lr}} --until {{until}} --out {{dir}} --every 5",
        "reads": [],
        "curve": {"file": "{dir}/log.jsonl", "step": "step", "loss": "val", "lr": None, "grad_norm": None},
        "resume": True,
    }
    tree["sweep_bayes"] = {**tree["sweep_bayes"], "space": {"lr": "auto"}, "steps": 20, "warmup_steps": 0, "eval_every": 10}
    tree["ablate"] = {**SECTION, "variants": {"seldom": {"arguments": "--every 10"}}, "below": 1, "above": 1, "edge_runs": 0}
    store.write_json(results.path("select/choice.json"), {"selected": {"lr": 0.04}})
    ablate.run(Params.model_validate(checking.script.completed(tree)), results)
    table = results.read_table("ablate/profiles.parquet")
    assert table.groupby("variant")["arguments"].first().to_dict() == {"baseline": "", "seldom": "--every 10"}
    assert (table["state"] == "COMPLETE").all() and table["final_loss_nats"].notna().all()
    trials = list(tmp_path.glob("work/*/ablate/runs/*/*/trial.json"))
    told = [path for path in trials if "arguments" in json.loads(path.read_text())["values"]]
    assert len(told) == len(trials) / 2 == (table["variant"] == "seldom").sum()
    measured = {path: (path.parent / "log.jsonl").read_text().count('"val"') for path in trials}
    assert {measured[path] for path in told} == {2} and set(measured.values()) == {2, 4}
