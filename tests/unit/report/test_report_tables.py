"""Tables 1 to 3: columns, values, formats, and what is bold."""

import csv
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest
import yaml

from helpers.prose import tells
from helpers.report_run import CONFIG, let_every_trial_fail, write_run
from snacpack.core.files import read_json, write_json
from snacpack.report.layout import Cell, Table, data_note, table2, table3
from snacpack.report.records import by_model, by_scheme, in_model_order, read_data_set, read_models, read_trials
from snacpack.report.tables import (
    TABLE1_FORMATS,
    TABLE3_FORMATS,
    short_float,
    table1_rows,
    table2_formats,
    table2_rows,
    table3_rows,
    write_csv,
)
from snacpack.report.writing import write_table

MODELS = ["baseline", "snac-0012", "snac-0031"]
SURROGATE = {
    "weights": "v1-mlp",
    "board": "alveo-u200",
    "precision": "ap_fixed<8,3>",
    "strategy": "latency",
    "reuse_factor": 1,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_run(tmp_path)
    return tmp_path


def rows_of_table2(run: Path, names: Sequence[str] = MODELS) -> list[dict]:
    trained = by_model(run / "candidates" / model / "float.json" for model in names)
    trials, selected = (
        read_trials(run / "searches" / "architectures" / "trials.csv"),
        read_json(run / "candidates" / "selected.json"),
    )
    models = read_models(run / "references" / "hardware.csv", trials, selected, ["baseline"], trained)
    return table2_rows(models, trained)


def rows_of_table3(run: Path) -> list[dict]:
    compressed = by_scheme(run.glob("candidates/*/w8a8/compressed.json"))
    circuits = by_scheme(run.glob("synthesis/*/w8a8/report.json"))
    return table3_rows(in_model_order(compressed, MODELS, ["w8a8"]), compressed, circuits)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_table1_is_the_papers_for_the_papers_space() -> None:
    rows = table1_rows(yaml.safe_load(CONFIG.read_text())["search"]["space"])
    space = {row["parameter"]: row["space"] for row in rows}
    assert space["Number of layers"] == "{4, 5, 6, 7, 8}"
    assert space["Hidden units of layer 8"] == "{32, 44, 64}"
    assert space["Activation function"] == "{ReLU, Tanh, Sigmoid}"
    assert space["Batch normalization"] == "{True, False}"
    assert space["L1 regularization"] == "{0.0, 1e-6, 1e-5, 1e-4}"
    assert len(space) == 1 + 8 + 5


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0"), (0.0015, "0.0015"), (1e-6, "1e-6"), (1.31e-5, "1.31e-5"), (0.05, "0.05")]
)
def test_hyper_parameters_are_written_as_readers_write_them(value: float, text: str) -> None:
    assert short_float(value) == text
    assert float(text) == value


def test_table2_holds_counts_and_estimates_of_each_model(run: Path, tmp_path: Path) -> None:
    write_csv(rows_of_table2(run), table2_formats(), tmp_path / "table2.csv")
    rows = read_csv(tmp_path / "table2.csv")
    assert [row["model"] for row in rows] == MODELS
    # 570 of 1000: the interval by hand is (0.5705 -+ 0.01568...) / 1.001.
    assert rows[0] == {
        "model": "baseline",
        "architecture": "24-120-60-32-64-64-64-32-44-5",
        "accuracy_percent": "57.00",
        "accuracy_low": "55.43",
        "accuracy_high": "58.56",
        "macs": "25916",
        "bops": "2073280",
        "est_average_resources_percent": "7.10",
        "est_clock_cycles": "183.74",
        "extrapolated": "True",
    }
    trial = read_json(run / "candidates" / "selected.json")["candidates"][0]["trial"]
    expected = read_trials(run / "searches" / "architectures" / "trials.csv").set_index("trial").loc[trial]
    assert rows[1]["architecture"] == expected["architecture"]
    assert int(rows[1]["macs"]) == expected["macs"]
    assert rows[1]["est_clock_cycles"] == f"{expected['clock_cycles']:.2f}"


def test_table3_has_its_columns(run: Path, tmp_path: Path) -> None:
    write_csv(rows_of_table3(run), TABLE3_FORMATS, tmp_path / "table3.csv")
    written = read_csv(tmp_path / "table3.csv")
    columns = "model scheme sparsity accuracy_percent backend clock_period_ns latency_cycles latency_ns ii_cycles ii_ns"
    columns += " dsp lut ff bram dsp_percent lut_percent ff_percent bram_percent"
    columns += " hls4ml_reuse_factors failure"
    assert list(written[0]) == columns.split()
    assert [row["model"] for row in written] == MODELS
    assert written[0]["sparsity"] == "0.4880"
    assert written[0]["lut"] == "171000"
    assert written[0]["lut_percent"] == "9.90"
    assert written[2]["accuracy_percent"] == "55.90"
    assert written[2]["latency_ns"] == "45.00"
    assert written[0]["hls4ml_reuse_factors"] == "1 1"
    assert written[0]["failure"] == ""


@pytest.mark.parametrize("all_failed", [False, True])
def test_run_without_candidates_has_rows_of_its_references(tmp_path: Path, all_failed: bool) -> None:
    write_run(tmp_path, names=())
    if all_failed:
        let_every_trial_fail(tmp_path)
    data = read_data_set(tmp_path / "data" / "jets.h5")
    circuits = by_scheme(tmp_path.glob("synthesis/*/w8a8/report.json"))
    rows2, rows3 = rows_of_table2(tmp_path, ["baseline"]), rows_of_table3(tmp_path)
    for table in (table2(rows2, data, {}, SURROGATE, 8), table3(rows3, data, {}, circuits.values(), "vu13p")):
        assert [row[0].text for row in table.rows] == ["baseline"]
        assert not any(cell.best for row in table.rows for cell in row)


def test_equal_runs_give_equal_files(tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        write_run(tmp_path / name)
        rows = rows_of_table2(tmp_path / name), rows_of_table3(tmp_path / name)
        write_csv(rows[0], table2_formats(), tmp_path / name / "table2.csv")
        write_csv(rows[1], TABLE3_FORMATS, tmp_path / name / "table3.csv")
        contents.append([(tmp_path / name / f"table{i}.csv").read_bytes() for i in (2, 3)])
    assert contents[0] == contents[1]


def bold_columns(table: Table) -> dict[str, list[int]]:
    columns = zip(table.headings, zip(*table.rows, strict=True), strict=True)
    return {heading: [i for i, cell in enumerate(cells) if cell.best] for heading, cells in columns}


def test_best_values_are_bold_and_ties_share_it(run: Path) -> None:
    rows = rows_of_table3(run)
    # 0 DSP twice and 7 once; LUT counts that differ; BRAM the same everywhere.
    rows[0]["dsp"] = 7
    bold = bold_columns(table3(rows, read_data_set(run / "data" / "jets.h5"), {}, [], "vu13p"))
    assert bold["DSP"] == [1, 2]
    assert bold["LUT"] == [2]
    assert bold["BRAM"] == []
    assert bold["Accuracy [%] (68% interval)"] == [0]
    assert bold["Model"] == bold["Sparsity [%]"] == []


def test_table2_calls_estimates_estimates_and_names_data_and_versions(run: Path) -> None:
    data = read_data_set(run / "data" / "jets.h5")
    table = table2(rows_of_table2(run), data, {"rule4ml": "0.2.0"}, SURROGATE, 8)
    text = table.to_markdown()
    assert "Est. average resources [%] | Est. clock cycles" in text
    assert "**57.00 (55.43 to 58.56)**" in text
    assert "Pythia 8.317 and FastJet 3.5.2" in text
    assert "1,000 test jets" in text
    assert "accuracies are those of simulated jets" in text
    assert "rule4ml (v1-mlp weights, alveo-u200, ap_fixed<8,3>" in text
    assert tells(text, "rule4ml 0.2.0")


@pytest.mark.parametrize(
    ("source", "simulated"),
    [
        ("Pythia 8.317 and FastJet 3.5.2", True),
        ("simulated with Pythia", True),
        ("hls4ml LHC jet data set, https://zenodo.org/records/3602260/files", False),
        ("files of /data/pythia", False),
    ],
)
def test_jets_themselves_say_whether_they_are_simulated(run: Path, source: str, simulated: bool) -> None:
    with h5py.File(run / "data" / "jets.h5", "a") as file:
        file.attrs["source"] = source
    data = read_data_set(run / "data" / "jets.h5")
    assert data.simulated == simulated
    assert ("accuracies are those of simulated jets" in data_note(data)) == simulated


class Cells(HTMLParser):
    """Collect the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in ("td", "th"):
            self.open = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.open:
            self.cells[-1] += data


def test_html_shows_the_same_cells_and_escapes_them() -> None:
    table = Table("T", ("Name", "n"), ((Cell("<script>alert(1)</script>"), Cell("3", best=True)),), ("a < b",))
    html = str(table.to_html())
    assert Cells(html).cells == ["Name", "n", "<script>alert(1)</script>", "3"]
    assert "<script>" not in html
    assert "<strong>3</strong>" in html
    assert "a &lt; b" in html


def test_all_three_files_of_a_table_are_written(tmp_path: Path) -> None:
    rows = [{"parameter": "a|b", "space": "{1, 2}"}]
    output = SimpleNamespace(csv=tmp_path / "t.csv", markdown=tmp_path / "t.md", html=tmp_path / "t.html")
    write_table(rows, TABLE1_FORMATS, Table("T", ("Parameter", "Space"), ((Cell("a|b"), Cell("{1, 2}")),)), output)
    assert output.csv.read_text() == 'parameter,space\na|b,"{1, 2}"\n'
    assert "| a\\|b | {1, 2} |" in output.markdown.read_text()
    assert output.html.read_text().startswith("<!DOCTYPE html>")


def test_counts_that_make_no_fraction_name_their_file(run: Path) -> None:
    path = run / "candidates" / "baseline" / "float.json"
    write_json({**read_json(path), "test_correct": 2000}, path)
    with pytest.raises(ValueError, match=r"candidates/baseline/float.json: 2000 of 1000"):
        rows_of_table2(run)


def test_missing_column_of_the_trials_is_named(run: Path) -> None:
    path = run / "searches" / "architectures" / "trials.csv"
    path.write_text(path.read_text().replace("clock_cycles", "cycles"))
    with pytest.raises(ValueError, match=r"trials\.csv has no column clock_cycles"):
        read_trials(path)
