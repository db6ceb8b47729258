"""Brevitas quantisers whose every number is binary fixed point.

Scales are powers of two. Activations and inputs round down, which is what a circuit
does for free and what hls4ml does with an input, so that training and circuit agree
bit for bit. Weights and biases are constants and round to nearest.
"""

from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
from brevitas.quant.fixed_point import (
    Int8ActPerTensorFixedPoint,
    Int8BiasPerTensorFixedPointInternalScaling,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)

# A dead layer has no range. Brevitas' own floor of 1e-10 would give it a scale that is no power of two.
SMALLEST_RANGE = 2.0**-20

# A finer bias than 2**-14 could push a sum of ordinary size beyond float32's 24 bits.
MAX_BIAS_FRACTION_BITS = 14


def weight_quantizer(bits: int) -> type:
    """Return the weights' quantiser: signed, narrow, scaled by the largest weight."""
    return Int8WeightPerTensorFixedPoint.let(bit_width=bits, scaling_min_val=SMALLEST_RANGE)


def bias_quantizer(bits: int) -> type:
    """Return the biases' quantiser: signed, scaled by the largest bias."""
    return Int8BiasPerTensorFixedPointInternalScaling.let(
        bit_width=bits, scaling_min_val=2.0 ** (bits - 1 - MAX_BIAS_FRACTION_BITS)
    )


def learned_quantizer(bits: int, signed: bool, statistics_steps: int) -> type:
    """Return a quantiser whose scale starts from the first batches' values and is learned from then on.

    Parameters
    ----------
    bits
        Bits of each value, the sign's included.
    signed
        Whether values can be negative.
    statistics_steps
        Training steps that only collect the range of the values.
    """
    base = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return base.let(
        bit_width=bits,
        float_to_int_impl_type=FloatToIntImplType.FLOOR,
        scaling_min_val=SMALLEST_RANGE,
        collect_stats_steps=statistics_steps,
    )


def constant_quantizer(bits: int, signed: bool, maximum: float) -> type:
    """Return a quantiser of fixed range: up to ``maximum`` (a power of two), from its negative if signed."""
    base = Int8ActPerTensorFixedPoint if signed else Uint8ActPerTensorFixedPoint
    return base.let(
        bit_width=bits,
        float_to_int_impl_type=FloatToIntImplType.FLOOR,
        scaling_impl_type=ScalingImplType.CONST,
        scaling_init=maximum,
        scaling_min_val=None,
    )
