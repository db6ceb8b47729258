"""The whole pipeline as jobs of a real Slurm, and the same tables as on one machine."""

import json

import pytest

# One cluster, started by one worker.
pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("slurm")]


def test_the_tables_are_those_of_the_local_run(on_slurm, finished):
    tables = sorted(path.name for path in finished.results("tables").iterdir())
    assert {"table1.csv", "table2.csv", "table3.csv"} <= set(tables)
    for name in tables:
        assert on_slurm.results(f"tables/{name}").read_bytes() == finished.results(f"tables/{name}").read_bytes(), name


def test_a_cancelled_job_is_started_again_with_more(on_slurm):
    (cancelled,) = (job for job in on_slurm.jobs if job["id"] == on_slurm.cancelled)
    again = [job for job in on_slurm.jobs if job["comment"] == cancelled["comment"] and job is not cancelled]
    assert cancelled["state"] == "CANCELLED"
    assert [job["state"] for job in again] == ["COMPLETED"]
    assert megabytes(again[0]) == 2 * megabytes(cancelled)
    assert all(job["state"] == "COMPLETED" for job in on_slurm.jobs if job is not cancelled)


def test_what_takes_seconds_goes_in_one_job(on_slurm):
    comments = [job["comment"] for job in on_slurm.jobs]
    assert sum("simulate_jets" in comment for comment in comments) == 10
    for alone in ("propose", "estimate", "select", "tabulate", "draw_fronts", "write_report", "describe"):
        assert not any(comment.startswith(f"rule_{alone}") for comment in comments), alone
    chosen = json.loads(on_slurm.results("candidates/selected.json").read_text())["candidates"]
    circuits = [comment for comment in comments if comment.startswith("rule_circuit_")]
    assert len(circuits) == len(set(circuits)) == 1 + 2 * len(chosen)
    # The generations of a search are one job.
    assert not any(comment.startswith("rule_evaluate_trials") for comment in comments)
    assert sum(comment.startswith("rule_compression_search_") for comment in comments) == len(chosen)


def test_every_job_asks_for_what_it_needs(on_slurm):
    for job in on_slurm.jobs:
        assert megabytes(job) >= 500, job
        assert job["limit"] != "1-00:00:00", f"{job} has the partition's limit"
        assert int(job["cpus"]) <= 4, job


def test_its_jobs_are_not_taken_for_dead_with_their_snakemake(on_slurm):
    """They run on after it, so that its lock is not removed by itself."""
    owner = json.loads((on_slurm.folder / ".snakemake" / "snacpack.owners").read_text())
    assert owner["on_this_machine"] is False


def megabytes(job):
    """Memory that a job asked for."""
    unit = {"M": 1, "G": 1000}[job["memory"][-1]]
    return float(job["memory"][:-1]) * unit
