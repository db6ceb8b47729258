"""Quantised networks: built for training in Brevitas, frozen into integers for circuits."""

from collections import OrderedDict
from itertools import pairwise

import brevitas.nn as qnn
import numpy as np
import torch
from torch import nn

from snacpack.architecture import Architecture
from snacpack.compression.quantizers import (
    bias_quantizer,
    constant_quantizer,
    learned_quantizer,
    weight_quantizer,
)
from snacpack.compression.scheme import Scheme
from snacpack.fixed_point import DenseLayer, FixedPointNetwork, Quantizer
from snacpack.training.network import initialise

STATISTICS_STEPS = 30

# hls4ml's tables of tanh and sigmoid: 1024 entries over [-4, 4) and [-8, 8).
TABLE_RANGE = {"tanh": 4.0, "sigmoid": 8.0}
MAX_TABLE_BITS = 10


def build_quantized_network(
    architecture: Architecture,
    scheme: Scheme,
    batch_norm: bool,
    statistics_steps: int = STATISTICS_STEPS,
) -> nn.Sequential:
    """Build the Brevitas network of an architecture, untrained.

    Parameters
    ----------
    architecture
        Layers, activation and dropout.
    scheme
        Bits of weights, activations and inputs.
    batch_norm
        Whether the hidden layers get the (float) batch normalisation that is folded
        into the weights before anything is exported; False builds the folded network.
    statistics_steps
        Training steps that only collect ranges for the learned scales.

    Returns
    -------
    nn.Sequential
        (n, n_inputs) float32 to (n, n_outputs) float32 logits. Children are called
        ``input``, and for layer i ``dense_i``, ``norm_i``, ``table_input_i``,
        ``activation_i`` and ``dropout_i`` where there is such a thing.
    """
    children: OrderedDict[str, nn.Module] = OrderedDict()
    children["input"] = qnn.QuantIdentity(act_quant=learned_quantizer(scheme.input_bits, True, statistics_steps))
    widths = architecture.layer_widths
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        children[f"dense_{i}"] = qnn.QuantLinear(
            n_in,
            n_out,
            bias=True,
            weight_quant=weight_quantizer(scheme.weight_bits),
            bias_quant=bias_quantizer(scheme.bias_bits),
        )
        if i == len(architecture.units):
            break
        if batch_norm:
            children[f"norm_{i}"] = nn.BatchNorm1d(n_out)
        children.update(_activation(architecture.activation, scheme.activation_bits, statistics_steps, i))
        if architecture.dropout > 0:
            children[f"dropout_{i}"] = nn.Dropout(architecture.dropout)
    network = nn.Sequential(children)
    initialise(network, architecture.activation)
    return network


def _activation(name: str, bits: int, statistics_steps: int, i: int) -> dict[str, nn.Module]:
    if name == "relu":
        return {f"activation_{i}": qnn.QuantReLU(act_quant=learned_quantizer(bits, False, statistics_steps))}
    table_bits = min(bits + 2, MAX_TABLE_BITS)
    table_input = qnn.QuantIdentity(act_quant=constant_quantizer(table_bits, True, TABLE_RANGE[name]))
    layer, signed = (qnn.QuantTanh, True) if name == "tanh" else (qnn.QuantSigmoid, False)
    activation = layer(act_quant=constant_quantizer(bits, signed, 1.0))
    return {f"table_input_{i}": table_input, f"activation_{i}": activation}


def dense_layers(network: nn.Sequential) -> list[qnn.QuantLinear]:
    """Return the dense layers from the input to the logits."""
    return [child for child in network if isinstance(child, qnn.QuantLinear)]


def fold_batch_norm(network: nn.Sequential, architecture: Architecture, scheme: Scheme) -> nn.Sequential:
    """Return a network without batch normalisation that computes the same in inference.

    Before quantisation the two are equal up to float32 rounding; the folded weights
    are on another grid, so that a network is trained on after folding.
    """
    folded = build_quantized_network(architecture, scheme, batch_norm=False)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("norm_")}
    for name, norm in network.named_children():
        if isinstance(norm, nn.BatchNorm1d):
            dense = name.replace("norm", "dense")
            factor = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
            state[f"{dense}.weight"] = state[f"{dense}.weight"] * factor[:, None]
            state[f"{dense}.bias"] = ((state[f"{dense}.bias"] - norm.running_mean) * factor + norm.bias).detach()
    folded.load_state_dict(state)
    return folded


def freeze(network: nn.Sequential) -> FixedPointNetwork:
    """Return the integers that a trained network computes with in inference.

    Its ``predict`` equals the network's output in evaluation mode exactly, as long
    as no sum of the network outgrows float32's 24 bits.

    Raises
    ------
    ValueError
        If batch normalisation is not folded, or a scale is not a power of two.
    """
    if any(isinstance(child, nn.BatchNorm1d) for child in network):
        raise ValueError("the network still has batch normalisation; fold it before freezing")
    was_training = network.training
    network.eval()
    with torch.no_grad():
        frozen = FixedPointNetwork(
            _grid(network.input), tuple(_freeze_layer(network, i) for i in range(len(dense_layers(network))))
        )
    network.train(was_training)
    return frozen


def _freeze_layer(network: nn.Sequential, i: int) -> DenseLayer:
    children = dict(network.named_children())
    dense = children[f"dense_{i}"]
    weight, bias = dense.quant_weight(), dense.quant_bias()
    constants = {
        "weight": weight.int().numpy().astype(np.int64),
        "weight_fraction_bits": _fraction_bits(weight.scale),
        "bias": bias.int().numpy().astype(np.int64),
        "bias_fraction_bits": _fraction_bits(bias.scale),
    }
    if f"activation_{i}" not in children:
        return DenseLayer(**constants, activation="linear")
    activation = children[f"activation_{i}"]
    output = _grid(activation)
    if isinstance(activation, qnn.QuantReLU):
        return DenseLayer(**constants, activation="relu", output=output)
    table_input = _grid(children[f"table_input_{i}"])
    name = "tanh" if isinstance(activation, qnn.QuantTanh) else "sigmoid"
    table = _table(activation, table_input, output)
    return DenseLayer(**constants, activation=name, output=output, table_input=table_input, table=table)


def _table(activation: nn.Module, table_input: Quantizer, output: Quantizer) -> np.ndarray:
    integers = np.arange(table_input.minimum, table_input.maximum + 1)
    values = activation(torch.from_numpy(np.ldexp(integers, -table_input.fraction_bits).astype(np.float32)))
    return np.ldexp(values.numpy().astype(np.float64), output.fraction_bits).astype(np.int64)


def _grid(layer: nn.Module) -> Quantizer:
    quantizer = layer.act_quant
    return Quantizer(
        bits=int(quantizer.bit_width()),
        fraction_bits=_fraction_bits(quantizer.scale()),
        signed=bool(quantizer.is_signed),
        narrow=bool(quantizer.is_narrow_range),
    )


def _fraction_bits(scale: torch.Tensor) -> int:
    mantissa, exponent = np.frexp(float(scale))
    if mantissa != 0.5:
        raise ValueError(f"the scale {float(scale)} is not a power of two; the network is no fixed-point network")
    return 1 - int(exponent)
