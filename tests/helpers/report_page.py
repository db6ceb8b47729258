"""The report's page as a browser takes it apart."""

from html.parser import HTMLParser
from pathlib import Path

from helpers.report_run import run_files, write_run
from snacpack.core.versions import package_versions
from snacpack.report.report import report_page

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
