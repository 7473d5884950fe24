"""Damage for tests/faults.py: cut, empty and bit-flipped files of every kind, in results/ and in work/."""

import os
import re
import signal
from collections.abc import Callable
from contextlib import chdir, redirect_stderr
from io import StringIO
from pathlib import Path

from lrsweep.cli.identities import identities
from lrsweep.config import checking
from lrsweep.provenance import recording as stage_provenance
from lrsweep.provenance.trace import Workspace
from tests.fault_case import Case, expect_line, wait_until
from tests.pipeline import trained

WAYS: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda data, at: data[:at],
    "empty": lambda data, at: b"",
    "flipped": lambda data, at: data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :],
}
# What work/ holds, where a study goes on from it
KINDS = {
    "identity": "work/*/sweep_bayes/identity.json",
    "record": "work/*/sweep_bayes/trials/000/00008.json",
    "record's curve": "work/*/sweep_bayes/trials/000/00009.safetensors",
    "segment's record": "work/*/sweep_bayes/block-1/000/*.json",
    "saved state": "work/*/sweep_bayes/block-1/000/*.state/*",
    "kept proposal": "work/*/sweep_bayes/proposals/000/*.json",
    "probe": "work/*/sharpness/probes/*.json",
    "record of the race": "work/*/select/trials/*/*.json",
    "final weights": "work/*/train/trials/*/*.weights",
    "events": "work/*/*/events.jsonl",
}
# What is removed so that a study is not finished
UNFINISHED = (
    "work/*/sweep_bayes/trials/000/0001[123].*",
    "work/*/sweep_bayes/block-2/000/*",
    "results/sweep_bayes/*.parquet",
    "results/sharpness/*",  # or what is gone of a study is not missed
    "results/select/*",
    "results/train/*",
)


def damage(case: Case, path: Path, way: str, keep_time: bool) -> None:
    """Damages a file at a random place; with keep_time it looks as before, as a disk's fault leaves it."""
    data, times = path.read_bytes(), path.stat()
    path.write_bytes(WAYS[way](data, case.random.randrange(len(data) - 1)))  # a last line end that is gone is no damage
    if keep_time:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def every_artifact(case: Case, tries: int) -> None:
    """Each artifact in each way: `lrsweep verify` names it, and a second start would have its stage run again."""
    with chdir(case.project):
        params = checking.load(Path("params.yaml"))
        stages = Workspace.read(params, identities(params)).stages
        paths = [Path(path) for stage in stages.values() for path in stage.outs]
        for path in paths if tries > 1 else case.random.sample(paths, 10):
            for way in WAYS:
                case.tries += 1
                sound, times = path.read_bytes(), path.stat()
                damage(case, path, way, keep_time=True)
                found = Workspace.read(params, identities(params))
                named = [one.what for one in found.discrepancies(stages)]
                assert str(path) in named, (path, way, named)
                os.utime(path)
                with redirect_stderr(StringIO()) as said:
                    stage_provenance.set_stale_aside(stages, params)
                record = path.with_name("provenance.json")
                assert not record.exists(), (path, way)
                assert path == record or str(path) in said.getvalue(), (path, way)
                path.write_bytes(sound)
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
                stage_provenance.put_back(stages)
                record.with_name(".provenance.json").unlink(missing_ok=True)


def some_artifacts(case: Case, tries: int) -> None:
    """A damaged artifact of each stage: the second start names it and makes it again."""
    for way in [*WAYS][:tries]:
        stages = sorted({path.parent for path in case.project.glob("results/*/provenance.json")})
        chosen = [case.random.choice([path for path in stage.iterdir() if path.name[0] != "."]) for stage in stages]
        for path in chosen:
            damage(case, path, way, keep_time=False)
        case.tries += len(chosen)
        text = case.run()
        for path in chosen:
            if path.name != "provenance.json":
                expect_line(text, str(path.relative_to(case.project)), "runs again")


def silent_artifacts(case: Case, tries: int) -> None:
    """Damage that left no trace in the times of files, met by the next stage or trial that reads it."""
    for path, read_by in (
        ("results/sweep_uniform/steps.parquet", "results/edge/bins.parquet"),
        ("results/tokenize/train.bin", "work/*/sweep_uniform/trials/000/00003.json"),
        ("results/train/model.safetensors", "results/generate/completions.jsonl"),
        ("results/cluster/clusters.json", "results/report/index.html"),
    )[:tries]:
        case.tries += 1
        damage(case, case.project / path, "flipped", keep_time=True)
        for missing in [*case.project.glob(read_by)]:
            excuse(case, missing)
            missing.unlink()
        if read_by.startswith("work"):
            for table in case.project.glob("results/sweep_uniform/*.parquet"):
                table.unlink()
        obeyed(case, 2)


def excuse(case: Case, path: Path) -> None:
    """A trial whose record, curve, state or weights are damaged is trained again; of repeats and probes any may be."""
    parts = path.relative_to(case.project).parts
    if parts[0] != "work" or parts[-1] in ("events.jsonl", "identity.json") or parts[3] == "proposals":
        return
    if parts[2] in ("sweep_uniform", "sweep_bayes"):
        case.excused.add((parts[2], int(parts[5].split(".")[0])))
    else:
        case.excused.update(key[:2] for key in trained(case.project) if key[0] == parts[2])


def obeyed(case: Case, most: int) -> None:
    """Starts, and does what the message says where it names a file to remove, until all is done."""
    for _ in range(most + 1):
        process = case.start()
        text = case.end(process)
        if process.returncode == 0:
            return
        for name in set(re.findall(r"remove it \(rm (.+?)\)", text)):
            (case.project / name).unlink(missing_ok=True)
    raise AssertionError(text[-4000:])


def work_folder(case: Case, tries: int) -> None:
    """What trials have left in work/, while the studies still need it."""
    for way in [*WAYS][:tries]:
        for pattern in UNFINISHED:
            for path in case.project.glob(pattern):
                excuse(case, path)
                path.unlink()
        for pattern in KINDS.values():
            path = case.random.choice(sorted(case.project.glob(pattern)))
            excuse(case, path)
            damage(case, path, way, keep_time=False)
            case.tries += 1
        obeyed(case, len(KINDS))


def checkpoints(case: Case, tries: int) -> None:
    """The newest checkpoint of the final training, which goes on from the one before."""
    for way in [*WAYS][:tries]:
        for done in [*case.project.glob("results/train/*"), *case.project.glob("work/*/train/trials/*/*")]:
            done.unlink()
        case.excused |= {("train", trial) for trial in (0, 100, 200)}  # the final training, and the two it is compared with
        process = case.start()
        path = wait_until(lambda: sorted(case.project.glob("work/*/train/trials/*/*.checkpoints/0*/*"))[2:])[-1]
        os.killpg(process.pid, signal.SIGKILL)
        case.end(process)
        damage(case, path, way, keep_time=False)
        expect_line(case.run(), path.parent.name, "not used")
        case.tries += 1
