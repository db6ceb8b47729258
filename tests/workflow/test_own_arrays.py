"""Changes and faults of a user's arrays in the real workflow; the tutorial's test goes to the report."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from example_data import WRITERS

from helpers.running import Workflow

pytestmark = pytest.mark.thorough

BREAST_CANCER = {"files": "breast_cancer.csv", "target": "target", "classes": ["benign", "malignant"]}


class Own(Workflow):
    """The small configuration of the tests with arrays in place of jets."""

    def __init__(self, folder: Path, arrays: dict) -> None:
        folder.mkdir()
        super().__init__(folder)
        for name, write in WRITERS.items():
            write(folder / name)
        self.configure(arrays)

    def configure(self, arrays: dict) -> None:
        data = {"source": "arrays", "arrays": arrays}
        text = yaml.safe_dump({"data": data, "training": {"epochs": 15, "batch_size": 32}})
        (self.folder / "own.yaml").write_text(text)

    def command(self, *arguments: str, cores: int | None = 2) -> list[str]:
        command = super().command(cores=cores)
        place = command.index("--configfile")
        return [*command[: place + 2], str(self.folder / "own.yaml"), *command[place + 2 :], *arguments]


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
