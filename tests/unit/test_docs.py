"""The documentation's links lead somewhere, and its sentences begin with their subject."""

import re

import pytest

from helpers.documents import PAGES, ROOT, passages

# A sentence that opens with one of these names its subject late or not at all.
LATE_SUBJECT = re.compile(r"(?:^|[.!?:]\W+)(Of|What|Who|Whatever|Where)\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r'<img src="([^"]+)"', text)
    for link in links:
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), f"{page} links to {link}, which is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_begin_with_their_subject(page):
    found = [
        f"{passage.place}: {passage.text[match.start() : match.start() + 60]}"
        for passage in passages(page)
        for match in LATE_SUBJECT.finditer(passage.text)
    ]
    assert found == []


def test_a_sentence_without_its_subject_is_found():
    for text in ("Of two, one wins.", "It is so. What follows is not.", "A list: **Where** it is"):
        assert LATE_SUBJECT.search(text)
    for text in ("Often it is so.", "It shows what follows.", "Whose it is"):
        assert not LATE_SUBJECT.search(text)


def test_links_to_headings_lead_to_headings():
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", page.read_text()):
            if not target.startswith("http"):
                headings = re.findall(
                    r"^#+ (.+)$", (page.parent / target if target else page).read_text(), re.MULTILINE
                )
                anchors = [re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings]
                assert anchor in anchors, f"{page} links to the heading {anchor} of {target or 'itself'}"


def test_the_pages_are_found():
    assert len(PAGES) >= 10
