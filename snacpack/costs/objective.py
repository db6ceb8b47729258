"""The description of an objective, and the networks that its functions are given."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

from snacpack.core.plugins import check_name

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture
    from snacpack.networks.integers import FixedPointNetwork
    from snacpack.networks.scheme import Precision

MAXIMISED = +1
MINIMISED = -1

TRAINING = "training"
"""The source of what the training of a trial measures."""
VALIDATION = "validation"
"""The source of what the task measures of a trial's outputs on validation examples."""
RULE4ML = "rule4ml"
"""The source of what rule4ml estimates of an architecture."""
DA4ML = "da4ml"
"""The source of what da4ml estimates of a compressed network's circuit."""

_SOURCES = (TRAINING, VALIDATION, RULE4ML, DA4ML)


def is_finite(value: Any) -> bool:
    """Tell whether a value is a finite real number, be it Python's or NumPy's."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:
        # An integer that no float holds.
        return False


@dataclass(frozen=True)
class FloatNetwork:
    """A network of the search over architectures, as an objective's function gets it.

    Parameters
    ----------
    architecture
        Layers, activation and recipe.
    bit_width
        ``hardware.bit_width`` of the configuration.
    """

    architecture: "Architecture"
    bit_width: int

    def __str__(self) -> str:
        return self.architecture.label


@dataclass(frozen=True)
class CompressedNetwork:
    """A network of the search over compressions after its training, as an objective's function gets it.

    Parameters
    ----------
    integers
        The network as the circuit computes it.
    precision
        The bits that each layer was given.
    densities
        The fraction of each layer's weights that pruning has left, from the input on.
    """

    integers: "FixedPointNetwork"
    precision: "Precision"
    densities: tuple[float, ...]

    def __str__(self) -> str:
        return self.integers.label


@dataclass(frozen=True)
class Measure:
    """One search's way to measure an objective, and to write it.

    Parameters
    ----------
    words
        The objective in a sentence, such as ``estimated clock cycles``.
    axis
        The objective on an axis and above a column, without its unit, such as ``Est. clock cycles``.
    by
        A function of a :class:`FloatNetwork` in the search over architectures, and of a :class:`CompressedNetwork` in
        the search over compressions, which returns a finite number; or, for an objective of the workflow itself,
        :data:`TRAINING`, :data:`VALIDATION`, :data:`RULE4ML` or :data:`DA4ML`, whose results have an entry of its
        name.
    unit
        The unit, such as ``%``; empty for a number without one.
    digits
        Decimals in tables and hover texts; none for what is counted.
    note
        The definition below a table, a phrase without a full stop; ``{bit_width}`` stands for ``hardware.bit_width``.
        The words, if it is left out.
    shown
        Whether the report's tables and hover texts have the objective where no search optimises it, too.
    column
        Position among the costs of ``trials.csv``. An objective without one gets a column behind all others.
    reference_column
        Name of the column in ``references/hardware.csv`` and table 2 before their last one, ``extrapolated``. Without
        one, the column has the objective's name and stands behind that.
    in_millions
        Whether the axis of a figure counts in millions.

    Raises
    ------
    ValueError
        If a field is of another type, a text is missing, or ``by`` is neither a function nor a source.
    """

    words: str
    axis: str
    by: str | Callable[[Any], float]
    unit: str = ""
    digits: int = 2
    note: str = ""
    shown: bool = False
    column: int | None = None
    reference_column: str = ""
    in_millions: bool = False

    def __post_init__(self) -> None:
        for name in ("words", "axis"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{name} is {text!r}; write a text for the report")
        for name in ("unit", "note", "reference_column"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r}; write a text, or leave it out")
        for name in ("shown", "in_millions"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}; write True or False")
        if self.column is not None and type(self.column) is not int:
            raise ValueError(f"column is {self.column!r}; give a whole number, or None for a column behind all others")
        if not callable(self.by) and self.by not in _SOURCES:
            raise ValueError(
                f"by is {self.by!r}; give a function of the network ({', '.join(_SOURCES)} are for objectives of the "
                "workflow itself)"
            )
        if type(self.digits) is not int or not 0 <= self.digits <= 12:
            raise ValueError(f"digits is {self.digits!r}; give a number of decimals from 0 to 12")

    @property
    def heading(self) -> str:
        """The axis' name with its unit, such as ``Est. average resources [%]``."""
        return f"{self.axis} [{self.unit}]" if self.unit else self.axis

    @property
    def format(self) -> str:
        """The format of a CSV file's number, ``d`` for what is counted."""
        return f".{self.digits}f" if self.digits else "d"

    def write(self, value: float) -> str:
        """Return a value as people read it, thousands grouped and without its unit."""
        return f"{value:,.{self.digits}f}"

    def define(self, bit_width: int) -> str:
        """Return :attr:`note`, or the words where there is none."""
        return (self.note or self.words).replace("{bit_width}", str(bit_width))


@dataclass(frozen=True)
class Objective:
    """A quantity that a search can optimise: everything that the workflow knows of it.

    Parameters
    ----------
    name
        The entry of ``search.objectives``, the column of tables, and the name of the file that holds it: small
        letters, digits and underscores, at most 40.
    direction
        :data:`MAXIMISED` or :data:`MINIMISED`.
    architectures, compressions
        How each of the two searches measures it; None for a search that cannot.
    ideal
        The best value that there can be, to which the hypervolume is measured; None for the best one among the
        networks that set the hypervolume's scale.
    worst
        The worst value that counts in the hypervolume, where the networks that set its scale have none: of an
        objective by :data:`VALIDATION`.

    Raises
    ------
    ValueError
        If the name, direction or ideal is unfit, or no search measures the objective.
    """

    name: str
    direction: int
    architectures: Measure | None = None
    compressions: Measure | None = None
    ideal: float | None = None
    worst: float | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if type(self.direction) is not int or self.direction not in (MAXIMISED, MINIMISED):
            raise ValueError(f"direction is {self.direction!r}; write MAXIMISED or MINIMISED")
        if self.ideal is not None and not is_finite(self.ideal):
            raise ValueError(f"ideal is {self.ideal!r}; give a finite number, or None for the best that is known")
        if self.worst is not None and not is_finite(self.worst):
            raise ValueError(f"worst is {self.worst!r}; give a finite number, or None for the worst that is known")
        measures = [measure for measure in (self.architectures, self.compressions) if measure is not None]
        if not measures or not all(isinstance(measure, Measure) for measure in measures):
            raise ValueError("no search measures it; give a Measure as architectures, compressions or both")
