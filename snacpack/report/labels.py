"""Names beside points of a picture, where they cover as little as possible."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from snacpack.figures.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
_FONT_SIZE = 9
# Points of print: from a point to its name's nearest edge, and what a marker takes up around its middle.
_DISTANCES = (12, 22, 36, 52, 72, 96)
_MARKER = 4
_ANGLES = np.deg2rad(np.arange(0, 360, 10))
# How often names make room for each other, and how often those that found none go first instead.
_SWEEPS, _ATTEMPTS = 3, 4
# Faults, in numbers of covered points that disturb as much: two names or a name and a line over each other, two lines
# that cross, a line over another named point, a name outside the axes, a line longer by a point of print.
_OVERLAP, _CROSSING, _PASSING, _OUTSIDE, _FARTHER = 50, 10, 4, 150, 0.015


@dataclass(frozen=True)
class _Place:
    """A place for a name.

    ``offset`` from its point is in points of print, ``box`` and the line to it, ``leader``, are in pixels; ``cost`` is
    how much it disturbs the picture without other names.
    """

    offset: tuple[float, float]
    box: Box
    leader: np.ndarray
    cost: float


def label_points(
    axes: "Axes", anchors: Mapping[str, tuple[float, float]], points: np.ndarray, lines: Sequence[np.ndarray]
) -> None:
    """Write each name near its anchor, with a thin line to it.

    Parameters
    ----------
    axes
        Axes whose limits and size are final.
    anchors
        The point that each name belongs to, in data coordinates.
    points, lines
        (n, 2) points, and (m, 2) vertices of each line, that names should not cover, in data coordinates.
    """
    # Limits are final only once everything is drawn; placing needs pixels.
    axes.figure.canvas.draw()
    to_pixels = axes.transData.transform
    drawn = [to_pixels(np.reshape(vertices, (-1, 2))) for vertices in (points, *lines)]
    taken = np.vstack([drawn[0], *map(_along, drawn[1:])])
    middles = {name: to_pixels(anchor) for name, anchor in anchors.items()}
    options = {}
    for name, middle in middles.items():
        passed = np.array([point for other, point in middles.items() if other != name])
        options[name] = _possible_places(middle, _half_size(name, axes), taken, passed, axes)
    places = _arrange(options)
    for name, anchor in anchors.items():
        axes.annotate(
            name,
            anchor,
            places[name].offset,
            textcoords="offset points",
            fontsize=_FONT_SIZE,
            zorder=6,
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.75},
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.6, "shrinkB": 5},
        )


def _half_size(name: str, axes: "Axes") -> np.ndarray:
    """Return half of a name's width and height, in points of print, as it will be drawn."""
    text = axes.text(0, 0, name, fontsize=_FONT_SIZE)
    extent = text.get_window_extent()
    text.remove()
    return np.array([extent.width, extent.height]) / 2 * 72 / axes.figure.dpi + 1.5


def _along(vertices: np.ndarray) -> np.ndarray:
    """Return points on a line every few pixels, so that a box over a long segment covers some."""
    pieces = [np.linspace(start, end, 2 + int(np.hypot(*(end - start)) // 5)) for start, end in pairwise(vertices)]
    return np.vstack([vertices, *pieces])


def _possible_places(
    anchor: np.ndarray, half: np.ndarray, taken: np.ndarray, passed: np.ndarray, axes: "Axes"
) -> list[_Place]:
    """Return the places for a name of half the size ``half`` around its point, the least disturbing first.

    The box should keep off what is ``taken``, the line off the other points with names, ``passed``; all in pixels.
    """
    scale, frame = axes.figure.dpi / 72, axes.bbox
    margin = _MARKER * scale
    places = []
    for distance in _DISTANCES:
        for angle in _ANGLES:
            direction = np.array([np.cos(angle), np.sin(angle)])
            # Along the slope, as far as the box reaches, and the distance more.
            reach = min(size / abs(part) if part else np.inf for size, part in zip(half, direction, strict=True))
            offset = direction * (reach + distance)
            low, high = anchor + (offset - half) * scale, anchor + (offset + half) * scale
            leader = _along(np.vstack([anchor, anchor + offset * scale]))
            cost = _FARTHER * distance + _inside(taken, (*(low - margin), *(high + margin))).sum()
            cost += _PASSING * _near(leader, passed, 1.5 * margin)
            if low[0] < frame.x0 or high[0] > frame.x1 or low[1] < frame.y0 or high[1] > frame.y1:
                cost += _OUTSIDE
            places.append(_Place(tuple(offset), (*low, *high), leader, float(cost)))
    return sorted(places, key=lambda place: place.cost)


def _arrange(options: Mapping[str, Sequence[_Place]]) -> dict[str, _Place]:
    """Choose a place for each name so that they disturb each other least."""
    order, best, least = list(options), {}, np.inf
    for _ in range(_ATTEMPTS):
        places: dict[str, _Place] = {}
        for name in order * _SWEEPS:
            places[name] = _best_place(options[name], [place for other, place in places.items() if other != name])
        clashes = {
            name: sum(_clash(place, other) for other in places.values() if other is not place)
            for name, place in places.items()
        }
        if sum(clashes.values()) < least:
            best, least = places, sum(clashes.values())
        crowded = [name for name in order if clashes[name] >= _OVERLAP]
        if not crowded:
            break
        order = crowded + [name for name in order if name not in crowded]
    return best


def _best_place(options: Sequence[_Place], others: Sequence[_Place]) -> _Place:
    best, least = options[0], np.inf
    for place in options:
        # All that follow disturb at least as much.
        if place.cost >= least:
            break
        cost = place.cost + sum(_clash(place, other) for other in others)
        if cost < least:
            best, least = place, cost
    return best


def _clash(place: _Place, other: _Place) -> int:
    """Return how much a name and its line disturb another name and its line."""
    (x0, y0, x1, y1), (left, bottom, right, top) = place.box, other.box
    boxes = x0 < right and x1 > left and y0 < top and y1 > bottom
    overlaps = int(boxes) + bool(_inside(place.leader, other.box).any()) + bool(_inside(other.leader, place.box).any())
    return _OVERLAP * overlaps + _CROSSING * _cross(place.leader, other.leader)


def _cross(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two straight lines, given by points from their first to their last vertex, cross."""

    def apart(line: np.ndarray, other: np.ndarray) -> bool:
        along, (one, two) = line[1] - line[0], other[:2] - line[0]
        return (along[0] * one[1] - along[1] * one[0]) * (along[0] * two[1] - along[1] * two[0]) < 0

    return bool(apart(a, b) and apart(b, a))


def _near(line: np.ndarray, points: np.ndarray, distance: float) -> int:
    """Return how many of the points (n, 2) the line passes more closely than ``distance``."""
    if not len(points):
        return 0
    gaps = np.linalg.norm(points[:, None] - line, axis=2).min(axis=1)
    return int((gaps < distance).sum())


def _inside(points: np.ndarray, box: Box) -> np.ndarray:
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)
