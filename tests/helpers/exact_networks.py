"""Small Brevitas networks at random, with what breaks circuits: scales far apart, dead layers, dead units."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from snacpack.compression.calibration import quantize
from snacpack.compression.network import dense_layers, fold_batch_norm, range_of
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision
from snacpack.training.network import build_network

BITS = st.integers(2, 8)


@dataclass(frozen=True)
class Draw:
    """The numbers that a network is made from; hypothesis shows those of a counterexample."""

    widths: tuple[int, ...]
    precision: Precision
    activation: str
    batch_norm: bool
    density: float
    dead_layer: int | None
    spread: int
    bias: float
    seed: int


@st.composite
def draws(draw, activations=("relu", "tanh", "sigmoid"), max_width=9, spreads=None):
    """Draw a network; ``spread`` is by how many bits its layers' scales are apart, one of ``spreads`` if given."""
    widths = draw(st.lists(st.integers(1, max_width), min_size=3, max_size=5).map(tuple))
    n_layers = len(widths) - 1
    weight_bits, activation_bits = (
        draw(st.lists(BITS, min_size=count, max_size=count)) for count in (n_layers, n_layers - 1)
    )
    return Draw(
        widths,
        Precision(weight_bits, activation_bits, draw(BITS)),
        draw(st.sampled_from(activations)),
        draw(st.booleans()),
        draw(st.sampled_from([1.0, 1.0, 0.6, 0.3])),
        draw(st.sampled_from([None] * 9 + [n_layers - 1])),
        draw(st.sampled_from([0, 0, 3, 10] if spreads is None else spreads)),
        draw(st.sampled_from([0.0, 0.3, 3.0])),
        draw(st.integers(0, 2**31)),
    )


def make(draw, n_jets=1000):
    """Return the Brevitas network of a draw, in evaluation mode, and (n_jets, n_inputs) jets with heavy tails."""
    torch.manual_seed(draw.seed)
    rng = np.random.default_rng(draw.seed)
    architecture = Architecture(
        draw.widths[1:-1], draw.activation, draw.batch_norm, n_inputs=draw.widths[0], n_outputs=draw.widths[-1]
    )
    layers = fold_batch_norm(_float_network(architecture, draw))
    for i, (weight, _) in enumerate(layers):
        weight *= torch.rand(weight.shape) < (0.0 if i == draw.dead_layer else draw.density)
    x = (2.0 ** rng.integers(-3, 4) * rng.standard_t(2, (n_jets, draw.widths[0]))).astype(np.float32)
    network = quantize(architecture, draw.precision, layers, x).eval()
    _move_ranges(network, rng, min(draw.spread, 3))
    # Zeros of both signs, and what is far outside of any range or below any precision.
    x[:6] = np.array([0.0, -0.0, 1e30, -1e30, 1e-30, -1e-30])[:, None]
    return network, x


@torch.no_grad()
def _float_network(architecture: Architecture, draw: Draw) -> nn.Sequential:
    network = build_network(architecture).eval()
    # A ReLU lets a factor through that the next layer takes back, so that only the scales are moved apart.
    factor = 2.0**draw.spread if draw.activation == "relu" else 1.0
    for i, dense in enumerate(dense_layers(network)):
        dense.weight.mul_(factor if i % 2 == 0 else 1 / factor)
        dense.bias.normal_(0, draw.bias)
    for norm in network:
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.2, 5)
            norm.weight.normal_(1, 0.5)
            norm.bias.normal_(0, 0.5)
    return network


@torch.no_grad()
def _move_ranges(network: nn.Sequential, rng: np.random.Generator, spread: int) -> None:
    """Let learned ranges be too small, so that much saturates, or too large for all but a few integers."""
    for child in network:
        for proxy in ("act_quant", "weight_quant"):
            value = range_of(getattr(child, proxy)) if hasattr(child, proxy) else None
            if isinstance(value, nn.Parameter) and rng.random() < 0.3:
                value.add_(float(rng.integers(-spread, spread + 1)))
