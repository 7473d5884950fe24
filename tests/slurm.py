"""`make test-slurm`: the pipeline on a SLURM cluster on loopback, and what happens to it there.

Each run must end in the bytes of a local run, and no trial that had finished may be trained again. `--short` runs the pipeline
once and leaves out the faults.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml

from tests.loopback import Cluster, Missing, cluster, wait_until
from tests.pipeline import ROOT, artifacts, clone, run

PACKAGES = ROOT / ".venv/slurm"
PROFILE = "workflow/profiles/slurm"
STUDY = [f"results/sweep_uniform/{name}.parquet" for name in ("trials", "evals", "steps")]
LONG = {"steps": 8000, "warmup_steps": 800, "eval_every": 400}  # seconds a trial, two trials a job: time to hit the second


def main() -> None:
    """Runs all, keeps the folder of a run that failed."""
    short = "--short" in sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="lrsweep-slurm-"))
    try:
        with cluster(PACKAGES, folder / "cluster") as running:
            pipeline(running, folder)
            if not short:
                recorded(running, folder)
                faults(running, folder)
    except Missing as reason:
        print(f"test-slurm: skipped, SLURM's packages cannot be had here: {reason}")
    else:
        print("test-slurm: passed")
    shutil.rmtree(folder)


def pipeline(running: Cluster, folder: Path) -> None:
    """The whole pipeline, locally and on the cluster."""
    expect_success(run(clone(folder / "local"), "snakemake", "--cores", "2"))
    project = clone(folder / "pipeline")
    expect_success(run(project, "snakemake", "--profile", PROFILE, **running.environment))
    expect_same(artifacts(folder / "local"), artifacts(project))
    say("snakemake --profile: the bytes of the local run")


def recorded(running: Cluster, folder: Path) -> None:
    """The same under DVC, which starts Snakemake for the stages that train."""
    project = clone(folder / "dvc")
    expect_success(run(project, "dvc", "init", "--no-scm", "--quiet"))
    expect_success(run(project, "dvc", "repro", SNAKEMAKE_PROFILE=PROFILE, **running.environment))
    expect_same(artifacts(folder / "local"), artifacts(project))
    say("SNAKEMAKE_PROFILE=… dvc repro: the bytes of the local run")


def faults(running: Cluster, folder: Path) -> None:
    """One study under each fault, which comes when its first job has finished a trial and is in its second."""
    project = clone(folder / "faults")
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["sweep_uniform"] |= LONG
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    expect_success(run(project, "snakemake", "--cores", "2", "--", *STUDY))
    undisturbed = artifacts(project)
    for fault in (cancelled, requeued, over_its_time, daemon_killed, node_lost, snakemake_killed):
        shutil.rmtree(project / "results/sweep_uniform")
        for study in project.glob("work/*/sweep_uniform"):
            shutil.rmtree(study)
        process = start(running, project, *(["--set-resources", "sweep_uniform_trials:runtime=1"] * (fault is over_its_time)))
        wait_until(lambda: list(project.glob("work/*/sweep_uniform/trials/000/00000.json")), 120, "a first record")
        process = fault(running, project, process) or process
        if process.wait(timeout=900):
            raise AssertionError((project / "snakemake.log").read_text()[-4000:])
        expect_same(undisturbed, artifacts(project))
        expect_each_trained_once(project)
        say(f"{fault.__name__}: the bytes of the undisturbed run, no trial that had finished trained again")


def cancelled(running: Cluster, project: Path, process: subprocess.Popen) -> None:
    running.call("scancel", first_job(running))


def requeued(running: Cluster, project: Path, process: subprocess.Popen) -> None:
    running.call("scontrol", "requeue", first_job(running))


def over_its_time(running: Cluster, project: Path, process: subprocess.Popen) -> None:
    """Its processes hang, so that the limit of a minute ends it."""
    for pid in processes_of(running, first_job(running)):
        os.kill(pid, signal.SIGSTOP)


def daemon_killed(running: Cluster, project: Path, process: subprocess.Popen) -> None:
    running.kill("slurmd", signal.SIGKILL)
    time.sleep(5)
    running.start("slurmd")


def node_lost(running: Cluster, project: Path, process: subprocess.Popen) -> None:
    """All of the node ends at once, and it comes back after the controller gave it up."""
    pids = [pid for job in running.jobs() if job["state"] == "RUNNING" for pid in processes_of(running, job["id"])]
    running.kill("slurmd", signal.SIGKILL)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "down" in running.call("sinfo", "--noheader", "--format=%t"), 120, "the node to be given up")
    running.start("slurmd")


def snakemake_killed(running: Cluster, project: Path, process: subprocess.Popen) -> subprocess.Popen:
    """As docs/slurm.md says: what it left on the cluster is cancelled, and it is started again."""
    process.kill()
    process.wait()
    running.cancel_all()
    return start(running, project)


def start(running: Cluster, project: Path, *options: str) -> subprocess.Popen:
    command = ["snakemake", "--profile", PROFILE, *options, "--", *STUDY]
    with (project / "snakemake.log").open("w") as log:
        environment = {**os.environ, **running.environment}
        return subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True)


def first_job(running: Cluster) -> str:
    """Number of the job that trains trials 0 and 1."""
    return next(job["id"] for job in running.jobs() if job["rule"].endswith("sweep_uniform_trials_wildcards_0_1"))


def processes_of(running: Cluster, job: str) -> list[int]:
    lines = running.call("scontrol", "listpids", job).splitlines()[1:]
    return [int(line.split()[0]) for line in lines]


def expect_success(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def expect_same(expected: dict[str, bytes], found: dict[str, bytes]) -> None:
    assert expected.keys() == found.keys(), expected.keys() ^ found.keys()
    different = [name for name in expected if expected[name] != found[name]]
    assert not different, different


def expect_each_trained_once(project: Path) -> None:
    """A trial's line is written when it ends: two of them say that it was trained again after that."""
    (log,) = project.glob("work/*/sweep_uniform/trained.log")
    counts = Counter(line.split()[1] for line in log.read_text().splitlines())
    assert set(counts.values()) == {1} and len(counts) == 6, counts


def say(text: str) -> None:
    print(f"test-slurm: {text}", flush=True)


if __name__ == "__main__":
    main()
