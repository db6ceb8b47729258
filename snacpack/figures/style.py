"""The look of every picture: fonts, colours that colour-blind readers tell apart, and how they are saved."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from snacpack.core.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette without its yellow, which is too pale for lines on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#222222"
# From early to late; viridis without its brightest part, which is lost on white.
GENERATIONS = LinearSegmentedColormap.from_list("generations", colormaps["viridis_r"](np.linspace(0.12, 1, 8)))
FRONT = "#D55E00"
REFERENCE = "#000000"
CANDIDATE = "#CC79A7"

_SETTINGS = {
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    # Otherwise the names of an SVG's elements are drawn at random.
    "svg.hashsalt": "snacpack",
}


def plain_text(name: str, longest: int = 30) -> str:
    """Return a name from the user's files as a label shows it: shortened, and no formula."""
    shown = name if len(name) <= longest else f"{name[: longest - 3]}..."
    return shown.replace("$", r"\$")


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw what is made inside the block in the report's style."""
    with plt.style.context(["default", _SETTINGS]):
        yield


def model_look(index: int) -> dict[str, str]:
    """Return colour and marker of the ``index``-th model; they repeat after 49 models."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": MARKERS[(index + index // len(PALETTE)) % len(MARKERS)],
    }


def save_figure(figure: "Figure", paths: Sequence[str | Path]) -> None:
    """Write a figure to every path, in the format of its suffix, and close it.

    The files of equal figures are equal: no date is written.
    """
    for path in map(Path, paths):
        with whole_file(path) as temporary:
            date = {"Date": None} if path.suffix == ".svg" else {}
            # Matplotlib reads some of the style, such as an SVG's salt, only here.
            with figure_style():
                figure.savefig(temporary, format=path.suffix[1:], dpi=180, metadata=date)
    plt.close(figure)
