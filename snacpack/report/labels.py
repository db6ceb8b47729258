"""Names beside points of a picture, where they cover as little as possible."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from snacpack.report.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
_DISTANCES = (20, 32, 46)
_ANGLES = np.deg2rad(np.arange(0, 360, 30))


def label_points(
    axes: "Axes", anchors: Mapping[str, tuple[float, float]], points: np.ndarray, line: np.ndarray
) -> None:
    """Write each name near its anchor, with a thin line to it.

    Parameters
    ----------
    axes
        Axes whose limits and size are final.
    anchors
        Where each name belongs, in data coordinates.
    points, line
        (n, 2) points and (m, 2) vertices of a line that names should not cover, in data coordinates.
    """
    # Limits are final only once everything is drawn; placing needs pixels.
    axes.figure.canvas.draw()
    to_pixels = axes.transData.transform
    taken = np.vstack([to_pixels(np.reshape(points, (-1, 2))), _along(to_pixels(np.reshape(line, (-1, 2))))])
    boxes: list[Box] = []
    for name, anchor in anchors.items():
        offset, box = _free_place(to_pixels(anchor), name, taken, boxes, axes)
        boxes.append(box)
        # The next names keep off this one's line too.
        taken = np.vstack([taken, _leader(to_pixels(anchor), offset, axes)])
        axes.annotate(
            name,
            anchor,
            offset,
            textcoords="offset points",
            fontsize=9,
            zorder=6,
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none", "alpha": 0.75},
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.6, "shrinkB": 5},
        )


def _along(vertices: np.ndarray) -> np.ndarray:
    """Return points on a line every few pixels, so that a box over a long segment covers some."""
    pieces = [np.linspace(start, end, 2 + int(np.hypot(*(end - start)) // 5)) for start, end in pairwise(vertices)]
    return np.vstack([vertices, *pieces])


def _leader(anchor: np.ndarray, offset: tuple[float, float], axes: "Axes") -> np.ndarray:
    """Return points on the line from an anchor, in pixels, to the middle of its name."""
    return _along(np.vstack([anchor, anchor + np.array(offset) * axes.figure.dpi / 72]))


def _free_place(
    anchor: np.ndarray, name: str, taken: np.ndarray, boxes: list[Box], axes: "Axes"
) -> tuple[tuple[float, float], Box]:
    """Return the offset from the anchor, in points of print, whose box covers least, and the box in pixels."""
    scale = axes.figure.dpi / 72
    half = np.array([3.1 * len(name) + 4, 7.0])
    frame = axes.bbox
    best, least = None, np.inf
    for distance in _DISTANCES:
        for angle in _ANGLES:
            offset = np.array([np.cos(angle) * (distance + half[0] - 8), np.sin(angle) * distance])
            low, high = anchor + (offset - half) * scale, anchor + (offset + half) * scale
            covered = float(_inside(taken, (*low, *high)).sum())
            covered += 20 * sum(low[0] < b[2] and high[0] > b[0] and low[1] < b[3] and high[1] > b[1] for b in boxes)
            leader = _leader(anchor, offset, axes)
            covered += 20 * sum(_inside(leader, b).any() for b in boxes)
            if low[0] < frame.x0 or high[0] > frame.x1 or low[1] < frame.y0 or high[1] > frame.y1:
                covered += 50
            if covered < least:
                best, least = (tuple(offset), (*low, *high)), covered
    return best


def _inside(points: np.ndarray, box: Box) -> np.ndarray:
    return ((points > box[:2]) & (points < box[2:])).all(axis=1)
