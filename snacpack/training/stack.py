"""Training networks as one stack: one batched product per layer for all networks that have it.

The networks are padded to the widest of each layer and sorted by depth, so that those with a layer are the first
ones. Derivatives are written out; the step has no shape or choice that depends on data, and a GPU replays it as
one graph. Padding takes part in the arithmetic and is held at zero where the parameters are updated.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from snacpack.networks.architecture import Architecture
from snacpack.training.dropout import dropout_keys, dropout_mask
from snacpack.training.losses import CROSS_ENTROPY, Loss, total_weight

BETA1, BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.1
EVALUATION_BATCH = 1024
"""Jets that all networks see at a time: activations of every layer are in memory."""
WARM_UP_STEPS = 3
"""Steps that a GPU takes before one is recorded, as PyTorch asks for."""
OUT = "_out"
"""In place of a hidden layer's number in the name of a parameter of the last layer."""


class PaddedStack:
    """Networks that take each step together: what float and quantised ones have in common.

    A subclass says which parameters a layer has besides weights and biases, what follows a layer's sums, and the
    derivatives of that; it ends its own initialisation with ``_exchange(inwards=True)``.

    Parameters
    ----------
    networks
        With equal numbers of inputs and outputs; parameters are copied, and copied back by :meth:`store`.
    architectures
        Architecture of each network, with learning rate, L1 and dropout.
    dropout_seeds
        For each network what decides, with step and layer, which units are dropped.
    device
        The device of the arithmetic.
    loss
        The loss that is made small.

    Raises
    ------
    ValueError
        If the networks differ in inputs or outputs.
    """

    def __init__(
        self,
        networks: Sequence[Any],
        architectures: Sequence[Architecture],
        dropout_seeds: Sequence[int],
        device: str | torch.device = "cpu",
        loss: Loss = CROSS_ENTROPY,
    ) -> None:
        self.device = torch.device(device)
        self.loss = loss
        self._order = sorted(range(len(networks)), key=lambda i: -len(architectures[i].units))
        self._networks = [networks[i] for i in self._order]
        self._members = members = [architectures[i] for i in self._order]
        if len({(member.n_inputs, member.n_outputs) for member in members}) > 1:
            raise ValueError("the networks of a stack need equal numbers of inputs and of outputs")
        self._lay_out(members)
        self._operands = self._views
        self._set_rates([member.learning_rate for member in architectures])
        self._drop = torch.tensor([member.dropout for member in members], device=self.device)
        self._any_drop = any(member.dropout > 0 for member in members)
        self._kept_scale = (1 / (1 - self._drop))[:, None, None]
        self._seeds = torch.tensor([dropout_seeds[i] for i in self._order], device=self.device)
        self._step = torch.zeros((), dtype=torch.int64, device=self.device)
        self._graph_key: tuple | None = None

    def train(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        orders: torch.Tensor,
        batch_size: int,
        learning_rates: Sequence[float] | None = None,
        weights: torch.Tensor | None = None,
    ) -> list[float]:
        """Pass over the jets; Adam's state lives on from call to call.

        Parameters
        ----------
        x, y
            (n, n_inputs) float32, and (n,) int64 classes or (n, n_outputs) float32 targets as the loss is of, on
            the stack's device.
        orders
            (networks, n) int64, on the stack's device: the order in which each network sees the jets.
        batch_size
            Jets per step; a last batch of a single jet is left out.
        learning_rates
            That of each network from now on; the architectures' own until any are given.
        weights
            (n,) float32 of the jets, on the stack's device, or None for equal ones.

        Returns
        -------
        list of float
            Each network's mean loss over batches.
        """
        if learning_rates is not None:
            self._set_rates(learning_rates)
        orders = orders[self._order]
        total = torch.zeros(len(self._networks), dtype=torch.float64, device=self.device)
        n_batches = 0
        for batch in orders.split(batch_size, dim=1):
            if batch.shape[1] < 2:  # Batch normalisation has no variance of a single jet.
                break
            step = self._take_step if batch.shape[1] == batch_size else self._one_step
            total += step(x, y, weights, batch)
            n_batches += 1
        return self._unsorted((total / n_batches).tolist())

    @torch.no_grad()
    def evaluate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
    ) -> tuple[list[float], list[float]]:
        """Return losses and scores (:meth:`snacpack.training.losses.Loss.score`) of jets in evaluation mode."""
        n_sums = self.loss.n_sums(self._members[0].n_outputs)
        total = torch.zeros(len(self._networks), dtype=torch.float64, device=self.device)
        sums = torch.zeros(len(self._networks), n_sums, dtype=torch.float64, device=self.device)
        for start in range(0, len(x), EVALUATION_BATCH):
            jets = slice(start, start + EVALUATION_BATCH)
            outputs = self._forward(self._for_all(x[jets]), training=False)
            losses = self.loss.differentiate(outputs, self._for_all(y[jets]))[0]
            total += (losses if weights is None else losses * weights[jets]).sum(dim=1)
            sums += self.loss.sums(outputs, y[jets], None if weights is None else weights[jets])
        self._kept = []
        scores = self.loss.score(sums.cpu().numpy(), y, weights)
        return self._unsorted((total / total_weight(y, weights)).tolist()), self._unsorted(scores.tolist())

    def _for_all(self, values: torch.Tensor) -> torch.Tensor:
        """Return the same jets, targets or weights for each network."""
        return values.expand(len(self._networks), *values.shape)

    @torch.no_grad()
    def store(self) -> None:
        """Write what was trained back to the networks."""
        self._exchange(inwards=False)

    def _further_shapes(self, layer: int | str, count: int, width: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a layer's parameters but for weights and biases, for ``count`` networks."""
        raise NotImplementedError

    def _further_parts(
        self, member: int, layer: int | str, width: int, views: dict[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        """Return a network's part of those parameters, in the order of its ``parameters()``."""
        raise NotImplementedError

    def _activate(self, z: torch.Tensor, layer: int, training: bool) -> tuple[torch.Tensor, tuple]:
        """Return what follows from the sums (networks, jets, width), and what the way back needs."""
        raise NotImplementedError

    def _through_activation(self, gradient: torch.Tensor, kept: tuple, layer: int) -> torch.Tensor:
        """Return the gradient of the sums, and set that of all parameters of the layer but for the weights."""
        raise NotImplementedError

    def _state(self) -> list[torch.Tensor]:
        """Return what a step changes and the next one needs."""
        return [self._parameters, self._first, self._second, self._step]

    def _lay_out(self, members: Sequence[Architecture]) -> None:
        n_inputs, n_outputs = members[0].n_inputs, members[0].n_outputs
        depths = [len(member.units) for member in members]
        self._counts = [sum(depth > layer for depth in depths) for layer in range(depths[0])]
        widths = [max(m.units[layer] for m in members[:count]) for layer, count in enumerate(self._counts)]
        self._last_width = max(member.units[-1] for member in members)
        # How many networks have each layer.
        self._layers: dict[int | str, int] = {**dict(enumerate(self._counts)), OUT: len(members)}
        sizes = [*pairwise((n_inputs, *widths)), (self._last_width, n_outputs)]
        self._shapes = {}
        for (layer, count), (n_in, n_out) in zip(self._layers.items(), sizes, strict=True):
            self._shapes |= {f"weight{layer}": (count, n_in, n_out), f"bias{layer}": (count, 1, n_out)}
        # After all weights and biases, so that they are one block and the rest another.
        for (layer, count), (_, n_out) in zip(self._layers.items(), sizes, strict=True):
            self._shapes |= self._further_shapes(layer, count, n_out)
        self._parameters, self._views = self._flat()
        self._gradients, self._gradient_views = self._flat()
        self._first, self._second = self._flat()[0], self._flat()[0]
        self._rates, self._rate_views = self._flat()
        self._l1, l1 = self._flat()
        penalties = self._column([member.l1 for member in members])
        for layer, count in self._layers.items():
            l1[f"weight{layer}"][:] = penalties[:count]
        self._real, self._real_views = self._flat()
        for member in range(len(members)):
            for view in self._parameters_of(member, self._real_views):
                view.fill_(1)

    def _flat(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return zeros for all parameters in one tensor, and each parameter's part of it."""
        sizes = [torch.Size(shape).numel() for shape in self._shapes.values()]
        values = torch.zeros(sum(sizes), device=self.device)
        parts = zip(self._shapes.items(), values.split(sizes), strict=True)
        return values, {name: part.view(shape) for (name, shape), part in parts}

    def _column(self, values: Sequence[float | bool]) -> torch.Tensor:
        """Return a number for each network, (networks, 1, 1)."""
        return torch.tensor(values, device=self.device)[:, None, None]

    def _set_rates(self, learning_rates: Sequence[float]) -> None:
        rates = self._column([learning_rates[i] for i in self._order])
        for view in self._rate_views.values():
            view.copy_(rates[: len(view)])

    def _layers_of(self, member: int, views: dict[str, torch.Tensor]) -> list[list[torch.Tensor]]:
        """Return for each layer a network's part of ``views``, in the order of its ``parameters()``."""
        layers = []
        widths = self._members[member].layer_widths
        for i, (n_in, n_out) in enumerate(pairwise(widths)):
            layer = i if i < len(widths) - 2 else OUT
            weight = views[f"weight{layer}"][member, :n_in, :n_out].T
            bias = views[f"bias{layer}"][member, 0, :n_out]
            layers.append([weight, bias, *self._further_parts(member, layer, n_out, views)])
        return layers

    def _parameters_of(self, member: int, views: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        return [part for parts in self._layers_of(member, views) for part in parts]

    def _exchange(self, inwards: bool) -> None:
        for member, network in enumerate(self._networks):
            outside = (parameter.detach() for parameter in network.parameters())
            self._copy(self._parameters_of(member, self._views), outside, inwards)

    @staticmethod
    def _copy(inside: Iterable[torch.Tensor], outside: Iterable[torch.Tensor], inwards: bool) -> None:
        for ours, theirs in zip(inside, outside, strict=True):
            ours.copy_(theirs) if inwards else theirs.copy_(ours)

    def _unsorted(self, values: list) -> list:
        return [value for _, value in sorted(zip(self._order, values, strict=True), key=lambda pair: pair[0])]

    @torch.no_grad()
    def _one_step(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, batch: torch.Tensor
    ) -> torch.Tensor:
        self._step += 1
        losses = self._differentiate(x[batch], y[batch], None if weights is None else weights[batch])
        self._update()
        return losses

    def _take_step(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, batch: torch.Tensor
    ) -> torch.Tensor:
        if self.device.type != "cuda":
            return self._one_step(x, y, weights, batch)
        key = (x.data_ptr(), y.data_ptr(), None if weights is None else weights.data_ptr(), batch.shape)
        if self._graph_key != key:
            with torch.cuda.device(self.device):
                self._record(x, y, weights, batch)
            self._graph_key = key
        self._graph_batch.copy_(batch)
        self._graph.replay()
        return self._graph_losses

    def _record(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, batch: torch.Tensor) -> None:
        """Record a step as a CUDA graph; what the warm-up steps changed is put back."""
        state = self._state()
        saved = [tensor.clone() for tensor in state]
        self._graph_batch = batch.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self._one_step(x, y, weights, self._graph_batch)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._graph_losses = self._one_step(x, y, weights, self._graph_batch)
        for tensor, value in zip(state, saved, strict=True):
            tensor.copy_(value)

    def _gradients_of(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None) -> list[list[torch.Tensor]]:
        """Return the gradients of the next step for jets and targets of each network in the stack's order."""
        self._step += 1
        self._differentiate(x, y, weights)
        gradients = [self._parameters_of(member, self._gradient_views) for member in range(len(self._members))]
        return self._unsorted([[view.clone() for view in views] for views in gradients])

    def _differentiate(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        losses, gradient = self.loss.differentiate(self._forward(x, training=True), y)
        if weights is None:
            self._backward(gradient / x.shape[1])
            return losses.mean(dim=1)
        shares = weights / weights.sum(dim=1, keepdim=True)
        self._backward(gradient * shares[:, :, None])
        return (losses * shares).sum(dim=1)

    def _forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        """Return outputs, (networks, jets, n_outputs), and keep what the way back needs."""
        last = x.new_zeros(len(self._networks), x.shape[1], self._last_width)
        self._kept = [(x, None, None)]
        for layer, count in enumerate(self._counts):
            z = torch.baddbmm(self._operands[f"bias{layer}"], x[:count], self._operands[f"weight{layer}"])
            x, kept = self._activate(z, layer, training)
            keep = None
            if training and self._any_drop:
                keys = dropout_keys(self._seeds[:count], self._step, layer)
                keep = dropout_mask(keys, z.shape[1], z.shape[2], self._drop[:count]) * self._kept_scale[:count]
                x = x * keep
            self._kept.append((x, keep, kept))
            ending = self._counts[layer + 1] if layer + 1 < len(self._counts) else 0
            width = min(z.shape[2], self._last_width)
            last[ending:count, :, :width] = x[ending:, :, :width]
        self._last = last
        return torch.baddbmm(self._operands[f"bias{OUT}"], last, self._operands[f"weight{OUT}"])

    def _backward(self, gradient: torch.Tensor) -> None:
        ours = self._gradient_views
        torch.bmm(self._last.transpose(1, 2), gradient, out=ours[f"weight{OUT}"])
        torch.sum(gradient, dim=1, keepdim=True, out=ours[f"bias{OUT}"])
        to_last = torch.bmm(gradient, self._operands[f"weight{OUT}"].transpose(1, 2))
        above = to_last.new_zeros(0)
        for layer in reversed(range(len(self._counts))):
            count = self._counts[layer]
            ending = self._counts[layer + 1] if layer + 1 < len(self._counts) else 0
            x, keep, kept = self._kept[layer + 1]
            gradient = torch.zeros_like(x)
            width = min(x.shape[2], self._last_width)
            gradient[ending:, :, :width] = to_last[ending:count, :, :width]
            if ending:
                gradient[:ending] = above
            if keep is not None:
                gradient = gradient * keep
            gradient = self._through_activation(gradient, kept, layer)
            below = self._kept[layer][0][:count]
            torch.bmm(below.transpose(1, 2), gradient, out=ours[f"weight{layer}"])
            if layer:
                above = torch.bmm(gradient, self._operands[f"weight{layer}"].transpose(1, 2))

    def _update(self) -> None:
        """Take Adam's step with each network's learning rate and L1."""
        step = self._step.double()
        correction1, correction2 = 1 - BETA1**step, 1 - BETA2**step
        gradient = torch.addcmul(self._gradients, self._l1, torch.sign(self._parameters)).mul_(self._real)
        self._first.lerp_(gradient, 1 - BETA1)
        self._second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        inverse = torch.rsqrt(correction2).float()
        denominator = torch.sqrt(self._second).mul_(inverse).add_(ADAM_EPSILON)
        rate = self._rates * (-1 / correction1).float()
        self._parameters.addcdiv_(self._first * rate, denominator)


class Stack(PaddedStack):
    """Float networks of :func:`snacpack.training.network.build_network` that take each step together."""

    def __init__(
        self,
        networks: Sequence[nn.Sequential],
        architectures: Sequence[Architecture],
        dropout_seeds: Sequence[int],
        device: str | torch.device = "cpu",
        loss: Loss = CROSS_ENTROPY,
    ) -> None:
        super().__init__(networks, architectures, dropout_seeds, device, loss)
        self._choose_functions()
        self._running_mean = [torch.zeros_like(self._views[f"bias{layer}"]) for layer in range(len(self._counts))]
        self._running_variance = [torch.zeros_like(mean) for mean in self._running_mean]
        self._exchange(inwards=True)

    @torch.no_grad()
    def differentiate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
    ) -> list[list[torch.Tensor]]:
        """Return each network's gradients for (networks, n, inputs) jets, in the order of its ``parameters()``.

        Targets, and weights if any, are each network's own too.
        """
        of_jets = None if weights is None else weights[self._order]
        return self._gradients_of(x[self._order], y[self._order], of_jets)

    def _choose_functions(self) -> None:
        kinds = [member.activation for member in self._members]
        self._relu = self._column([kind == "relu" for kind in kinds])
        # sigmoid(x) = (1 + tanh(x / 2)) / 2; of its output a, tanh has the slope 1 - a^2, the sigmoid a - a^2.
        self._stretch = self._column([0.5 if kind == "sigmoid" else 1.0 for kind in kinds])
        self._offset = self._column([0.5 if kind == "sigmoid" else 0.0 for kind in kinds])
        self._slope0 = self._column([0.0 if kind == "sigmoid" else 1.0 for kind in kinds])
        self._slope1 = self._column([1.0 if kind == "sigmoid" else 0.0 for kind in kinds])
        self._only_relu = set(kinds) == {"relu"}
        self._norm = self._column([float(member.batch_norm) for member in self._members])
        self._any_norm = any(member.batch_norm for member in self._members)

    def _further_shapes(self, layer: int | str, count: int, width: int) -> dict[str, tuple[int, ...]]:
        return {} if layer == OUT else {f"{name}{layer}": (count, 1, width) for name in ("gamma", "beta")}

    def _further_parts(
        self, member: int, layer: int | str, width: int, views: dict[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        if layer == OUT or not self._members[member].batch_norm:
            return []
        return [views[f"{name}{layer}"][member, 0, :width] for name in ("gamma", "beta")]

    def _state(self) -> list[torch.Tensor]:
        return [*super()._state(), *self._running_mean, *self._running_variance]

    def _exchange(self, inwards: bool) -> None:
        super()._exchange(inwards)
        for member, network in enumerate(self._networks):
            norms = [module for module in network if isinstance(module, nn.BatchNorm1d)]
            for layer, module in enumerate(norms):
                values = (self._running_mean[layer], self._running_variance[layer])
                inside = [value[member, 0, : module.num_features] for value in values]
                self._copy(inside, (module.running_mean, module.running_var), inwards)

    def _activate(self, z: torch.Tensor, layer: int, training: bool) -> tuple[torch.Tensor, tuple]:
        standard = scale = None
        if self._any_norm:
            z, standard, scale = self._normalise(z, layer, training)
        if self._only_relu:
            unit = torch.relu(z)
        else:
            stretch, offset = self._stretch[: len(z)], self._offset[: len(z)]
            smooth = torch.tanh(z * stretch) * stretch + offset
            unit = torch.where(self._relu[: len(z)], torch.relu(z), smooth)
        return unit, (unit, standard, scale)

    def _normalise(self, z: torch.Tensor, layer: int, training: bool) -> tuple[torch.Tensor, ...]:
        """Batch normalise the networks that ask for it; return values, standardised values and the slope."""
        count, n_jets = len(z), z.shape[1]
        mean, variance = self._running_mean[layer], self._running_variance[layer]
        if training:
            batch_variance, batch_mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
            mean.lerp_(batch_mean, NORM_MOMENTUM)
            variance.lerp_(batch_variance * (n_jets / (n_jets - 1)), NORM_MOMENTUM)
            mean, variance = batch_mean, batch_variance
        inverse = torch.rsqrt(variance + NORM_EPSILON)
        standard = (z - mean) * inverse
        normalised = standard * self._views[f"gamma{layer}"] + self._views[f"beta{layer}"]
        norm = self._norm[:count] > 0
        return torch.where(norm, normalised, z), standard, self._views[f"gamma{layer}"] * inverse

    def _through_activation(self, gradient: torch.Tensor, kept: tuple, layer: int) -> torch.Tensor:
        unit, standard, scale = kept
        gradient = gradient * self._slope(unit)
        if standard is not None:
            return self._through_norm(gradient, standard, scale, layer)
        torch.sum(gradient, dim=1, keepdim=True, out=self._gradient_views[f"bias{layer}"])
        return gradient

    def _slope(self, unit: torch.Tensor) -> torch.Tensor:
        positive = (unit > 0).to(unit.dtype)
        if self._only_relu:
            return positive
        count = len(unit)
        smooth = self._slope0[:count] + unit * (self._slope1[:count] - unit)
        return torch.where(self._relu[:count], positive, smooth)

    def _through_norm(
        self, gradient: torch.Tensor, standard: torch.Tensor, scale: torch.Tensor, layer: int
    ) -> torch.Tensor:
        ours, n_jets, norm = self._gradient_views, gradient.shape[1], self._norm[: len(gradient)]
        of_beta = torch.sum(gradient, dim=1, keepdim=True, out=ours[f"beta{layer}"])
        of_gamma = torch.sum(gradient * standard, dim=1, keepdim=True, out=ours[f"gamma{layer}"])
        # A bias before batch normalisation changes nothing: its gradient is exactly zero.
        torch.where(norm > 0, torch.zeros_like(of_beta), of_beta, out=ours[f"bias{layer}"])
        through = scale * (gradient - of_beta / n_jets - standard * (of_gamma / n_jets))
        return torch.where(norm > 0, through, gradient)
