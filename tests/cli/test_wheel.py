"""A whole study of one's own script, outside of our checkout, with the package installed from a wheel."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pandas as pd
import pytest

from lrsweep import files
from lrsweep.cli.init import PROFILE, SLURM
from tests.own_scripts import EXAMPLES, SMALL, STARTS
from tests.pipeline import ROOT, configured, environment


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
    assert all((own / name).read_bytes() == (ROOT / name).read_bytes() for name in (PROFILE, SLURM))
    configured(own, SMALL)
    ours("snakemake", "--cores", "2")
    times = {one: one.stat().st_mtime_ns for one in (own / "results").rglob("*")}
    ours("snakemake", "--cores", "2")
    assert times == {one: one.stat().st_mtime_ns for one in (own / "results").rglob("*")}, "a second run has nothing to do"
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
