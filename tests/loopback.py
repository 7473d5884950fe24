"""A SLURM cluster of one node on loopback, in a folder of its own: nothing is installed and nothing of it needs root.

With accounting it has slurmdbd and MariaDB too.

The packages are Debian's, unpacked and not installed: where SLURM's clients are on PATH and no controller answers, the executor
plugin makes every snakemake call of the machine wait 10 s.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

PACKAGES = ("libhwloc15", "liblua5.1-0", "libmunge2", "munge", "slurm-wlm-basic-plugins", "slurm-client", "slurmctld", "slurmd")
OF_ACCOUNTING = ("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server-core", "libmariadb3", "libaio1", "libnuma1", "liburing2")
ACCOUNT = "lab"
CONFIGURATION = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
PluginDir={plugins}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
{accounting}
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=20
KillWait=2
OverTimeLimit=0
MinJobAge=3600
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
WITHOUT_ACCOUNTING = "AccountingStorageType=accounting_storage/none"
WITH_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={folder}/munge.socket
AccountingStorageEnforce=associations"""
DATABASE = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={dbd_port}
SlurmUser={user}
PluginDir={plugins}
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={sql_port}
StorageUser=slurm
StorageLoc=slurm
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""


class Missing(Exception):
    """The packages cannot be had here."""


def unpack(prefix: Path, packages: tuple[str, ...]) -> None:
    """Fetches the packages with apt and unpacks them into a folder, which keeps them for the next time.

    Raises:
        Missing: this is no Debian, or its mirror cannot be reached.
    """
    done = prefix / f".{packages[0]}-and-so-on"
    if done.exists():
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Missing("no apt-get and dpkg here")
    downloads = prefix / "deb"
    (downloads / "lists/partial").mkdir(parents=True, exist_ok=True)
    (downloads / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    own = ["-o", f"Dir::State::lists={downloads}/lists", "-o", f"Dir::Cache={downloads}/cache", "-o", "APT::Sandbox::User="]
    for command in (["update"], ["download", *packages]):
        called = subprocess.run(["apt-get", "-q", *own, *command], cwd=downloads, capture_output=True, text=True)
        if called.returncode:
            raise Missing(f"apt-get {command[0]} failed: {called.stderr.strip().splitlines()[-1]}")
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, prefix], check=True)
    shutil.rmtree(downloads)
    done.touch()


class Cluster:
    """The daemons and how to call the clients. `environment` is what a user of the cluster has set beside the usual; `at_end` is
    done before the daemons are stopped."""

    def __init__(self, prefix: Path, folder: Path, accounting: bool, cpus: int, memory_mb: int) -> None:
        self.prefix, self.folder, self.accounting = prefix, folder, accounting
        plugins = next(prefix.glob("usr/lib/*/slurm-wlm"))
        paths = [str(folder / "bin"), str(prefix / "usr/bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = {
            "PATH": os.pathsep.join(paths),
            "LD_LIBRARY_PATH": f"{plugins.parent}{os.pathsep}{plugins}",
            "SLURM_CONF": str(folder / "slurm.conf"),
        }
        self.processes: dict[str, subprocess.Popen] = {}
        self.at_end = ExitStack()
        for name in ("state", "spool", "bin", "sql"):
            (folder / name).mkdir(parents=True)
        # They look at their names: as slurmctld-wlm and slurmd-wlm they take themselves for clients.
        for name in ("slurmctld", "slurmd", "slurmstepd"):
            (folder / "bin" / name).symlink_to(prefix / f"usr/sbin/{name}-wlm")
        # Snakemake's job step clears SLURM's variables before it calls srun, as on a cluster whose configuration is in /etc.
        srun = folder / "bin/srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {prefix}/usr/bin/srun "$@"\n')
        srun.chmod(0o755)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        values = {"host": socket.gethostname().split(".")[0], "user": user, "folder": folder, "plugins": plugins}
        self.ports = {f"{name}_port": free_port() for name in ("ctld", "slurmd", "dbd", "sql")}
        stored = (WITH_ACCOUNTING if accounting else WITHOUT_ACCOUNTING).format(folder=folder, **self.ports)
        text = CONFIGURATION.format(**values, **self.ports, accounting=stored, cpus=cpus, memory_mb=memory_mb)
        (folder / "slurm.conf").write_text(text)
        (folder / "slurmdbd.conf").write_text(DATABASE.format(**values, **self.ports))
        (folder / "slurmdbd.conf").chmod(0o600)

    def start(self, name: str) -> None:
        """Starts one of the daemons in the foreground, as a process group of its own."""
        sbin, own, folder = self.prefix / "usr/sbin", self.folder / "bin", self.folder
        munge = ["--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={folder}/munge.key"]
        munge += [f"--{kind}-file={folder}/munged.{kind}" for kind in ("log", "pid", "seed")]
        reached = [f"--socket={folder}/sql.socket", f"--port={self.ports['sql_port']}", "--bind-address=127.0.0.1"]
        commands = {
            "mariadbd": [*self.database, *reached, "--skip-grant-tables"],
            "slurmdbd": [sbin / "slurmdbd", "-D"],
            "munged": [sbin / "munged", *munge],
            "slurmctld": [own / "slurmctld", "-D", "-f", folder / "slurm.conf"],
            "slurmd": [own / "slurmd", "-D", "-f", folder / "slurm.conf", "-d", own / "slurmstepd"],
        }
        with (folder / f"{name}.out").open("ab") as out:
            self.processes[name] = subprocess.Popen(
                commands[name], env={**os.environ, **self.environment}, cwd=folder, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def database(self) -> list[str]:
        """The database's program, with its folder."""
        folders = [f"--datadir={self.folder}/sql", f"--basedir={self.prefix}/usr"]
        return [str(self.prefix / "usr/sbin/mariadbd"), "--no-defaults", "--user=root", *folders]

    def start_accounting(self) -> None:
        """Starts the database with one account, which this user may use."""
        tables = (self.prefix / "usr/share/mysql/mysql_system_tables.sql").read_text()
        given = f"create database mysql;\nuse mysql;\n{tables}"
        environment = {**os.environ, **self.environment}
        subprocess.run([*self.database, "--bootstrap"], env=environment, input=given, text=True, capture_output=True, check=True)
        self.start("mariadbd")
        wait_until(lambda: listens(self.ports["sql_port"]), 30, "mariadbd")
        self.start("slurmdbd")
        wait_until(lambda: listens(self.ports["dbd_port"]), 60, "slurmdbd")
        user = self.call("id", "-un").strip()
        for added in (["cluster", "loopback"], ["account", ACCOUNT], ["user", user, f"account={ACCOUNT}"]):
            self.call("sacctmgr", "--immediate", "add", *added)

    def kill(self, name: str, how: signal.Signals) -> None:
        """Ends one of the daemons that were started here."""
        process = self.processes.pop(name)
        if process.poll() is None:
            process.send_signal(how)
        process.wait(timeout=30)

    def call(self, *command: str) -> str:
        """What a client says."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout

    def jobs(self) -> list[dict[str, str]]:
        """The jobs that are pending or running: id, state, and the rule in the comment."""
        lines = self.call("squeue", "--noheader", "--format=%i|%T|%k").splitlines()
        return [dict(zip(("id", "state", "rule"), line.split("|"), strict=True)) for line in lines]

    def last_job(self) -> int:
        """The number of the last job that was submitted, 0 before the first."""
        numbers = self.call("squeue", "--noheader", "--states=all", "--format=%i").split()
        return max(map(int, numbers), default=0)

    def asked(self, rule: str, after: int) -> list[tuple[str, str]]:
        """Time limit and memory of the jobs of a rule that came after a job, also of those that have ended."""
        lines = self.call("squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%k|%l|%m").splitlines()
        found = [line.split("|") for line in lines]
        return [(limit, memory) for job, name, limit, memory in found if rule in name and int(job) > after]

    def processes_of(self, job: str) -> list[int]:
        """The processes that a job has on the node, without SLURM's own; none where it is just beginning or ending."""
        try:
            return [int(line.split()[0]) for line in self.call("scontrol", "listpids", job).splitlines()[1:]]
        except subprocess.CalledProcessError:
            return []

    def cancel_all(self) -> None:
        """Cancels every job, and returns when none is left."""
        self.call("scancel", "--user", self.call("id", "-un").strip())
        wait_until(lambda: not self.jobs(), 60, "the jobs to end")

    def wait_for_node(self) -> None:
        """Returns when the node takes jobs."""
        wait_until(
            lambda: self.call("sinfo", "--noheader", "--format=%t").strip() in ("idle", "mix", "alloc"), 60, "an idle node"
        )


@contextmanager
def cluster(prefix: Path, folder: Path, accounting: bool = False, cpus: int = 2, memory_mb: int = 16000):
    """A running cluster, which is stopped with all its jobs at the end.

    Raises:
        Missing: the packages cannot be had here.
    """
    unpack(prefix, PACKAGES)
    if accounting:
        unpack(prefix, OF_ACCOUNTING)
    running = Cluster(prefix, folder, accounting, cpus, memory_mb)
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o600)
    try:
        running.start("munged")
        wait_until((folder / "munge.socket").exists, 20, "munged")
        if accounting:
            running.start_accounting()
        running.start("slurmctld")
        running.start("slurmd")
        wait_until(lambda: answers(running), 30, "slurmctld")
        running.wait_for_node()
        yield running
    finally:
        running.at_end.close()
        try:
            if "slurmctld" in running.processes and answers(running):
                running.cancel_all()
        finally:
            for name in reversed(list(running.processes)):
                running.kill(name, signal.SIGTERM)


def answers(running: Cluster) -> bool:
    """Whether the controller is up."""
    environment = {**os.environ, **running.environment}
    return subprocess.run(["scontrol", "ping"], env=environment, capture_output=True, timeout=60).returncode == 0


def wait_until(condition, seconds: float, what: str) -> None:
    """Returns when the condition holds.

    Raises:
        TimeoutError: it does not within the time.
    """
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.2)


def listens(port: int) -> bool:
    """Whether something takes connections at a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
