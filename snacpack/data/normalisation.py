"""Bringing features to a common scale, with the numbers of the training examples alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

METHODS = {
    "quantiles": ("median", "range"),
    "standard": ("mean", "standard_deviation"),
    "minmax": ("minimum", "extent"),
    "power_of_two": ("origin", "power_of_two"),
    "none": ("shift", "scale"),
}
"""Methods, and the names of what each subtracts and divides by. ``range`` is the 95% quantile minus the 5% one,
``power_of_two`` the least one that is not below the largest absolute value; ``origin`` is zero.
"""


@dataclass(frozen=True)
class Normalisation:
    """Shift and scale of each feature along the last axis of an example.

    Parameters
    ----------
    method
        One of :data:`METHODS`.
    shift, scale
        ``(features,)`` numbers that are subtracted, and that the difference is divided by.
    """

    method: str
    shift: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(
        cls,
        method: str,
        x: np.ndarray,
        names: Sequence[str],
        key: str,
        examples: str,
        method_key: str = "data.normalisation, such as standard",
    ) -> "Normalisation":
        """Compute shift and scale.

        Parameters
        ----------
        method
            One of :data:`METHODS`.
        x
            ``(n, ..., features)`` training examples. All places of an example, padding included, have one scale.
        names
            Names of the features.
        key, examples
            Key of the configuration that an error is about, and the word for the examples.
        method_key
            The key that chooses another method, for the error.

        Raises
        ------
        ValueError
            If a feature has no spread.
        """
        rows = x.reshape(-1, x.shape[-1])
        if method == "quantiles":
            low, shift, high = np.quantile(rows, (0.05, 0.5, 0.95), axis=0)
            scale = high - low
        elif method == "standard":
            shift, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        elif method == "minmax":
            shift, scale = rows.min(axis=0).astype(np.float64), np.ptp(rows.astype(np.float64), axis=0)
        elif method == "power_of_two":
            shift, scale = np.zeros(x.shape[-1]), _power_of_two(np.abs(rows).max(axis=0))
        else:
            shift, scale = np.zeros(x.shape[-1]), np.ones(x.shape[-1])
        constant = [name for name, spread in zip(names, scale, strict=True) if not spread > 0]
        if constant:
            others = "" if examples == "jets" else f", or choose another {method_key}"
            raise ValueError(
                f"{key}: {', '.join(constant)} is the same in nearly all training {examples}; leave it out{others}"
            )
        return cls(method, shift, scale)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return ``(n, ..., features)`` examples on the common scale, float32."""
        return ((x - self.shift) / self.scale).astype(np.float32)

    def undo(self, x: np.ndarray) -> np.ndarray:
        """Return ``(n, ..., features)`` examples in the units of the files."""
        return x * self.scale + self.shift

    def to_dict(self) -> dict[str, list[float]]:
        """Return shift and scale under the names that tell the method."""
        return dict(zip(METHODS[self.method], (self.shift.tolist(), self.scale.tolist()), strict=True))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Normalisation":
        """Build from what :meth:`to_dict` returns."""
        method = next(method for method, names in METHODS.items() if set(names) == set(fields))
        return cls(method, *(np.array(fields[name]) for name in METHODS[method]))


def _power_of_two(values: np.ndarray) -> np.ndarray:
    """Return the least powers of two that are not below the values, and zero for zero."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.where(values > 0, np.ldexp(1.0, exponent - (mantissa == 0.5)), 0.0)
