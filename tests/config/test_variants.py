"""Variants of an ablation: which there are, what each changes, and what is refused before anything is trained."""

import copy
from pathlib import Path

import pytest

from lrsweep.config import checking, yamlfile
from lrsweep.config.params import Params
from lrsweep.config.presets import apply
from lrsweep.config.variants import over, variants_of
from lrsweep.search.settings import Ablate

ROOT = Path(__file__).parents[2]
TREE = yamlfile.parse((ROOT / "params.yaml").read_text(), "params.yaml")
PRESET = yamlfile.parse((ROOT / "workflow/presets/ablations.yaml").read_text(), "ablations.yaml")["ablate"]


def tree(variants, space=None, **section):
    changed = copy.deepcopy(TREE)
    changed["ablate"] = {**PRESET, "variants": variants, **section}
    if space:
        changed["sweep_bayes"]["space"] = {**changed["sweep_bayes"]["space"], **space}
    return changed


def script(variants):
    changed = {name: one for name, one in tree(variants).items() if name not in checking.script.NOT_APPLYING}
    changed["trainer"] = {
        "command": "python train.py --lr {lr} --wd {weight_decay} --beta2 {beta2} --layers {layers} --until {until} --act {act}",
        "reads": [],
        "curve": {"pattern": r"(?P<step>\d+) (?P<loss>\S+)"},
        "resume": True,
    }
    changed["scale"] = None  # its carried terms are the built-in trainer's
    del changed["execution"]["checkpoint_every"]
    changed["select"] = copy.deepcopy(changed["select"])
    changed["select"]["default"] = {"lr": 1e-3, "beta2": 0.99, "weight_decay": 0.01, "layers": 2, "act": "silu"}
    return changed


def test_the_grid_crosses_what_does_not_change_the_same():
    variants = {"a": {"norm": "none"}, "b": {"norm": "post"}, "c": {"warmup_steps": 0}, "d": {"warmup_share": 0.5}}
    found = variants_of(Ablate.model_validate({**PRESET, "variants": variants, "grid": True}))
    assert [(one.name, one.parts) for one in found] == [
        ("baseline", None), ("a", None), ("b", None), ("c", None), ("d", None),
        ("a + c", (1, 3)), ("a + d", (1, 4)), ("b + c", (2, 3)), ("b + d", (2, 4)),
    ]  # fmt: skip
    assert found[5].overrides == {"norm": "none", "warmup_steps": 0}
    assert variants_of(None) == []
    words = {"a": {"arguments": "--no-norm"}, "b": {"arguments": "--no-clip", "layers": 3}, "c": {"layers": 4}}
    crossed = variants_of(Ablate.model_validate({**PRESET, "variants": words, "grid": True}))[4:]
    assert [one.overrides for one in crossed] == [
        {"arguments": "--no-norm --no-clip", "layers": 3}, {"arguments": "--no-norm", "layers": 4}
    ]  # fmt: skip


def test_a_term_takes_the_place_of_its_plain_name():
    assert over({"lr": 0.1, "weight_decay": 0.1}, {"averaging_share": 2.0}) == {"lr": 0.1, "averaging_share": 2.0}
    assert over({"lr": 0.1, "averaging_share": 2.0}, {"weight_decay": 0.0}) == {"lr": 0.1, "weight_decay": 0.0}


def test_the_ladder_and_the_runs():
    section = Ablate.model_validate(PRESET)
    assert section.ladder == (0, -1, -2, -3, 1, 2, 3)
    assert (section.first, section.runs) == (9, 16)


def test_the_preset_keeps_the_comment_and_gives_a_key_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    apply(path, ["ablations"])
    lines = path.read_text().splitlines()
    (head,) = [i for i, line in enumerate(lines) if line.startswith("ablate:")]
    assert "# variants of" in lines[head] and lines[head + 2].split() == ["grid:", "false"]
    assert checking.load(path).ablate.variants["no_clipping"] == {"grad_clip": 1e9}


@pytest.mark.parametrize(
    ("variants", "says"),
    [
        ({"a": {"norn": "none"}}, "ablate.variants.a.norn: found 'none', expected a name that the trainer takes (nearest: norm)"),
        ({"a": {"norm": "nix"}}, "ablate.variants.a.norm: found 'nix', expected 'pre', 'post' or 'none'"),
        ({"a": {"norm": "pre"}}, "ablate.variants.a.norm: found 'pre', expected another value than the baseline's (pre)"),
        ({"a": {"warmup_steps": 300}}, "ablate.variants.a.warmup_steps: found 300, expected less than sweep_bayes.steps"),
        ({"a": {"warmup_steps": "x"}}, "ablate.variants.a.warmup_steps: found 'x', expected integer"),
        ({"a": {"beta2": 1.5}}, "ablate.variants.a.beta2: found 1.5, expected less than 1"),
        ({"a": {"lr": 0.1}}, "ablate.variants.a.lr: found 0.1, expected no lr: each variant finds its own best LR"),
        ({"a": {"n_heads": 5}}, "ablate.variants.a: found {'n_heads': 5}, expected heads of an even width"),
        ({"a": {}}, "ablate.variants.a: found {}, expected at least one name"),
        ({}, "ablate.variants: found {}, expected at least 1 of them"),
        ({"a": {"norm": "none"}, "b": {"norm": "none"}}, "b: found {'norm': 'none'}, expected other values than those of a"),
        ({"baseline": {"norm": "none"}}, "ablate.variants: found 'baseline', expected a name of letters"),
        ({"results/x.json": {"norm": "none"}}, "ablate.variants: found 'results/x.json', expected a name of letters"),
        ({"a + b": {"norm": "none"}}, "ablate.variants: found 'a + b', expected a name of letters"),
        ({"x" * 41: {"norm": "none"}}, "at most 40"),
        ({"a": {"weight_decay": 0.0, "averaging_share": 1.0}}, "expected a term or its plain name, not both"),
        ({"a": {"norm": ["none"]}}, "ablate.variants.a.norm: found ['none'], expected"),
        ({"a": "norm"}, "ablate.variants.a: found 'norm', expected a mapping of names"),
        ("a", "ablate.variants: found 'a', expected a mapping of names"),
    ],
)  # fmt: skip
def test_one_line_for_one_mistake(variants, says):
    (problem,) = checking.parse_problems(tree(variants))
    assert says in str(problem) and "; " in str(problem) and "\n" not in str(problem)


def test_a_plain_name_is_refused_where_the_space_has_its_term():
    space = {"warmup_share": {"min": 0.01, "max": 0.5, "scale": "log"}}
    (problem,) = checking.parse_problems(tree({"a": {"warmup_steps": 0}}, space))
    assert "expected warmup_share in its place, which sweep_bayes.space varies; write warmup_share" in str(problem)
    assert checking.parse_problems(tree({"a": {"warmup_share": 0.0}}, space)) == []


def test_too_many_runs_are_refused():
    (problem,) = checking.parse_problems(tree({"a": {"norm": "none"}}, below=90))
    assert "ablate.below: found 90, expected at most 100 runs a variant" in str(problem)


def test_muon_is_refused_with_mup():
    changed = tree({"a": {"optimizer": "muon"}})
    changed["model"] = {**changed["model"], "parametrization": "mup"}
    assert [
        "ablate.variants.a.optimizer: found 'muon', expected adamw" in str(one) for one in checking.parse_problems(changed)
    ] == [True]


def test_null_is_off_and_a_text_is_not():
    assert Params.model_validate(TREE).ablate is None
    (problem,) = checking.parse_problems({**TREE, "ablate": "on"})
    assert "ablate: found 'on', expected a mapping of keys or null" in str(problem)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"arguments": "--no-norm"}, None),
        ({"arguments": "--scale {lr}"}, None),
        ({"arguments": "--text {{warm}}"}, None),
        ({"layers": 3, "weight_decay": 0.0}, None),
        ({"arguments": "--x 'a"}, 'found "--x \'a", expected words with closed quotes'),
        ({"arguments": ""}, "expected words that are put behind trainer.command"),
        ({"arguments": 3}, "expected words that are put behind trainer.command"),
        ({"arguments": "{warm}"}, "not {warm}"),
        ({"norm": "none"}, "ablate.variants.a.norm: found 'none', expected a name that trainer.command takes, or arguments"),
        ({"layer": 3}, "(nearest: layers)"),
        ({"layers": 2}, "another value than the baseline's (2)"),
        ({"layers": "three"}, "expected a number, as layers has elsewhere"),
        ({"act": 3}, "expected a word, as act has elsewhere"),
    ],
)
def test_variants_of_a_script(overrides, says):
    problems = checking.parse_problems(script({"a": overrides}))
    assert [says in str(one) for one in problems] == ([True] if says else []), problems


def test_words_that_a_shell_drops_are_refused():
    tree = script({"a": {"arguments": "--no-norm"}})
    own = tree["trainer"]["command"]
    for command, refused in (
        (f"sh -c '{own}'", True),
        (f"/bin/bash -e -c '{own} \"$@\"'", True),
        (f"sh -c '{own} \"$@\"' sh", False),
    ):
        problems = checking.parse_problems({**tree, "trainer": {**tree["trainer"], "command": command}})
        assert ["a shell drops those behind its -c" in str(one) for one in problems] == [True] * refused, problems
