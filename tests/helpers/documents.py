"""The examples of the documents, found by reading the documents."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from helpers import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "config" / "README.md", ROOT / "results" / "README.md", *(ROOT / "docs").rglob("*.md")]
)
# The first words of text in backticks that is a command when more words follow.
PROGRAMS = (
    "snakemake",
    ".venv/bin/snakemake",
    "make",
    "python",
    "conda",
    "pip",
    "tail",
    "squeue",
    "vivado",
    "vitis-run",
)


@dataclass(frozen=True)
class Example:
    """A block of code, or a command, of a document."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """The page and the line, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def words(self) -> list[str]:
        """The words of a command as a shell splits them, without its comment."""
        return shlex.split(self.text, comments=True)


@cache
def blocks() -> list[Example]:
    """Return every fenced block of the documents."""
    return [
        Example(page, token.map[0] + 1, token.info.strip(), token.content)
        for page in PAGES
        for token in _tokens(page)
        if token.type == "fence"
    ]


@cache
def commands() -> list[Example]:
    """Return every command of the documents: the lines of the ``bash`` blocks, and what stands in backticks."""
    return [*_commands_of_blocks(), *_commands_in_text()]


def configurations() -> dict[str, Example]:
    """Return the ``yaml`` blocks under the names of the files that they are."""
    found = {}
    for block in blocks():
        if block.language == "yaml":
            first = block.text.splitlines()[0]
            name = first.removeprefix("# ").split(",")[0].strip()
            if not first.startswith("# ") or not name.endswith(".yaml"):
                raise ValueError(f"{block.place}: the first line of a configuration is '# NAME.yaml', not {first!r}")
            found[name] = block
    return found


def passages(page: Path) -> list[Example]:
    """Return the prose of a page: paragraphs, list items, table cells and headings, with code replaced by its text."""
    return [
        Example(page, token.map[0] + 1 if token.map else 0, "prose", _plain(token))
        for token in _tokens(page)
        if token.type == "inline"
    ]


def _plain(token: Token) -> str:
    words = [" " if child.type in ("softbreak", "hardbreak") else child.content for child in token.children or []]
    return "".join(words).strip()


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def _commands_of_blocks() -> Iterator[Example]:
    for block in blocks():
        if block.language == "bash":
            for number, line in enumerate(block.text.replace("\\\n", "  ").splitlines(), block.line + 1):
                if shlex.split(line, comments=True):
                    yield Example(block.page, number, "bash", line)


def _commands_in_text() -> Iterator[Example]:
    for page in PAGES:
        for token in _tokens(page):
            for child in token.children or []:
                # Programs of one word are named, not started.
                first, *others = child.content.split() if child.type == "code_inline" else [""]
                if first in PROGRAMS and others:
                    yield Example(page, token.map[0] + 1, "inline", " ".join(child.content.split()))
