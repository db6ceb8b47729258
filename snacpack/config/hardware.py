"""The configuration's section ``hardware``: how the cost of a network is estimated before any synthesis."""

from typing import Annotated, Literal

from pydantic import Field

from snacpack.config.keys import Says, Section, key, section
from snacpack.config.types import ReuseFactor, Strategy
from snacpack.hardware.surrogate import TARGETS, Surrogate

Precision = Annotated[
    str,
    Field(pattern=r"^ap_u?fixed<\s*[1-9]\d?\s*,\s*-?\d{1,2}\s*>$"),
    Says("an ap_fixed type such as ap_fixed<8,3>, of 1 to 99 bits"),
]


class Rule4ml(Section):
    """rule4ml, and the hls4ml configuration that it is asked about."""

    weights: Literal[*TARGETS] = key(
        Surrogate.weights,
        "rule4ml's weights: `v1-mlp` as in the paper, or `v2-gnn`, which knows newer versions and more boards",
        "`v1-mlp` was trained on layers of up to 4,096 weights, `v2-gnn` also on layers of up to 128 inputs and units. "
        "Estimates of other networks are extrapolations, which the run says at its start and the column `extrapolated` "
        "marks.",
    )
    board: Annotated[str, Says("a board of rule4ml")] = key(
        Surrogate.board, "board whose resources are 100% in the estimates"
    )
    precision: Precision = key(Surrogate.precision, "precision of the networks that rule4ml is asked about")
    strategy: Strategy = key(Surrogate.strategy, "hls4ml's strategy for them")
    reuse_factor: ReuseFactor = key(Surrogate.reuse_factor, "multiplications of them that share a multiplier")


class Hardware(Section):
    """Estimates of hardware."""

    surrogate: Rule4ml = section(Rule4ml)
    bit_width: Annotated[int, Field(ge=1, le=32)] = key(
        8, "bits of weights, activations and inputs, for the objective `bops`"
    )
