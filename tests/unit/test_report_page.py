"""The report: whole, self-contained, escaped, and honest about what failed."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_run import let_every_trial_fail, run_files, write_run

from snacpack.files import read_json, write_json
from snacpack.report.page import picture
from snacpack.report.report import report_page
from snacpack.versions import package_versions

VOID = {"meta", "img", "link", "br", "wbr", "hr", "input"}


class Page(HTMLParser):
    """Collect what a browser would load, the ids, the text outside scripts, and tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.styles = ""
        self.stack: list[str] = []
        self.feed(html)
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.stack.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "poster", "data", "action") or (name == "href" and tag != "a"):
                self.loads.append(value)
            elif name == "href":
                self.links.append(value)
            elif name == "id":
                self.ids.append(value)
            assert not name.startswith("on"), f"{tag} runs {value}"

    def handle_endtag(self, tag: str) -> None:
        assert tag in VOID or self.stack.pop() == tag
        self.text += " " if tag in ("td", "th") else ""

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] == "style":
            self.styles += data
        elif not self.stack or self.stack[-1] != "script":
            self.text += data


def write_page(folder: Path, change=lambda folder, config: None, **options) -> str:
    config = write_run(folder, **options)
    change(folder, config)
    return report_page(run_files(folder), config, package_versions(), "0123abc")


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
    for heading in ("What was run", "Search", "Chosen networks", "Compression", "Hardware", "Verification"):
        assert heading in text
    assert "64 networks were trained, 1 failed" in text
    assert "Diverged: the loss is nan after epoch 2" in text
    assert "objectives: - accuracy - average_resources - clock_cycles" in text
    assert "0123abc" in text
    assert "57.00 (55.43 to 58.56)" in text
    assert "All 25 comparisons" in text
    assert "cells counted by Yosys after synthesis" in text
    assert "Nothing was placed and routed" in text
    assert "Pythia 8.317" in text
    assert "snac-0012 at w8a8 classifies 56.00% (54.43 to 57.56) of the test jets correctly" in text
    assert "baseline at w8a8 56.10% (54.53 to 57.66)" in text
    assert "Test accuracy [%] (68% interval)" in text
    assert "The code and packages that wrote this page" in text
    assert "xcvu13p-flga2577-2-e, fully parallel." in text


@pytest.mark.parametrize(
    ("backend", "settings", "words"),
    [
        ("vitis", {}, "fully parallel."),
        (
            "vitis",
            {"io_type": "io_stream"},
            "those of vitis by hls4ml with io_stream and, where it fits, a reuse factor of 1.",
        ),
        (
            "vivado",
            {"reuse_factor": 4},
            "those of vivado by hls4ml with io_parallel and, where it fits, a reuse factor of 4.",
        ),
        ("open", {"reuse_factor": 4}, "fully parallel."),
    ],
)
def test_only_parallel_circuits_are_called_parallel(tmp_path: Path, backend: str, settings: dict, words: str) -> None:
    def synthesise(folder: Path, config: dict) -> None:
        config["synthesis"] |= settings
        for path in folder.glob("synthesis/*/*/report.json"):
            write_json({**read_json(path), "backend": backend}, path)

    text = " ".join(Page(write_page(tmp_path, synthesise)).text.split())
    assert f"circuits for the xcvu13p-flga2577-2-e, {words}" in text


def test_points_of_the_fronts_tell_their_architecture(html: str, tmp_path: Path) -> None:
    write_run(tmp_path)
    trials = (tmp_path / "search" / "trials.csv").read_text().splitlines()[1:]
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
    assert "24 of 25 comparisons" in text
    assert "differs 2,000 0.0625 99.80" in text


def test_names_and_reasons_are_escaped(tmp_path: Path) -> None:
    def inject(folder: Path, config: dict) -> None:
        config["run"] = "<img src=x>"
        selected = read_json(folder / "candidates" / "selected.json")
        selected["rule"] = "<script>alert('rule')</script>"
        write_json(selected, folder / "candidates" / "selected.json")
        trials = folder / "search" / "trials.csv"
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
        trials = folder / "search" / "trials.csv"
        lines = trials.read_text().splitlines()
        trials.write_text("\n".join(line for line in lines if "Diverged" not in line) + "\n")

    text = Page(write_page(tmp_path, clean, names=())).text
    assert "No trial failed." in text
    assert "0 networks were chosen" in " ".join(text.split())


def test_run_whose_trials_all_failed_is_reported(tmp_path: Path) -> None:
    html = write_page(tmp_path, lambda folder, config: let_every_trial_fail(folder), names=())
    text = " ".join(Page(html).text.split())
    assert "64 networks were trained, 64 failed; 0 are Pareto-optimal" in text
    assert "0 networks were chosen" in text
    assert "No network was trained successfully." in text
    assert "these are the best few" not in text
    assert "57.00 (55.43 to 58.56)" in text
    assert "nan%" not in text


def test_only_pictures_are_taken_for_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    assert picture(tmp_path / "a.svg") == "data:image/svg+xml;base64,PHN2Zy8+"
    with pytest.raises(ValueError, match=r"a\.txt is not a picture"):
        picture(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("method", "words"), [("nsga2", "NSGA-II sampled 64"), ("random", "A random search sampled 64")]
)
def test_the_method_of_the_search_is_named(tmp_path: Path, method: str, words: str) -> None:
    def search(folder: Path, config: dict) -> None:
        config["search"]["method"] = method

    html = write_page(tmp_path, search)
    assert words in " ".join(Page(html).text.split())
    assert 'id="hypervolume"' in html
