"""Faults of the disk for tests/faults.py: full, and read-only. A mount in a namespace of this program's own where that may be,
which nothing outlives and nobody else sees; else a limit of the size of files, and the rights of the folder.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lrsweep.provenance import pipeline
from tests.fault_case import Case, NotHere, alive_for, expect_line
from tests.pipeline import environment, run

MARK = "LRSWEEP_FAULTS_NAMESPACE"
SIZE = "64m"
PROBE = 8  # bytes that may be written under the limit: libraries try out where temporary files go


def enter_namespace(*module: str) -> None:
    """Starts this program again where it may mount, if there is such a place."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    try:
        possible = subprocess.run([*unshare, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0
    except FileNotFoundError:
        possible = False
    if MARK not in os.environ and possible:
        os.environ[MARK] = "1"
        os.execvp("unshare", [*unshare, sys.executable, "-m", *module, *sys.argv[1:]])


def may_mount() -> bool:
    return MARK in os.environ


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


@contextmanager
def small_disk(project: Path) -> Iterator[Path]:
    """results/ and work/ on a small disk of their own; gives a file that may fill it."""
    disk = project.with_name(f"{project.name}.disk")
    disk.mkdir()
    mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk)
    for name in ("results", "work"):
        (project / name).mkdir(exist_ok=True)
        (disk / name).mkdir()
        subprocess.run(["cp", "-a", f"{project / name}/.", disk / name], check=True)
        mount("--bind", disk / name, project / name)
    try:
        yield disk / "filler"
    finally:
        for name in ("results", "work"):
            subprocess.run(["umount", "--lazy", project / name], check=True)
            subprocess.run(["cp", "-a", f"{disk / name}/.", project / name], check=True)
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(filler: Path) -> None:
    """Leaves no room on the disk."""
    with filler.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass


def full_in_stages(case: Case, tries: int) -> None:
    """Each stage meets a full disk when it writes, and is called again when there is room."""
    stages = list(pipeline.load(case.project / "dvc.yaml"))
    chosen = stages if tries >= len(stages) else case.random.sample(stages, tries)
    if may_mount():
        with small_disk(case.project) as filler:
            for stage in chosen:
                _expect_refusal(case, stage, filler)
                filler.unlink()
                _again(case, stage)
    else:
        for stage in chosen:
            _expect_refusal(case, stage, None)
            _again(case, stage)


def _expect_refusal(case: Case, stage: str, filler: Path | None) -> None:
    case.tries += 1
    for out in (case.project / f"results/{stage}").iterdir():
        out.unlink()
    if filler:
        fill(filler)
    limit = None if filler else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (PROBE, resource.RLIM_INFINITY))
    done = subprocess.run(
        ["lrsweep", stage], cwd=case.project, env=environment(), capture_output=True, text=True, preexec_fn=limit
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-4000:]
    expect_line(done.stderr, stage, "cannot be written", "run the same command again")


def _again(case: Case, stage: str) -> None:
    done = run(case.project, "lrsweep", stage)
    assert done.returncode == 0, done.stderr[-4000:]


def full_in_run(case: Case, tries: int) -> None:
    """The disk is full at a random moment of a run. Snakemake's own notes are elsewhere: it says much where these fail."""
    if not may_mount():
        raise NotHere("it may not mount a small disk")
    with small_disk(case.project) as filler:
        while case.tries < tries and alive_for(case, process := case.start()):
            fill(filler)
            text = case.end(process)
            if process.returncode:
                expect_line(text, "cannot be written", "free some space")
            expect_line(case.run(), "cannot be written")  # no run is begun
            filler.unlink()
            case.tries += 1


def read_only(case: Case, tries: int) -> None:
    """A results folder that may not be written to: refused in a line before any work."""
    results = case.project / "results"
    results.mkdir(exist_ok=True)
    case.tries += 1
    if may_mount():
        mount("--bind", results, results)
        mount("-o", "remount,ro,bind", results)
    elif os.geteuid() != 0:
        results.chmod(0o555)
    else:
        raise NotHere("it may not mount, and nothing is read-only for root")
    process = case.start()
    text = case.end(process)
    assert process.returncode == 2, text[-4000:]
    expect_line(text, "results: cannot be written", "make it writable")
    if may_mount():
        subprocess.run(["umount", results], check=True)
    else:
        results.chmod(0o755)
