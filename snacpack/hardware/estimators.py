"""How well an estimate orders circuits by their cost, and how far off it is: measured against the circuits' counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from snacpack.networks.bops import bops_of, effective_bit_operations
from snacpack.networks.integers import FixedPointNetwork

INTERVAL = 0.6827
N_DRAWS = 2000


@dataclass(frozen=True)
class Estimator:
    """An estimate of a circuit's LUTs: its name, and the unit that it is in."""

    name: str
    unit: str

    @property
    def in_luts(self) -> bool:
        """Whether the estimate is a number of LUTs; if not, it needs a scale."""
        return self.unit == "LUT"


ESTIMATORS = {
    "da4ml": Estimator("da4ml", "LUT"),
    "ebops": Estimator("EBOPs", "bit operations"),
    "bops": Estimator("BOPs", "bit operations"),
    "rule4ml_lut": Estimator("rule4ml, LUTs", "LUT"),
    "rule4ml_average": Estimator("rule4ml, average resources", "% of the board"),
}


@dataclass(frozen=True)
class Rank:
    """Kendall's rank correlation (tau-b) and its 68% interval; None where it is not defined or not asked for."""

    tau: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Quality:
    """How an estimate compares with the counts of ``n`` circuits.

    Parameters
    ----------
    rank
        Over all pairs of circuits.
    within
        Over the pairs of circuits of the same group.
    scale
        The factor of the estimate before its errors: one for an estimate in the counts' unit.
    median_factor, p90_factor
        Half, and nine of ten, of the scaled estimates are within this factor of the count; None if it is infinite.
    """

    n: int
    rank: Rank
    within: Rank
    scale: float
    median_factor: float | None
    p90_factor: float | None


def estimate_quality(
    estimates: Sequence[float],
    counts: Sequence[float],
    fit_scale: bool,
    groups: Sequence[object] | None = None,
) -> Quality:
    """Compare an estimate of a cost with what was counted.

    Parameters
    ----------
    estimates, counts
        Those of each circuit; counts are positive, estimates not negative.
    fit_scale
        Whether the estimate is in a unit of its own. Then it is scaled such that as many estimates are above the
        count as below, which is the factor of the least mean absolute error in the logarithm.
    groups
        A name that each circuit shares with others, such as its architecture: circuits are compared within groups too,
        and intervals are those of a bootstrap that draws groups, not circuits. None asks for neither.

    Raises
    ------
    ValueError
        If there are no circuits, or a count is not positive or an estimate negative.
    """
    x, y = np.asarray(estimates, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if len(x) != len(y) or not len(x) or not (y > 0).all() or not (x >= 0).all():
        raise ValueError(f"every circuit needs a positive count and an estimate, got {list(counts)}, {list(estimates)}")
    with np.errstate(divide="ignore"):
        distance = np.log(x) - np.log(y)
    shift = -float(np.median(distance)) if fit_scale else 0.0
    # If most estimates are zero, there is nothing to scale.
    shift = shift if np.isfinite(shift) else 0.0
    errors = np.quantile(np.abs(distance + shift), [0.5, 0.9], method="higher")
    factors = [float(np.exp(error)) if np.isfinite(error) else None for error in errors]
    rank, within = (Rank(kendall_tau(x, y)), Rank(None)) if groups is None else _ranks(x, y, groups)
    return Quality(len(x), rank, within, float(np.exp(shift)), *factors)


def kendall_tau(estimates: Sequence[float], counts: Sequence[float]) -> float | None:
    """Return Kendall's tau-b; None where the estimate, or the count, is the same for all circuits."""
    return _tau(*(pairs.sum() for pairs in _pairs(estimates, counts)))


def network_estimates(network: FixedPointNetwork, circuit: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the estimates of a compressed network's LUTs that follow from its integers.

    Parameters
    ----------
    network
        The network.
    circuit
        da4ml's estimate, with ``lut``, from :mod:`snacpack.hardware.circuit` or a synthesis' report; None without one.

    Returns
    -------
    ``da4ml`` (LUTs), ``ebops`` and ``bops``.
    """
    return {
        "da4ml": circuit["lut"],
        "ebops": effective_bit_operations(network),
        "bops": round(bops_of(network)),
    }


def _pairs(x: Sequence[float], y: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pair whether x and y order it alike (1) or not (-1), and whether each orders it; (n, n)."""
    signs = [np.sign(np.subtract.outer(values, values)) for values in map(np.asarray, (x, y))]
    return signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1])


def _tau(agreement: float, ordered_x: float, ordered_y: float) -> float | None:
    return float(agreement / np.sqrt(ordered_x * ordered_y)) if ordered_x and ordered_y else None


def _ranks(x: np.ndarray, y: np.ndarray, groups: Sequence[object]) -> tuple[Rank, Rank]:
    """Return the rank correlation over all pairs and over those within a group, with bootstrap intervals."""
    order: dict[object, int] = {}
    numbers = np.array([order.setdefault(group, len(order)) for group in groups])
    draws = np.random.default_rng(0).multinomial(len(order), np.full(len(order), 1 / len(order)), N_DRAWS)
    # How often each circuit is drawn: always as often as the others of its group.
    weights = np.vstack([np.ones(len(x)), draws[:, numbers]])
    pairs = _pairs(x, y)
    same = (numbers[:, None] == numbers).astype(float)
    everywhere = [[w @ matrix @ w for matrix in pairs] for w in weights]
    within = weights @ np.array([(same * matrix).sum(axis=1) for matrix in pairs]).T
    return _rank(everywhere), _rank(within)


def _rank(sums: Iterable[Sequence[float]]) -> Rank:
    """Return the first tau with the central 68% of those that follow it."""
    tau, *drawn = [_tau(*entry) for entry in sums]
    defined = [value for value in drawn if value is not None]
    if tau is None or not defined:
        return Rank(tau)
    return Rank(tau, *map(float, np.quantile(defined, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])))
