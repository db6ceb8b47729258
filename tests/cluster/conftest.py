"""A cluster, and a run of the whole pipeline on it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.one_node import OneNodeSlurm, answers, missing_programs
from helpers.running import Workflow, kill_tree

PROFILE = ROOT / "profiles" / "slurm"
# Generations of one shard go in one job.
ONE_SHARD = "{search: {shards: 1}, compression: {search: {shards: 1}}}\n"


def go_without(reason: str) -> None:
    """Skip on a user's machine; where Slurm must be there, its absence is a failure."""
    if os.environ.get("SNACPACK_NEEDS_SLURM"):
        pytest.fail(f"SNACPACK_NEEDS_SLURM is set, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A Slurm of one node, started for these tests."""
    if missing := missing_programs():
        go_without(f"these programs are not installed: {', '.join(missing)} (Debian: apt install slurm-wlm munge)")
    if answers():
        go_without("this machine belongs to a Slurm cluster, which is left alone")
    cluster = OneNodeSlurm(tmp_path_factory.mktemp("slurm"), cpus=4, memory_mb=32000)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def cancel_at(landmark: Path, what: str, cluster: OneNodeSlurm, process: subprocess.Popen) -> str:
    """Cancel the running job whose comment names ``what`` as soon as it has written ``landmark``; return its number."""
    while process.poll() is None:
        running = [job["id"] for job in cluster.jobs() if what in job["comment"] and job["state"] == "RUNNING"]
        if running and landmark.exists():
            cluster.ask("scancel", running[0])
            return running[0]
        time.sleep(0.2)
    return ""


@pytest.fixture(scope="session")
def on_slurm(slurm, request, tmp_path_factory) -> Workflow:
    """A run of the whole pipeline as Slurm jobs, one of which is cancelled on the way."""
    workflow = Workflow(tmp_path_factory.mktemp("on_slurm"))
    (workflow.folder / "one_shard.yaml").write_text(ONE_SHARD)
    workflow.environment = slurm.environment
    process = workflow.start(
        *("--profile", str(PROFILE), "--slurm-init-seconds-before-status-checks", "2"),
        *("--configfile", str(ROOT / "config" / "test.yaml"), str(workflow.folder / "one_shard.yaml")),
        cores=None,
    )
    try:
        workflow.cancelled = cancel_at(
            workflow.results("searches/architectures/gen_000/offspring.json"), "search_architectures_0", slurm, process
        )
        ended = process.wait(timeout=1500)
    finally:
        if process.poll() is None:
            kill_tree(process)
    workflow.printed = (workflow.folder / "printed.txt").read_text()
    workflow.jobs = slurm.jobs()
    # The jobs that ran under Slurm belong to the tests' output, passed or not.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        # A worker of pytest-xdist has no other way out.
        print(f"\nJobs of {PROFILE.relative_to(ROOT)}:", *map(job_line, workflow.jobs), sep="\n", file=sys.stderr)
    if ended != 0:
        pytest.fail(f"snakemake --profile profiles/slurm ended with {ended}:\n{workflow.printed[-8000:]}")
    return workflow


def job_line(job: dict[str, str]) -> str:
    """A job as a line of the list that the tests print."""
    what = job["comment"].removeprefix("rule_")
    return f"job {job['id']:>3} {job['state']:<10} {job['duration']:>6} {job['cpus']} CPUs {job['limit']:>10}  {what}"
