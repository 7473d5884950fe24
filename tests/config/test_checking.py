"""A wrong params.yaml gets one line that names the key, the value, what was expected and what to do."""

import copy
from pathlib import Path

import pytest

from lrsweep.config import checking, params, yamlfile
from lrsweep.errors import UserError

ROOT = Path(__file__).parents[2]
TREE = yamlfile.parse((ROOT / "params.yaml").read_text(), "params.yaml")


def changed(**keys):
    tree = copy.deepcopy(TREE)
    for key, value in keys.items():
        *parents, last = key.split("__")
        node = tree
        for parent in parents:
            node = node[parent]
        node[last] = value
    return tree


def test_the_default_is_in_order_and_its_rungs_are_steps():
    assert checking.load(ROOT / "params.yaml").sweep_bayes.rungs == (40, 80, 160)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"modle": {}}, "modle: found {}, expected a known key (nearest: model)"),
        ({"sweep_bayes__lr": 0.1}, "sweep_bayes.lr: found 0.1, expected a known key (nearest: sweep_bayes.space.lr)"),
        ({"sharpness__stesp": [1]}, "sharpness.stesp: found [1], expected a known key (nearest: steps)"),
        ({"seed": "x"}, "seed: found 'x', expected integer"),
        ({"seed": True}, "seed: found True, expected integer"),
        ({"lr": -1}, "lr: found -1, expected greater than 0"),
        ({"lr": float("nan")}, "lr: found nan, expected a finite number"),
        ({"model__n_heads": 5}, "model.n_heads: found 5"),
        ({"sweep_bayes__stopping__first_rung": 35}, "sweep_bayes.stopping.first_rung: found 35, expected a multiple of"),
        ({"sweep_bayes__stopping__first_rung": 300}, "sweep_bayes.stopping.first_rung: found 300, expected less than"),
        ({"sweep_bayes__sampler": "tpe"}, "sweep_bayes.sampler: found 'tpe', expected mfgp where sweep_bayes.ending is set"),
        ({"sweep_bayes__ending": {"gain": 0, "patience": 4}}, "sweep_bayes.ending.gain: found 0, expected greater than 0"),
        ({"sweep_bayes__first_block": 4}, "sweep_bayes.first_block: found 4, expected at least eta^rungs"),
        ({"sweep_bayes__metric__name": "m_u"}, "M_u has no term up to its window"),
        ({"sweep_uniform__warmup_steps": 300}, "sweep_uniform.warmup_steps: found 300, expected less than"),
        ({"train__eval_every": 33}, "train.eval_every: found 33, expected a divisor of"),
        ({"sweep_uniform__lr__min": 1.0}, "sweep_uniform.lr.min: found 1.0, expected less than"),
        ({"edge__below": 0.5, "edge__above": 2.0}, "edge.below: found 0.5, expected more than 1 / edge.above"),
        ({"select__first_seeds": 6, "select__budget": 36}, "select.first_seeds: found 6, expected at most select.seeds (5)"),
        ({"select__budget": 11}, "select.budget: found 11, expected at least 12: the first round of 5 candidates"),
        ({"select__confirm": 96}, "select.confirm: found 96, expected at most 100 with select.seeds (5)"),
        ({"scale__steps": [300]}, "scale.steps: found [300], expected at least two proxies"),
        ({"scale__steps": [150, 150]}, "scale.steps: found [150, 150], expected each once"),
        (
            {"scale__sizes": [{"d_modle": 32}]},
            "scale.sizes[0].d_modle: found 32, expected a size of the model (nearest: d_model)",
        ),
        ({"scale__sizes": [{"d_model": 36}]}, "scale.sizes[0]: found {'d_model': 36}, expected heads of an even width"),
        (
            {"scale__sizes": [{"d_model": 32}, {"d_ff": 32}]},
            "scale.sizes[1]: found {'d_ff': 32}, expected the names of the first",
        ),
        (
            {"model__parametrization": "mup", "optimizer__optimizer": "muon"},
            "optimizer.optimizer: found 'muon', expected adamw where model.parametrization is mup",
        ),
        (
            {"model__parametrization": "mup", "sweep_bayes__space__optimizer": {"choices": ["adamw", "muon"]}},
            "sweep_bayes.space.optimizer.choices: found 'muon', expected adamw where model.parametrization is mup",
        ),
        (
            {"scale__carried": ["averaging_shape"]},
            "scale.carried[0]: found 'averaging_shape', expected a carried term (nearest: averaging_share)",
        ),
        ({"corpus__source": "files"}, "corpus.paths: found [], expected at least one path"),
    ],
)
def test_one_line_for_one_mistake(keys, says):
    problems = checking.parse_problems(changed(**keys))
    assert len(problems) == 1
    assert says in str(problems[0]) and "; " in str(problems[0]) and "\n" not in str(problems[0])


@pytest.mark.parametrize("steps", [[120, 4000], [20, 40], [2000, 4000]], ids=["inside", "far outside", "one is the target"])
def test_no_target_is_refused_for_where_it_lies(steps):
    """What follows from its place is said with the answer, with an interval."""
    assert not checking.parse_problems(changed(scale__steps=steps))


def test_the_write_ups_mistake_is_refused():
    """min_iter 250 was meant in steps and counted in evals, of which there were 20: no rung was ever reached."""
    tree = changed(sweep_bayes__steps=20, sweep_bayes__eval_every=1, sweep_bayes__warmup_steps=2)
    tree["sweep_bayes"]["stopping"]["first_rung"] = 250
    (problem,) = checking.parse_problems(tree)
    assert "stops nothing; it is counted in steps, not in evals" in str(problem)


def test_the_write_ups_rung_counted_in_evals_is_refused():
    """250 evals of 50 steps lie past the end of 1,000 steps: such a rule would never fire, as in the write-up's first phase."""
    study = {"sweep_bayes__steps": 1000, "sweep_bayes__eval_every": 50, "sweep_bayes__warmup_steps": 100}
    (problem,) = checking.parse_problems(changed(**study, sweep_bayes__stopping__first_rung=250 * 50))
    assert "sweep_bayes.stopping.first_rung: found 12500, expected less than sweep_bayes.steps (1000)" in str(problem)
    assert "counted in steps, not in evals" in str(problem)
    assert checking.parse_problems(changed(**study, sweep_bayes__stopping__first_rung=250)) == []


def test_a_rung_that_cannot_exist_is_not_advised():
    """A trial with an eval at its end alone has no place for a rung before the end."""
    study = {"sweep_bayes__steps": 20, "sweep_bayes__eval_every": 20, "sweep_bayes__warmup_steps": 2}
    (problem,) = checking.parse_problems(changed(**study, sweep_bayes__stopping__first_rung=20))
    assert str(problem).endswith("; lower sweep_bayes.eval_every")


def test_exponents_without_a_point_are_numbers():
    assert params.Params.model_validate(changed(lr="1e-3")).lr == 0.001


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        checking.load(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [1")
    with pytest.raises(UserError, match="not YAML"):
        checking.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("preset", sorted((ROOT / "workflow/presets").glob("*.yaml")), ids=lambda path: path.stem)
def test_presets_are_valid_over_the_default(preset, tmp_path, monkeypatch):
    from lrsweep.config.presets import apply

    monkeypatch.chdir(ROOT)
    target = tmp_path / "params.yaml"
    target.write_text((ROOT / "params.yaml").read_text())
    apply(target, [preset.stem])
    checking.load(target)
    assert "# maximum learning rate" in target.read_text(), "comments are kept"
