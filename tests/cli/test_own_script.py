"""A person's own script: started outside of our checkout, and tried."""

import shutil

import pytest
from ruamel.yaml import YAML

from lrsweep.cli.init import parse_curve, parse_dimension
from lrsweep.config import checking, starting, yamlfile
from lrsweep.errors import UserError
from lrsweep.stages import estimate, trying
from lrsweep.trainers.command.settings import Script
from tests.own_scripts import EXAMPLES, NEEDED, STARTS, start
from tests.pipeline import ROOT, run

SCRIPT = ROOT / "tests/trainers/command/script.py"


@pytest.mark.parametrize("name", STARTS)
def test_an_example_is_short_and_starts_as_it_says(name):
    text = (EXAMPLES / name).read_text()
    head = " ".join(text[: text.find("\n\n", text.find("lrsweep init"))].replace("#  ", "").split())
    assert len(text.splitlines()) < 60
    assert f"--command '{STARTS[name][0]}'" in head and f"--curve '{STARTS[name][1]}'" in head, head


@pytest.mark.parametrize("name", STARTS)
def test_an_example_can_be_tried(tmp_path, name):
    for library in NEEDED.get(name, ()):
        pytest.importorskip(library, reason=f"{library} is in no lock: the example is for those who have it")
    done = start(tmp_path / "own", name)
    assert done.returncode == 0, done.stderr
    tried = run(tmp_path / "own", "lrsweep", "try")
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert "2 runs of one seed differ by up to 0 nats" in tried.stdout and "WRONG" not in tried.stdout
    missing = "gradient norm: not logged: the edge will say less; log it, and name it in trainer.curve.grad_norm"
    assert (missing in tried.stdout) == (name in ("any.sh", "hydra_overrides.py"))


def test_a_schedule_that_resuming_restarts_is_found(tmp_path):
    own = tmp_path / "own"
    start(own, "plain.py")
    script = own / "plain.py"
    script.write_text(script.read_text().replace("(optimizer, args.steps)", "(optimizer, args.until)"))
    tried = run(own, "lrsweep", "try")
    assert tried.returncode == 1 and "changes the schedule: the LR at step" in tried.stdout, tried.stdout + tried.stderr


@pytest.mark.parametrize(
    ("more", "curve", "code", "said"),
    [
        ("--seed {seed}", {}, 0, "2 runs of one seed differ by up to 0 nats"),
        ("", {}, 1, "WRONG: two seeds give the same losses: the seed is ignored; pass {seed} on to weights and batches"),
        ("--seed {seed} --wrong differs", {}, 0, "5 runs of one seed differ by up to 0.000"),
        (
            "--seed {seed} --every 7",
            {},
            0,
            "measures at steps 7, 14, 20, …, and trials are compared every 10: at 10 by an earlier eval",
        ),
        ("--seed {seed} --wrong evals", {}, 2, "log the number of updates, not of evals or epochs"),
        ("--seed {seed} --wrong forgets", {}, 2, "found that it began again at step 1, expected it to go on after step 10"),
        ("--seed {seed}", {"loss": "train_loss"}, 1, "WRONG: trainer.curve.loss is 'train_loss', by its name the training loss"),
    ],
)
def test_what_try_finds(tmp_path, monkeypatch, more, curve, code, said):
    shutil.copy(SCRIPT, tmp_path / "script.py")
    if curve:
        (tmp_path / "script.py").write_text(SCRIPT.read_text().replace('"val"', f'"{curve["loss"]}"'))
    command = f"python script.py --lr {{lr}} --until {{until}} --out {{dir}} {more}"
    section = {"file": "{dir}/log.jsonl", "step": "step", "loss": "val", "lr": "lr", "grad_norm": "grad_norm", **curve}
    trainer = {"command": command, "reads": ["script.py"], "curve": section, "resume": True}
    (tmp_path / "params.yaml").write_text(starting.params(starting.Start(trainer, {}, 80, 10, None)))
    tried = run(tmp_path, "lrsweep", "try")
    assert tried.returncode == code and said in tried.stdout + tried.stderr, tried.stdout + tried.stderr
    assert ("takes" in tried.stdout) == (code < 2)


def test_a_pattern_of_the_training_loss_is_found():
    def wrong(pattern):
        section = {"command": "a", "reads": [], "curve": {"pattern": pattern}, "resume": True}
        return list(trying.wrong_names(Script.model_validate(section)))

    assert not wrong(r"step (?P<step>\d+): train loss \S+, val loss (?P<loss>\S+)")
    assert "by its name the training loss" in wrong(r"step (?P<step>\d+): train loss (?P<loss>\S+), val loss")[0]


def test_check_names_a_file_to_read_that_is_not_there(tmp_path):
    trainer = {"command": "a {lr} {until}", "reads": ["gone.py"], "curve": parse_curve("file={dir}/a.csv,loss=v"), "resume": True}
    (tmp_path / "params.yaml").write_text(starting.params(starting.Start(trainer, {}, 80, 10, None)))
    (tmp_path / "dvc.yaml").write_text(starting.pipeline(["gone.py"]))
    done = run(tmp_path, "lrsweep", "check")
    assert done.returncode == 2 and "trainer.reads[0]: found 'gone.py', which names no file, expected" in done.stderr
    assert not (tmp_path / "results").exists()


def test_init_overwrites_nothing_and_refuses_our_checkout(tmp_path):
    own = tmp_path / "own"
    assert start(own, "any.sh").returncode == 0
    (own / "params.yaml").unlink()
    before = (own / "dvc.yaml").read_bytes()
    again = start(own, "any.sh")
    assert again.returncode == 2 and "init: found dvc.yaml, expected none, since nothing is overwritten" in again.stderr
    assert (own / "dvc.yaml").read_bytes() == before and not (own / "params.yaml").exists()
    ours = run(ROOT, "lrsweep", "init", "--command", "x {lr}", "--read", "x", "--curve", "pattern=x")
    assert ours.returncode == 2 and "found the checkout of lrsweep itself" in ours.stderr


def test_what_a_stage_depends_on_is_there_or_made_by_another(tmp_path):
    own = tmp_path / "own"
    start(own, "any.sh")
    stages = YAML(typ="safe").load(own / "dvc.yaml")["stages"].values()
    made = {out for stage in stages for out in (*stage["outs"], *stage.get("metrics", ()))}
    assert [dep for stage in stages for dep in stage["deps"] if dep not in made and not (own / dep).exists()] == []
    assert all("any.sh" in stage["deps"] for stage in stages if "work" in stage["cmd"].split())


LENGTHS = [(n, every) for n in (2, 40, 97, 200, 1000, 4096, 200_000) for every in (None, 1, 20, 100) if n % (every or 1) == 0]


@pytest.mark.parametrize(("steps", "every"), [pair for pair in LENGTHS if pair[0] != pair[1]])
def test_a_study_of_any_length_can_be_started(tmp_path, steps, every):
    trainer = {"command": "a {lr} {until}", "reads": [], "curve": parse_curve("file={dir}/a.csv,loss=v"), "resume": True}
    (tmp_path / "params.yaml").write_text(starting.params(starting.Start(trainer, {}, steps, every, None)))
    found = checking.load(tmp_path / "params.yaml").sweep_bayes
    assert found.steps == steps and found.eval_every == (every or found.eval_every) and found.rungs
    with pytest.raises(UserError, match="--steps: found 4, expected at least two evals in a trial"):
        starting.params(starting.Start(trainer, {}, 4, 4, None))


def test_params_yaml_says_nothing_of_the_built_in_model():
    trainer = {"command": "a {lr} {until}", "reads": [], "curve": parse_curve("file={dir}/a.csv,loss=v"), "resume": True}
    text = starting.params(starting.Start(trainer, {}, 100, 10, None))
    for word in ("0.37", "d_model", "lrsweep preset", "carried:", "optimizer", "model:", "checkpoint", "PyTorch"):
        assert word not in text, word
    stale = {**yamlfile.parse(text, "p"), "model": {}}
    stale["execution"]["checkpoint_every"] = 5
    found = [problem.key for problem in checking.parse_problems(stale)]
    assert found == ["model", "execution.checkpoint_every"]


@pytest.mark.parametrize(
    ("command", "curve", "said"),
    [
        ("t {lr}", {"file": "{dir}/a", "step": "s", "loss": "v", "lr": None, "grad_norm": None}, "expected {until} in it, or no"),
        ("t {lr} {until} {wd}", {"pattern": "(?P<step>.)(?P<loss>.)"}, "found {wd}, expected one of {lr}, {until}, {steps}"),
        ("t {lr} {until}", {"pattern": "(?P<step>x"}, "trainer.curve.pattern: found '(?P<step>x', expected a regular expression"),
        ("t {lr} {until}", {"pattern": "step (?P<step>.)"}, "expected a pattern with the groups (?P<step>…) and (?P<loss>…)"),
        (
            "t {lr} {until}",
            {"file": "a", "step": "s", "los": "v", "lr": None, "grad_norm": None},
            "trainer.curve.los: found 'v',",
        ),
        ("t {lr} {until}", "log.csv", "trainer.curve: found 'log.csv', expected a mapping of keys"),
    ],
)
def test_a_mistake_about_the_script_is_one_line(command, curve, said):
    trainer = {"command": command, "reads": [], "curve": curve, "resume": True}
    with pytest.raises(UserError) as refused:
        starting.params(starting.Start(trainer, {}, 100, 10, None))
    assert said in str(refused.value) and "\n" not in str(refused.value), refused.value


def test_a_script_that_does_not_resume_needs_its_length():
    trainer = {"command": "t {lr}", "reads": [], "curve": {"pattern": "(?P<step>.)(?P<loss>.)"}, "resume": False}
    with pytest.raises(
        UserError, match=r"trainer\.command: found 't …', expected \{steps\} in it: trials, proxies and .* add \{steps\}"
    ):
        starting.params(starting.Start(trainer, {}, 100, 10, None))
    assert starting.params(starting.Start({**trainer, "command": "t {lr} {steps}"}, {}, 100, 10, None))


def test_options_are_read():
    assert parse_dimension("", "w=1e-3:1:log") == ("w", {"min": 0.001, "max": 1.0, "scale": "log"})
    assert parse_dimension("", "w=10:100:log:int") == ("w", {"min": 10, "max": 100, "type": "int", "scale": "log"})
    assert parse_dimension("", "o=adamw,muon") == ("o", {"choices": ["adamw", "muon"]})
    assert parse_curve("file=a.csv,loss=v") == {"file": "a.csv", "step": "step", "loss": "v", "lr": None, "grad_norm": None}
    for said in ("w", "w=1", "w=a:b"):
        with pytest.raises(UserError, match="expected name=min:max"):
            parse_dimension("--space", said)


def test_the_block_of_a_script_that_does_not_resume_is_trained_from_the_start_at_each_rung():
    """Of 8 trials 8, 4, 2 and 1 go on to 40, 80, 160 and 300 steps."""
    section = checking.load(checking.PARAMS).sweep_bayes
    assert section.first_block == 8 and section.levels == (40, 80, 160, 300)
    assert estimate.block_steps(section) == 8 * 40 + 4 * 40 + 2 * 80 + 140
    assert estimate.block_steps(section, resumes=False) == 8 * 40 + 4 * 80 + 2 * 160 + 300
