"""Faults of processes, clocks and memory for tests/faults.py."""

import os
import resource
import shutil
import signal
import time
from contextlib import suppress

import psutil

from lrsweep.files import alive
from tests.fault_case import Case, alive_for, expect_line, running_trials, says, wait_until
from tests.pipeline import configured, events


def training_killed(case: Case, tries: int) -> None:
    """SIGKILL of a training process: its worker starts another, and where that is killed in the same trial too it is reported."""
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


def worker_killed(case: Case, tries: int) -> None:
    """SIGKILL of a worker: its training process ends with it, and what it held is free."""
    while case.tries < tries and alive_for(case, process := case.start()):
        wait_until(lambda running=process: running.poll() is not None or running_trials(case.project))
        for pid in running_trials(case.project)[:1]:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).parent().kill()
                case.tries += 1
            wait_until(lambda child=pid: not alive(child), 30)
        case.end(process)


def runner_killed(case: Case, tries: int) -> None:
    """SIGKILL of Snakemake alone: its workers live on, and those of the next one join them."""
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


def joined_and_left(case: Case, tries: int) -> None:
    """Workers that somebody starts by hand while Snakemake runs: one leaves early, another stays to the end."""
    process, log = case.start(), case.log
    wait_until(lambda: process.poll() is not None or running_trials(case.project))
    for _ in range(tries):
        leaving = case.work("sweep_uniform")
        with_its_own = (leaving.pid, *(child.pid for child in psutil.Process(leaving.pid).children()))
        time.sleep(case.random.uniform(2, 8))
        os.killpg(leaving.pid, case.random.choice([signal.SIGINT, signal.SIGTERM, signal.SIGKILL]))
        leaving.wait()
        wait_until(lambda pids=with_its_own: not any(map(alive, pids)), 30)
        case.tries += 1
    staying, said = case.work("sweep_uniform", 8), case.log
    assert staying.wait(timeout=300) == 0, said.read_text()
    case.log = log
    text = case.end(process)
    assert process.returncode == 0, text[-4000:]


def by_hand_alone(case: Case, tries: int) -> None:
    """Workers without Snakemake, of which the second comes late and the first is killed: the second trains the rest."""
    for stage in ("check", "corpus", "tokenize"):
        assert case.call("lrsweep", stage).wait(timeout=300) == 0
    first = case.work("sweep_uniform", 0)
    wait_until(lambda: events(case.project))
    second, said = case.work("sweep_uniform", 1), case.log
    wait_until(lambda: len({event.trial for _, event in events(case.project)}) > 1)
    first.kill()
    assert second.wait(timeout=300) == 0, said.read_text()
    before = len(events(case.project))
    assert case.work("sweep_uniform").wait(timeout=60) == 0 and len(events(case.project)) == before, "nothing is left to train"
    case.tries += 1


def shared_work(case: Case, tries: int) -> None:
    """Two folders that share LRSWEEP_WORK, at the same time; everything of one is killed on the way, and started again."""
    other = shutil.copytree(case.project, case.project.with_name(f"{case.project.name}-other"))
    case.others.append(other)
    command, shared = ("snakemake", "--cores", "2", "--", *case.targets), str(case.project / "work")
    for number in range(tries):
        elsewhere = case.call(*command, folder=other, LRSWEEP_WORK=shared)
        if alive_for(case, process := case.start()):
            os.killpg((process if number % 2 else elsewhere).pid, signal.SIGKILL)
        case.end(process)
        elsewhere.wait(timeout=900)
        case.tries += 1
    elsewhere = case.call(*command, folder=other, LRSWEEP_WORK=shared)
    process = case.start()
    case.end(process)
    assert elsewhere.wait(timeout=900) == process.returncode == 0


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


LIMIT = {"trial_minutes": 0.1}


def worker_hung(case: Case, tries: int) -> None:
    """A trial that waits for ever, twice: killed, started again, and then reported."""
    configured(case.project, {"execution": LIMIT | {"workers": 1}})
    process = case.start()
    while not says(case.log.read_text(), "found no end", "raise that"):
        stop_training(case)
    expect_line(text := case.end(process), "found no end", "started again")
    assert process.returncode != 0, text[-4000:]
    configured(case.project, {"execution": {"trial_minutes": None, "workers": "auto"}})


def worker_hung_once(case: Case, tries: int) -> None:
    """A trial that waits for ever when it is started first, and goes on at the second attempt."""
    configured(case.project, {"execution": LIMIT})
    process = case.start()
    stop_training(case)
    text = case.end(process)
    expect_line(text, "found no end", "started again")
    assert process.returncode == 0, text[-4000:]


def stop_training(case: Case) -> None:
    """Stop a training process in the middle of a trial, and return when its worker has killed it."""
    while True:
        pid = wait_until(lambda: running_trials(case.project))[0]
        os.kill(pid, signal.SIGSTOP)
        if pid in running_trials(case.project):
            break
        os.kill(pid, signal.SIGCONT)  # it was between two trials, where it has no limit
    case.tries += 1
    wait_until(lambda: not alive(pid), 60)
    time.sleep(1)  # what its worker says of it


def memory_ran_out(case: Case, tries: int) -> None:
    """A limit of the address space comes down while a trial trains: it says so in a line."""
    text = (case.project / "params.yaml").read_text()
    configured(case.project, {"optimizer": {"batch_size": 1024}, "evaluation": {"batches": 1}})
    for _ in range(tries):
        case.tries += 1
        process = case.start()
        pid = wait_until(lambda: running_trials(case.project))[0]
        resource.prlimit(pid, resource.RLIMIT_AS, (1 << 28, 1 << 28))
        said = case.end(process)
        assert process.returncode != 0
        expect_line(said, "memory ran out")
        shutil.rmtree(case.project / "work")
    (case.project / "params.yaml").write_text(text)
