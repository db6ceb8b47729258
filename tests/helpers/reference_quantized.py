"""A quantised network in plain PyTorch, differentiated by autograd: what the fast trainers must agree with."""

import math
from itertools import pairwise

import torch
from hypothesis import strategies as st

from helpers.reference_training import reference_loss
from snacpack.networks.architecture import Architecture
from snacpack.training.autograd import QuantizedModule
from snacpack.training.fit import jet_order
from snacpack.training.losses import CROSS_ENTROPY
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table
from snacpack.training.trials import dropout_seed


class ReferenceNetwork(QuantizedModule):
    """A quantised network of dense layers, differentiated by autograd in a type of float."""

    def __init__(self, network: QuantizedNetwork, architecture: Architecture, seed: int, dtype=torch.float32) -> None:
        super().__init__(network, architecture, dropout_seed(seed), dtype)

    def gradients(self, x, y, weights=None, loss=CROSS_ENTROPY):
        """Return the gradients of the loss, zero where a weight is pruned."""
        self.zero_grad()
        reference_loss(loss, self(x), y, weights).backward()
        masks = {id(weight): layer.mask for layer, weight, *_ in self.layers()}
        return [p.grad * masks.get(id(p), 1) for p in self.trained]

    def hold_pruned_weights(self):
        with torch.no_grad():
            for layer, weight, *_ in self.layers():
                weight.mul_(layer.mask)


def reference_fine_tune(network, architecture, seed, training, batch_size, learning_rates, loss=CROSS_ENTROPY):
    """Train with PyTorch's Adam, a learning rate an epoch; return the module and each epoch's mean loss."""
    x, y, jet_weights = (*training, None)[:3]
    module = ReferenceNetwork(network, architecture, seed)
    adam = torch.optim.Adam(module.parameters(), lr=0.0)
    weights = [weight for _, weight, *_ in module.layers()]
    means = []
    for epoch, rate in enumerate(learning_rates, start=1):
        adam.param_groups[0]["lr"] = rate
        losses = []
        for batch in jet_order(len(x), seed, epoch).split(batch_size):
            if len(batch) > 1:
                of_batch = None if jet_weights is None else jet_weights[batch]
                mean = reference_loss(loss, module(x[batch]), y[batch], of_batch)
                adam.zero_grad()
                (mean + architecture.l1 * sum(weight.abs().sum() for weight in weights)).backward()
                adam.step()
                module.hold_pruned_weights()
                losses.append(mean.item())
        means.append(math.fsum(losses) / len(losses))
    return module, means


def make_table(bits: int, sigmoid: bool) -> Table:
    """Return the table of a tanh or sigmoid of so many bits, on a grid of two bits more."""
    input_bits, span = min(bits + 2, 10), 8.0 if sigmoid else 4.0
    scale = 2 * span / 2**input_bits
    z = torch.arange(-(2 ** (input_bits - 1)), 2 ** (input_bits - 1)) * scale
    step = 2.0**-bits if sigmoid else 2.0 ** (1 - bits)
    result = torch.sigmoid(z) if sigmoid else torch.tanh(z)
    slopes = result * (1 - result) if sigmoid else 1 - result * result
    return Table(input_bits, int(math.log2(scale)), torch.floor(result / step) * step, slopes)


def make_network(
    widths, weight_bits, activation_bits, input_bits, kinds, density, seed, halves=False
) -> QuantizedNetwork:
    """Return a network of random weights, biases, masks and ranges, some of which clip.

    With ``halves`` every second weight or so is in the middle between two integers of its grid.
    """
    random = torch.Generator().manual_seed(seed)

    def draw(*shape, low=-1.0, high=1.0):
        return torch.rand(shape, generator=random) * (high - low) + low

    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        activation = None
        if i < len(widths) - 2:
            bits = activation_bits[i]
            activation = (
                QuantizedReLU(bits, draw(low=-1.5, high=2.5))
                if kinds[i] == "relu"
                else make_table(bits, kinds[i] != "tanh")
            )
        mask = draw(n_out, n_in, low=0.0) < density
        mask[0, 0] = True
        weight, bias = draw(n_out, n_in) * (6 / (n_in + n_out)) ** 0.5 * 2, draw(n_out)
        weight_range, bias_exponent = draw(low=-2.5, high=0.5), -7 - i % 2
        if halves:
            weight, bias = (
                torch.round(values / 2**half) * 2**half
                for values, half in ((weight, weight_range.ceil() - weight_bits[i]), (bias, bias_exponent - 1.0))
            )
        layers.append(
            QuantizedDense(weight * mask, bias, mask, weight_bits[i], weight_range, 8, bias_exponent, activation)
        )
    return QuantizedNetwork(input_bits, -(input_bits // 2), layers)


@st.composite
def quantized_networks(draw, kinds=("relu", "tanh", "sigmoid"), n_inputs=9, n_outputs=5):
    """Draw an architecture (with L1 and exact dropout) and a quantised network of it, mixed in bits and activations."""
    units = draw(st.lists(st.integers(1, 70), min_size=1, max_size=4))
    bits = st.integers(2, 8)
    network = make_network(
        (n_inputs, *units, n_outputs),
        draw(st.lists(bits, min_size=len(units) + 1, max_size=len(units) + 1)),
        draw(st.lists(bits, min_size=len(units), max_size=len(units))),
        draw(bits),
        draw(st.lists(st.sampled_from(kinds), min_size=len(units), max_size=len(units))),
        draw(st.sampled_from([1.0, 0.5, 0.1])),
        draw(st.integers(0, 99)),
        draw(st.booleans()),
    )
    # With these probabilities, kept units are scaled by a power of two: no rounding decides on a grid point.
    dropout = draw(st.sampled_from([0.0, 0.5, 0.75]))
    l1 = draw(st.sampled_from([0.0, 1e-3]))
    return Architecture(tuple(units), l1=l1, dropout=dropout, n_inputs=n_inputs, n_outputs=n_outputs), network
