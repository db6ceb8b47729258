"""Multiply-accumulates of one inference."""

from snacpack.costs.objective import MINIMISED, FloatNetwork, Measure, Objective


def count_macs(network: FloatNetwork) -> int:
    """Count the multiply-accumulates of an architecture."""
    from snacpack.networks.bops import multiply_accumulates

    return multiply_accumulates(network.architecture.graph.matrices)


OBJECTIVE = Objective(
    "macs",
    MINIMISED,
    architectures=Measure(
        "multiply-accumulates",
        "MACs",
        by=count_macs,
        digits=0,
        note="multiply-accumulates of one inference, the number that the SNAC-Pack paper lists as BOPs",
        shown=True,
        column=1,
        reference_column="macs",
    ),
    ideal=0.0,
)
