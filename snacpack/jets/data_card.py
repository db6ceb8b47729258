"""The data card: what a prepared data set holds, as numbers and as a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.core.files import whole_file
from snacpack.data.card import summarise
from snacpack.data.dataset import describe_attributes, load_dataset, open_dataset, read_info
from snacpack.data.info import SPLITS
from snacpack.data.normalisation import Normalisation
from snacpack.jets.layout import HIGH_LEVEL_FEATURES

MULTIPLICITY = "multiplicity"
_CLASS_NAMES = {"g": "gluon", "q": "light quark", "w": "W boson", "z": "Z boson", "t": "top quark"}
# Okabe and Ito's colours, which readers with a colour vision deficiency tell apart.
_COLOURS = {"g": "#0072B2", "q": "#56B4E9", "w": "#009E73", "z": "#E69F00", "t": "#D55E00"}
_LABELS = {
    "pt": "transverse momentum of the leading constituent [GeV]",
    "etarel": "pseudorapidity of the leading constituent, relative to the jet",
    "phirel": "azimuth of the leading constituent, relative to the jet",
}
_RAW_BINS = 60


def raw_features(path: str | Path, split: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Undo the normalisation of the leading constituent's features, or of the jet's own.

    Parameters
    ----------
    path
        ``jets.h5`` of a run.
    split
        ``train``, ``val`` or ``test``.

    Returns
    -------
    features
        By feature kind ``(n,)`` of the leading constituent or the jet, in the
        units of the raw files; and :data:`MULTIPLICITY`, the constituents above
        the pT threshold, unless it is a feature itself: of all constituents.
    y
        ``(n,)`` classes.
    """
    x, y = load_dataset(path, (split,))[split]
    described = describe_attributes(path)
    kinds = feature_kinds(described["features"])
    # The first features are the leading constituent's, or all are the jet's own.
    leading = Normalisation.from_dict(described["normalisation"]).undo(x[:, : len(kinds)])
    features = dict(zip(kinds, leading.T, strict=True))
    return {**features, MULTIPLICITY: features.get(MULTIPLICITY, load_multiplicity(path, split))}, y


def shown_features(path: str | Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the training jets as :func:`raw_features` does; those of signals, which are not there, from the test."""
    info, (features, y) = read_info(path), raw_features(path, "train")
    if not info.background:
        return features, y
    of_test, y_test = raw_features(path, "test")
    is_signal = ~info.is_background[y_test]
    joined = {kind: np.concatenate([values, of_test[kind][is_signal]]) for kind, values in features.items()}
    return joined, np.concatenate([y, y_test[is_signal]])


def load_multiplicity(path: str | Path, split: str) -> np.ndarray:
    """Load how many constituents of each jet pass the pT threshold, ``(n,)`` int64."""
    with open_dataset(path) as file:
        return file[f"multiplicity_{split}"][:].astype(np.int64)


def feature_kinds(names: Sequence[str]) -> list[str]:
    """Return the kinds of feature, ``["pt", "etarel"]`` of ``["pt_0", "etarel_0", "pt_1", ...]``.

    Observables of a jet, which have no number, are returned as they are.
    """
    return [name.removesuffix("_0") for name in names if name.endswith("_0")] or list(names)


def make_data_card(path: str | Path) -> dict[str, Any]:
    """Count and summarise prepared jets.

    Parameters
    ----------
    path
        ``jets.h5`` of a run.

    Returns
    -------
    dict
        For JSON: ``source``, ``features``, ``classes``, ``n_constituents``,
        ``min_constituent_pt_gev``, ``normalisation`` by feature kind, ``jets``
        and ``dropped`` (counts by split and class), ``origin`` (the folders
        and files of each split) and ``repeated`` (jets that stand in a split
        more than once, or in an earlier one too), both None where an earlier
        version prepared the file, ``distributions`` (mean,
        standard deviation and quantiles of the training jets, of signals the
        test jets, by feature kind and class; raw units, of the leading
        constituent); and ``background`` where some classes are signals.
    """
    described = describe_attributes(path)
    classes, kinds = described["classes"], feature_kinds(described["features"])
    labels = {split: y for split, (_, y) in load_dataset(path, SPLITS).items()}
    counts = {split: np.bincount(y, minlength=len(classes)) for split, y in labels.items()}
    features, y = shown_features(path)
    normalisation = described["normalisation"]
    return {
        **{name: described[name] for name in ("source", "features", "classes", "dropped")},
        **{name: described[name] for name in ("n_constituents", "min_constituent_pt_gev")},
        **{name: described.get(name) for name in ("origin", "repeated")},
        **{name: described[name] for name in ("background",) if name in described},
        "normalisation": {
            kind: {name: values[place] for name, values in normalisation.items()} for place, kind in enumerate(kinds)
        },
        "jets": {split: dict(zip(classes, count.tolist(), strict=True)) for split, count in counts.items()},
        "distributions": {
            kind: {name: summarise(values[y == number]) for number, name in enumerate(classes)}
            for kind, values in features.items()
        },
    }


def draw_data_card(path: str | Path, figures: Sequence[str | Path]) -> None:
    """Draw the distributions of each class's training jets.

    Parameters
    ----------
    path
        ``jets.h5`` of a run.
    figures
        Files to make; the suffix is the format, e.g. ``.png`` or ``.svg``.
    """
    import matplotlib

    matplotlib.use("Agg")
    # The same jets give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "snacpack"
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    described = describe_attributes(path)
    features, y = shown_features(path)
    n_rows = -(-len(features) // 2)
    figure, axes = pyplot.subplots(n_rows, 2, figsize=(11, 3.6 * n_rows + 1), layout="constrained", squeeze=False)
    for axis in axes.ravel()[len(features) :]:
        axis.set_visible(False)
    for axis, (kind, values) in zip(axes.ravel(), features.items(), strict=False):
        _draw_distribution(axis, kind, values, y, described)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    lines = [Line2D([], [], color=handle.get_edgecolor(), linewidth=2) for handle in handles]
    axes[0, 0].legend(lines, labels, frameon=False, loc="upper right")
    figure.suptitle(
        f"{_numbers_shown(path, y)}, {_inputs_words(described)}\n{described['source']}",
        fontsize="medium",
        # A path may hold what would be taken for a formula.
        parse_math=False,
    )
    for target in map(Path, figures):
        with whole_file(target) as temporary:
            metadata = {"Date": None} if target.suffix == ".svg" else None
            figure.savefig(temporary, format=target.suffix[1:], dpi=150, metadata=metadata)
    pyplot.close(figure)


def _numbers_shown(path: str | Path, y: np.ndarray) -> str:
    info = read_info(path)
    if not info.background:
        return f"{len(y):,} training jets"
    n_background = info.is_background[y].sum()
    return f"{n_background:,} training jets of background, {len(y) - n_background:,} test jets of signals"


def _inputs_words(described: dict[str, Any]) -> str:
    if described["features"] == list(HIGH_LEVEL_FEATURES):
        return f"{len(HIGH_LEVEL_FEATURES)} high-level observables"
    threshold = f"{described['min_constituent_pt_gev']:g} GeV"
    return f"{described['n_constituents']} leading constituents above {threshold}"


def _draw_distribution(axis: Any, kind: str, values: np.ndarray, y: np.ndarray, described: dict[str, Any]) -> None:
    low, high = np.quantile(values, (0.005, 0.995))
    is_of_jet = kind in described["features"]
    if kind == MULTIPLICITY:
        width = max(1, round((high - low) / _RAW_BINS))
        bins = np.arange(np.floor(low), high + width + 1, width) - 0.5
        label = "constituents of the jet" + ("" if is_of_jet else " above the threshold")
    else:
        bins = np.linspace(low, high, _RAW_BINS + 1)
        label = _LABELS.get(kind, f"{kind} of the {'jet' if is_of_jet else 'leading constituent'}")
    signals = {*described["classes"]} - {*described.get("background", described["classes"])}
    for number, name in enumerate(described["classes"]):
        label_of_class = f"{_CLASS_NAMES[name]} (signal)" if name in signals else _CLASS_NAMES[name]
        density, _ = np.histogram(values[y == number], bins=bins, density=True)
        axis.stairs(density, bins, linewidth=1.6, color=_COLOURS[name], label=label_of_class)
    axis.set_xlabel(label)
    axis.set_ylabel("jets, normalised to one")
    axis.set_xlim(bins[0], bins[-1])
    axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.25)
