"""The figure of the data card of arrays: counts, the features by class, and the mean image of each class."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.data.card import separations, shown_examples
from snacpack.data.dataset import load_dataset, read_info
from snacpack.data.info import SPLIT_NAMES, SPLITS, DataInfo
from snacpack.data.normalisation import Normalisation
from snacpack.figures.style import PALETTE, figure_style, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FEATURES = 11
"""Features that are drawn: those whose means differ most between the classes, in the order of the files."""

_BINS = 40
_MOST_CLASSES = 10
_MOST_POINTS = 2000


def draw_data_card(path: str | Path) -> "Figure":
    """Draw the counts of all splits and the distributions of the training examples.

    Parameters
    ----------
    path
        The data set of a run.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import StepPatch

    info, (x, y) = read_info(path), shown_examples(path)
    if info.targets:
        return _draw_numbers(info, x, y, {split: len(y) for split, (_, y) in load_dataset(path, SPLITS).items()})
    flat = x.reshape(len(x), -1, x.shape[-1]).mean(axis=1)
    drawn = np.sort(np.argsort(-separations(flat, y), kind="stable")[:MOST_FEATURES])
    is_image = len(info.input_shape) == 3
    images = min(info.n_outputs, _MOST_CLASSES) if is_image else 0
    n_columns = min(3, 1 + len(drawn))
    n_rows = -(-(1 + len(drawn)) // n_columns)
    with figure_style():
        figure = plt.figure(figsize=(11, 2.8 * n_rows + (1.6 if images else 0) + 0.6))
        parts = figure.subfigures(2, 1, height_ratios=[2.8 * n_rows, 1.6]) if images else [figure]
        axes = parts[0].subplots(n_rows, n_columns, squeeze=False).ravel()
        _draw_counts(axes[0], path)
        for axis, place in zip(axes[1:], drawn, strict=False):
            _draw_feature(axis, x[..., place], y, info.features[place], info.n_outputs)
        for axis in axes[1 + len(drawn) :]:
            axis.set_visible(False)
        # Matplotlib leaves labels that begin with an underscore out of a legend, unless they are given to it.
        curves = [artist for artist in axes[1].patches if isinstance(artist, StepPatch)]
        axes[1].legend(curves, [plain_text(name) for name in info.class_labels[: len(curves)]], fontsize=7)
        for number, axis in enumerate(parts[1].subplots(1, images, squeeze=False).ravel() if images else []):
            axis.imshow(x[y == number].mean(axis=(0, 3)), cmap="Greys")
            axis.set_title(f"mean of {plain_text(info.class_labels[number])}", fontsize=8)
            axis.set_axis_off()
        figure.suptitle(
            f"{info.name}: {_numbers_shown(info, y)}, {len(drawn)} of {len(info.features)} features\n{info.source}",
            fontsize="medium",
            # A path may hold what would be taken for a formula.
            parse_math=False,
        )
    return figure


def _numbers_shown(info: DataInfo, y: np.ndarray) -> str:
    """Say how many examples of ``(n,)`` classes are drawn."""
    if not info.background:
        return f"{len(y):,} training examples of {info.n_outputs} classes"
    n_background = info.is_background[y].sum()
    return f"{n_background:,} training examples of background, {len(y) - n_background:,} test examples of signals"


def _draw_numbers(info: DataInfo, x: np.ndarray, y: np.ndarray, counts: Mapping[str, int]) -> "Figure":
    """Draw the targets' distributions, and the features against the first target, the most correlated ones."""
    import matplotlib.pyplot as plt

    targets = Normalisation.from_dict(info.target_normalisation).undo(y.astype(np.float64))
    flat = x.reshape(len(x), -1, x.shape[-1]).mean(axis=1)
    centred, first = flat - flat.mean(axis=0), targets[:, 0] - targets[:, 0].mean()
    spread = np.sqrt((centred**2).sum(axis=0) * (first**2).sum())
    related = np.abs(np.divide(centred.T @ first, spread, out=np.zeros(len(spread)), where=spread > 0))
    shown = min(len(info.targets), 3)
    drawn = np.sort(np.argsort(-related, kind="stable")[: MOST_FEATURES + 1 - shown])
    n_rows = -(-(shown + len(drawn)) // 3)
    points = slice(0, _MOST_POINTS)
    with figure_style():
        figure, axes = plt.subplots(n_rows, 3, figsize=(11, 2.8 * n_rows + 0.6), squeeze=False)
        for number, axis in enumerate(axes.ravel()):
            place = number - shown
            if place < 0:
                axis.hist(targets[:, number], bins=_BINS, color=PALETTE[1], alpha=0.75)
                axis.set(xlabel=plain_text(info.targets[number]), ylabel="training examples")
            elif place < len(drawn):
                axis.scatter(flat[points, drawn[place]], targets[points, 0], s=7, alpha=0.4, linewidths=0)
                axis.set(xlabel=plain_text(info.features[drawn[place]]), ylabel=plain_text(info.targets[0]))
            else:
                axis.set_visible(False)
        sizes = ", ".join(f"{count:,} {SPLIT_NAMES[split]}" for split, count in counts.items())
        title = f"{info.name}: {sizes} examples, {len(drawn)} of {len(info.features)} features\n{info.source}"
        figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def _draw_counts(axis: Any, path: str | Path) -> None:
    info = read_info(path)
    labels = {split: y for split, (_, y) in load_dataset(path, SPLITS).items()}
    left, places = np.zeros(info.n_outputs), np.arange(info.n_outputs)
    for colour, split in zip(PALETTE, SPLITS, strict=False):
        counts = np.bincount(labels[split], minlength=info.n_outputs)
        axis.barh(places, counts, left=left, color=colour, label=SPLIT_NAMES[split])
        left += counts
    axis.set_yticks(places[:_MOST_CLASSES], [plain_text(name) for name in info.class_labels[:_MOST_CLASSES]])
    axis.invert_yaxis()
    axis.set_xlabel("examples")
    # Above the bars, which leave no room.
    axis.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)


def _draw_feature(axis: Any, values: np.ndarray, y: np.ndarray, feature: str, n_classes: int) -> None:
    low, high = np.quantile(values, (0.005, 0.995))
    bins = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for number in range(min(n_classes, _MOST_CLASSES)):
        counts, _ = np.histogram(values[y == number], bins=bins)
        density = counts / max(counts.sum(), 1)
        colour = PALETTE[number % len(PALETTE)]
        dashes = "-" if number < len(PALETTE) else "--"
        axis.stairs(density, bins, linewidth=1.3, color=colour, linestyle=dashes)
    axis.set_xlabel(plain_text(feature))
    axis.set_ylabel("share of the class")
