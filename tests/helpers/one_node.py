"""A Slurm cluster of one node, this machine, in a folder of its own."""

import getpass
import os
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
# Debian keeps daemons where a user's PATH does not lead.
SEARCH_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SETTINGS = """\
ClusterName=snacpack
SlurmctldHost=localhost
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished_jobs.txt
MinJobAge=3600
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2
StateSaveLocation={folder}/controller
SlurmdSpoolDir={folder}/node
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=day Nodes=localhost Default=YES MaxTime=1-0 State=UP
PartitionName=week Nodes=localhost MaxTime=7-0 State=UP
"""


def missing_programs() -> list[str]:
    """Slurm's and munge's programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=SEARCH_PATH) is None]


def answers() -> bool:
    """Whether this machine belongs to a Slurm cluster already."""
    environment = {**os.environ, "PATH": SEARCH_PATH}
    try:
        return subprocess.run(["scontrol", "ping"], env=environment, capture_output=True, timeout=60).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class OneNodeSlurm:
    """Slurm's daemons, without an accounting database, from ``start`` to ``stop``.

    Parameters
    ----------
    folder
        An empty folder for keys, sockets, logs and the state of the cluster.
    cpus
        Processors that the node claims to have, however many there are.
    memory_mb
        Memory that it claims.
    """

    def __init__(self, folder: Path, cpus: int, memory_mb: int) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen] = []
        settings = SETTINGS.format(
            folder=folder,
            user=getpass.getuser(),
            controller_port=free_port(),
            node_port=free_port(),
            cpus=cpus,
            memory_mb=memory_mb,
        )
        (folder / "slurm.conf").write_text(settings)
        # Snakemake's plugin takes all of Slurm's variables from the steps of a job, SLURM_CONF too.
        (folder / "bin").mkdir()
        srun = folder / "bin" / "srun"
        program = shutil.which("srun", path=SEARCH_PATH)
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {program} "$@"\n')
        srun.chmod(0o755)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))},
            "PATH": f"{folder / 'bin'}:{SEARCH_PATH}",
            "SLURM_CONF": str(folder / "slurm.conf"),
        }

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs; raise TimeoutError with their logs if it does not."""
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        files = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{option}={self.folder / name}" for option, name in files.items()]
        # Its socket is in a folder of one user, which munged takes with --force only.
        self._launch("munged", "--foreground", "--force", f"--log-file={self.folder / 'munged.log'}", *options)
        self._wait("a socket of munged", (self.folder / "munge.socket").exists)
        self._launch("slurmctld", "-D")
        self._launch("slurmd", "-D", "-N", "localhost")
        self._wait("an idle node", lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"))

    def stop(self) -> None:
        """End all jobs, then the daemons; nothing is left running."""
        try:
            if (self.folder / "slurmctld.pid").exists():
                self.ask("scancel", "--user", getpass.getuser())
                self._wait("the end of all jobs", lambda: not self.ask("squeue", "--noheader"))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            warnings.warn(f"Slurm's jobs may go on: {error}", stacklevel=2)
        finally:
            for daemon in reversed(self.daemons):
                daemon.terminate()
            for daemon in self.daemons:
                try:
                    daemon.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def ask(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it printed; empty if it failed."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self) -> list[dict[str, str]]:
        """All jobs since the start, in order; ``comment`` names the rule or the group."""
        printed = self.ask("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%k|%T|%M|%C|%m|%l")
        names = ("id", "comment", "state", "duration", "cpus", "memory", "limit")
        return [dict(zip(names, line.split("|"), strict=True)) for line in printed.splitlines()]

    def _launch(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as output:
            daemon = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        self.daemons.append(daemon)

    def _wait(self, what: str, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            ended = any(daemon.poll() is not None for daemon in self.daemons)
            if ended or time.monotonic() > deadline:
                logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.out"))
                raise TimeoutError(f"Slurm did not reach {what} within {seconds:.0f} s:\n{logs}")
            time.sleep(0.2)


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
