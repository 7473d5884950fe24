"""The keys of params.yaml: one place says what each is, and `explain`, the schema and the editors have it from there."""

import copy
import json
import re
import shlex
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from lrsweep.config import explanation, presets, schema, yamlfile
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline
from lrsweep.trainers.builtin.settings import NAMES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
TREE = yamlfile.parse(TEXT, "params.yaml")
SCHEMA = json.loads((ROOT / schema.PATH).read_text(encoding="utf-8"))
STAGES = pipeline.load(ROOT / "dvc.yaml")
rerun = partial(pipeline.rerun, STAGES)
KEYS = {key.path: key for key in schema.keys(SCHEMA)}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_schema_is_not_stale():
    assert schema.make(TREE) == SCHEMA, "run `make schema`"


def test_editors_are_led_to_the_schema():
    assert TEXT.startswith(f"# yaml-language-server: $schema={schema.PATH}\n")


def test_the_comments_are_those_of_the_fields():
    assert schema.commented(TEXT, schema.descriptions(SCHEMA)) == TEXT, "run `make schema`"


def test_comments_come_back_and_nothing_else_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    head, first, body = TEXT.partition("\nlr:")
    bare = head + first + re.sub(r"(?m)^ *#.*\n|  +#.*$", "", body)
    assert "#" not in bare.removeprefix(head), "the head alone is left"
    (tmp_path / "params.yaml").write_text(bare.replace("seed: 0", "seed: 17 # mine").replace("1.0e-8", "2.50e-9"))
    schema.write(tmp_path / "params.yaml")
    written = (tmp_path / "params.yaml").read_text()
    assert written == TEXT.replace("seed: 0 ", "seed: 17").replace("1.0e-8", "2.50e-9").replace("2.50e-9  ", "2.50e-9 ")


def test_a_long_comment_stands_above_its_key():
    said = {"a": "x" * 50 + " " + "y" * 60, "a.b": "z", "a.c": "w " * 60}
    text = schema.commented("# head\n\na:  # old\n  # older\n  b: {c: 1}   # old\n  c: 2\n", said)
    wrapped = "  # " + ("w " * 63).rstrip()
    assert max(map(len, text.splitlines())) <= schema.WIDTH
    assert text.splitlines()[:4] == ["# head", "", "# " + said["a"], "a:"]
    assert f"{'  b: {c: 1}':26}  # z" in text and text.endswith("  c: 2\n") and wrapped[:40] in text and "old" not in text


def is_number(key):
    return bool({"number", "integer"} & {one.get("type") for one in key.fragment.get("anyOf", [key.fragment])})


def test_every_number_has_its_unit():
    assert [path for path, key in KEYS.items() if is_number(key) and not key.unit] == []


@pytest.mark.parametrize("names", [[], *([path.stem] for path in sorted((ROOT / presets.FOLDER).glob("*.yaml")))], ids=str)
def test_the_schema_accepts_what_is_accepted(names, tmp_path):
    (tmp_path / "params.yaml").write_text(TEXT)
    presets.apply(tmp_path / "params.yaml", names)
    text = (tmp_path / "params.yaml").read_text()
    assert text.startswith("# yaml-language-server: ")
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(yamlfile.parse(text, "params.yaml"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sead", 0),
        ("model.d_modell", 1),
        ("lr", 0),
        ("corpus.valid_share", 1),
        ("corpus.stories_mb", 5000),
        ("tokenize.vocab_size", 65537),
        ("sweep_bayes.sampler", "random"),
        ("sweep_bayes.space.lr", "atuo"),
        ("sweep_bayes.space.lr", {"min": 1, "max": 2}),
        ("sweep_bayes.space.lr", {"choices": [0.1, 0.2]}),
        ("sweep_bayes.space.beta2", "auto"),
        ("sweep_bayes.space.beta2.max", 1.0),
        ("sweep_bayes.space.optimizer", {"choices": ["adamw", "sgd"]}),
        ("sweep_bayes.space.batch_size", {"min": 1, "max": 8, "scale": "log"}),
        ("sweep_bayes.space", {}),
        ("select.default.beta2", 1.0),
        ("corpus.sha256", "abc"),
        ("generate.prompts", ["a", 5]),
        ("train.steps", 1.5),
        ("simulate", "yes"),
        ("train", None),
    ],
)
def test_the_schema_refuses_what_is_refused(key, value):
    tree = copy.deepcopy(TREE)
    *above, last = key.split(".")
    node = tree
    for part in above:
        node = node[part]
    node[last] = value
    assert not jsonschema.Draft7Validator(SCHEMA).is_valid(tree)


def test_the_defaults_are_the_values_of_the_repository():
    assert KEYS["sweep_bayes.stopping.first_rung"].fragment["default"] == TREE["sweep_bayes"]["stopping"]["first_rung"]
    assert KEYS["sweep_uniform.lr.max"].fragment["default"] == 0.5


def test_a_key_in_full():
    text = TEXT.replace("first_rung: 40 ", "first_rung: 80 ")
    line = next(number for number, one in enumerate(text.splitlines(), start=1) if "first_rung: 80" in one)
    assert explanation.explain("sweep_bayes.stopping.first_rung", text, rerun).splitlines() == [
        "sweep_bayes.stopping.first_rung",
        "  is          step at which trials are compared first; each later rung is eta times the one before",
        "  unit        steps",
        "  may be      integer of at least 1 and at most 1000000000",
        f"  value       80 (params.yaml, line {line})",
        "  default     40",
        "  source      this project",
        "  runs again  sweep_bayes, cluster, importance, assess, select, scale, ablate, train, generate, figures, report",
    ]


def test_a_source_and_a_form_of_several():
    said = explanation.explain("generate.top_p", TEXT, rerun)
    assert "source      Holtzman et al. 2020, arXiv 1904.09751" in said and "number greater than 0 and at most 1" in said
    assert "may be      auto, or a range {min, max, scale}" in explanation.explain("sweep_bayes.space.lr", TEXT, rerun)
    assert "source      PyTorch's default" in explanation.explain("select.default.beta2", TEXT, rerun)


def test_a_name_of_the_space_says_what_the_trainer_takes():
    said = explanation.explain("sweep_bayes.space.beta2", TEXT, rerun)
    assert "is          decay of the mean of the squared gradients" in said
    assert "a range {min, max, scale}, each end number of at least 0 and less than 1" in said
    assert "value       {min: 0.95, max: 0.999, scale: linear} (params.yaml, line" in said
    assert "source      PyTorch" not in said, "the range is not that of PyTorch"
    free = explanation.explain("sweep_bayes.space.batch_size", TEXT, rerun)
    assert "{min, max, scale, type}, each end integer of at least 1" in free and "value" not in free and "default" not in free
    assert "{choices}, each adamw or muon" in explanation.explain("sweep_bayes.space.optimizer", TEXT, rerun)
    assert set(NAMES) <= set(re.findall(r"^  (\w+) ", explanation.explain("sweep_bayes.space", TEXT, rerun), re.MULTILINE))


def test_a_section_lists_its_keys():
    said = explanation.explain("tokenize", TEXT, rerun)
    assert re.search(r"^  vocab_size +vocabulary: .* \[tokens\]$", said, re.MULTILINE) and "value" not in said


def test_every_key_is_explained_and_listed():
    for path in KEYS:
        assert explanation.explain(path, TEXT, rerun).startswith(f"{path}\n  is          ")
    assert len(list(explanation.listing(list(KEYS.values())))) == len(KEYS) > 100


@pytest.mark.parametrize(
    ("key", "stages"),
    [
        ("lr", "train generate figures report"),
        ("edge.bins", "edge sharpness sweep_bayes cluster importance assess select scale ablate train generate figures report"),
        ("execution.workers", ""),
        ("generate", "generate report"),
        ("generate.prompts", "generate report"),
    ],
)
def test_the_stages_that_a_key_runs_again(key, stages):
    assert set(rerun(key)) == set(shlex.split(stages))


@pytest.mark.parametrize(
    ("asked", "near"),
    [("sweep_bayes.lagg", "sweep_bayes.lag"), ("first_rung", "sweep_bayes.stopping.first_rung"), ("d_modle", "model.d_model")],
)
def test_a_misspelt_key_gives_the_nearest(asked, near):
    with pytest.raises(UserError, match=rf"^KEY: found '{asked}', expected a key of params.yaml \(nearest: {near}\); "):
        explanation.explain(asked, TEXT, rerun)
