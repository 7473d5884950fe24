"""The identity of a trial: what it depends on and nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from lrsweep.config import checking
from lrsweep.errors import UserError
from lrsweep.runner import identity, meaning, premise
from lrsweep.runner.catalogue import STUDIES, study_of
from lrsweep.store import results
from lrsweep.store.results import Results
from tests.pipeline import ROOT

PARAMS = checking.load(ROOT / "params.yaml")
TRAINING = ("sweep_uniform", "sweep_bayes", "assess", "select", "train")


def changed(section, **values):
    return PARAMS.model_copy(update={section: getattr(PARAMS, section).model_copy(update=values)})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder in which the text is in tokens and the edge has been found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRSWEEP_WORK", raising=False)
    write_tokens(tmp_path, "a")
    write_edge(tmp_path, 0.1)
    return tmp_path


def write_tokens(folder, sha256, test="t"):
    digests = {side: {"sha256": sha256} for side in ("train", "valid")}
    results.write_json(folder / "results/tokenize/tokens.json", {**digests, "test": {"sha256": test}})


def write_edge(folder, high, **more):
    results.write_json(folder / "results/edge/edge.json", {"lr_range": {"min": 0.01, "max": high, "scale": "log"}, **more})


def digest(stage, params=PARAMS):
    return study_of(stage, params, Results(Path("results"))).identity.digest


@pytest.fixture
def package(here, monkeypatch):
    """A copy of the package whose meaning counts in the place of the installed one's."""
    copy = shutil.copytree(meaning.PACKAGE, here / "lrsweep", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(meaning, "PACKAGE", copy)
    forget()
    yield copy
    forget()


def forget():
    meaning.closure.cache_clear()
    meaning.READ.clear()


def edit(package, name, was, now):
    path = package / name
    text = path.read_text()
    assert was in text, f"{name} has no {was!r} any more"
    path.write_text(text.replace(was, now, 1))
    forget()


# What trains again: which file, what stood there, what stands there now, and the studies that it is nothing to.
DECIDES = [
    ("space/dimension.py", "low + share * (high - low)", "low + share**2 * (high - low)", ()),
    ("space/dimension.py", "SIGNIFICANT_DIGITS = 4", "SIGNIFICANT_DIGITS = 3", ()),
    (
        "search/settings.py",
        "self.stopping.first_rung * self.stopping.eta**i",
        "self.stopping.first_rung * (i + 1)",
        ("sweep_uniform",),
    ),
    (
        "search/stopping.py",
        "int(len(values) / eta)",
        "int(len(values) / eta) - 1",
        ("sweep_uniform", "assess", "select", "train"),
    ),
    ("trainers/builtin/schedule.py", "math.cos(math.pi", "math.cos(3.0", ()),
    ("trainers/builtin/optimizers.py", "fused=True", "fused=False", ()),
    ("text/batches.py", "key=seed", "key=seed + 1", ()),
    ("seeding.py", ">> 1", ">> 2", ()),
]
# What trains nothing: a comment, a docstring, a message, a caption, a colour, a help text, a column's description.
SHOWS = [
    ("store/columns.py", "number of the trial in its study", "the trial's number"),
    ("text/download.py", "expected", "hoped for"),
    ("figures/drawing.py", "#0072B2", "#0072B3"),
    ("figures/edge.py", "Final loss of", "The final loss of"),
    ("cli/stages.py", "Number of the worker", "The worker's number"),
    ("trainers/builtin/model.py", '    """', '    """Well: '),
    ("search/proposing.py", "import warnings\n", "import warnings  # of Optuna's options\n"),
    ("search/settings.py", "[trials]", "[training runs]"),
    ("runner/worker.py", '"""', '"""In short: '),
]


@pytest.mark.parametrize(("name", "was", "now", "apart"), DECIDES)
def test_a_changed_formula_rule_constant_or_default_trains_again(package, name, was, now, apart):
    before = {stage: digest(stage) for stage in ("sweep_uniform", "sweep_bayes")}
    edit(package, name, was, now)
    same = [stage for stage in before if digest(stage) == before[stage]]
    assert same == [stage for stage in before if stage in apart]


def test_another_way_to_measure_curvature_measures_again_and_trains_nothing(package):
    before = {stage: digest(stage) for stage in ("sweep_uniform", "sharpness")}
    edit(package, "trainers/builtin/sharpness.py", "middle = (low + high) / 2", "middle = (low + high) / 3")
    assert digest("sweep_uniform") == before["sweep_uniform"] and digest("sharpness") != before["sharpness"]


@pytest.mark.parametrize(("name", "was", "now"), SHOWS)
def test_words_and_looks_train_nothing(package, name, was, now):
    before = {stage: digest(stage) for stage in ("sweep_uniform", "sweep_bayes")}
    edit(package, name, was, now)
    assert {stage: digest(stage) for stage in before} == before


def test_what_decides_the_last_digits_counts(here, monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    first = digest("sweep_uniform")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert digest("sweep_uniform") != first


@pytest.mark.parametrize("stage", ["sweep_uniform", "sweep_bayes"])
def test_another_seed_or_model_is_another_study(here, stage):
    others = [PARAMS.model_copy(update={"seed": 1}), changed("model", d_model=128), changed("optimizer", eps=1e-6)]
    assert len({digest(stage, params) for params in [PARAMS, *others]}) == 4


def test_more_trials_and_other_analysis_train_nothing_again(here):
    for stage in ("sweep_uniform", "sweep_bayes"):
        others = (changed(stage, trials=200), changed("execution", workers=1), changed("cluster", k_max=3))
        assert {digest(stage, params) for params in others} == {digest(stage)}


def test_phase_2_depends_on_phase_1_through_the_lr_range_alone(here):
    found = digest("sweep_bayes")
    for params in (changed("sweep_uniform", trials=30), changed("sweep_uniform", steps=400), changed("edge", bins=50)):
        assert digest("sweep_bayes", params) == found
    write_edge(here, 0.1, edge_high_lr=0.07)
    assert digest("sweep_bayes") == found
    write_edge(here, 0.2)
    assert digest("sweep_bayes") != found


def test_told_of_phase_1_it_depends_on_its_trials_too(here):
    told = {"prior": "sweep_uniform"}
    found = digest("sweep_bayes", changed("sweep_bayes", **told))
    assert found != digest("sweep_bayes")
    more = changed("sweep_bayes", **told).model_copy(update={"sweep_uniform": changed("sweep_uniform", trials=30).sweep_uniform})
    assert digest("sweep_bayes", more) != found


def test_a_range_that_the_edge_gave_and_the_same_one_by_hand_are_one(here):
    space = {**PARAMS.sweep_bayes.space, "lr": {"min": 0.01, "max": 0.1, "scale": "log"}}
    by_hand = PARAMS.model_validate({**PARAMS.model_dump(), "sweep_bayes": {**PARAMS.sweep_bayes.model_dump(), "space": space}})
    assert digest("sweep_bayes", by_hand) == digest("sweep_bayes")


def test_the_order_of_names_counts(here):
    """Each name has a column of the Sobol sequence."""
    turned = dict(reversed(PARAMS.sweep_bayes.space.items()))
    assert digest("sweep_bayes", changed("sweep_bayes", space=turned)) != digest("sweep_bayes")


def test_other_tokens_are_another_study(here):
    found = digest("sweep_uniform")
    write_tokens(here, "b")
    assert digest("sweep_uniform") != found


def test_another_test_text_is_another_final_training_and_no_other_study(here):
    found = {stage: digest(stage) for stage in STUDIES}
    write_tokens(here, "a", test="u")
    assert [stage for stage in STUDIES if digest(stage) != found[stage]] == ["train"]


@pytest.mark.parametrize("stage", STUDIES)
def test_the_folder_says_what_it_is_named_after(here, stage):
    own = study_of(stage, PARAMS, Results(Path("results"))).identity
    own.open()
    own.open()  # as the next worker does
    path = own.folder / "identity.json"
    content = results.read_json(path)
    assert content["trainer"]["model"]["d_model"] == PARAMS.model.d_model
    for damaged in (json.dumps({**content, "seed": 5}), "{"):
        path.write_text(damaged)
        own.open()
        assert results.read_json(path) == content, "no record depends on it"


def test_without_tokens_there_is_none(here):
    (here / "results/tokenize/tokens.json").unlink()
    with pytest.raises(UserError, match="has not run"):
        digest("sweep_uniform")


def test_logs_of_other_workspaces_are_found(here):
    assert identity.logs("sweep_bayes") == []
    path = here / "work/0123456789abcdef/sweep_bayes/events.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")
    assert [one.resolve() for one in identity.logs("sweep_bayes")] == [path]


def test_code_edited_while_a_command_begins_is_not_trained_with(package, monkeypatch):
    monkeypatch.setattr(meaning, "BEGAN", {})
    monkeypatch.setattr(meaning, "UNSURE", set())
    path = package / "search/uniform.py"
    meaning.begin()
    path.write_text(path.read_text() + "\nX = 1\n")
    digest("sweep_uniform")
    assert meaning.edited() == [path], "memory may hold what was there before"


def test_a_text_made_anew_between_identity_and_loading_is_refused(here):
    found, results_here = study_of("sweep_uniform", PARAMS, Results(Path("results"))).identity, Results(Path("results"))
    premise.hold_data(found, results_here)
    write_tokens(here, "b")
    with pytest.raises(UserError, match=r"results/tokenize/tokens.json: found edited since this run began"):
        premise.hold_data(found, results_here)


def test_parameters_too_large_to_hand_to_jobs_are_refused_before_any_work(monkeypatch):
    monkeypatch.delenv(premise.VARIABLE, raising=False)
    with pytest.raises(UserError, match=r"params.yaml: found values of \d+ bytes as JSON, expected at most 120000"):
        premise.begin(changed("generate", prompts=("x" * 130_000,)))
