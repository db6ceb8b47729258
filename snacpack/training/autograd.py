"""Training by PyTorch's autograd, one network at a time: networks of every family.

The two classes take the same calls as the compiled ones of :mod:`snacpack.training.native`, which know dense layers one
behind the other alone and are many times faster. They drop the same units and see the same jets.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from snacpack.networks.architecture import Architecture
from snacpack.networks.layer import ExactLayer
from snacpack.networks.operations.dropout import DropoutLayer
from snacpack.training.dropout import dropout_keys, dropout_mask
from snacpack.training.fit import batches, predict
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.network import weight_matrices
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table


class HashedDropout(nn.Module):
    """Dropout of the units that the fast trainers drop too.

    Parameters
    ----------
    seed, layer
        Decide, with the step and the jet, which units they are.
    probability
        The probability that a unit is dropped.
    """

    def __init__(self, seed: int, layer: int, probability: float) -> None:
        super().__init__()
        self.seed, self.layer, self.probability, self.step = torch.tensor(seed), layer, torch.tensor(probability), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, *shape) numbers, some of them zero and the others larger; in evaluation all as they are."""
        if not self.training:
            return x
        self.step += 1
        seed, probability = self.seed.to(x.device), self.probability.to(x.device)
        flat = x.reshape(len(x), -1)
        kept = dropout_mask(dropout_keys(seed, self.step, self.layer), *flat.shape, probability)
        return (flat * kept / (1 - probability)).reshape(x.shape)


class _StraightThrough(torch.autograd.Function):
    """A rounding whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx, x, rounding):
        return rounding(x)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class _LookUp(torch.autograd.Function):
    """A table with its own slopes; no gradient from outside its grid."""

    @staticmethod
    def forward(ctx, x, values, slopes, exponent):
        half = len(values) // 2
        number = torch.floor(x * 2.0**-exponent)
        # A training that diverges has numbers that are none: they stand nowhere in a table, and stay what they are.
        place = (number.nan_to_num().clamp(-half, half - 1) + half).long()
        inside = (number >= -half) & (number < half)
        ctx.save_for_backward(slopes.to(x)[place] * inside)
        return torch.where(number.isnan(), number, values.to(x)[place])

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0], None, None, None


def _on_grid(x, scale, lowest, highest, rounding):
    """Quantise; what is clipped passes no gradient to ``x``, and all do to ``scale``."""
    number = _StraightThrough.apply(x / scale, rounding)
    number = torch.where(number > highest, torch.full_like(number, highest), number)
    number = torch.where(number < lowest, torch.full_like(number, lowest), number)
    return number * scale


def _scale_of(power, bits):
    return 2 ** (_StraightThrough.apply(power, torch.ceil) - bits)


class QuantizedModule(nn.Module):
    """A quantised network as a module of PyTorch: the plainest description of what all trainers of one compute.

    Parameters
    ----------
    network
        Its parameters are copied; ``trained`` has them in the order of :meth:`QuantizedNetwork.parameters`.
    architecture
        Gives the graph and dropout; batch normalisation, if any, has been folded into the weights.
    dropout_seed
        Decides, with step and layer, which units are dropped.
    dtype
        The type of float that it computes in.
    """

    def __init__(
        self,
        network: QuantizedNetwork,
        architecture: Architecture,
        dropout_seed: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.network, self.graph = network, architecture.graph
        self.trained = nn.ParameterList([nn.Parameter(tensor.to(dtype)) for tensor in network.parameters()])
        # Activations are in the tensors of the dense layer before them.
        self.others = nn.ModuleDict()
        for place, (layer, shape) in enumerate(self.graph.steps()):
            if isinstance(layer, DropoutLayer):
                self.others[str(place)] = HashedDropout(dropout_seed, self._n_dropouts, layer.probability)
            elif isinstance(layer, ExactLayer):
                self.others[str(place)] = layer.module(shape)

    @property
    def _n_dropouts(self) -> int:
        return sum(isinstance(module, HashedDropout) for module in self.others.values())

    def layers(
        self,
    ) -> Iterator[tuple[QuantizedDense, nn.Parameter, nn.Parameter, nn.Parameter, nn.Parameter | None]]:
        """Yield each dense layer with its weight, bias, the weights' range and a ReLU's range, as they are trained."""
        trained = iter(self.trained)
        for layer in self.network.layers:
            learned = isinstance(layer.activation, QuantizedReLU)
            yield layer, next(trained), next(trained), next(trained), next(trained) if learned else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of (n, n_inputs) jets, (n, n_outputs)."""
        half = 2.0 ** (self.network.input_bits - 1)
        x = _on_grid(x, 2.0**self.network.input_exponent, -half, half - 1, torch.floor)
        x = x.reshape(len(x), *self.graph.shape)
        dense = self.layers()
        for place, (layer, shape) in enumerate(self.graph.steps()):
            if layer.matrix(shape) is not None:
                x = _dense(x, *next(dense))
            elif str(place) in self.others:
                x = self.others[str(place)](x)
        return x


def _dense(x, layer, weight, bias, weight_range, learned):
    end = 2.0 ** (layer.weight_bits - 1) - 1
    weight = _on_grid(weight, _scale_of(weight_range, layer.weight_bits - 1), -end, end, torch.round)
    half = 2.0 ** (layer.bias_bits - 1)
    bias = _on_grid(bias, 2.0**layer.bias_exponent, -half, half - 1, torch.round)
    x = x @ weight.T + bias
    if isinstance(layer.activation, Table):
        return _LookUp.apply(x, layer.activation.values, layer.activation.slopes, layer.activation.input_exponent)
    if layer.activation is None:
        return x
    bits = layer.activation.bits
    return _on_grid(torch.relu(x), _scale_of(learned, bits), 0.0, 2.0**bits - 1, torch.floor)


class _Autograd:
    """A module that Adam trains; jets are as :class:`snacpack.training.native.NativeNetwork` has them."""

    def __init__(
        self,
        module: nn.Module,
        weights: Sequence[torch.Tensor],
        architecture: Architecture,
        batch_size: int,
        loss: Loss,
        device: str,
    ) -> None:
        # Sums have one order, however many threads there are.
        torch.set_num_threads(1)
        self._module = module.to(device)
        self._weights = list(weights)
        self._architecture, self._batch_size, self._loss, self._device = architecture, batch_size, loss, device
        self._adam = torch.optim.Adam(module.parameters(), lr=architecture.learning_rate)

    def evaluate(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> tuple[float, float]:
        """Return loss and score (:meth:`snacpack.training.losses.Loss.score`) of jets in evaluation mode."""
        outputs = predict(self._module, x.to(self._device)).cpu()
        sums = self._loss.sums(outputs, y, weights).numpy()
        return float(self._loss.mean(outputs, y, weights)), float(self._loss.score(sums, y, weights))

    def _pass(self, x, y, order, learning_rate, weights) -> float:
        self._adam.param_groups[0]["lr"] = learning_rate
        self._module.train()
        losses = []
        for batch in batches(order, self._batch_size):
            of_batch = None if weights is None else weights[batch].to(self._device)
            mean = self._loss.mean(self._module(x[batch].to(self._device)), y[batch].to(self._device), of_batch)
            l1 = self._architecture.l1
            penalty = l1 * sum(weight.abs().sum() for weight in self._weights) if l1 else 0.0
            self._adam.zero_grad()
            (mean + penalty).backward()
            self._adam.step()
            self._after_step()
            losses.append(mean.detach())
        return float(torch.stack(losses).double().mean())

    def _after_step(self) -> None:
        pass


class AutogradNetwork(_Autograd):
    """A float network of any family.

    Parameters
    ----------
    network
        From :func:`snacpack.training.network.build_network`, trained in place.
    architecture
        The network's, with learning rate, L1 and dropout.
    dropout_seed, batch_size, loss
        As :class:`snacpack.training.native.NativeNetwork` has them.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        network: nn.Sequential,
        architecture: Architecture,
        dropout_seed: int,
        batch_size: int,
        loss: Loss = CROSS_ENTROPY,
        device: str = "cpu",
    ) -> None:
        modules: list[nn.Module] = []
        for module in network:
            if isinstance(module, nn.Dropout):
                layer = sum(isinstance(earlier, HashedDropout) for earlier in modules)
                module = HashedDropout(dropout_seed, layer, module.p)
            modules.append(module)
        super().__init__(nn.Sequential(*modules), weight_matrices(network), architecture, batch_size, loss, device)

    def train(
        self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, weights: torch.Tensor | None = None
    ) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean loss over batches."""
        return self._pass(x, y, order, self._architecture.learning_rate, weights)

    def store(self) -> None:
        """Bring the network's parameters back to the CPU."""
        self._module.cpu()


class AutogradQuantizedNetwork(_Autograd):
    """A quantised network of any family.

    Parameters
    ----------
    network
        Its parameters and masks are copied; parameters are copied back by :meth:`store`.
    architecture, dropout_seed, batch_size, loss
        As :class:`snacpack.training.native.NativeQuantizedNetwork` has them.
    device
        ``cpu`` or ``cuda``.

    Raises
    ------
    ValueError
        If the network is not of the architecture.
    """

    def __init__(
        self,
        network: QuantizedNetwork,
        architecture: Architecture,
        dropout_seed: int,
        batch_size: int,
        loss: Loss = CROSS_ENTROPY,
        device: str = "cpu",
    ) -> None:
        network.check(architecture)
        self.network = network
        module = QuantizedModule(network, architecture, dropout_seed)
        weights = [weight for _, weight, *_ in module.layers()]
        super().__init__(module, weights, architecture, batch_size, loss, device)
        self.set_masks([layer.mask for layer in network.layers])

    def set_masks(self, masks: Sequence[torch.Tensor]) -> None:
        """Hold weights at zero from now on: (n_out, n_in) bool of each layer, False where."""
        self._masks = [mask.to(self._device) for mask in masks]
        self._after_step()

    def train(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        order: torch.Tensor,
        learning_rate: float,
        weights: torch.Tensor | None = None,
    ) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean loss over batches.

        Adam's moments are kept from call to call.
        """
        return self._pass(x, y, order, learning_rate, weights)

    @torch.no_grad()
    def store(self) -> None:
        """Write weights, biases and ranges back to the network's tensors."""
        for tensor, trained in zip(self.network.parameters(), self._module.trained, strict=True):
            tensor.copy_(trained)

    @torch.no_grad()
    def _after_step(self) -> None:
        for weight, mask in zip(self._weights, self._masks, strict=True):
            weight.mul_(mask)
