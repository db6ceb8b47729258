"""Compression in figures and report: names that do not crowd, fronts, the searches' choices, either way alone."""

import re
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.prose import tells
from helpers.report_page import Page
from helpers.report_run import run_files, write_run
from snacpack.core.files import read_json, write_json
from snacpack.figures.style import figure_style, save_figure
from snacpack.report.compression import (
    compression_table,
    reached_sentence,
    required_accuracy_words,
    search_table,
    treatments,
    warm_up_words,
)
from snacpack.report.compression_fronts import draw_compression_fronts
from snacpack.report.labels import label_points
from snacpack.report.layout import bits_words, table3
from snacpack.report.records import read_data_set
from snacpack.report.report import Run, report_page
from snacpack.report.sections import circuit_sentences
from snacpack.report.tables import accuracy_of, table3_rows

BOTH = ("magnitude", "search")


def read_run(folder: Path, methods: tuple[str, ...] = BOTH) -> Run:
    config = write_run(folder, methods=methods)
    return Run.read(run_files(folder), config, {})


def rows_of(run: Run) -> list[dict]:
    return table3_rows(run.order, run.compressed, run.circuits)


def fronts_of(run: Run):
    references = {"baseline": accuracy_of(run.trained["baseline"], "float.json")}
    return draw_compression_fronts(run.searches, rows_of(run), references, "jets")


def boxes_of(axes) -> dict[str, np.ndarray]:
    """Return where each name stands, left, bottom, right and top in pixels, without the line to it."""
    axes.figure.canvas.draw()
    boxes = {}
    for text in axes.texts:
        # An annotation's own extent spans its arrow too.
        box = plt.Text.get_window_extent(text)
        boxes[text.get_text()] = np.array([box.x0, box.y0, box.x1, box.y1])
    return boxes


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 2**16), st.integers(2, 8))
def test_names_of_crowding_points_cover_neither_points_nor_each_other(seed: int, n: int) -> None:
    places = np.random.default_rng(seed).normal(0.5, 0.02, (n, 2))
    with figure_style():
        figure, axes = plt.subplots(figsize=(6, 5))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        label_points(axes, {f"snac-00{i} mixed": tuple(place) for i, place in enumerate(places)}, places, [])
        boxes = boxes_of(axes)
    pixels = axes.transData.transform(places)
    plt.close(figure)
    assert len(boxes) == n
    for box in boxes.values():
        assert not ((pixels > box[:2]) & (pixels < box[2:])).all(axis=1).any()
    for a, b in combinations(boxes.values(), 2):
        assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_fronts_show_the_searches_the_choice_and_every_model(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    figure = fronts_of(run)
    found, built = figure.axes
    ring, chosen = [], {}
    for line in found.lines:
        if line.get_markersize() == 14:
            ring.append((line.get_xdata()[0], line.get_ydata()[0]))
    for model, search in run.searches.items():
        row = search.finalists.set_index("iteration").loc[search.chosen["iteration"]]
        chosen[model] = (row["lut"], 100 * row["validation_accuracy"])
    assert ring == [pytest.approx(place) for place in chosen.values()]
    assert [line.get_ydata()[0] for line in found.lines if line.get_linestyle() == "--"] == [pytest.approx(57.12)]
    assert [text.get_text() for text in found.get_legend().texts] == ["snac-0012", "snac-0031"]
    names = {f"{model} {scheme}" for model, scheme in run.order}
    assert set(boxes_of(built)) == names
    assert names == {"baseline w8a8", *(f"snac-00{i} {scheme}" for i in (12, 31) for scheme in ("w8a8", "mixed"))}
    points = {(bar[0].get_xdata()[0], bar[0].get_ydata()[0]) for bar in built.containers}
    assert points == {(row["lut"], row["accuracy_percent"]) for row in rows_of(run)}
    save_figure(figure, [])


def test_equal_searches_have_equal_figures(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    for name in ("a.svg", "b.svg"):
        save_figure(fronts_of(run), [tmp_path / name])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_interval_of_the_reference_is_a_band(tmp_path: Path) -> None:
    built = fronts_of(read_run(tmp_path)).axes[1]
    band = built.patches[0].get_extents().transformed(built.transData.inverted())
    # 570 of 1000, as in table 2.
    assert (band.y0, band.y1) == pytest.approx((55.43, 58.56), abs=0.01)


def test_run_without_candidates_has_a_figure_of_its_references(tmp_path: Path) -> None:
    config = write_run(tmp_path, names=())
    figure = fronts_of(Run.read(run_files(tmp_path), config, {}))
    assert [set(boxes_of(axes)) for axes in figure.axes] == [{"baseline w8a8"}]
    save_figure(figure, [])


def test_further_costs_have_panels_below(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    for search in run.searches.values():
        search.trials["ebops"] = 12 * search.trials["lut"]
    references = {"baseline": accuracy_of(run.trained["baseline"], "float.json")}
    figure = draw_compression_fronts(run.searches, rows_of(run), references, "jets", ["ebops"])
    searches, _, below = figure.axes
    assert below.get_xlabel() == "EBOPs"
    assert below.get_ylim() == searches.get_ylim()
    assert len(below.collections[0].get_offsets()) == 11
    save_figure(figure, [])


def test_table_of_choices_holds_what_the_files_say(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    table = search_table(run.searches)
    texts = [[cell.text for cell in row] for row in table.rows]
    assert texts[0][:6] == ["snac-0012", "trial 9", "6 4 5", "5 4", "6", "80.0"]
    assert texts[0][6:11] == ["18,626", "4,656", "4", "57.25", "57.12, reached"]
    assert texts[1][:2] == ["snac-0031", "trial 10"]
    assert texts[1][10] == "57.12, not reached"
    assert [row[1].text for row in compression_table(rows_of(run), run.metrics, run.chosen).rows] == ["w8a8"] * 3


def test_who_reached_the_accuracy_is_said(tmp_path: Path) -> None:
    searches = read_run(tmp_path).searches
    assert tells(reached_sentence(searches, "jets"), "snac-0012", "not with snac-0031")
    assert "snac-0031" not in reached_sentence({"snac-0031": searches["snac-0031"]}, "jets")
    assert "not" not in reached_sentence({"snac-0012": searches["snac-0012"]}, "jets")


def test_mixed_circuit_is_compared_with_the_references_where_there_are_any(tmp_path: Path) -> None:
    sentences = circuit_sentences(rows_of(read_run(tmp_path / "both")), ["baseline"], "jets")
    assert len(sentences) == 4
    # 18,253 of 171,000 LUTs.
    assert tells(sentences[1], "snac-0012", "mixed", "56.50%", "54.93", "58.06")
    assert tells(sentences[1], "18,253 LUTs", "11%", "baseline", "w8a8", "4 clock cycles", "15")
    alone = circuit_sentences(rows_of(read_run(tmp_path / "alone", ("search",))), ["baseline"], "jets")
    assert [tells(sentence, "baseline", "mixed") for sentence in alone] == [True, True]


@pytest.mark.parametrize(
    ("methods", "words", "absent"),
    [
        (("magnitude",), ["to w8a8, beside", "set back to their values"], ["mixed", "da4ml's. ", "each layer's bits"]),
        (
            ("search",),
            ["by a search for each layer's bits, beside", "NSGA-II tried"],
            ["set back to their values", "w8a8 classifies"],
        ),
        (
            BOTH,
            ["to w8a8 and by a search for each layer's bits, beside", "set back to their values", "NSGA-II tried"],
            [],
        ),
    ],
)
def test_page_tells_of_the_ways_that_were_taken_and_of_no_other(
    tmp_path: Path, methods: tuple[str, ...], words: list[str], absent: list[str]
) -> None:
    config = write_run(tmp_path, methods=methods)
    page = Page(report_page(run_files(tmp_path), config, {}, None))
    # The configuration, printed as it is, has the keys of both.
    before, _, rest = " ".join(page.text.split()).partition("Configuration run:")
    text = before + rest.partition("timeout_minutes")[2]
    assert all(phrase in text for phrase in words)
    assert not any(phrase in text for phrase in absent)
    assert ("compression-fronts" in page.ids) == ("search" in methods)
    assert ("pruning-curves" in page.ids) == ("magnitude" in methods)
    assert not any(
        key in text for key in ("min_score", "min_accuracy", "max_candidates", "latency_cycles", "final_epochs")
    )


def test_page_tells_what_the_searches_did(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    config["compression"]["search"] |= {"warmup_epochs": 10, "epochs": 6, "finalists": 12, "final_epochs": 60}
    config["compression"]["search"] |= {"objectives": ["ebops", "accuracy"], "min_score": 0.57}
    text = " ".join(Page(report_page(run_files(tmp_path), config, {}, None)).text.split())
    assert tells(text, "10 epochs", "5", "w8a8")
    assert tells(text, "optimised", "EBOPs", "validation accuracy")
    assert tells(text, "EBOPs", "lowest", "synthesised")
    assert tells(text, "2", "trials", "failed")
    assert tells(text, "first", "trial 7", "snac-0012")
    assert "Diverged" in text
    assert "Kendall's τ" in text


def test_estimates_stand_beside_the_counts(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    page = " ".join(Page(report_page(run_files(tmp_path), config, {}, None)).text.split())
    # rule4ml's 22.4% of the U200's 1,182,240 LUTs.
    assert "baseline w8a8 171,000 182,970" in page
    assert "264,822† 7.10†" in page


def test_estimated_clock_and_its_caveat_are_told(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    page = " ".join(Page(report_page(run_files(tmp_path), config, {}, None)).text.split())
    assert "baseline w8a8 5 5.62 (178) no 3 of 15 7 22 2.25 1.80" in page
    assert tells(page, "estimate", "baseline", "w8a8", "misses", "clock")
    assert re.search(r"(?i)estimate[^.]* plac\w+ (and|or) rout", page)
    for path in tmp_path.glob("synthesis/*/*/report.json"):
        # As a vendor's tool leaves it.
        write_json({**read_json(path), "timing": None}, path)
    page = " ".join(Page(report_page(run_files(tmp_path), config, {}, None)).text.split())
    assert not tells(page, "baseline", "misses", "clock")
    assert "Estimated timing" not in page


@pytest.mark.parametrize(
    ("scheme", "words"),
    [
        ("w8a8", "8-bit weights, activations and inputs"),
        ("w4a8", "4-bit weights, 8-bit activations and inputs"),
        ("w6a8i10", "6-bit weights, 8-bit activations, 10-bit inputs"),
    ],
)
def test_schemes_are_said_in_words(scheme: str, words: str) -> None:
    assert bits_words(scheme) == words


@given(st.integers(1, 40))
def test_warm_up_is_half_in_floating_point(epochs: int) -> None:
    words = warm_up_words(epochs, "at w8a8")
    numbers = [int(word) for word in words.split() if word.isdigit()]
    assert numbers[0] == epochs
    if epochs > 3:
        _, in_float, quantised = numbers
        assert in_float + quantised == epochs
        assert in_float - quantised in (0, 1)


def test_treatments_and_origins_of_the_accuracy_in_words() -> None:
    assert treatments(["w8a8", "w4a8"]) == "to w8a8 and w4a8"
    assert treatments(["mixed"]) == "by a search for each layer's bits"
    assert required_accuracy_words(0.6) == "set in the configuration"
    assert "baseline" in required_accuracy_words("baseline")


def test_failed_finalist_is_told_and_not_drawn(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    path = tmp_path / "candidates" / "snac-0012" / "mixed" / "metrics.csv"
    table = pd.read_csv(path)
    table["failure"] = table["failure"].astype(object)
    table.loc[2, ["validation_accuracy", "lut", "ff", "failure"]] = [None, None, None, "no logit depends on the input"]
    table.to_csv(path, index=False)
    run = Run.read(run_files(tmp_path), config, {})
    assert [failure != "" for failure in run.searches["snac-0012"].finalists["failure"]] == [False, False, True]
    save_figure(fronts_of(run), [])
    assert len(search_table(run.searches).rows) == 2


def test_table3_tells_of_mixed_bits_only_where_they_are(tmp_path: Path) -> None:
    for methods in (("magnitude",), BOTH):
        folder = tmp_path / "-".join(methods)
        run = read_run(folder, methods)
        table = table3(rows_of(run), read_data_set(folder / "data" / "jets.h5"), {}, [], "vu13p")
        assert any("mixed stands for" in note for note in table.notes) == ("search" in methods)


def test_choice_of_another_run_is_not_taken(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    path = tmp_path / "candidates" / "snac-0012" / "mixed" / "chosen.json"
    write_json({**read_json(path), "iteration": 9}, path)
    run = Run.read(run_files(tmp_path), config, {})
    with pytest.raises(KeyError):
        _ = run.searches["snac-0012"].choice
