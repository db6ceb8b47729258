"""Every hardware objective of a network before any synthesis."""

from collections.abc import Mapping, Sequence

import pandas as pd

from snacpack.architecture import Architecture
from snacpack.hardware.bops import bit_operations, multiply_accumulates
from snacpack.hardware.surrogate import RESOURCES, Surrogate


def estimate_costs(
    architectures: Sequence[Architecture], surrogate: Surrogate, bit_width: int
) -> list[dict[str, float]]:
    """Return the surrogate's estimates, ``macs`` and ``bops`` of each architecture, in order.

    ``bops`` counts bit operations with ``bit_width`` bits for weights, activations and inputs.
    """
    records = surrogate.estimate(architectures)
    for architecture, record in zip(architectures, records, strict=True):
        record["macs"] = multiply_accumulates(architecture.layer_widths)
        record["bops"] = round(bit_operations(architecture.layer_widths, bit_width, bit_width), 2)
    return records


def costs_table(architectures: Mapping[str, Architecture], surrogate: Surrogate, bit_width: int) -> pd.DataFrame:
    """Return one row per named architecture with the columns of ``references/hardware.csv``."""
    records = estimate_costs(list(architectures.values()), surrogate, bit_width)
    rows = [
        {
            "model": name,
            "architecture": architecture.label,
            "macs": record["macs"],
            "bops": record["bops"],
            **{f"{resource}_percent": record[resource] for resource in RESOURCES},
            "est_average_resources_percent": record["average_resources"],
            "est_clock_cycles": record["clock_cycles"],
        }
        for (name, architecture), record in zip(architectures.items(), records, strict=True)
    ]
    return pd.DataFrame(rows)
