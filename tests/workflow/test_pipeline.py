"""The whole pipeline for real: simulated jets to circuits, on a configuration of minutes."""

import json
from pathlib import Path

import h5py
import pandas as pd
import pytest

from helpers.running import Workflow

TABLE_2 = [
    *("model", "architecture", "accuracy_percent", "accuracy_low", "accuracy_high", "macs", "bops"),
    *("est_average_resources_percent", "est_clock_cycles", "extrapolated"),
]
TABLE_3 = [
    *("model", "scheme", "sparsity", "accuracy_percent", "backend", "clock_period_ns", "latency_cycles", "latency_ns"),
    *("ii_cycles", "ii_ns", "dsp", "lut", "ff", "bram", "dsp_percent", "lut_percent", "ff_percent", "bram_percent"),
    *("hls4ml_reuse_factors", "failure"),
]


# On one worker, that makes the run.
pytestmark = pytest.mark.xdist_group("pipeline")

REFERENCES = ["baseline"]


def models_of(workflow):
    chosen = json.loads(workflow.results("candidates/selected.json").read_text())
    return [*REFERENCES, *(candidate["name"] for candidate in chosen["candidates"])]


def test_it_ends_by_saying_where_the_report_is(finished):
    assert "results/test/report.html" in finished.printed
    assert finished.results("report.html").stat().st_size > 100_000


def test_no_job_needs_what_only_tests_need(finished):
    """TensorFlow and more could not be imported in any of them."""
    if not finished.environment:
        pytest.skip("the run was made before these packages were installed")
    blocked = set(finished.environment["BLOCKED_MODULES"].split(","))
    assert {"tensorflow", "keras", "torch_geometric", "optuna", "pytest"} <= blocked
    assert not {"torch", "numpy", "rule4ml", "snakemake", "google"} & blocked
    seen = {path.name.partition(".")[2] for path in Path(finished.environment["BLOCKED_SEEN"]).iterdir()}
    ran = {path.name.removesuffix(".log") for path in finished.results("logs").iterdir()}
    assert len(ran) > 20
    assert {f"{rule}.py" for rule in ran} - seen == set()


def test_the_prepared_jets(finished):
    with h5py.File(finished.results("data/jets.h5")) as jets:
        for split in ("train", "val", "test"):
            assert jets[f"x_{split}"].shape == (len(jets[f"y_{split}"]), 24)
            assert set(jets[f"y_{split}"][:]) == set(range(5))
        assert {"source", "features", "normalisation"} <= set(jets.attrs)


def test_every_trial_is_a_different_network(finished):
    trials = pd.read_csv(finished.results("searches/architectures/trials.csv"))
    assert len(trials) == trials["genome"].nunique() == 8
    assert trials["failure"].isna().all()
    front = pd.read_csv(finished.results("searches/architectures/pareto.csv"))
    assert set(front["trial"]) == set(trials.loc[trials["pareto"], "trial"])


def test_how_far_the_search_is_can_be_watched(finished):
    steps = pd.read_csv(finished.results("searches/architectures/hypervolume.csv"))
    assert list(steps["trials"]) == [4, 8]
    assert steps["hypervolume"].is_monotonic_increasing
    assert steps["hypervolume"].between(0, 1, inclusive="right").all()
    last = finished.results("searches/architectures/progress.log").read_text().splitlines()[-1]
    told = f"8 of 8 trials, best accuracy {100 * steps['best_accuracy'].iloc[-1]:.2f}%, "
    told += f"hypervolume {steps['hypervolume'].iloc[-1]:.4f}, "
    assert told in last
    assert last.endswith("the search is done")
    assert f"Search: {told}" in finished.printed


def test_a_candidate_is_trained_as_the_search_trained_it(finished):
    trials = pd.read_csv(finished.results("searches/architectures/trials.csv")).set_index("trial")
    for name in models_of(finished)[len(REFERENCES) :]:
        trained = json.loads(finished.results(f"candidates/{name}/float.json").read_text())
        assert trained["validation_accuracy"] == pytest.approx(trials.loc[int(name[-4:]), "accuracy"], abs=1e-12)


def forms_of(workflow):
    """Pairs of model and scheme, in the tables' order: the search compresses candidates only."""
    models = models_of(workflow)
    mixed = {name: ["mixed"] for name in models[len(REFERENCES) :]}
    return [(name, scheme) for name in models for scheme in ["w8a8", *mixed.get(name, [])]]


def test_every_model_is_exact_from_training_to_verilog(finished):
    for name, scheme in forms_of(finished):
        verification = json.loads(finished.results(f"synthesis/{name}/{scheme}/verification.json").read_text())
        compared = {entry["name"]: entry for entry in verification["comparisons"]}
        assert set(compared) == {"fixed_point", "qonnx", "hls4ml", "da4ml", "verilog"}
        for entry in compared.values():
            assert entry["n_jets"] > 0
            assert entry["exact"], entry
            assert entry["max_difference"] == 0


def test_the_tables(finished):
    table = pd.read_csv(finished.results("tables/table2.csv"))
    assert list(table.columns) == TABLE_2
    assert list(table["model"]) == models_of(finished)
    assert (table["accuracy_low"] < table["accuracy_percent"]).all()
    assert (table["accuracy_percent"] < table["accuracy_high"]).all()
    table = pd.read_csv(finished.results("tables/table3.csv"))
    assert list(table.columns) == TABLE_3
    assert list(zip(table["model"], table["scheme"], strict=True)) == forms_of(finished)
    assert (table["backend"] == "open").all()
    assert (table[["lut", "ff", "latency_cycles"]] > 0).all(axis=None)
    assert (abs(table["latency_ns"] - 5 * table["latency_cycles"]) < 1e-9).all()
    assert table["sparsity"][table["scheme"] == "w8a8"].between(0.2, 0.5).all()


def test_pruning_is_recorded(finished):
    for name in models_of(finished):
        metrics = pd.read_csv(finished.results(f"candidates/{name}/w8a8/metrics.csv"))
        assert list(metrics["iteration"]) == [0, 1, 2]
        assert metrics["sparsity"].is_monotonic_increasing
        assert metrics["bops"].is_monotonic_decreasing


def test_a_compression_search_is_recorded(finished):
    (name,) = [model for model, scheme in forms_of(finished) if scheme == "mixed"]
    folder = f"candidates/{name}/mixed"
    trials = pd.read_csv(finished.results(f"searches/compressions-{name}/trials.csv"))
    assert list(trials["trial"]) == list(range(8))
    assert trials["genome"].is_unique
    succeeded = trials[trials["failure"].isna()]
    assert (succeeded[["lut", "ff", "clock_cycles"]] > 0).all(axis=None)
    front = pd.read_csv(finished.results(f"searches/compressions-{name}/pareto.csv"))
    for point in front.itertuples():
        better = (succeeded["accuracy"] > point.accuracy) & (succeeded["lut"] <= point.lut)
        assert not better.any()
    chosen = json.loads(finished.results(f"{folder}/chosen.json").read_text())
    finalists = pd.read_csv(finished.results(f"{folder}/metrics.csv"))
    assert set(finalists["trial"]) <= set(trials["trial"])
    accurate = finalists[finalists["validation_accuracy"] >= chosen["min_accuracy"]]
    assert chosen["reached"]
    assert finalists.loc[chosen["iteration"], "lut"] == accurate["lut"].min()
    # The network that the search estimated is the one that was synthesised.
    report = json.loads(finished.results(f"synthesis/{name}/mixed/report.json").read_text())
    assert report["estimates"]["da4ml"]["lut"] == finalists.loc[chosen["iteration"], "lut"]
    assert report["latency_cycles"] == finalists.loc[chosen["iteration"], "clock_cycles"]
    assert f"Compression of {name}: 8 of 8 trials" in finished.printed


def test_a_placed_report_is_asked_for_with_the_command_that_makes_it(copied):
    target = f"results/test/synthesis/{REFERENCES[0]}/w8a8/placed_rtl.json"
    printed = copied.run("--", target, expect=1)
    assert "vivado -mode batch -source build_vivado_prj.tcl" in printed


def test_figures_are_drawn(finished):
    names = {path.name for path in finished.results("figures").iterdir()}
    assert {
        "fig1.png",
        "fig2.png",
        "fig3.png",
        "fig4.png",
        "data_card.png",
        "hypervolume.png",
        "compression_fronts.png",
        "estimates.png",
    } <= names
    assert sum(name.startswith("confusion_") and name.endswith(".png") for name in names) == len(forms_of(finished))


def test_snakemakes_own_report(copied, tmp_path):
    copied.run("--report", str(tmp_path / "report.html"))
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_a_broken_configuration_stops_before_the_first_job(tmp_path):
    workflow = Workflow(tmp_path)
    printed = workflow.run("--config", "seed=-1", expect=1)
    assert "seed: -1 is not allowed; expected: number from which every random choice" in printed
    assert not (tmp_path / "results").exists()


def test_references_are_estimated_without_data_or_training(tmp_path):
    workflow = Workflow(tmp_path)
    workflow.run("--", "results/test/references/hardware.csv")
    table = pd.read_csv(workflow.results("references/hardware.csv"))
    assert list(table["architecture"]) == ["24-6-4-5"]
    assert not workflow.results("data").exists()


@pytest.mark.parametrize("arguments", [["--unlock"], ["--executor", "slurm", "--jobs", "5", "--dry-run"]])
def test_commands_that_ask_for_no_cores(tmp_path, arguments):
    """Unlocking after a crash, or a cluster, which counts its cores itself."""
    Workflow(tmp_path).run(*arguments, cores=None)
