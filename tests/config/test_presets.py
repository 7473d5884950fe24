"""A preset changes values and nothing else: comments stay, in their columns, and what is wrong is refused before a write."""

from pathlib import Path

import pytest

from lrsweep.config import yamlfile
from lrsweep.config.presets import apply
from lrsweep.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "workflow/presets").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay(folder, text):
    (folder / "workflow/presets/mine.yaml").write_text(text)
    apply(folder / "params.yaml", ["mine"])


def test_only_the_values_change_and_comments_keep_their_column(folder):
    before = (folder / "params.yaml").read_text().splitlines()
    lay(folder, "tokenize: {vocab_size: 10000}\ngenerate: {prompts: ['a: b # c', \"it's\"]}\n")
    after = (folder / "params.yaml").read_text().splitlines()
    (vocabulary, prompts) = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert vocabulary[1] == vocabulary[0].replace("512  ", "10000") and "#" in vocabulary[1]
    assert yamlfile.parse(prompts[1], "line") == {"prompts": ["a: b # c", "it's"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tokenise: {vocab_size: 600}", r"workflow/presets/mine\.yaml: found tokenise, expected a key of params"),
        ("tokenize: {vocab_size: 1}", r"params\.yaml under mine: tokenize\.vocab_size: found 1, expected"),
    ],
)
def test_a_wrong_preset_writes_nothing(folder, text, says):
    before = (folder / "params.yaml").read_text()
    with pytest.raises(UserError, match=says):
        lay(folder, text)
    assert (folder / "params.yaml").read_text() == before


def test_a_preset_that_is_not_there_names_those_that_are(folder):
    lay(folder, "seed: 1")
    with pytest.raises(UserError, match="'nothing': not found in workflow/presets, expected one of: mine"):
        apply(folder / "params.yaml", ["nothing"])
