"""The documentation's links lead somewhere."""

import re

import pytest

from helpers import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "config" / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r'<img src="([^"]+)"', text)
    for link in links:
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), f"{page} links to {link}, which is not there"


def test_the_pages_are_found():
    assert len(PAGES) >= 10
