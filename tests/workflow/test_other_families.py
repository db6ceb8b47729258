"""Networks of another family through the real rules: a reference to its circuit, and a search to its choice."""

import json

import pandas as pd
import pytest
import yaml

from helpers import ROOT
from helpers.running import Workflow

pytestmark = pytest.mark.thorough

SETS = {
    "references": {
        "sets": {
            "family": "deep_sets",
            "options": {"constituents": 8, "shared_units": [6, 4]},
            "units": [5],
            "batch_norm": True,
            "learning_rate": 0.005,
        }
    },
    "compression": {"search": {"references": True}},
    "search": {
        "space": {
            "family": "deep_sets",
            "options": {"constituents": [8], "shared_units": {"n_layers": [1, 2], "units": [[4, 6], [4]]}},
        }
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    workflow = Workflow(tmp_path_factory.mktemp("families"))
    path = workflow.folder / "sets.yaml"
    path.write_text(yaml.safe_dump(SETS))
    targets = ["references/hardware.csv", "candidates/sets/float.json", "candidates/selected.json", "tables/table1.csv"]
    targets += [
        f"synthesis/sets/{scheme}/{name}.json" for scheme in ("w8a8", "mixed") for name in ("verification", "report")
    ]
    targets = [f"results/test/{name}" for name in targets]
    workflow.run(*targets, "--configfile", str(ROOT / "config" / "test.yaml"), str(path))
    return workflow


def test_its_costs_are_estimated(run):
    row = pd.read_csv(run.results("references/hardware.csv")).set_index("model").loc["sets"]
    assert row["architecture"] == "8x3-8x6-8x4-5-5"
    assert row["macs"] == 8 * (3 * 6 + 6 * 4) + 4 * 5 + 5 * 5
    # rule4ml was not trained on layers that constituents share.
    assert row["extrapolated"]


@pytest.mark.parametrize("scheme", ["w8a8", "mixed"])
def test_every_form_of_its_circuit_is_exact(run, scheme):
    verified = json.loads(run.results(f"synthesis/sets/{scheme}/verification.json").read_text())
    assert verified["failure"] is None
    assert verified["exact"]
    assert len(verified["comparisons"]) == 5
    report = json.loads(run.results(f"synthesis/sets/{scheme}/report.json").read_text())
    assert report["lut"] > 0


def test_the_search_is_over_the_family(run):
    trials = pd.read_csv(run.results("searches/architectures/trials.csv"))
    assert (trials["family"] == "deep_sets").all()
    assert trials["architecture"].str.startswith("8x3-8x").all()
    assert trials["accuracy"].notna().all()
    (chosen,) = json.loads(run.results("candidates/selected.json").read_text())["candidates"]
    assert chosen["architecture"]["family"] == "deep_sets"
    assert json.loads(trials.set_index("trial").loc[chosen["trial"], "options"]) == chosen["architecture"]["options"]
