"""Facts in a text, however its sentences are worded."""

import re


def tells(text: str, *facts: str) -> bool:
    """Tell whether one sentence of a text has all these numbers, names or words, in any order."""
    sentences = re.split(r"(?<=[.:;])\s+", " ".join(text.split()))
    return any(all(_stands_in(fact, sentence) for fact in facts) for sentence in sentences)


def _stands_in(fact: str, sentence: str) -> bool:
    # A number is not found within a longer one, nor a name within another.
    return re.search(rf"(?<![\w.,-]){re.escape(fact)}(?!\w|[.,-]\w)", sentence) is not None
