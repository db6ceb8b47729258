"""Effective bit operations (EBOPs) of one inference."""

from snacpack.costs.objective import MINIMISED, CompressedNetwork, Measure, Objective


def count_ebops(network: CompressedNetwork) -> int:
    """Count the effective bit operations of a network by the bits that its weights need."""
    from snacpack.networks.bops import effective_bit_operations

    return effective_bit_operations(network.integers)


OBJECTIVE = Objective(
    "ebops",
    MINIMISED,
    compressions=Measure(
        "EBOPs",
        "EBOPs",
        by=count_ebops,
        digits=0,
        note="effective bit operations, by the bits that the trained weights need",
        column=5,
    ),
    ideal=0.0,
)
