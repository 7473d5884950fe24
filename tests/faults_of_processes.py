"""Faults of processes, clocks and memory for tests/faults.py."""

import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import yaml

from tests.fault_case import Case, alive_for, configured, expect_line, running_trials, says, wait_until


def trial_killed(case: Case, tries: int) -> None:
    """SIGKILL of a trial: its job is started again; where that is killed too it is reported, and the runner started again."""
    process = case.start()
    while case.tries < tries and process.poll() != 0:
        if process.poll() is not None:
            expect_line(case.end(process), "its process was killed", "nothing that had finished is lost")
            process = case.start()
        if pids := running_trials(case.project):
            os.kill(case.random.choice(pids), signal.SIGKILL)
            case.tries += 1
            time.sleep(case.random.uniform(0.5, 2.5))
        time.sleep(0.01)
    case.end(process)


def runner_killed(case: Case, tries: int) -> None:
    """SIGKILL of Snakemake alone: its jobs live on, and meet those of the next one."""
    while case.tries < tries and alive_for(case, process := case.start()):
        process.kill()
        case.end(process)
        case.tries += 1


def all_killed(case: Case, tries: int) -> None:
    """SIGKILL of everything."""
    while case.tries < tries and alive_for(case, process := case.start()):
        os.killpg(process.pid, signal.SIGKILL)
        case.end(process)
        case.tries += 1


def interrupted(case: Case, tries: int) -> None:
    """SIGINT to everything, as Ctrl-C sends it."""
    while case.tries < tries and alive_for(case, process := case.start()):
        os.killpg(process.pid, signal.SIGINT)
        case.end(process)
        assert process.returncode != 0
        case.tries += 1


def terminated(case: Case, tries: int) -> None:
    """SIGTERM to the runner."""
    while case.tries < tries and alive_for(case, process := case.start()):
        process.terminate()
        case.end(process)
        assert process.returncode != 0
        case.tries += 1


def two_runners(case: Case, tries: int) -> None:
    """Two started at once in one folder: one is refused in a line, the other goes on."""
    for _ in range(tries):
        case.tries += 1
        first, log = case.start(), case.log
        time.sleep(case.random.choice([0.0, 0.2, 1.0]))
        second = case.start()
        ended = wait_until(lambda pair=(first, second): [one for one in pair if one.poll() is not None])[0]
        assert ended.returncode == 2, (log if ended is first else case.log).read_text()
        expect_line((log if ended is first else case.log).read_text(), "found another run in this folder")
        other = first if ended is second else second
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()


def clock_jumped(case: Case, tries: int) -> None:
    """Files from the future and from the past, as a clock that jumps leaves them, after a kill at a random moment."""
    for _ in range(tries):
        case.tries += 1
        if not alive_for(case, process := case.start()):
            return
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in [*case.project.glob("results/**/*"), *case.project.glob("work/**/*")]:
            if path.is_file() and case.random.random() < 0.3:
                at = time.time() + case.random.choice([-1, 1]) * 86400 * case.random.uniform(0.1, 30)
                os.utime(path, (at, at))


def worker_hung(case: Case, tries: int) -> None:
    """A trial that waits for ever: killed, started again, and then reported."""
    process, record, job = hang(case)
    while not says(text := case.end(process), job, "raise that"):  # on a loaded machine a good trial may take too long as well
        assert process.returncode != 0
        process = case.start()
    expect_line(text, job, "started again")
    unblock(record)
    configured(case.project, {"execution": {"trial_minutes": None}})


def worker_hung_once(case: Case, tries: int) -> None:
    """A trial that waits for ever when it is started first, and goes on at the second attempt."""
    process, record, job = hang(case)
    wait_until(lambda: says(case.log.read_text(), job, "started again"))
    unblock(record)
    text = case.end(process)
    assert process.returncode == 0, text[-4000:]


def hang(case: Case) -> tuple[subprocess.Popen, Path, str]:
    """A runner with a trial that waits at a pipe in the place of its record; that place, and what is said of its job."""
    configured(case.project, {"execution": {"trials_per_job": 1}})
    process = case.start()
    first = wait_until(lambda: list(case.project.glob("work/*/sweep_uniform/trials/000/*.json")))[0]
    os.killpg(process.pid, signal.SIGKILL)
    case.end(process)
    configured(case.project, {"execution": {"trial_minutes": 0.2}})  # only now: a slow machine imports that long, the first time
    record = next(path for number in range(6) if not (path := first.with_name(f"{number:05d}.json")).exists())
    case.tries += 1
    os.mkfifo(record)
    record.with_suffix(".safetensors").touch()
    trial = int(record.stem)
    return case.start(), record, f"trials sweep_uniform {trial} {trial}: found no end"


def unblock(record: Path) -> None:
    """Ends the wait."""
    record.unlink()
    record.with_suffix(".safetensors").unlink()


def memory_ran_out(case: Case, tries: int) -> None:
    """A limit of the address space comes down while a trial trains: it says so in a line."""
    configured(case.project, {"optimizer": {"batch_size": 1024}, "evaluation": {"batches": 1}})
    for _ in range(tries):
        case.tries += 1
        process = case.start()
        pid = wait_until(lambda: running_trials(case.project))[0]
        resource.prlimit(pid, resource.RLIMIT_AS, (1 << 28, 1 << 28))
        text = case.end(process)
        assert process.returncode != 0
        expect_line(text, "memory ran out")
        shutil.rmtree(case.project / "work")
    configured(case.project, yaml.safe_load((case.undisturbed / "params.yaml").read_text()))
