"""Bit operations (BOPs) of one inference."""

from snacpack.costs.objective import MINIMISED, CompressedNetwork, FloatNetwork, Measure, Objective


def count_bops(network: FloatNetwork) -> float:
    """Count the bit operations of an architecture at the bits of the configuration."""
    from snacpack.networks.bops import bit_operations

    return round(bit_operations(network.architecture.graph.matrices, network.bit_width, network.bit_width), 2)


def count_bops_of_compressed(network: CompressedNetwork) -> int:
    """Count the bit operations of a pruned network at the bits that its layers were given."""
    from snacpack.networks.bops import bops_of

    return round(bops_of(network.integers, network.precision.weight_bits, network.densities))


OBJECTIVE = Objective(
    "bops",
    MINIMISED,
    architectures=Measure(
        "BOPs",
        "BOPs",
        by=count_bops,
        digits=0,
        note="bit operations at {bit_width} bits",
        shown=True,
        column=2,
        reference_column="bops",
        in_millions=True,
    ),
    compressions=Measure(
        "BOPs", "BOPs", by=count_bops_of_compressed, digits=0, note="bit operations by the given bits", column=4
    ),
    ideal=0.0,
)
