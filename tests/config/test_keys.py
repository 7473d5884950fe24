"""The keys of params.yaml: one place says what each is, and `explain`, the schema and the editors have it from there."""

import copy
import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import yaml

from lrsweep.config import explanation, presets, schema
from lrsweep.errors import UserError
from lrsweep.provenance import pipeline

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
TREE = yaml.safe_load(TEXT)
SCHEMA = json.loads((ROOT / schema.PATH).read_text(encoding="utf-8"))
STAGES = pipeline.load(ROOT / "dvc.yaml")
KEYS = {key.path: key for key in explanation.keys(SCHEMA)}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_schema_is_not_stale():
    assert schema.make(TEXT, "params.yaml") == SCHEMA, "run `make schema`"


def test_editors_are_led_to_the_schema():
    assert TEXT.startswith(f"# yaml-language-server: $schema={schema.PATH}\n")


def test_a_key_without_a_comment_is_refused():
    with pytest.raises(UserError, match=r"params.yaml: train.steps: found no comment, expected what the key is; write it"):
        schema.make(re.sub(r"(?m)^(  steps: 2000).*$", r"\1", TEXT), "params.yaml")


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
    jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(text))


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
        ("sweep_bayes.lr", "atuo"),
        ("sweep_bayes.lr", {"min": 1, "max": 2}),
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
    assert explanation.explain("sweep_bayes.stopping.first_rung", text, STAGES).splitlines() == [
        "sweep_bayes.stopping.first_rung",
        "  is          where trials are compared first; the next rungs are eta times the one before",
        "  unit        steps",
        "  may be      integer of at least 1",
        f"  value       80 (params.yaml, line {line})",
        "  default     40",
        "  source      this project",
        "  runs again  sweep_bayes, cluster, importance, assess, select, train, generate, figures, report",
    ]


def test_a_source_and_a_form_of_several():
    said = explanation.explain("generate.top_p", TEXT, STAGES)
    assert "source      Holtzman et al. 2020, arXiv 1904.09751" in said and "number greater than 0 and at most 1" in said
    assert "may be      auto, or a mapping of min, max, scale" in explanation.explain("sweep_bayes.lr", TEXT, STAGES)
    assert "source      PyTorch's default" in explanation.explain("select.default.beta2", TEXT, STAGES)


def test_a_section_lists_its_keys():
    said = explanation.explain("tokenize", TEXT, STAGES)
    assert re.search(r"^  vocab_size +size of the vocabulary: .* \[tokens\]$", said, re.MULTILINE) and "value" not in said


def test_every_key_is_explained_and_listed():
    for path in KEYS:
        assert explanation.explain(path, TEXT, STAGES).startswith(f"{path}\n  is          ")
    assert len(list(explanation.listing(list(KEYS.values())))) == len(KEYS) > 100


@pytest.mark.parametrize(
    ("key", "stages"),
    [
        ("lr", "train generate figures report"),
        ("edge.bins", "edge sharpness sweep_bayes cluster importance assess select train generate figures report"),
        ("execution.trials_per_job", ""),
        ("generate", "generate report"),
        ("generate.prompts", "generate report"),
    ],
)
def test_the_stages_that_a_key_runs_again(key, stages):
    assert set(explanation.rerun(key, STAGES)) == set(shlex.split(stages))


@pytest.mark.parametrize(
    ("asked", "near"),
    [("sweep_bayes.lagg", "sweep_bayes.lag"), ("first_rung", "sweep_bayes.stopping.first_rung"), ("d_modle", "model.d_model")],
)
def test_a_misspelt_key_gives_the_nearest(asked, near):
    with pytest.raises(UserError, match=rf"^KEY: found '{asked}', expected a key of params.yaml \(nearest: {near}\); "):
        explanation.explain(asked, TEXT, STAGES)
