"""A user's arrays from the file to the report, on two real data sets that scikit-learn ships."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
import yaml
from example_data import WRITERS

from helpers.running import Workflow
from snacpack.data.dataset import read_info

pytestmark = pytest.mark.thorough

DIGITS = {"files": "digits.npz", "inputs": "images", "target": "digit"}
BREAST_CANCER = {"files": "breast_cancer.csv", "target": "target", "classes": ["benign", "malignant"]}


class Own(Workflow):
    """The small configuration of the tests with arrays in place of jets."""

    def __init__(self, folder: Path, arrays: dict, normalisation: str = "quantiles") -> None:
        folder.mkdir()
        super().__init__(folder)
        for name, write in WRITERS.items():
            write(folder / name)
        self.configure(arrays, normalisation)

    def configure(self, arrays: dict, normalisation: str = "quantiles") -> None:
        data = {"source": "arrays", "normalisation": normalisation, "arrays": arrays}
        text = yaml.safe_dump({"data": data, "training": {"epochs": 15, "batch_size": 32}})
        (self.folder / "own.yaml").write_text(text)

    def command(self, *arguments: str, cores: int | None = 2) -> list[str]:
        command = super().command(cores=cores)
        place = command.index("--configfile")
        return [*command[: place + 2], str(self.folder / "own.yaml"), *command[place + 2 :], *arguments]


class Words(HTMLParser):
    """The text of a page, without scripts, styles and the listed configuration."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._skipped, self.text = 0, ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self._skipped += tag in ("script", "style", "pre")
        self.text += " ".join(value or "" for name, value in attributes if name == "alt")

    def handle_endtag(self, tag):
        self._skipped -= tag in ("script", "style", "pre")

    def handle_data(self, data):
        self.text += "" if self._skipped else data


CASES = {
    "digits": (DIGITS, "quantiles", (8, 8, 1), [str(digit) for digit in range(10)], 80),
    "breast cancer": (BREAST_CANCER, "standard", (30,), ["benign", "malignant"], 90),
}


@pytest.mark.parametrize("case", CASES)
def test_from_the_file_to_the_report(tmp_path, case):
    arrays, normalisation, shape, classes, least_accuracy = CASES[case]
    workflow = Own(tmp_path / "run", arrays, normalisation)
    workflow.run()
    info = read_info(workflow.results("data/dataset.h5"))
    assert (info.input_shape, list(info.classes)) == (shape, classes)
    tables = {name: pd.read_csv(workflow.results(f"tables/{name}.csv")) for name in ("table2", "table3")}
    widths = tables["table2"]["architecture"].str.split("-")
    assert {(row[0], row[-1]) for row in widths} == {(str(info.n_inputs), str(len(classes)))}
    assert tables["table2"]["accuracy_percent"].max() > least_accuracy
    assert tables["table3"]["failure"].isna().all()
    limits = json.loads(workflow.results("search/limits.json").read_text())
    assert limits["accuracy"]["lowest"] == pytest.approx(1 / len(classes))
    for path in workflow.results("synthesis").rglob("verification.json"):
        assert all(comparison["exact"] for comparison in json.loads(path.read_text())["comparisons"])
    for path in workflow.results("candidates").rglob("compressed.json"):
        assert len(json.loads(path.read_text())["confusion"]) == len(classes)
    words = Words(workflow.results("report.html").read_text()).text
    assert not re.search(r"\bjets?\b", words, re.IGNORECASE), re.findall(r".{40}\bjets?\b.{20}", words)
    assert all(name in words for name in classes)
    for path in (*workflow.results("tables").iterdir(), workflow.results("data/card.json")):
        assert not re.search(r"\bjets?\b", path.read_text()), path
    assert "Nothing to be done" in workflow.run()


def test_the_content_of_the_files_decides_and_faults_stop_the_run(tmp_path):
    workflow = Own(tmp_path / "run", BREAST_CANCER)
    wanted = ("--", "results/test/data/dataset.h5")
    workflow.run(*wanted)
    path = workflow.folder / "breast_cancer.csv"
    table = pd.read_csv(path)
    path.touch()
    assert "Nothing to be done" in workflow.run(*wanted)
    table.drop(index=0).to_csv(path, index=False)
    assert "prepare_arrays" in workflow.run("--dry-run", *wanted)
    table.loc[5, "mean area"] = float("nan")
    table.to_csv(path, index=False)
    told = workflow.run(*wanted, expect=1)
    assert "breast_cancer.csv: mean area of example 5 is NaN, empty or infinite (data.arrays.inputs)" in told
    assert "Traceback" not in told
    workflow.configure({**BREAST_CANCER, "target": "diagnosis"})
    assert "data.arrays.target: breast_cancer.csv has no diagnosis" in workflow.run(*wanted, expect=1)
