"""A network that pruning silences, through the real rules: its row says so, and the report stands for the others."""

import json

import pandas as pd
import pytest
import yaml

from helpers import ROOT
from helpers.running import Workflow

pytestmark = pytest.mark.thorough

SILENT = {
    # Every layer keeps one weight: those of a single unit follow on each other, those of many units do not.
    "references": {"baseline": {"units": [1], "activation": "relu"}, "silent": {"units": [32, 16]}},
    "search": {"trials": 4, "population": 4, "shards": 1},
    "compression": {
        "iterations": 1,
        "pruned_per_iteration": 0.998,
        "target_sparsity": 0.998,
        "search": {
            "references": True,
            "trials": 4,
            "population": 4,
            "shards": 1,
            "finalists": 2,
            "final_epochs": 1,
            "space": {"weight_bits": [6, 8], "activation_bits": [6, 8], "input_bits": [8], "sparsity": [0.998]},
        },
    },
    "synthesis": {"strategy": "resource", "reuse_factor": 7},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("silent"))
    path = workflow.folder / "silent.yaml"
    path.write_text(yaml.safe_dump(SILENT))
    workflow.printed = workflow.run("--configfile", str(ROOT / "config" / "test.yaml"), str(path))
    return workflow


@pytest.fixture(scope="module")
def table(run):
    return pd.read_csv(run.results("tables/table3.csv")).set_index(["model", "scheme"])


@pytest.mark.parametrize("scheme", ["w8a8", "mixed"])
def test_the_silent_network_has_a_row_that_says_why(table, scheme):
    row = table.loc["silent", scheme]
    assert row["failure"].startswith("no circuit: its logits are the same for every input")
    assert pd.isna(row["lut"])
    assert pd.isna(row["latency_cycles"])
    assert row["accuracy_percent"] > 0


@pytest.mark.parametrize("scheme", ["w8a8", "mixed"])
def test_the_others_have_their_circuits(run, table, scheme):
    row = table.loc["baseline", scheme]
    assert pd.isna(row["failure"])
    assert row["lut"] > 0
    verified = json.loads(run.results(f"synthesis/baseline/{scheme}/verification.json").read_text())
    assert len(verified["comparisons"]) == 5
    assert verified["exact"]
    assert verified["failure"] is None


def test_the_silent_network_is_compared_as_far_as_it_goes(run):
    verified = json.loads(run.results("synthesis/silent/w8a8/verification.json").read_text())
    assert [entry["name"] for entry in verified["comparisons"]] == ["fixed_point", "qonnx", "hls4ml"]
    assert verified["exact"]
    assert verified["failure"]


def test_report_and_provenance_stand(run):
    page = run.results("report.html").read_text()
    assert "silent w8a8 has no circuit" in page
    assert "silent mixed has no circuit" in page
    provenance = json.loads(run.results("provenance.json").read_text())
    assert {"silent", "baseline"} <= {row["model"] for row in provenance["tables"]["table3.csv"]}


def test_the_reuse_factors_that_were_written_stand_where_others_were_asked_for(run, table):
    assert table.loc[("baseline", "w8a8"), "hls4ml_reuse_factors"] == "6 5"
    assert "baseline w8a8: 6, 5 instead of 7" in run.results("tables/table3.md").read_text()
    assert "Warning: synthesis.reuse_factor: 7 does not fit every layer of references.baseline" in run.printed
