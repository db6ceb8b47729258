"""A regression on a user's file, from the configuration to the report."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from example_data import WRITERS

from helpers.own_arrays import Words
from helpers.running import Workflow
from snacpack.data.dataset import load_dataset, read_info

pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("regression")]

CONFIG = {
    "task": {"name": "regression"},
    "data": {
        "source": "arrays",
        "normalisation": "standard",
        "arrays": {"files": "diabetes.csv", "target": "progress"},
    },
    "training": {"epochs": 40, "batch_size": 32},
    "references": {"baseline": {"units": [16, 8], "learning_rate": 0.003}},
    "compression": {"batch_size": 32, "warmup_epochs": 20},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Workflow:
    workflow = Workflow(tmp_path_factory.mktemp("regression"))
    WRITERS["diabetes.csv"](workflow.folder / "diabetes.csv")
    (workflow.folder / "own.yaml").write_text(yaml.safe_dump(CONFIG))
    command = workflow.command()
    place = command.index("--configfile") + 2
    workflow.command = lambda *arguments, cores=2: [
        *command[:place],
        str(workflow.folder / "own.yaml"),
        *command[place:],
        *arguments,
    ]
    workflow.run()
    return workflow


def test_networks_explain_a_good_part_and_tables_have_a_score(run):
    tables = {name: pd.read_csv(run.results(f"tables/{name}.csv")) for name in ("table2", "table3")}
    assert tables["table2"]["score_percent"].max() > 30
    assert (tables["table2"]["score_low"] <= tables["table2"]["score_percent"]).all()
    assert "score_percent" in tables["table3"]
    assert tables["table3"]["failure"].isna().all()
    assert not any("accuracy" in column for table in tables.values() for column in table)
    assert {label.rpartition("-")[2] for label in tables["table2"]["architecture"]} == {"1"}


def test_circuits_are_exact(run):
    paths = list(run.results("synthesis").rglob("verification.json"))
    assert len(paths) >= 2
    for path in paths:
        assert all(comparison["exact"] for comparison in json.loads(path.read_text())["comparisons"])


def test_residuals_are_in_the_units_of_the_file(run):
    info = read_info(run.results("data/dataset.h5"))
    assert info.targets == ("progress",)
    _, y = load_dataset(run.results("data/dataset.h5"), ("test",))["test"]
    spread = info.target_normalisation["standard_deviation"][0] * np.std(y)
    for path in run.results("candidates").rglob("performance.json"):
        told = {row["metric"]: row["value"] for row in json.loads(path.read_text())["metrics"]}
        assert told["rms"] == pytest.approx(spread * (1 - told["r2"]) ** 0.5, rel=1e-3)


def test_the_report_has_no_word_of_classes(run):
    words = Words(run.results("report.html").read_text()).text
    for word in ("R²", "RMS", "Resolution", "Residuals", "progress"):
        assert word in words
    for word in ("accuracy", "Accurac", "confusion", "class", "jets"):
        assert word not in words, words[max(0, words.index(word) - 60) :][:140]
