"""Checks of a finished run on a user's arrays."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snacpack.data.dataset import load_dataset, read_info
from snacpack.data.info import SPLITS


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


def check_classification(
    results: Path, shape: tuple[int, ...], classes: list[str], least_accuracy_percent: float
) -> None:
    """Check that a finished run has networks for its inputs and classes, exact circuits, and no word of jets.

    Parameters
    ----------
    results
        The run's folder, ``results/{run}``.
    shape, classes
        Shape of an example, and the classes in order.
    least_accuracy_percent
        Accuracy that the best network of table 2 exceeds.
    """
    info = read_info(results / "data" / "dataset.h5")
    assert (info.input_shape, list(info.classes)) == (shape, classes)
    tables = {name: pd.read_csv(results / "tables" / f"{name}.csv") for name in ("table2", "table3")}
    widths = tables["table2"]["architecture"].str.split("-")
    assert {(row[0], row[-1]) for row in widths} == {(str(info.n_inputs), str(len(classes)))}
    assert tables["table2"]["accuracy_percent"].max() > least_accuracy_percent
    assert tables["table3"]["failure"].isna().all()
    limits = json.loads((results / "searches" / "architectures" / "limits.json").read_text())
    assert limits["accuracy"]["lowest"] == pytest.approx(1 / len(classes))
    for path in (results / "synthesis").rglob("verification.json"):
        assert all(comparison["exact"] for comparison in json.loads(path.read_text())["comparisons"])
    for path in (results / "candidates").rglob("compressed.json"):
        assert len(json.loads(path.read_text())["confusion"]) == len(classes)
    words = Words((results / "report.html").read_text()).text
    assert not re.search(r"\bjets?\b", words, re.IGNORECASE), re.findall(r".{40}\bjets?\b.{20}", words)
    assert all(name in words for name in classes)
    for path in (*(results / "tables").iterdir(), results / "data" / "card.json"):
        assert not re.search(r"\bjets?\b", path.read_text()), path


def check_anomaly(results: Path, signal: str, least_score_percent: float, least_area: float) -> None:
    """Check that a finished run has networks that give back their inputs, exact circuits, and measures of a signal.

    Parameters
    ----------
    results
        The run's folder, ``results/{run}``.
    signal
        The class that no network was trained on.
    least_score_percent
        R² of the background that the best network of table 2 exceeds, in percent.
    least_area
        Area under the ROC curve that the best compressed network exceeds.
    """
    info = read_info(results / "data" / "dataset.h5")
    assert info.signals == (signal,)
    labels = {split: y for split, (_, y) in load_dataset(results / "data" / "dataset.h5", SPLITS).items()}
    number = info.classes.index(signal)
    assert [(y == number).any() for y in labels.values()] == [False, True, True]
    tables = {name: pd.read_csv(results / "tables" / f"{name}.csv") for name in ("table2", "table3")}
    assert tables["table2"]["score_percent"].max() > least_score_percent
    assert tables["table3"]["failure"].isna().all()
    widths = tables["table2"]["architecture"].str.split("-")
    assert {(row[0], row[-1]) for row in widths} == {(str(info.n_inputs),) * 2}
    for path in (results / "synthesis").rglob("verification.json"):
        assert all(comparison["exact"] for comparison in json.loads(path.read_text())["comparisons"])
    areas = []
    for path in (results / "candidates").glob("*/*/performance.json"):
        told = {row["metric"]: row for row in json.loads(path.read_text())["metrics"]}
        assert {*told} == {"r2", "auc", "signal_efficiency"}
        assert all(row["low"] <= row["high"] for row in told.values())
        # It is the score of the background's test examples, wherever it stands.
        compressed = json.loads((path.parent / "compressed.json").read_text())
        assert compressed["test_score"] == told["r2"]["value"]
        assert compressed["n_test"] == (labels["test"] != number).sum()
        areas.append(told["auc"]["value"])
    assert max(areas) > least_area
    words = Words((results / "report.html").read_text()).text
    assert all(word in words for word in ("R²", "Signal efficiency", "AUC", "Scores", f"The signal {signal} is in no"))
    for word in ("accuracy", "Accurac", "confusion", "jets", "Same class"):
        assert word not in words, words[max(0, words.index(word) - 60) :][:140]


def check_regression(results: Path, target: str, least_score_percent: float) -> None:
    """Check that a finished run has networks with one number, exact circuits, and no word of classes.

    Parameters
    ----------
    results
        The run's folder, ``results/{run}``.
    target
        Name of the number.
    least_score_percent
        R² that the best network of table 2 exceeds, in percent.
    """
    tables = {name: pd.read_csv(results / "tables" / f"{name}.csv") for name in ("table2", "table3")}
    assert tables["table2"]["score_percent"].max() > least_score_percent
    assert (tables["table2"]["score_low"] <= tables["table2"]["score_percent"]).all()
    assert "score_percent" in tables["table3"]
    assert tables["table3"]["failure"].isna().all()
    assert not any("accuracy" in column for table in tables.values() for column in table)
    assert {label.rpartition("-")[2] for label in tables["table2"]["architecture"]} == {"1"}
    verified = list((results / "synthesis").rglob("verification.json"))
    assert len(verified) >= 2
    for path in verified:
        assert all(comparison["exact"] for comparison in json.loads(path.read_text())["comparisons"])
    # Residuals are in the units of the file.
    info = read_info(results / "data" / "dataset.h5")
    assert info.targets == (target,)
    _, y = load_dataset(results / "data" / "dataset.h5", ("test",))["test"]
    spread = info.target_normalisation["standard_deviation"][0] * np.std(y)
    for path in (results / "candidates").rglob("performance.json"):
        told = {row["metric"]: row["value"] for row in json.loads(path.read_text())["metrics"]}
        assert told["rms"] == pytest.approx(spread * (1 - told["r2"]) ** 0.5, rel=1e-3)
    words = Words((results / "report.html").read_text()).text
    for word in ("R²", "RMS", "Resolution", "Residuals", target):
        assert word in words
    for word in ("accuracy", "Accurac", "confusion", "class", "jets"):
        assert word not in words, words[max(0, words.index(word) - 60) :][:140]
