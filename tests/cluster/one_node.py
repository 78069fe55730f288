"""A SLURM cluster of one node, from Debian's packages: controller, node and authentication on this machine."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

CONFIGURATION = Path("/etc/slurm/slurm.conf")  # the executor plugin drops SLURM_CONF, so that it must be here
MARK = "# Written by tests/cluster; removed when they end.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
MUNGE = "munge"
SOCKETS = Path("/run/munge")


def configuration(node: str, state: Path) -> str:
    """Return a slurm.conf that needs neither cgroups nor accounting nor a second machine."""
    return MARK + "\n".join(
        [
            "ClusterName=tests",
            f"SlurmctldHost={node}(127.0.0.1)",
            "SlurmUser=root",
            "SlurmdUser=root",
            "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/none",
            "AccountingStorageType=accounting_storage/none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core",
            "SlurmdParameters=config_overrides",
            "ReturnToService=2",
            # A lost node is noticed, and its jobs start anew, within seconds instead of minutes.
            "SlurmdTimeout=10",
            "AuthInfo=cred_expire=5",
            "SchedulerParameters=sched_interval=1,batch_sched_delay=0",
            f"StateSaveLocation={state}/controller",
            f"SlurmdSpoolDir={state}/node",
            f"SlurmctldPidFile={state}/slurmctld.pid",
            f"SlurmdPidFile={state}/slurmd.pid",
            f"NodeName={node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN",
            f"PartitionName=main Nodes={node} Default=YES MaxTime=INFINITE State=UP",
            "",
        ]
    )


@dataclass
class OneNode:
    """The running cluster; every process in it was started here and is ended here."""

    state: Path
    node: str = field(default_factory=lambda: socket.gethostname().split(".")[0])
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        for folder in ("controller", "node"):
            (self.state / folder).mkdir(parents=True)
        CONFIGURATION.write_text(configuration(self.node, self.state), encoding="utf-8")
        # Where systemd runs, it has made the folder of the socket and may have started munge already.
        if not _munge_answers():
            SOCKETS.mkdir(exist_ok=True)
            shutil.chown(SOCKETS, MUNGE, MUNGE)
            self._start("munged", ["munged", "--foreground"], user=MUNGE)
            self._wait_for(_munge_answers, "munge")
        self._start("slurmctld", ["slurmctld", "-D", "-c"])
        self.start_node()

    def start_node(self) -> None:
        self._start("slurmd", ["slurmd", "-D", "-N", self.node])
        self._wait_for(lambda: _said("sinfo", "-h", "-o", "%t") in ("idle", "mix", "alloc"), "the node")

    def lose_node(self) -> None:
        """Kill the node's daemon and everything that runs under it, as when the machine is switched off."""
        daemon = self._daemons.pop("slurmd")
        on_node = [*self._job_processes(), psutil.Process(daemon.pid)]
        for process in on_node:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        daemon.wait()
        psutil.wait_procs(on_node, timeout=10)

    def kill_daemon(self) -> None:
        """Kill the node's daemon alone; its jobs keep running."""
        daemon = self._daemons.pop("slurmd")
        daemon.kill()
        daemon.wait()

    def running(self) -> list[str]:
        return _said("squeue", "-h", "-t", "RUNNING", "-o", "%i").split()

    def restarts(self) -> int:
        """Count how often the controller has put jobs back into the queue."""
        return sum(map(int, re.findall(r"Restarts=(\d+)", _said("scontrol", "--oneliner", "show", "jobs"))))

    def memory_asked_for(self) -> list[int]:
        """List the memory that the jobs asked for, in MB, in the order of submission."""
        return list(map(int, re.findall(r"MinMemoryNode=(\d+)M", _said("scontrol", "--oneliner", "show", "jobs"))))

    def cancel(self, job: str) -> None:
        subprocess.run(["scancel", job], check=True)

    def process_of(self, name: str) -> psutil.Process | None:
        """Return a process of a job with a name in its command line."""
        for process in self._job_processes():
            with suppress(psutil.NoSuchProcess):
                if any(name in argument for argument in process.cmdline()):
                    return process
        return None

    def stop(self) -> None:
        for job in _said("squeue", "-h", "-o", "%i").split():
            self.cancel(job)
        with suppress(TimeoutError):
            self._wait_for(lambda: not _said("squeue", "-h", "-o", "%i"), "the queue to empty")
        leftover = self._job_processes()
        for name in ("slurmd", "slurmctld", "munged"):
            if daemon := self._daemons.pop(name, None):
                _end(daemon)
        for process in leftover:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if CONFIGURATION.exists() and CONFIGURATION.read_text(encoding="utf-8").startswith(MARK):
            CONFIGURATION.unlink()

    def _job_processes(self) -> list[psutil.Process]:
        """List the node's job processes: slurmstepd leaves its daemon, but its title names the job."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.NoSuchProcess):
                if process.info["name"] == "slurmstepd":
                    found += [process, *process.children(recursive=True)]
        return found

    def _start(self, name: str, command: Sequence[str], user: str | None = None) -> None:
        with (self.state / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, user=user, group=user
            )

    def _wait_for(self, holds: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + 60
        while not holds():
            for name, daemon in self._daemons.items():
                if daemon.poll() is not None:
                    raise RuntimeError(f"{name} has ended: {(self.state / f'{name}.log').read_text()[-2000:]}")
            if time.monotonic() > until:
                raise TimeoutError(f"no {what} within 60 s; logs are in {self.state}")
            time.sleep(0.3)


def why_not() -> str | None:
    """Say why this machine cannot be the node; None where it can."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(missing)}: not found; make test-cluster installs Debian's packages"
    if os.geteuid() != 0:
        return "SLURM's daemons are started by root"
    if CONFIGURATION.exists() and not CONFIGURATION.read_text(encoding="utf-8").startswith(MARK):
        return f"{CONFIGURATION} belongs to a SLURM of this machine's own"
    return None


@contextmanager
def one_node(state: Path) -> Iterator[OneNode]:
    """Start a cluster, and stop it whatever happens."""
    cluster = OneNode(state)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _munge_answers() -> bool:
    return subprocess.run("munge -n | unmunge", shell=True, capture_output=True, check=False).returncode == 0


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=15)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
