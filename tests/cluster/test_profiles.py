"""The profiles for clusters, as far as they can be looked at without one."""

import ast
import importlib.util
import os
import re

import pytest

from helpers import ROOT
from helpers.running import Workflow

pytestmark = pytest.mark.thorough

PROFILES = ROOT / "profiles"
NEEDS_HTCONDOR = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_htcondor") is None,
    reason="the plugin is not installed (pip install -r envs/htcondor.txt)",
)


def planned_jobs(printed: str) -> dict[str, int]:
    """Jobs of each rule, as a dry run tells."""
    table = printed.split("Job stats:")[1].split("total")[0]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


@pytest.mark.parametrize("profile", ["slurm", pytest.param("htcondor", marks=NEEDS_HTCONDOR)])
@pytest.mark.parametrize("config", ["test", "paper"])
def test_a_profile_plans_the_jobs_of_a_local_run(tmp_path, profile, config):
    workflow = Workflow(tmp_path, config)
    planned = planned_jobs(workflow.run("--dry-run", "--profile", str(PROFILES / profile), cores=None))
    assert planned == planned_jobs(workflow.run("--dry-run"))
    assert planned["simulate_jets"] > 1


@NEEDS_HTCONDOR
def test_short_jobs_are_described_to_htcondor_as_one(tmp_path, monkeypatch):
    """The plugin comes as far as the scheduler, which is not there; a pool of the user's is left alone."""
    monkeypatch.setenv("CONDOR_CONFIG", os.devnull)
    printed = Workflow(tmp_path, "paper").run(
        *("--profile", str(PROFILES / "htcondor"), "--retries", "0", "--verbose", "--", "results/paper/data/jets.h5"),
        cores=None,
        expect=1,
    )
    assert "Unable to locate local daemon" in printed
    described = ast.literal_eval(re.search(r"HTCondor submit subscription: (\{.*\})", printed)[1])
    assert described["arguments"].count("simulate_jets:") in (4, 14)
    assert described["request_cpus"] == "1"
    assert described["request_memory"] == "4000MB"
    assert described["+MaxRuntime"] == 86400
