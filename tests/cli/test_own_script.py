"""A person's own script: started outside of our checkout, tried, and studied whole, with the package installed from a wheel."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from lrsweep import files
from lrsweep.cli.init import PROFILE, parse_curve, parse_dimension
from lrsweep.config import checking, starting, yamlfile
from lrsweep.errors import UserError
from lrsweep.stages import estimate, trying
from lrsweep.trainers.command.settings import Script
from tests.pipeline import ROOT, configured, environment, run

SCRIPT = ROOT / "tests/trainers/command/script.py"
EXAMPLES = ROOT / "examples"
METRICS = "file={dir}/metrics.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=grad_norm"
STARTS = {
    "plain.py": (
        "python plain.py --lr {lr} --weight-decay {weight_decay} --until {until} --steps {steps} --seed {seed} --out {dir}",
        "file={dir}/log.csv,step=step,loss=val_loss,lr=lr,grad_norm=norm",
    ),
    "any.sh": (
        "sh any.sh lr={lr} optim.wd={weight_decay} until={until} seed={seed} dir={dir}",
        r"pattern=step=(?P<step>\d+) val_loss=(?P<loss>\S+)",
    ),
    "hf.py": ("python hf.py {dir}", METRICS),
    "jax_optax.py": (
        "python jax_optax.py lr={lr} weight_decay={weight_decay} b2={b2} until={until} steps={steps} seed={seed} out={dir}",
        "file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr,grad_norm=norm",
    ),
    "hydra_overrides.py": (
        "python hydra_overrides.py lr={lr} optim.wd={weight_decay} optim.name={optimizer} until={until} steps={steps} seed={seed}"
        " hydra.run.dir={dir} hydra.job.chdir=true",
        "file={dir}/log.jsonl,step=step,loss=val_loss,lr=lr",
    ),
}
SPACES = {"hf.py": "warmup_steps=1:20:log:int", "jax_optax.py": "b2=0.9:0.999", "hydra_overrides.py": "optimizer=adamw,sgd"}
NEEDED = {"hf.py": ("transformers", "accelerate"), "jax_optax.py": ("jax", "optax"), "hydra_overrides.py": ("hydra",)}
SMALL = {
    "sweep_uniform": {"trials": 6, "lr": {"min": 0.001, "max": 0.3, "scale": "log"}},
    "sweep_bayes": {"trials": 12, "lag": 4},
    "importance": {"trees": 4, "bootstrap": 20, "fewest_trials": 4},
    "assess": {"audit_trials": 2, "bootstrap": 100, "orders": 5},
    "select": {"candidates": 2, "seeds": 3, "budget": 8},
    "train": {"steps": 80},
}


def start(folder, name, *more):
    folder.mkdir(exist_ok=True)
    shutil.copy(EXAMPLES / name, folder)
    command, curve = STARTS[name]
    space = [word for one in ("weight_decay=1e-3:1e-1:log", SPACES.get(name)) if one for word in ("--space", one)]
    return run(folder, "lrsweep", "init", "--command", command, "--read", name, "--curve", curve, *space, "--steps", "40", *more)


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


def test_options_are_read():
    assert parse_dimension("", "w=1e-3:1:log") == ("w", {"min": 0.001, "max": 1.0, "scale": "log"})
    assert parse_dimension("", "w=10:100:log:int") == ("w", {"min": 10, "max": 100, "type": "int", "scale": "log"})
    assert parse_dimension("", "o=adamw,muon") == ("o", {"choices": ["adamw", "muon"]})
    assert parse_curve("file=a.csv,loss=v") == {"file": "a.csv", "step": "step", "loss": "v", "lr": None, "grad_norm": None}
    for said in ("w", "w=1", "w=a:b"):
        with pytest.raises(UserError, match="expected name=min:max"):
            parse_dimension("--space", said)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The bin folder of a new environment with our wheel; other libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source, venv = folder / "source", folder / "venv"
    left = shutil.ignore_patterns(".*", "work", "results", "build", "*.egg-info", "__pycache__", "data", "docs")
    shutil.copytree(ROOT, source, ignore=left)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)]
    done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode:
        code = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
        done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    wheel = next(folder.glob("*.whl"))
    python = venv / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True)
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    code = "from snakemake.cli import main; import sys; sys.argv[0] = 'snakemake'; main()"
    command = venv / "bin/snakemake"
    command.write_text(f"#!{python}\n{code}\n")
    command.chmod(0o755)
    return venv / "bin"


def test_a_whole_study_from_a_wheel_with_both_runners(tmp_path, installed):
    own = tmp_path / "own"
    own.mkdir()
    shutil.copy(EXAMPLES / "any.sh", own)
    path = f"{installed}:{environment()['PATH']}"

    def ours(*command):
        done = subprocess.run(
            command, cwd=own, env=environment(PATH=path, PYTHONPATH=""), capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    command, curve = STARTS["any.sh"]
    space = ("--space", "weight_decay=1e-3:1e-1:log")
    ours("git", "init", "-q")
    ours("lrsweep", "init", "--command", command, "--read", "any.sh", "--curve", curve, *space, "--steps", "40", "--slurm")
    where = ours(str(installed / "python"), "-c", "import lrsweep; print(lrsweep.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert (own / PROFILE).read_bytes() == (ROOT / PROFILE).read_bytes()
    configured(own, SMALL)
    ours("snakemake", "--cores", "2")
    assert json.loads((own / "results/train/metrics.json").read_text())["steps"] == 80
    page = (own / "results/report/index.html").read_text()
    assert "sh any.sh lr={lr}" in page and "The gradient norm is not logged" in page and "Completions" not in page
    traced = ours("lrsweep", "trace", "results/figures/final_curve.svg")
    assert "trainer = " in traced and f"any.sh  {files.digest(own / 'any.sh')[:12]}" in traced
    head, whole, trial, command, output, read = ours(
        "lrsweep", "trace", "results/figures/choice.svg", "--trial", "3"
    ).splitlines()
    trials = pd.read_parquet(own / "results/sweep_bayes/trials.parquet")
    lr, wd, seed = (trials[name].iloc[3] for name in ("lr", "weight_decay", "seed"))
    assert trial.startswith(f"<- sweep_bayes trial 3: lr = {lr:g}, weight_decay = {wd:g}, seed {seed}; ")
    assert command.startswith(f"<- sh any.sh lr={lr:g} optim.wd={wd:g} until=") and whole == "as recorded, like all before it"
    assert head.split()[1] == files.digest(own / "results/figures/choice.svg")[:12]
    assert read == f"<- any.sh  {files.digest(own / 'any.sh')[:12]}"
    first = json.loads((Path(output.split(": ")[1]) / "trial.json").read_text())
    assert first["values"] == {"lr": lr, "weight_decay": wd} and f"seed={first['seed']}" in command
    assert "<- sweep_uniform trial 3: lr = " in ours("lrsweep", "trace", "results/edge/edge.json", "--trial", "3")
    final = ours("lrsweep", "trace", "results/figures/final_curve.svg", "--trial", "0").splitlines()
    assert final[2].startswith("<- train trial 0: lr = ") and " at step 80, " in final[2]
    assert final[3].startswith("<- sh any.sh lr=") and " until=80 " in final[3] and (Path(final[4].split(": ")[1])).is_dir()
    assert "are as recorded" in ours("lrsweep", "verify")
    made = {one: one.read_bytes() for one in (own / "results").rglob("*.parquet")}
    ours("dvc", "init", "-q")
    ours("dvc", "repro", "-q")
    assert made == {one: one.read_bytes() for one in (own / "results").rglob("*.parquet")}


def test_the_block_of_a_script_that_does_not_resume_is_trained_from_the_start_at_each_rung():
    """Of 8 trials 8, 4, 2 and 1 go on to 40, 80, 160 and 300 steps."""
    section = checking.load(checking.PARAMS).sweep_bayes
    assert section.first_block == 8 and section.levels == (40, 80, 160, 300)
    assert estimate.block_steps(section) == 8 * 40 + 4 * 40 + 2 * 80 + 140
    assert estimate.block_steps(section, resumes=False) == 8 * 40 + 4 * 80 + 2 * 160 + 300
