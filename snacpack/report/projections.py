"""The planes in which the report draws the networks of the search over architectures."""

from collections.abc import Sequence
from dataclasses import dataclass

from snacpack.costs.registry import ARCHITECTURES, NAC_OBJECTIVES, find_measure


@dataclass(frozen=True)
class Projection:
    """Two quantities of the trials against each other: ``y`` versus ``x``."""

    name: str
    y: str
    x: str

    def title(self, objectives: Sequence[str]) -> str:
        """Return the figure's title, which names NAC's front where the search was NAC's."""
        front = "NAC front: " if {self.x, self.y} == NAC_OBJECTIVES == set(objectives) else ""
        y, x = (find_measure(ARCHITECTURES, name).words for name in (self.y, self.x))
        text = f"{front}{y} versus {x}"
        return text[0].upper() + text[1:]


PROJECTIONS = (
    Projection("fig1", "average_resources", "clock_cycles"),
    Projection("fig2", "average_resources", "accuracy"),
    Projection("fig3", "clock_cycles", "accuracy"),
    Projection("fig4", "bops", "accuracy"),
)
"""Figures 1 to 4, which every run has."""


def projections(objectives: Sequence[str]) -> list[Projection]:
    """Return the planes of a run: the usual ones, and accuracy with each other cost that its search optimised."""
    drawn = {projection.y for projection in PROJECTIONS}
    others = [name for name in objectives if name != "accuracy" and name not in drawn]
    return [*PROJECTIONS, *(Projection(f"fig{i}", name, "accuracy") for i, name in enumerate(others, start=5))]
