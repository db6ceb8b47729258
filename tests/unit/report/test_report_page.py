"""The report: whole, self-contained, escaped, and honest about what failed."""

import re
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.prose import tells
from helpers.report_page import Page, write_page
from helpers.report_run import let_every_trial_fail, write_run
from snacpack.core.files import read_json, write_json
from snacpack.report.page import picture


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_page(tmp_path_factory.mktemp("run"))


def test_page_loads_nothing_from_elsewhere(html: str) -> None:
    page = Page(html)
    assert page.loads
    assert all(address.startswith("data:image/") for address in page.loads)
    assert not re.search(r"@import|url\(", page.styles)
    assert all(link.removeprefix("#") in page.ids for link in page.links)


def test_charts_do_not_offer_to_upload_themselves(html: str) -> None:
    charts = re.findall(r"Plotly\.newPlot\((?:(?!</script>).)*", html, flags=re.DOTALL)
    assert len(charts) == 4
    assert all('"showSendToCloud": false' in chart for chart in charts)


def test_page_tells_the_whole_story(html: str) -> None:
    text = " ".join(Page(html).text.split())
    for heading in ("The run", "Search", "Chosen networks", "Compression", "Hardware", "Verification"):
        assert heading in text
    assert tells(text, "64", "trained", "1", "failed")
    assert "Diverged: the loss is nan after epoch 2" in text
    assert "- accuracy - average_resources - clock_cycles" in text
    assert "0123abc" in text
    assert "57.00 (55.43 to 58.56)" in text
    assert tells(text, "25", "comparisons")
    assert tells(text, "cells", "Yosys")
    assert re.search(r"(?i)(nothing|not|no)[^.]* plac\w+ (and|or) rout", text)
    assert "Pythia 8.317" in text
    assert tells(text, "snac-0012", "w8a8", "56.00%", "54.43", "57.56")
    assert tells(text, "baseline", "w8a8", "56.10%", "54.53", "57.66")
    assert "Test accuracy [%] (68% interval)" in text
    assert tells(text, "xcvu13p-flga2577-2-e", "parallel")


@pytest.mark.parametrize(
    ("backend", "settings", "told"),
    [
        ("vitis", {}, ["parallel"]),
        ("vitis", {"io_type": "io_stream"}, ["vitis", "hls4ml", "io_stream", "1"]),
        ("vivado", {"reuse_factor": 4}, ["vivado", "hls4ml", "io_parallel", "4"]),
        ("open", {"reuse_factor": 4}, ["parallel"]),
    ],
)
def test_only_parallel_circuits_are_called_parallel(
    tmp_path: Path, backend: str, settings: dict, told: list[str]
) -> None:
    def synthesise(folder: Path, config: dict) -> None:
        config["synthesis"] |= settings
        for path in folder.glob("synthesis/*/*/report.json"):
            write_json({**read_json(path), "backend": backend}, path)

    text = " ".join(Page(write_page(tmp_path, synthesise)).text.split())
    assert tells(text, "xcvu13p-flga2577-2-e", *told)
    assert tells(text, "xcvu13p-flga2577-2-e", "parallel") == (told == ["parallel"])


def test_points_of_the_fronts_tell_their_architecture(html: str, tmp_path: Path) -> None:
    write_run(tmp_path)
    trials = (tmp_path / "searches" / "architectures" / "trials.csv").read_text().splitlines()[1:]
    architectures = {line.split(",")[2] for line in trials if "Diverged" not in line}
    charts = html[html.index('id="fig1"') :]
    assert all(charts.count(f'"{architecture}"') >= 4 for architecture in architectures)


def test_what_fails_is_said(tmp_path: Path) -> None:
    def fail(folder: Path, config: dict) -> None:
        selected = read_json(folder / "candidates" / "selected.json")
        write_json({**selected, "fallback": True, "n_qualified": 0}, folder / "candidates" / "selected.json")
        home = folder / "synthesis" / "snac-0012" / "w8a8"
        record = read_json(home / "verification.json")
        record["comparisons"][2] |= {"exact": False, "max_difference": 0.0625, "class_agreement": 0.998}
        write_json({**record, "exact": False}, home / "verification.json")

    text = " ".join(Page(write_page(tmp_path, fail)).text.split())
    assert "No network qualified." in text
    assert tells(text, "24", "25", "comparisons")
    assert "differs 2,000 0.0625 99.80" in text


def test_names_and_reasons_are_escaped(tmp_path: Path) -> None:
    def inject(folder: Path, config: dict) -> None:
        config["run"] = "<img src=x>"
        selected = read_json(folder / "candidates" / "selected.json")
        selected["rule"] = "<script>alert('rule')</script>"
        write_json(selected, folder / "candidates" / "selected.json")
        trials = folder / "searches" / "architectures" / "trials.csv"
        text = trials.read_text().replace("Diverged", "</td><script>alert(1)</script>")
        trials.write_text(text.replace("tanh", "</script><u>tanh"))

    html = write_page(tmp_path, inject, names=("<b>bold", "<script>"))
    page = Page(html)
    assert all(address.startswith("data:image/") for address in page.loads)
    assert "<b>bold" in page.text
    assert "alert('rule')" in page.text
    assert page.text.count("</script><u>tanh") >= 1
    assert "<script>alert" not in html
    assert "</script><u>" not in html


def test_run_without_candidates_or_failures_is_reported(tmp_path: Path) -> None:
    def clean(folder: Path, config: dict) -> None:
        trials = folder / "searches" / "architectures" / "trials.csv"
        lines = trials.read_text().splitlines()
        trials.write_text("\n".join(line for line in lines if "Diverged" not in line) + "\n")

    text = Page(write_page(tmp_path, clean, names=())).text
    assert "No trial failed." in text
    assert tells(text, "0", "chosen")


def test_run_whose_trials_all_failed_is_reported(tmp_path: Path) -> None:
    html = write_page(tmp_path, lambda folder, config: let_every_trial_fail(folder), names=())
    text = " ".join(Page(html).text.split())
    assert re.search(r"\b64 [^.;]*\btrained\b[^.;]*\b64 failed\b", text)
    assert tells(text, "0", "Pareto-optimal")
    assert tells(text, "0", "chosen")
    assert "57.00 (55.43 to 58.56)" in text
    assert "nan%" not in text


def test_only_pictures_are_taken_for_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    assert picture(tmp_path / "a.svg") == "data:image/svg+xml;base64,PHN2Zy8+"
    with pytest.raises(ValueError, match=r"a\.txt is not a picture"):
        picture(tmp_path / "a.txt")


@pytest.mark.parametrize(("method", "name"), [("nsga2", "NSGA-II"), ("random", "random")])
def test_the_method_of_the_search_is_named(tmp_path: Path, method: str, name: str) -> None:
    def search(folder: Path, config: dict) -> None:
        config["search"]["method"] = method

    html = write_page(tmp_path, search)
    assert tells(Page(html).text, name, "64")
    assert 'id="hypervolume"' in html


@pytest.mark.parametrize(
    ("weights", "told"),
    [("balanced", "all classes counted the same"), ({"g": 1, "q": 2.5}, "the classes had the weights 1 (g), 2.5 (q).")],
)
def test_class_weights_are_told(tmp_path: Path, weights: object, told: str) -> None:
    def weigh(folder: Path, config: dict) -> None:
        config["training"]["class_weights"] = weights

    assert told in write_page(tmp_path, weigh)


def test_rules_give_their_captions_the_word_for_the_examples() -> None:
    rules = [
        text for path in (ROOT / "rules").glob("*.smk") for text in re.split(r"(?m)^ *(?:use )?rule ", path.read_text())
    ]
    captions = {path.name: path.read_text() for path in (ROOT / "rules" / "captions").glob("*.rst")}
    assert not [name for name, text in captions.items() if '["source"]' in text]
    named = {name for name, text in captions.items() if "snakemake.params.examples" in text}
    assert {"table2.rst", "fronts.rst", "training_curves.rst"} <= named
    with_caption = {name: [text for text in rules if f"captions/{name}" in text] for name in named}
    assert all(texts and all("examples=EXAMPLES" in text for text in texts) for texts in with_caption.values())
