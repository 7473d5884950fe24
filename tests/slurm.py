"""`make test-slurm`: the pipeline on a SLURM cluster on loopback, and what happens to it there.

Each run must end in the bytes of a local run, and no trial that had finished may be trained again. `--short` runs the pipeline up
to the end of phase 2, which has jobs of all kinds, and leaves out the rest; `--accounting`, `--script` or names of faults run
these alone.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests import own_scripts
from tests.fault_case import running_trials
from tests.loopback import ACCOUNT, Cluster, Missing, cluster, wait_until
from tests.pipeline import ROOT, artifacts, clone, events, run
from tests.pipeline import configured as laid_over

PACKAGES = ROOT / ".venv/slurm"
PROFILE = "workflow/profiles/slurm"
PHASE_2 = [f"results/sweep_bayes/{name}" for name in ("summary.json", "provenance.json")]
QUICK = {"slurm-init-seconds-before-status-checks": 1}  # of a profile for jobs of hours
ACCOUNTING = {"slurm-no-account": False, "default-resources": {"slurm_account": ACCOUNT}}  # the profile's other setting
CAP = 3  # jobs in flight: more than the node has cores, and fewer than the trials that are ready at once
STUDY = [f"results/sweep_uniform/{name}.parquet" for name in ("trials", "evals", "steps")]
LONG = {"steps": 2500, "warmup_steps": 250, "eval_every": 250}  # seconds a trial: time to hit one
CHECKPOINTS = {"checkpoint_every": 100}
WORKERS = "rule_work_wildcards_"  # jobs as SLURM's comment names them
RECORDS = "work/*/sweep_uniform/trials/000/*.json"
CHECKPOINTED = "work/*/sweep_uniform/trials/000/*.checkpoints/0*"
USEFUL = {"sweep_uniform": 6, "sweep_bayes": 8}  # workers that these studies can use


def main() -> None:
    """Runs all, or what the command line names; keeps the folder of a run that failed."""
    words = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="lrsweep-slurm-"))
    try:
        with cluster(PACKAGES, folder / "cluster") as running:
            if words == ["--short"]:
                pipeline(running, folder, PHASE_2)
            elif words == ["--accounting"]:
                accounted(folder / "accounting")
            elif words == ["--script"]:
                scripted(running, folder)
            elif words:
                faults(running, folder, words)
            else:
                pipeline(running, folder, [])
                recorded(running, folder)
                capped(running, folder)
                scripted(running, folder)
                faults(running, folder, list(FAULTS))
                accounted(folder / "accounting")
    except Missing as reason:
        print(f"test-slurm: skipped, SLURM's packages cannot be had here: {reason}")
    else:
        print("test-slurm: passed")
    shutil.rmtree(folder)


def pipeline(running: Cluster, folder: Path, targets: list[str]) -> None:
    """The pipeline, locally and on the cluster: up to the targets, or the whole."""
    began = time.monotonic()
    expect_success(run(clone(folder / "local"), "snakemake", "--cores", "2", "--", *targets))
    say(f"locally: {time.monotonic() - began:.0f} s")
    began, project, before = time.monotonic(), quick(folder / "pipeline"), running.last_job()
    expect_success(run(project, "snakemake", "--profile", PROFILE, "--", *targets, **running.environment))
    expect_same(artifacts(folder / "local"), artifacts(project))
    found = {study: len(running.asked(f"{WORKERS}{study}_", before)) for study in USEFUL}
    assert found == USEFUL, found
    say(f"snakemake --profile: the bytes of the local run, {time.monotonic() - began:.0f} s")


def recorded(running: Cluster, folder: Path) -> None:
    """The same under DVC, which starts Snakemake for the stages that train."""
    began, project = time.monotonic(), quick(folder / "dvc")
    expect_success(run(project, "dvc", "init", "--no-scm", "--quiet"))
    expect_success(run(project, "dvc", "repro", SNAKEMAKE_PROFILE=PROFILE, **running.environment))
    expect_same(artifacts(folder / "local"), artifacts(project))
    say(f"SNAKEMAKE_PROFILE=… dvc repro: the bytes of the local run, {time.monotonic() - began:.0f} s")


def capped(running: Cluster, folder: Path) -> None:
    """A study that can use six workers has as many as the profile's `jobs`, and never more jobs are in SLURM's hands."""
    project = quick(folder / "capped", jobs=CAP)
    configured(project / "params.yaml", simulate=True)
    before, process, counts = running.last_job(), start(running, project), set()
    limit = time.monotonic() + 600
    while process.poll() is None and time.monotonic() < limit:
        counts.add(len(running.jobs()))
        time.sleep(0.1)
    assert process.returncode == 0, log_of(project)
    assert max(counts) == CAP, f"found up to {max(counts)} jobs in the queue, expected {CAP}"
    assert len(running.asked(WORKERS, before)) == CAP, running.asked(WORKERS, before)
    say(f"jobs: {CAP}: {CAP} workers, never more than {CAP} jobs pending or running")


def scripted(running: Cluster, folder: Path) -> None:
    """A script of one's own, with the profile that `lrsweep init --slurm` writes."""
    local, project = (folder / name for name in ("script-locally", "script"))
    for one in (local, project):
        expect_success(own_scripts.start(one, "any.sh", "--slurm"))
        laid_over(one, own_scripts.SMALL)
    configured(project / PROFILE / "config.yaml", **QUICK)
    expect_success(run(local, "snakemake", "--cores", "2"))
    began = time.monotonic()
    expect_success(run(project, "snakemake", "--profile", PROFILE, **running.environment))
    expect_same(artifacts(local), artifacts(project))
    say(f"a script, snakemake --profile: the bytes of the local run, {time.monotonic() - began:.0f} s")


def accounted(folder: Path) -> None:
    """A cluster with accounting, which refuses jobs without an account, and a fault on the way."""
    try:
        with cluster(PACKAGES, folder / "cluster", accounting=True) as running:
            faults(running, folder, ["cancelled"], **ACCOUNTING)
            of = set(running.call("sacct", "--allocations", "--noheader", "--parsable2", "--format=Account").split())
    except Missing as reason:
        say(f"accounting: skipped, its packages cannot be had here: {reason}")
    else:
        assert of == {ACCOUNT}, of
        say(f"accounting: all that on a cluster with accounting, each job under the account {ACCOUNT}")


def faults(running: Cluster, folder: Path, names: list[str], **settings: Any) -> None:
    """One study under each fault, which comes to a worker that is in a trial, when another has ended."""
    project = quick(folder / "faults", **settings)
    configured(project / "params.yaml", sweep_uniform=LONG, execution=CHECKPOINTS)
    expect_success(run(project, "snakemake", "--cores", "2", "--", *STUDY))
    undisturbed = artifacts(project)
    for name in names:
        shutil.rmtree(project / "results/sweep_uniform")
        for study in project.glob("work/*/sweep_uniform"):
            shutil.rmtree(study)
        began = time.monotonic()
        study_under(name, running, project)
        expect_same(undisturbed, artifacts(project))
        expect_each_trained_once(project)
        saved = sum(LONG["steps"] - event.trained for _, event in events(project) if event.state)
        assert saved or name != "over_its_time", "no checkpoint was used"
        took = f"{saved} steps taken from checkpoints, {time.monotonic() - began:.0f} s"
        say(f"{name}: the bytes of the undisturbed run, no finished trial trained again, {took}")


def study_under(name: str, running: Cluster, project: Path) -> None:
    """Runs the study to its end under a fault."""
    fault, runtime, expected = FAULTS[name]
    before = running.last_job()
    process = start(running, project, *(["--set-resources", f"work:runtime={runtime}"] if runtime else []))
    wait_until(lambda: process.poll() is not None or list(project.glob(RECORDS)), 240, "a first record")
    wait_until(lambda: process.poll() is not None or busy(running, project), 60, "a worker in a trial")
    job = busy(running, project)[0]
    process = fault(running, project, process, job["id"]) or process
    if process.wait(timeout=900):
        raise AssertionError(log_of(project))
    asked = running.asked(job["rule"], before)
    assert asked == expected, f"{name}: found {asked}, expected {expected}"


def cancelled(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> None:
    running.call("scancel", job)


def requeued(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> None:
    running.call("scontrol", "requeue", job)


def over_its_time(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> None:
    """Its processes hang, so that the limit of a minute ends it: another worker goes on from the checkpoint."""
    wait_until(lambda: list(project.glob(CHECKPOINTED)), 60, "a checkpoint")
    for pid in running.processes_of(job):
        os.kill(pid, signal.SIGSTOP)


def daemon_killed(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> None:
    """The jobs run on, and the daemon takes them up again."""
    running.kill("slurmd", signal.SIGKILL)
    time.sleep(5)
    running.start("slurmd")


def node_lost(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> None:
    """All of the node ends at once, SLURM's processes of the jobs too; given up by the controller, it comes back."""
    pids = [pid for job in running.jobs() if job["state"] == "RUNNING" for pid in running.processes_of(job["id"])]
    daemons = {parent for pid in pids if name_of(parent := parent_of(pid)).startswith("slurmstepd")}
    assert daemons, "no slurmstepd is above the jobs"
    running.kill("slurmd", signal.SIGKILL)
    for pid in [*daemons, *pids]:
        with suppress(ProcessLookupError):  # some end with those before them
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "down" in running.call("sinfo", "--noheader", "--format=%t"), 120, "the node to be given up")
    running.start("slurmd")


def snakemake_killed(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> subprocess.Popen:
    """It is started again at once, while its workers still run: they train on, and those of the second start join them."""
    process.kill()
    process.wait()
    assert running.jobs()
    return start(running, project)


def snakemake_missed(running: Cluster, project: Path, process: subprocess.Popen, job: str) -> subprocess.Popen:
    """It is started again when the workers that it had submitted have long ended."""
    process.kill()
    process.wait()
    wait_until(lambda: not running.jobs(), 600, "the jobs to end")
    return start(running, project)


AT_FIRST, THEN = ("8:00:00", "4000M"), ("16:00:00", "8000M")
# What happens; the time limit that the run is started with, where it is not the profile's (whose memory goes with it); and what
# that worker asks for at each submission: a fault that SLURM itself gets over is no second one
FAULTS = {
    "cancelled": (cancelled, None, [AT_FIRST, THEN]),
    "requeued": (requeued, None, [AT_FIRST]),
    "over_its_time": (over_its_time, "1 * attempt", [("1:00", "2000M"), ("2:00", "4000M")]),
    "daemon_killed": (daemon_killed, None, [AT_FIRST]),
    "node_lost": (node_lost, None, [AT_FIRST]),
    "snakemake_killed": (snakemake_killed, None, [AT_FIRST, AT_FIRST]),
    "snakemake_missed": (snakemake_missed, None, [AT_FIRST, AT_FIRST]),
}


def start(running: Cluster, project: Path, *options: str) -> subprocess.Popen:
    """Snakemake at the study, which is killed at the cluster's end where it still runs."""
    command = ["snakemake", "--profile", PROFILE, *options, "--", *STUDY]
    with (project / "snakemake.log").open("w") as log:
        environment = {**os.environ, **running.environment}
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True)
    running.at_end.callback(process.kill)
    return process


def quick(target: Path, **settings: Any) -> Path:
    """A clone whose profile looks at the queue often, with other settings in it where they are given."""
    project = clone(target)
    configured(project / PROFILE / "config.yaml", **QUICK, **settings)
    return project


def configured(path: Path, **values: Any) -> None:
    """Other values in a YAML file; those of a section are laid over it."""
    tree = yaml.safe_load(path.read_text())
    for key, value in values.items():
        tree[key] = {**tree[key], **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(tree))


def log_of(project: Path) -> str:
    return (project / "snakemake.log").read_text()[-4000:]


def busy(running: Cluster, project: Path) -> list[dict[str, str]]:
    """The jobs whose worker is in a trial."""
    pids = set(running_trials(project))
    return [job for job in running.jobs() if job["state"] == "RUNNING" and pids & set(running.processes_of(job["id"]))]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def expect_success(done: subprocess.CompletedProcess) -> None:
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def expect_same(expected: dict[str, bytes], found: dict[str, bytes]) -> None:
    assert expected.keys() == found.keys(), expected.keys() ^ found.keys()
    different = [name for name in expected if expected[name] != found[name]]
    assert not different, different


def expect_each_trained_once(project: Path) -> None:
    """An event says when a trial has ended: two of them say that it was trained again after that."""
    ended = Counter(event.trial for _, event in events(project) if event.state)
    assert set(ended.values()) == {1} and len(ended) == 6, ended


def say(text: str) -> None:
    print(f"test-slurm: {text}", flush=True)


if __name__ == "__main__":
    main()
