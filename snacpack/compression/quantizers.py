"""Brevitas quantisers whose every number is binary fixed point.

Scales are powers of two, their ranges parameters: the binary logarithm, rounded up
when it is used. Activations and inputs round down, which is what a circuit does for
free and what hls4ml does with an input, so that training and circuit agree bit for
bit. Weights and biases are constants and round to nearest. A number outside a grid is
put on its end and passes no gradient.
"""

from typing import Any

from snacpack.compression.brevitas_parts import (
    FloatToIntImplType,
    Int8ActPerTensorFixedPoint,
    Int8BiasPerTensorFixedPointInternalScaling,
    Int8WeightPerTensorFixedPoint,
    ScalingImplType,
    TensorClamp,
    Uint8ActPerTensorFixedPoint,
)

# A learned range is kept in the middle between two powers of two: it takes as much to grow as to shrink.
RANGE_OFFSET = -0.5


def weight_quantizer(bits: int) -> type:
    """Return the weights' quantiser: signed, narrow."""
    return Int8WeightPerTensorFixedPoint.let(**_parameter(bits))


def bias_quantizer(bits: int) -> type:
    """Return the biases' quantiser: signed."""
    return Int8BiasPerTensorFixedPointInternalScaling.let(**_parameter(bits))


def activation_quantizer(bits: int, signed: bool) -> type:
    """Return an input's or activation's quantiser: rounding down.

    Parameters
    ----------
    bits
        Bits of each value, the sign's included.
    signed
        Whether values can be negative.
    """
    base = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return base.let(**_parameter(bits), float_to_int_impl_type=FloatToIntImplType.FLOOR)


def constant_quantizer(bits: int, signed: bool, maximum: float) -> type:
    """Return a quantiser of fixed range: up to ``maximum`` (a power of two), from its negative if signed."""
    fixed = {"scaling_impl_type": ScalingImplType.CONST, "scaling_init": maximum}
    return activation_quantizer(bits, signed).let(**fixed)


def _parameter(bits: int) -> dict[str, Any]:
    return {
        "bit_width": bits,
        "scaling_impl_type": ScalingImplType.PARAMETER,
        "scaling_init": 1.0,
        "scaling_shape": (),
        "scaling_min_val": None,
        "tensor_clamp_impl": TensorClamp,
    }
