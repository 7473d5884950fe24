"""A preset changes values and nothing else: comments stay, in their columns, and what is wrong is refused before a write."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.config import checking, yamlfile
from lrsweep.config.presets import apply, put, remove
from lrsweep.config.yamlfile import Document
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
    lay(folder, "model: {d_model: 1024}\ngenerate: {prompts: ['a: b # c', \"it's\"]}\n")
    after = (folder / "params.yaml").read_text().splitlines()
    (width, prompts) = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert width[1] == width[0].replace("64  ", "1024") and "#" in width[1]
    assert yamlfile.parse(prompts[1], "line") == {"prompts": ["a: b # c", "it's"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tokenise: {vocab_size: 600}", r"workflow/presets/mine\.yaml: found tokenise, expected a key of params"),
        (
            "sweep_bayes: {lr: {min: 0.001, max: 0.1, scale: log}}",
            r"found sweep_bayes\.lr, expected a key of params\.yaml \(nearest: sweep_bayes\.space\.lr\); correct its name",
        ),
        ("spike_factor: 2", r"found spike_factor, .* \(nearest: edge\.spike_factor\)"),
        ("model: {width: 64}", r"found model\.width, expected a key of params\.yaml \(nearest: base_width\)"),
        ("tokenize: {vocab_size: 1}", r"params\.yaml under mine: tokenize\.vocab_size: found 1, expected"),
    ],
)
def test_a_wrong_preset_writes_nothing(folder, text, says):
    before = (folder / "params.yaml").read_text()
    with pytest.raises(UserError, match=says):
        lay(folder, text)
    assert (folder / "params.yaml").read_text() == before


@pytest.mark.parametrize("name", [path.stem for path in (ROOT / "workflow/presets").glob("*.yaml")])
def test_every_preset_is_valid_alone(folder, name):
    (folder / f"workflow/presets/{name}.yaml").write_text((ROOT / f"workflow/presets/{name}.yaml").read_text())
    apply(folder / "params.yaml", [name])
    assert params(folder) != yamlfile.parse((ROOT / "params.yaml").read_text(), "params.yaml")
    checking.load(folder / "params.yaml")


def test_a_quick_look_ends_at_the_length_of_the_default_trials(folder):
    (folder / "workflow/presets/quick.yaml").write_text((ROOT / "workflow/presets/quick.yaml").read_text())
    apply(folder / "params.yaml", ["quick"])
    found = checking.load(folder / "params.yaml")
    assert found.train.steps == yamlfile.parse((ROOT / "params.yaml").read_text(), "it")["sweep_bayes"]["steps"]


def test_a_preset_that_is_not_there_names_those_that_are(folder):
    lay(folder, "seed: 1")
    with pytest.raises(UserError, match="'nothing': not found in workflow/presets, expected one of: mine"):
        apply(folder / "params.yaml", ["nothing"])


def params(folder):
    return yamlfile.parse((folder / "params.yaml").read_text(), "params.yaml")


def test_a_dimension_is_replaced_added_and_removed(folder):
    beta1 = {"min": 0.8, "max": 0.95, "scale": "linear"}
    lay(
        folder,
        "sweep_bayes:\n  space:\n    beta2: {choices: [0.9, 0.99]}\n    weight_decay: null\n"
        "    beta1:\n      min: 0.8  # of mine\n      max: 0.95\n      scale: linear\n\n"
        "# not mine\nselect: {default: {beta2: null, beta1: 0.9}}\n",
    )
    assert params(folder)["sweep_bayes"]["space"] == {"lr": "auto", "beta2": {"choices": [0.9, 0.99]}, "beta1": beta1}
    assert params(folder)["select"]["default"] == {"lr": 0.001, "weight_decay": 0.01, "beta1": 0.9}
    text = (folder / "params.yaml").read_text()
    assert "\n    beta1: {min: 0.8, max: 0.95, scale: linear}\n  metric:" in text and "mine" not in text
    lay(folder, "sweep_bayes: {space: {lr: {min: 1.0e-3, max: 0.1, scale: log}}}")
    assert "\n    lr: {min: 1.0e-3, max: 0.1, scale: log} # maximum learning rate" in (folder / "params.yaml").read_text()


def test_the_lr_cannot_be_removed(folder):
    with pytest.raises(UserError, match=r"params\.yaml under mine: sweep_bayes\.space\.lr: found nothing, expected auto"):
        lay(folder, "sweep_bayes: {space: {lr: null}}")


def test_nulls_become_values_and_values_nulls(folder):
    measured = params(folder)["sharpness"]
    lay(folder, "sharpness: null\nlr: 3.0e-3\n")
    text = (folder / "params.yaml").read_text()
    assert "\nsharpness: null " in text and "\nlr: 3.0e-3 " in text and "\n\nsweep_bayes:" in text
    lay(folder, yamlfile.dump({"sharpness": measured, "lr": None}))
    assert params(folder)["sharpness"] == measured and params(folder)["lr"] is None
    checking.load(folder / "params.yaml")


def test_lists_in_lines_of_their_own(folder):
    file = folder / "params.yaml"
    inline = '  prompts: ["Once upon a time", "One day, a little girl named Lily", "The dog wanted"]'
    block = "  prompts:\n    - Once  # the first\n    - Twice  # the second\n\n  # about tokens"
    assert inline in file.read_text()
    file.write_text(file.read_text().replace(inline, block))
    lay(folder, "generate: {max_tokens: 7}")
    assert block in file.read_text() and "max_tokens: 7 " in file.read_text()
    lay(folder, "generate: {prompts: [Thrice]}")
    assert "  prompts: [Thrice]\n\n  # about tokens\n  max_tokens: 7" in file.read_text()


def test_a_file_that_dvc_has_rewritten(folder):
    """`dvc exp run -S` reads and writes params.yaml by ruamel.yaml, in another layout than ours."""
    from dvc.utils.serialize import modify_yaml

    with modify_yaml("params.yaml") as tree:
        tree["lr"], tree["generate"]["prompts"] = 0.003, ["a", "b" * 200]
    before = (folder / "params.yaml").read_text()
    assert "\n  - a\n" in before
    lay(folder, "sweep_bayes: {trials: 64, space: {beta2: null, eps: {min: 1e-9, max: 1e-7, scale: log}}}\nsharpness: null\n")
    changed = params(folder)
    assert (
        changed["lr"] == 0.003 and changed["sweep_bayes"]["trials"] == 64 and changed["generate"]["prompts"] == ["a", "b" * 200]
    )
    assert list(changed["sweep_bayes"]["space"]) == ["lr", "weight_decay", "eps"] and changed["sharpness"] is None
    comments = [line for line in before.splitlines() if line.lstrip().startswith("# ")]
    assert [line for line in comments if line not in (folder / "params.yaml").read_text().splitlines()] == []


def test_rights_and_links_stay(folder):
    file = folder / "params.yaml"
    file.rename(folder / "mine.yaml")
    (folder / "mine.yaml").chmod(0o640)
    file.symlink_to("mine.yaml")
    lay(folder, "seed: 3")
    assert file.is_symlink() and (folder / "mine.yaml").stat().st_mode & 0o777 == 0o640
    assert params(folder)["seed"] == 3 and not (folder / "mine.yaml").is_symlink()


def test_windows_line_ends(folder):
    file = folder / "params.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    lay(folder, "seed: 3")
    assert b"\r" not in file.read_bytes() and params(folder)["seed"] == 3


names = st.text("abc", min_size=1, max_size=2)
leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1e-8, 2.5e3]) | st.text("ab #:'", max_size=5)
trees = st.dictionaries(
    names,
    st.recursive(
        leaves | st.lists(leaves, max_size=3), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=6
    ),
    min_size=1,
    max_size=4,
)


def commented(tree, flow):
    """YAML of a tree with a comment above each key at the top, and one behind each that has its value on its line."""
    parts = []
    for number, (key, value) in enumerate(tree.items()):
        text = yamlfile.dump({key: value}, flow=False)
        if flow or text.count("\n") == 1:
            text = f"{key}: {yamlfile.dump(value, flow=True).rstrip()}  # behind {number}\n"
        parts.append(f"# above {number}\n{text}\n")
    return "".join(parts)


@given(trees, trees, st.booleans())
def test_a_put_value_is_read_again_and_no_comment_above_is_lost(tree, new, flow):
    document = Document(commented(tree, flow))
    other = Document(commented(new, flow=False)).tree
    for key, value in other.items():
        put(document.tree, key, value)
    assert yamlfile.parse(str(document), "it") == {**tree, **new}
    for number, key in enumerate(tree):
        assert f"# above {number}\n" in str(document)
        assert not flow or f"# behind {number}\n" in str(document), key
    if len(tree) > 2:
        gone = list(tree)[1]
        remove(document.tree, gone)
        assert yamlfile.parse(str(document), "it") == {key: value for key, value in {**tree, **new}.items() if key != gone}
        assert all(f"# above {number}\n" in str(document) for number in range(len(tree)) if number != 1)
