"""A changed configuration repeats the jobs that it reaches, and no other: counted in dry runs of a finished run."""

import json
import re

import pytest
import yaml

from helpers import ROOT
from helpers.running import Workflow

pytestmark = pytest.mark.thorough

TRAININGS = {
    "evaluate_trials",
    "train_candidate",
    "warm_up_candidate",
    "prune_candidate",
    "refine_front",
}
"""Rules that train networks."""
SYNTHESIS = {"build_hls_project", "build_rtl", "verify_model", "synthesize_model"}
REFERENCES = 1
CANDIDATES = 1


def planned(workflow: Workflow, change: dict, folder) -> dict[str, int]:
    """Return how many jobs of each rule a changed configuration asks for."""
    (folder / "change.yaml").write_text(yaml.safe_dump(change))
    configs = [str(ROOT / "config" / "test.yaml"), str(folder / "change.yaml")]
    printed = workflow.run("--dry-run", "--configfile", *configs)
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE)}
    assert jobs or "Nothing to be done" in printed
    assert jobs.pop("total", 0) == sum(jobs.values())
    return jobs


def trainings(jobs: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in jobs.items() if rule in TRAININGS}


def test_the_same_configuration_asks_for_nothing(finished, tmp_path):
    assert planned(finished, {}, tmp_path) == {}


@pytest.mark.parametrize(
    ("change", "repeated"),
    [
        ({"backend": "open"}, {"build_hls_project", "verify_model", "synthesize_model"}),
        ({"io_type": "io_stream", "strategy": "resource", "reuse_factor": 2}, SYNTHESIS - {"build_rtl"}),
        ({"timeout_minutes": 7, "available": {"lut": 10, "ff": 10, "dsp": 1, "bram": 1}}, {"synthesize_model"}),
        ({"n_verification_jets": 150, "n_rtl_jets": 90}, {"verify_model", "synthesize_model"}),
    ],
)
def test_a_key_of_synthesis_trains_nothing(finished, tmp_path, change, repeated):
    jobs = planned(finished, {"synthesis": change}, tmp_path)
    assert trainings(jobs) == {}
    assert {rule for rule in jobs if rule in SYNTHESIS} == repeated
    assert jobs["synthesize_model"] == REFERENCES + 2 * CANDIDATES
    assert "export_qonnx" not in jobs
    assert "preprocess_jets" not in jobs


def test_another_clock_repeats_only_the_search_that_optimises_circuits_for_it(finished, tmp_path):
    """The paper's compression, and all float networks, know nothing of a clock."""
    jobs = planned(finished, {"synthesis": {"clock_period_ns": 4.0}}, tmp_path)
    assert trainings(jobs) == {"evaluate_trials": 4, "refine_front": 1}
    jobs = planned(finished, {"synthesis": {"clock_period_ns": 4.0}, "compression": {"method": "magnitude"}}, tmp_path)
    assert trainings(jobs) == {}
    assert jobs["build_rtl"] == REFERENCES + CANDIDATES


def test_class_weights_repeat_all_trainings_and_prepare_nothing(finished, tmp_path):
    # With this score, the plan knows the reference's training before the candidates are chosen anew.
    jobs = planned(
        finished, {"training": {"class_weights": "balanced"}, "selection": {"min_score": "baseline"}}, tmp_path
    )
    assert set(trainings(jobs)) >= {"evaluate_trials", "train_candidate", "warm_up_candidate", "prune_candidate"}
    assert not {"simulate_jets", "preprocess_jets", "estimate_references", "draw_data_card"} & set(jobs)


def test_more_objectives_keep_what_does_not_follow_from_them(finished, tmp_path):
    """The first generation was drawn at random and stays; those after it descend from other survivors."""
    objectives = ["accuracy", "average_resources", "clock_cycles", "bops"]
    jobs = planned(finished, {"search": {"objectives": objectives}}, tmp_path)
    assert jobs["select_survivors"] == 2
    assert jobs["propose_trials"] == 1
    assert jobs["evaluate_trials"] == 2
    assert jobs["estimate_hardware"] == 1
    assert not {"simulate_jets", "preprocess_jets", "estimate_references"} & set(jobs)


def test_more_objectives_of_the_compression_search(finished, tmp_path):
    jobs = planned(
        finished, {"compression": {"search": {"objectives": ["accuracy", "lut", "ff", "clock_cycles"]}}}, tmp_path
    )
    assert jobs["select_survivors"] == 2
    assert jobs["propose_trials"] == 1
    assert trainings(jobs) == {"evaluate_trials": 2, "refine_front": 1}


def test_more_trials_repeat_none(finished, tmp_path):
    jobs = planned(finished, {"search": {"trials": 12}}, tmp_path)
    assert jobs["propose_trials"] == jobs["estimate_hardware"] == jobs["select_survivors"] == 1
    assert jobs["evaluate_trials"] == 2


def test_another_scheme_touches_only_its_own_jobs(finished, tmp_path):
    jobs = planned(finished, {"compression": {"schemes": ["w8a8", "w5a6"]}}, tmp_path)
    n_models = REFERENCES + CANDIDATES
    assert trainings(jobs) == {"warm_up_candidate": n_models, "prune_candidate": 2 * n_models}
    assert {jobs[rule] for rule in SYNTHESIS} == {n_models}


def test_another_reference_touches_only_its_own_jobs(finished, tmp_path):
    jobs = planned(finished, {"references": {"tiny": {"units": [5]}}}, tmp_path)
    assert trainings(jobs) == {"train_candidate": 1, "warm_up_candidate": 1, "prune_candidate": 2}
    assert {jobs[rule] for rule in SYNTHESIS} == {1}


def test_another_choice_of_candidates_trains_no_trial(finished, tmp_path):
    jobs = planned(finished, {"selection": {"max_candidates": 2}}, tmp_path)
    assert jobs["select_candidates"] == 1
    assert "evaluate_trials" not in jobs


def test_one_rule_can_be_run_again(finished):
    """Estimates are made again and what follows from them, no jet is simulated again."""
    printed = finished.run("--dry-run", "--forcerun", "estimate_hardware", "--", "results/test/tables/table3.csv")
    assert "estimate_hardware" in printed
    assert "simulate_jets" not in printed
    assert "propose_trials" in printed


def test_two_runs_share_nothing(finished, tmp_path):
    """Under another name all jobs are there again, though the configuration is the same."""
    jobs = planned(finished, {"run": "other"}, tmp_path)
    assert jobs["simulate_jets"] == 10
    assert jobs["evaluate_trials"] == 4


def test_a_trial_is_trained_again_alone_to_the_same_accuracy(copied):
    """Not the candidate, which is trained again anyway: one that the search passed over."""
    chosen = json.loads(copied.results("candidates/selected.json").read_text())["candidates"][0]["name"]
    trial = next(number for number in (7, 6) if not chosen.endswith(f"{number:04d}"))
    printed = copied.run("--", f"results/test/searches/architectures/reruns/{trial}.json")
    assert f"Trial {trial}, " in printed
    assert "The report is" not in printed
    rerun = json.loads(copied.results(f"searches/architectures/reruns/{trial}.json").read_text())
    shards = [
        json.loads(path.read_text()) for path in copied.results("searches/architectures/gen_001").glob("trials_*.json")
    ]
    (recorded,) = [record for shard in shards for record in shard if record["trial"] == trial]
    assert {name: recorded[name] for name in rerun} == rerun


def test_a_trial_that_does_not_exist_is_not_trained(copied):
    printed = copied.run("--", "results/test/searches/architectures/reruns/99.json", expect=1)
    assert "has no trial 99; it has 0 to 7" in printed


def test_where_the_numbers_come_from(finished):
    record = json.loads(finished.results("provenance.json").read_text())
    assert record["config"]["search"]["trials"] == 8
    assert record["data"]["jets"]["train"] > 0
    (used,) = record["run_with"]
    assert used["jobs"]["evaluate_trials"] == 8
    assert used["jobs"]["simulate_jets"] == 10
    for rows in record["tables"].values():
        for row in rows:
            for path in row["numbers_from"]:
                assert record["sha256"][path]
    # The configuration that a run writes down repeats it: nothing differs.
    config = str(finished.results("config.yaml"))
    assert "Nothing to be done" in finished.run("--dry-run", "--configfile", config)
