"""The configuration's section ``selection``: which networks of the search are compressed and synthesised."""

from snacpack.config.keys import Section, key
from snacpack.config.types import Positive, Score


class Selection(Section):
    """The choice of candidates."""

    min_score: Score = key(
        "baseline",
        "least validation score of a candidate, its accuracy: a fraction, or that of a reference trained by the same "
        "recipe",
        formerly="min_accuracy",
    )
    max_candidates: Positive = key(2, "largest number of candidates")
