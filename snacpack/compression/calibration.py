"""Ranges for the quantisers of a network with given weights: what its fine-tuning starts from."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from snacpack.compression.network import build_quantized_network, dense_layers, range_of
from snacpack.compression.quantizers import RANGE_OFFSET
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision

CALIBRATION_JETS = 2048

# Powers of two below the largest value that are tried as a range.
EXPONENTS = 8

EQUALISING_ROUNDS = 10

# A dead layer has no largest value.
SMALLEST_EXPONENT = -20

# A finer bias than 2**-10 could push a sum of ordinary size beyond float32's 24 bits.
MAX_BIAS_FRACTION_BITS = 10


def equalise(layers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the weights and biases of the same ReLU network, each unit's largest weight before and behind alike.

    Batch normalisation folded into the weights leaves some units with weights many times those
    of others: one grid for all of a layer's weights, and one threshold for pruning them, would erase the small ones.
    A ReLU lets a positive factor through, so that it can be moved from one side of a unit to the other.

    Parameters
    ----------
    layers
        (n_out, n_in) weight and (n_out,) bias of each dense layer; the activations between them are ReLUs.

    References
    ----------
    M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
    arXiv:1906.04721.
    """
    layers = [(weight.clone(), bias.clone()) for weight, bias in layers]
    for _ in range(EQUALISING_ROUNDS):
        for i in range(len(layers) - 1):
            (weight, bias), (following, following_bias) = layers[i : i + 2]
            before, behind = weight.abs().amax(1), following.abs().amax(0)
            # A unit that nothing enters or leaves stays as it is.
            factor = torch.where((before > 0) & (behind > 0), torch.sqrt(behind / before), torch.ones(()))
            layers[i] = weight * factor[:, None], bias * factor
            layers[i + 1] = following / factor, following_bias
    return layers


def quantize(
    architecture: Architecture,
    precision: Precision,
    layers: Sequence[tuple[torch.Tensor, torch.Tensor]],
    x: np.ndarray | torch.Tensor,
) -> nn.Sequential:
    """Return the Brevitas network with given weights, calibrated.

    Parameters
    ----------
    architecture, precision
        Those of the network.
    layers
        (n_out, n_in) weight and (n_out,) bias of each dense layer, from
        :func:`snacpack.compression.network.fold_batch_norm`.
    x
        (n, n_inputs) float32 training jets, of which the first few thousand are used.
    """
    network = build_quantized_network(architecture, precision)
    with torch.no_grad():
        for dense, (weight, bias) in zip(dense_layers(network), layers, strict=True):
            dense.weight.copy_(weight)
            dense.bias.copy_(bias)
    calibrate(network, x)
    return network


@torch.no_grad()
def calibrate(network: nn.Sequential, x: np.ndarray | torch.Tensor) -> None:
    """Set all ranges: each tensor's to the power of two that quantises it with the least mean square error.

    Layer by layer, each on what the quantised layers before it make of the jets. The
    biases' range has room for them to double.

    Parameters
    ----------
    network
        Brevitas network of :func:`snacpack.compression.network.build_quantized_network`, changed in place.
    x
        (n, n_inputs) float32 training jets, of which the first few thousand are used.
    """
    was_training = network.training
    network.eval()
    values = torch.as_tensor(x)[:CALIBRATION_JETS]
    for child in network:
        if isinstance(child, nn.Linear):
            _fit(child.weight_quant, child.weight, RANGE_OFFSET)
            largest = _exponent(child.bias) + 1
            bits = int(child.bias_quant.tensor_quant.msb_clamp_bit_width_impl())
            range_of(child.bias_quant).fill_(max(largest, bits - 1 - MAX_BIAS_FRACTION_BITS))
        elif hasattr(child, "act_quant") and isinstance(range_of(child.act_quant), nn.Parameter):
            learned = range_of(child.act_quant).requires_grad
            activated = torch.relu(values) if not child.act_quant.is_signed else values
            _fit(child.act_quant, activated, RANGE_OFFSET if learned else 0.0)
        values = child(values)
    network.train(was_training)


def _fit(proxy: nn.Module, values: torch.Tensor, offset: float) -> None:
    quantizer = getattr(proxy, "fused_activation_quant_proxy", proxy).tensor_quant
    bits = quantizer.msb_clamp_bit_width_impl()
    lowest, highest = float(quantizer.int_quant.min_int(bits)), float(quantizer.int_quant.max_int(bits))
    to_integer = quantizer.int_quant.float_to_int_impl
    largest, errors = _exponent(values), []
    for exponent in range(largest, largest - EXPONENTS, -1):
        scale = 2.0 ** (exponent - int(bits) + proxy.is_signed)
        errors.append(float((to_integer(values / scale).clamp(lowest, highest) * scale - values).square().mean()))
    range_of(proxy).fill_(largest - int(np.argmin(errors)) + offset)


def _exponent(values: torch.Tensor) -> int:
    largest = float(values.abs().max())
    return max(SMALLEST_EXPONENT, int(np.ceil(np.log2(largest)))) if largest > 0 else SMALLEST_EXPONENT
