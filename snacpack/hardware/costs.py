"""Every hardware objective of a network before any synthesis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from snacpack.costs.objective import FloatNetwork
from snacpack.costs.registry import ARCHITECTURES, compute, costs_of, measures_of
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture


def estimate_costs(
    architectures: Sequence[Architecture],
    surrogate: Surrogate,
    bit_width: int,
    known: Iterable[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Return the surrogate's estimates of each architecture, and all objectives that are functions of it, in order.

    Architectures that differ only in how they are trained cost the same and are
    estimated once.

    Parameters
    ----------
    architectures
        The networks that are estimated.
    surrogate
        The surrogate that estimates.
    bit_width
        Bits of weights, activations and inputs, for objectives such as ``bops``.
    known
        Earlier records of this function. An estimate is taken from them where one
        follows from the same network and the same surrogate, which its
        ``estimate_of`` tells.
    """
    sources = [surrogate.describe(architecture) for architecture in architectures]
    estimates = {record["estimate_of"]: record for record in known if "estimate_of" in record}
    new = {
        source: architecture
        for source, architecture in zip(sources, architectures, strict=True)
        if source not in estimates
    }
    estimates.update(zip(new, surrogate.estimate(list(new.values())), strict=True))
    return [
        {
            **{name: estimates[source][name] for name in surrogate.objectives},
            "estimate_of": source,
            **compute(ARCHITECTURES, FloatNetwork(architecture, bit_width)),
        }
        for architecture, source in zip(architectures, sources, strict=True)
    ]


def costs_table(architectures: Mapping[str, Architecture], surrogate: Surrogate, bit_width: int) -> pd.DataFrame:
    """Return one row per named architecture with the columns of ``references/hardware.csv``."""
    records = estimate_costs(list(architectures.values()), surrogate, bit_width)
    columns = {name: measures_of(ARCHITECTURES)[name].reference_column for name in costs_of(ARCHITECTURES)}
    rows = [
        {
            "model": name,
            "architecture": architecture.label,
            **{column: record[cost] for cost, column in columns.items() if column},
            "extrapolated": surrogate.extrapolates(architecture),
            **{cost: record[cost] for cost, column in columns.items() if not column and cost in record},
        }
        for (name, architecture), record in zip(architectures.items(), records, strict=True)
    ]
    return pd.DataFrame(rows)
