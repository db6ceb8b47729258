"""The plugins of the documents, of every kind, from the configuration to the report."""

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers import ROOT
from helpers.plugins import documented_plugins
from helpers.running import Workflow

pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("plugins")]

CONFIG = {
    "plugins": ["mine"],
    "data": {"source": "hits", "options": {"examples": 1200}},
    "references": {"baseline": {"units": [8, 4], "activation": "relu"}},
    "search": {
        "objectives": ["accuracy", "average_resources", "widest_layer"],
        "space": {"family": "summed", "options": {"constituents": [4, 8]}},
    },
    "compression": {"method": "search", "search": {"objectives": ["accuracy", "lut", "largest_weight"]}},
    "task": {"name": "purity"},
    "synthesis": {"backend": "estimate"},
}


def arguments(workflow: Workflow) -> list[str]:
    return ["--configfile", str(ROOT / "config" / "test.yaml"), str(workflow.folder / "mine.yaml")]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Workflow:
    workflow = Workflow(tmp_path_factory.mktemp("plugins"))
    for name, text in documented_plugins().items():
        path = workflow.folder / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(CONFIG))
    workflow.run(*arguments(workflow))
    return workflow


def planned(workflow: Workflow) -> dict[str, int]:
    printed = workflow.run("--dry-run", *arguments(workflow))
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE)}


def test_tables_have_its_column_behind_all_others(run):
    for name in ("trials", "pareto"):
        trials = pd.read_csv(run.results(f"searches/architectures/{name}.csv"))
        assert list(trials)[-2:] == ["extrapolated", "widest_layer"]
        assert trials["widest_layer"].tolist() == [max(map(int, str(units).split())) for units in trials["units"]]
    references = pd.read_csv(run.results("references/hardware.csv"))
    assert list(references)[-2:] == ["extrapolated", "widest_layer"]
    assert references["widest_layer"].tolist() == [8]
    table = pd.read_csv(run.results("tables/table2.csv"))
    assert list(table)[-2:] == ["extrapolated", "widest_layer"]
    assert table["widest_layer"].tolist()[0] == 8
    assert "Widest layer [units]" in run.results("tables/table2.md").read_text()


def test_the_search_selects_by_it(run):
    trials = pd.read_csv(run.results("searches/architectures/trials.csv"))
    limits = json.loads(run.results("searches/architectures/limits.json").read_text())
    assert limits["widest_layer"] == {"lowest": 4, "highest": 8}
    trials = trials[trials["failure"].isna()]
    values = trials[["accuracy", "average_resources", "widest_layer"]].to_numpy() * [-1, 1, 1]
    dominated = [any((other <= value).all() and (other < value).any() for other in values) for value in values]
    assert trials["pareto"].tolist() == np.logical_not(dominated).tolist()


def test_compressions_have_their_own(run):
    for home in run.results("candidates").glob("*/mixed"):
        trials = pd.read_csv(run.results(f"searches/compressions-{home.parent.name}/trials.csv"))
        finalists = pd.read_csv(home / "metrics.csv")
        assert list(trials)[-2:] == ["pareto", "largest_weight"]
        assert list(finalists)[-2:] == ["failure", "largest_weight"]
        assert trials["largest_weight"].dropna().between(1, 12).all()
        number = json.loads((home / "chosen.json").read_text())["iteration"]
        nodes = json.loads((home / "fixed_point.json").read_text())["nodes"]
        bits = max(int(np.abs(node["weight"]).max()).bit_length() for node in nodes if "weight" in node)
        assert finalists["largest_weight"][number] == bits


def test_networks_are_of_its_family(run):
    trials = pd.read_csv(run.results("searches/architectures/trials.csv"))
    assert (trials["family"] == "summed").all()
    assert set(trials["architecture"].str.split("-").str[0]) <= {"8x3", "4x6"}
    (chosen,) = json.loads(run.results("candidates/selected.json").read_text())["candidates"]
    assert chosen["architecture"]["family"] == "summed"


def test_examples_are_those_of_its_source(run):
    card = json.loads(run.results("data/card.json").read_text())
    assert (card["name"], card["input_shape"], card["features"]) == ("hits", [8, 3], ["energy", "x", "y"])
    assert sum(card["counts"][split][name] for split in card["counts"] for name in ("one", "two")) == 1200
    assert "hits that hits.py draws; " in run.results("tables/table3.md").read_text()
    assert not run.results("data/jets.h5").exists()


def test_figures_and_report_show_it(run):
    assert run.results("figures/fig5.svg").stat().st_size > 10_000
    assert not run.results("figures/fig6.svg").exists()
    page = run.results("report.html").read_text()
    assert "Figure 5. Units of the widest layer versus validation accuracy" in page
    assert '"text":"Widest layer [units]"' in page
    assert re.search(r"units of the widest layer \d units", page)
    assert "estimated average resources and units of the widest layer" in page
    assert "LUTs and bits of the largest weight" in page
    assert "Largest weight [bits]" in page
    assert "Below, the same searches are shown with bits of the largest weight." in page


def test_circuits_have_the_numbers_of_its_backend(run):
    reports = [json.loads(path.read_text()) for path in run.results("synthesis").glob("*/*/report.json")]
    assert reports
    for report in reports:
        assert report["backend"] == "estimate"
        if report["failure"] is None:
            estimated = report["estimates"]["da4ml"]
            assert (report["lut"], report["latency_cycles"]) == (estimated["lut"], estimated["stages"])
            assert "own estimate" in report["origin"]["lut"]
    assert "Backend estimate: " in run.results("report.html").read_text()
    assert "Backend estimate: " in run.results("tables/table3.md").read_text()


def test_final_networks_have_the_metric_of_its_task(run):
    paths = list(run.results("candidates").rglob("performance.json"))
    assert len(paths) >= 3
    for path in paths:
        measured = json.loads(path.read_text())
        (purity,) = [row for row in measured["metrics"] if row["metric"] == "purity"]
        assert measured["task"] == "purity"
        # A network may call nothing signal.
        assert purity["value"] is None or 0 <= purity["low"] <= purity["value"] <= purity["high"] <= 1
    assert "Purity [%]" in run.results("report.html").read_text()


def test_provenance_knows_the_files(run):
    known = json.loads(run.results("provenance.json").read_text())["plugins"]
    files = sorted((run.folder / "mine").glob("*/*.py"))
    assert known == {str(f.relative_to(run.folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize(
    "name",
    [
        "sources/hits",
        "objectives/widest_layer",
        "objectives/largest_weight",
        "backends/estimate",
        "tasks/purity",
        "families/summed",
    ],
)
def test_a_change_of_a_file_repeats_what_uses_it(run, name):
    assert planned(run) == {}
    path = run.folder / "mine" / f"{name}.py"
    before = path.read_text()
    try:
        path.write_text(before.replace("max(", "min(") + "\n")
        jobs = planned(run)
    finally:
        path.write_text(before)
    assert planned(run) == {}
    assert jobs["write_report"] == jobs["write_provenance"] == 1
    if name == "sources/hits":
        assert jobs["read_source"] == jobs["draw_data_card"] == 1
        assert jobs["evaluate_trials"] > 0
        return
    assert "read_source" not in jobs
    if name == "backends/estimate":
        assert jobs["build_hls_project"] == jobs["synthesize_model"] > 0
        assert not {"estimate_hardware", "evaluate_trials", "build_rtl"} & set(jobs)
    elif name == "tasks/purity":
        assert jobs["measure_candidate"] == jobs["tabulate_networks"] + 1 == 2
        assert jobs["measure_compressed"] == 2
        assert not {"evaluate_trials", "train_candidate", "synthesize_model"} & set(jobs)
    elif name == "objectives/widest_layer":
        assert jobs["estimate_hardware"] == jobs["select_survivors"] == 2
        assert jobs["estimate_references"] == jobs["estimate_limits"] == 1
        assert jobs["propose_trials"] == 1
        assert jobs["evaluate_trials"] == 2
    elif name == "families/summed":
        assert jobs["estimate_hardware"] == jobs["select_survivors"] == 2
        # The reference is of another family: nothing of it is repeated.
        assert jobs["evaluate_trials"] == 4
        assert not {"train_candidate", "warm_up_candidate", "synthesize_model"} & set(jobs)
    else:
        assert not {"estimate_hardware", "tabulate_networks"} & set(jobs)
        assert jobs["evaluate_trials"] == 8


def test_a_fault_stops_the_run_before_its_first_job(run):
    path = run.folder / "mine" / "objectives" / "broken.py"
    path.write_text("OBJECTIVE = Objective('broken')\n")
    try:
        printed = run.run(*arguments(run), expect=1)
    finally:
        path.unlink()
    assert "plugins: mine/objectives/broken.py cannot be imported: line 1: NameError" in printed
    assert "jobid" not in printed
