"""All that quantised networks take from Brevitas, imported without PyTorch's compiler.

Brevitas asks whether PyTorch's compiler is at work on it, and so loads a compiler that no job uses, for longer than all
the rest takes. While the compiler cannot be imported, Brevitas takes it for not at work. PyTorch loads it when it is
needed.
"""

import sys

import torch  # noqa: F401

COMPILER = "torch._dynamo"
is_loaded = COMPILER in sys.modules
if not is_loaded:
    # None is Python's mark of a module that cannot be imported.
    sys.modules[COMPILER] = None
try:
    import brevitas.nn as qnn
    from brevitas.core.function_wrapper import TensorClamp
    from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
    from brevitas.quant.fixed_point import (
        Int8ActPerTensorFixedPoint,
        Int8BiasPerTensorFixedPointInternalScaling,
        Int8WeightPerTensorFixedPoint,
        Uint8ActPerTensorFixedPoint,
    )
finally:
    if not is_loaded:
        del sys.modules[COMPILER]

__all__ = [
    "FloatToIntImplType",
    "Int8ActPerTensorFixedPoint",
    "Int8BiasPerTensorFixedPointInternalScaling",
    "Int8WeightPerTensorFixedPoint",
    "ScalingImplType",
    "TensorClamp",
    "Uint8ActPerTensorFixedPoint",
    "qnn",
]
