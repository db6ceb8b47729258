"""Estimates beside counts, as tables and figures: a run's own models, and a study's summary."""

from types import SimpleNamespace

import pandas as pd
import pytest

from helpers.random_networks import random_network
from snacpack.figures.style import save_figure
from snacpack.hardware.estimators import ESTIMATORS, estimate_quality
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.bops import effective_bit_operations
from snacpack.report.estimators import (
    ESTIMATE_FORMATS,
    draw_run_estimates,
    estimate_rows,
    estimate_table,
    quality_table,
    rule4ml_of_models,
    run_ranks,
)
from snacpack.report.writing import write_table

TOOL = "da4ml 0.6.0, Yosys 0.70"
MODELS = ["baseline", "snac-0002", "snac-0005"]


def circuit(lut, da4ml, ff=100, da4ml_ff=90):
    return {"lut": lut, "ff": ff, "tool": TOOL, "estimates": {"da4ml": {"lut": da4ml, "ff": da4ml_ff, "stages": 3}}}


def write_references(path):
    path.write_text(
        "model,lut_percent,est_average_resources_percent,extrapolated\nbaseline,22.4,7.1,True\nother,1.0,2.0,False\n"
    )
    return path


@pytest.fixture
def run(tmp_path):
    trials = pd.DataFrame({"trial": [2, 5, 7], "lut": [4.0, 10.0, 1.0], "average_resources": [2.0, 3.0, 1.0]})
    trials["extrapolated"] = False
    selected = {"candidates": [{"name": "snac-0002", "trial": 2}, {"name": "snac-0005", "trial": 5}]}
    rule4ml = rule4ml_of_models(write_references(tmp_path / "hardware.csv"), trials, selected, ["baseline"])
    keys = [(model, "w8a8") for model in MODELS]
    networks = {key: random_network((6, width, 3), seed=width) for key, width in zip(keys, (9, 6, 3), strict=True)}
    counts = [circuit(2000, 2100, 300, 310), circuit(900, 950, 200, 205), circuit(1000, 940, 100, 95)]
    return SimpleNamespace(
        order=keys, circuits=dict(zip(keys, counts, strict=True)), networks=networks, rule4ml=rule4ml
    )


def rows_of(run):
    return estimate_rows(run.order, run.circuits, run.networks, run.rule4ml, Surrogate())


def test_rows_hold_what_the_files_say(run):
    row = rows_of(run)[1]
    assert (row["model"], row["scheme"], row["lut"], row["ff"]) == ("snac-0002", "w8a8", 900, 200)
    assert (row["da4ml"], row["da4ml_ff"]) == (950, 205)
    assert row["ebops"] == effective_bit_operations(run.networks["snac-0002", "w8a8"])
    assert row["rule4ml_lut"] == pytest.approx(0.04 * 1_182_240)
    assert row["rule4ml_average"] == 2.0
    assert rows_of(run)[0]["rule4ml_average"] == 7.1
    assert list(row) == list(ESTIMATE_FORMATS)


def test_ranks_of_three_models_by_hand(run):
    # da4ml has one of three pairs the wrong way round, rule4ml none, and da4ml's flip-flops none.
    ranks = run_ranks(rows_of(run))
    assert ranks["da4ml"] == pytest.approx(1 / 3)
    assert ranks["rule4ml_lut"] == 1
    assert ranks["da4ml_ff"] == 1
    table = estimate_table(rows_of(run), [TOOL] * 3, Surrogate())
    assert [cell.text for cell in table.rows[-1]][:4] == ["Kendall's τ", "", "", "0.33"]
    assert len(table.rows) == 4


def test_two_models_have_no_rank_correlation(run):
    run.order = run.order[:2]
    table = estimate_table(rows_of(run), [TOOL] * 2, Surrogate())
    assert len(table.rows) == 2
    assert any("too few" in note for note in table.notes)
    draw = draw_run_estimates(rows_of(run))
    assert not any("τ" in axes.get_title() for axes in draw.axes)


def test_the_three_files_of_the_table(run, tmp_path):
    rows = rows_of(run)
    output = SimpleNamespace(**{name: tmp_path / f"table.{name}" for name in ("csv", "markdown", "html")})
    write_table(rows, ESTIMATE_FORMATS, estimate_table(rows, [TOOL], Surrogate()), output)
    written = pd.read_csv(output.csv)
    assert written["lut"].tolist() == [2000, 900, 1000]
    assert "| baseline | w8a8 | 2,000 | 2,100 |" in output.markdown.read_text()
    assert TOOL in output.html.read_text()
    assert written["extrapolated"].tolist() == [True, False, False]
    assert "| 7.10† |" in output.markdown.read_text()
    assert "\n- † An extrapolation: rule4ml" in output.markdown.read_text()


def test_every_model_has_its_point_in_every_panel(run, tmp_path):
    rows = rows_of(run)
    figure = draw_run_estimates(rows)
    assert figure.axes[0].get_title() == "da4ml: τ = 0.33"
    for axes in figure.axes:
        points = [line for line in axes.lines if line.get_linestyle() == "None"]
        assert [line.get_label() for line in points] == [f"{model} w8a8" for model in MODELS]
        assert [line.get_ydata()[0] for line in points] == [row["lut"] for row in rows]
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    save_figure(figure, pictures[:1])
    save_figure(draw_run_estimates(rows), pictures[1:])
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_an_estimate_of_nothing_is_left_out_of_its_panel(run):
    run.rule4ml["snac-0002"] = {"lut": 0.0, "average_resources": 0.0, "extrapolated": 0.0}
    (last,) = [axes for axes in draw_run_estimates(rows_of(run)).axes if axes.get_title().startswith("rule4ml")]
    drawn = {line.get_label(): len(line.get_xdata()) for line in last.lines if line.get_linestyle() == "None"}
    assert drawn == {"baseline w8a8": 1, "snac-0002 w8a8": 0, "snac-0005 w8a8": 1}


def test_a_studys_table_shows_errors_as_they_are_only_for_estimates_in_luts():
    counts, groups = [100, 200, 400, 800], [0, 0, 1, 1]
    estimates = {name: [2 * count for count in counts] for name in ESTIMATORS}
    scaled = {name: estimate_quality(values, counts, True, groups) for name, values in estimates.items()}
    as_is = {"da4ml": estimate_quality(estimates["da4ml"], counts, False, groups)}
    table = quality_table("Estimates", ESTIMATORS, as_is, scaled, ["a note"])
    texts = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert texts["da4ml"] == ["1.00 (1.00 to 1.00)"] * 2 + ["2.00", "2.00", "0.5", "1.00", "1.00"]
    assert texts["EBOPs"][2:4] == ["\N{EN DASH}"] * 2
    assert "- a note" in table.to_markdown()
