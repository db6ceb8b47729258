"""Training networks as one stack: one batched product per layer for all networks that have it.

The networks are padded to the widest of each layer and sorted by depth, so that those with a layer are the first
ones. Derivatives are written out; the step has no shape or choice that depends on data, and a GPU replays it as
one graph. Padding takes part in the arithmetic and is held at zero where the parameters are updated.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from snacpack.architecture import Architecture
from snacpack.training.dropout import dropout_keys, dropout_mask

BETA1, BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8
NORM_EPSILON, NORM_MOMENTUM = 1e-5, 0.1
EVALUATION_BATCH = 1024
"""Jets that all networks see at a time: activations of every layer are in memory."""
WARM_UP_STEPS = 3
"""Steps that a GPU takes before one is recorded, as PyTorch asks for."""


class Stack:
    """Networks that take each step together.

    Parameters
    ----------
    networks
        From :func:`snacpack.training.network.build_network`, with equal numbers
        of inputs and outputs; parameters are copied, and copied back by :meth:`store`.
    architectures
        Of each network, with learning rate, L1 and dropout.
    dropout_seeds
        For each network what decides, with step and layer, which units are dropped.
    device
        Where the arithmetic is done.

    Raises
    ------
    ValueError
        If the networks differ in inputs or outputs.
    """

    def __init__(
        self,
        networks: Sequence[nn.Sequential],
        architectures: Sequence[Architecture],
        dropout_seeds: Sequence[int],
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._order = sorted(range(len(networks)), key=lambda i: -len(architectures[i].units))
        self._networks = [networks[i] for i in self._order]
        self._members = members = [architectures[i] for i in self._order]
        if len({(member.n_inputs, member.n_outputs) for member in members}) > 1:
            raise ValueError("the networks of a stack need equal numbers of inputs and of outputs")
        self._lay_out(members)
        self._choose_functions(members)
        self._seeds = torch.tensor([dropout_seeds[i] for i in self._order], device=self.device)
        self._step = torch.zeros((), dtype=torch.int64, device=self.device)
        self._graph_key: tuple | None = None
        self._exchange(inwards=True)

    def train(self, x: torch.Tensor, y: torch.Tensor, orders: torch.Tensor, batch_size: int) -> list[float]:
        """Pass over the jets, each network in its order, (networks, n) int64; return mean losses over batches."""
        orders = orders[self._order]
        total = torch.zeros(len(self._networks), dtype=torch.float64, device=self.device)
        n_batches = 0
        for batch in orders.split(batch_size, dim=1):
            if batch.shape[1] < 2:  # Batch normalisation has no variance of a single jet.
                break
            total += self._take_step(x, y, batch) if batch.shape[1] == batch_size else self._one_step(x, y, batch)
            n_batches += 1
        return self._unsorted((total / n_batches).tolist())

    @torch.no_grad()
    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[list[float], list[float]]:
        """Return cross-entropies and accuracies (fractions) of jets in evaluation mode."""
        loss = torch.zeros(len(self._networks), dtype=torch.float64, device=self.device)
        correct = torch.zeros(len(self._networks), dtype=torch.int64, device=self.device)
        for jets, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True):
            logits = self._forward(jets.expand(len(self._networks), -1, -1), training=False)
            loss += self._cross_entropies(logits, labels.expand(len(self._networks), -1))[0].sum(dim=1)
            correct += (logits.argmax(dim=2) == labels).sum(dim=1)
        self._kept = []
        return self._unsorted((loss / len(x)).tolist()), self._unsorted((correct / len(x)).tolist())

    @torch.no_grad()
    def differentiate(self, x: torch.Tensor, y: torch.Tensor) -> list[list[torch.Tensor]]:
        """Return each network's gradients for (networks, n, inputs) jets, in the order of its ``parameters()``."""
        self._step += 1
        self._differentiate(x[self._order], y[self._order])
        gradients = [self._parameters_of(member, self._gradient_views) for member in range(len(self._members))]
        return self._unsorted([[view.clone() for view in views] for views in gradients])

    @torch.no_grad()
    def store(self) -> None:
        """Write parameters and running statistics back to the modules."""
        self._exchange(inwards=False)

    def _lay_out(self, members: Sequence[Architecture]) -> None:
        n_inputs, n_outputs = members[0].n_inputs, members[0].n_outputs
        depths = [len(member.units) for member in members]
        self._counts = [sum(depth > layer for depth in depths) for layer in range(depths[0])]
        widths = [max(m.units[layer] for m in members[:count]) for layer, count in enumerate(self._counts)]
        self._last_width = max(member.units[-1] for member in members)
        shapes = {}
        for layer, (n_in, n_out) in enumerate(pairwise((n_inputs, *widths))):
            shapes[f"weight{layer}"] = (self._counts[layer], n_in, n_out)
            for name in ("bias", "gamma", "beta"):
                shapes[f"{name}{layer}"] = (self._counts[layer], 1, n_out)
        shapes["weight_out"] = (len(members), self._last_width, n_outputs)
        shapes["bias_out"] = (len(members), 1, n_outputs)
        sizes = [torch.Size(shape).numel() for shape in shapes.values()]

        def flat() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            values = torch.zeros(sum(sizes), device=self.device)
            parts = values.split(sizes)
            return values, {name: part.view(shapes[name]) for name, part in zip(shapes, parts, strict=True)}

        self._parameters, self._views = flat()
        self._gradients, self._gradient_views = flat()
        self._first, self._second = flat()[0], flat()[0]
        self._rates, rates = flat()
        self._l1, l1 = flat()
        for name, view in rates.items():
            view[:] = torch.tensor([m.learning_rate for m in members[: len(view)]], device=self.device)[:, None, None]
            if name.startswith("weight"):
                penalties = torch.tensor([m.l1 for m in members[: len(view)]], device=self.device)
                l1[name][:] = penalties[:, None, None]
        self._real, real = flat()
        for member in range(len(members)):
            for view in self._parameters_of(member, real):
                view.fill_(1)
        self._running_mean = [torch.zeros(shapes[f"bias{layer}"], device=self.device) for layer in range(len(widths))]
        self._running_variance = [torch.zeros_like(mean) for mean in self._running_mean]

    def _choose_functions(self, members: Sequence[Architecture]) -> None:
        def column(values: Sequence[float | bool]) -> torch.Tensor:
            return torch.tensor(values, device=self.device)[:, None, None]

        kinds = [member.activation for member in members]
        self._relu = column([kind == "relu" for kind in kinds])
        # sigmoid(x) = (1 + tanh(x / 2)) / 2; of its output a, tanh has the slope 1 - a^2, the sigmoid a - a^2.
        self._stretch = column([0.5 if kind == "sigmoid" else 1.0 for kind in kinds])
        self._offset = column([0.5 if kind == "sigmoid" else 0.0 for kind in kinds])
        self._slope0 = column([0.0 if kind == "sigmoid" else 1.0 for kind in kinds])
        self._slope1 = column([1.0 if kind == "sigmoid" else 0.0 for kind in kinds])
        self._only_relu = set(kinds) == {"relu"}
        self._norm = column([float(member.batch_norm) for member in members])
        self._any_norm = any(member.batch_norm for member in members)
        self._drop = torch.tensor([member.dropout for member in members], device=self.device)
        self._any_drop = any(member.dropout > 0 for member in members)
        self._kept_scale = (1 / (1 - self._drop))[:, None, None]

    def _parameters_of(self, member: int, views: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        """Return a network's part of ``views`` in the order of its module's ``parameters()``."""
        parts = []
        widths, norm = self._members[member].layer_widths, self._members[member].batch_norm
        for layer, (n_in, n_out) in enumerate(pairwise(widths)):
            hidden = layer < len(widths) - 2
            suffix = layer if hidden else "_out"
            parts.append(views[f"weight{suffix}"][member, :n_in, :n_out].T)
            names = ("bias", "gamma", "beta") if hidden and norm else ("bias",)
            parts += [views[f"{name}{suffix}"][member, 0, :n_out] for name in names]
        return parts

    def _exchange(self, inwards: bool) -> None:
        for member, network in enumerate(self._networks):
            inside = self._parameters_of(member, self._views)
            outside = [parameter.detach() for parameter in network.parameters()]
            norms = [module for module in network if isinstance(module, nn.BatchNorm1d)]
            for layer, module in enumerate(norms):
                values = (self._running_mean[layer], self._running_variance[layer])
                inside += [value[member, 0, : module.num_features] for value in values]
                outside += [module.running_mean, module.running_var]
            for ours, theirs in zip(inside, outside, strict=True):
                ours.copy_(theirs) if inwards else theirs.copy_(ours)

    def _unsorted(self, values: list) -> list:
        return [value for _, value in sorted(zip(self._order, values, strict=True), key=lambda pair: pair[0])]

    @torch.no_grad()
    def _one_step(self, x: torch.Tensor, y: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        self._step += 1
        losses = self._differentiate(x[batch], y[batch])
        self._update()
        return losses

    def _take_step(self, x: torch.Tensor, y: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        if self.device.type != "cuda":
            return self._one_step(x, y, batch)
        key = (x.data_ptr(), y.data_ptr(), batch.shape)
        if self._graph_key != key:
            with torch.cuda.device(self.device):
                self._record(x, y, batch)
            self._graph_key = key
        self._graph_batch.copy_(batch)
        self._graph.replay()
        return self._graph_losses

    def _record(self, x: torch.Tensor, y: torch.Tensor, batch: torch.Tensor) -> None:
        """Record a step as a CUDA graph; what the warm-up steps changed is put back."""
        state = [self._parameters, self._first, self._second, self._step, *self._running_mean, *self._running_variance]
        saved = [tensor.clone() for tensor in state]
        self._graph_batch = batch.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                self._one_step(x, y, self._graph_batch)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._graph_losses = self._one_step(x, y, self._graph_batch)
        for tensor, value in zip(state, saved, strict=True):
            tensor.copy_(value)

    def _differentiate(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        logits = self._forward(x, training=True)
        losses, gradient = self._cross_entropies(logits, y)
        self._backward(gradient / x.shape[1])
        return losses.mean(dim=1)

    @staticmethod
    def _cross_entropies(logits: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the losses, (networks, jets), and their gradients, (networks, jets, classes)."""
        log_probability = torch.log_softmax(logits, dim=2)
        losses = -log_probability.gather(2, y[:, :, None])[:, :, 0]
        truth = torch.zeros_like(logits).scatter_(2, y[:, :, None], 1.0)
        return losses, log_probability.exp() - truth

    def _forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        """Return logits, (networks, jets, classes), and keep what the way back needs."""
        last = x.new_zeros(len(self._networks), x.shape[1], self._last_width)
        self._kept = [(x, None, None, None)]
        for layer, count in enumerate(self._counts):
            z = torch.baddbmm(self._views[f"bias{layer}"], x[:count], self._views[f"weight{layer}"])
            standard = scale = None
            if self._any_norm:
                z, standard, scale = self._normalise(z, layer, training)
            unit = self._activate(z, count)
            x = unit
            keep = None
            if training and self._any_drop:
                keys = dropout_keys(self._seeds[:count], self._step, layer)
                keep = dropout_mask(keys, z.shape[1], z.shape[2], self._drop[:count]) * self._kept_scale[:count]
                x = unit * keep
            self._kept.append((x, (unit, keep), standard, scale))
            ending = self._counts[layer + 1] if layer + 1 < len(self._counts) else 0
            width = min(z.shape[2], self._last_width)
            last[ending:count, :, :width] = x[ending:, :, :width]
        self._last = last
        return torch.baddbmm(self._views["bias_out"], last, self._views["weight_out"])

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

    def _activate(self, z: torch.Tensor, count: int) -> torch.Tensor:
        if self._only_relu:
            return torch.relu(z)
        stretch, offset = self._stretch[:count], self._offset[:count]
        smooth = torch.tanh(z * stretch) * stretch + offset
        return torch.where(self._relu[:count], torch.relu(z), smooth)

    def _slope(self, unit: torch.Tensor, count: int) -> torch.Tensor:
        positive = (unit > 0).to(unit.dtype)
        if self._only_relu:
            return positive
        smooth = self._slope0[:count] + unit * (self._slope1[:count] - unit)
        return torch.where(self._relu[:count], positive, smooth)

    def _backward(self, gradient: torch.Tensor) -> None:
        ours = self._gradient_views
        torch.bmm(self._last.transpose(1, 2), gradient, out=ours["weight_out"])
        torch.sum(gradient, dim=1, keepdim=True, out=ours["bias_out"])
        to_last = torch.bmm(gradient, self._views["weight_out"].transpose(1, 2))
        above = to_last.new_zeros(0)
        for layer in reversed(range(len(self._counts))):
            count = self._counts[layer]
            ending = self._counts[layer + 1] if layer + 1 < len(self._counts) else 0
            x, (unit, keep), standard, scale = self._kept[layer + 1]
            gradient = torch.zeros_like(x)
            width = min(x.shape[2], self._last_width)
            gradient[ending:, :, :width] = to_last[ending:count, :, :width]
            if ending:
                gradient[:ending] = above
            if keep is not None:
                gradient = gradient * keep
            gradient = gradient * self._slope(unit, count)
            if standard is not None:
                gradient = self._backward_norm(gradient, standard, scale, layer)
            else:
                torch.sum(gradient, dim=1, keepdim=True, out=ours[f"bias{layer}"])
            below = self._kept[layer][0][:count]
            torch.bmm(below.transpose(1, 2), gradient, out=ours[f"weight{layer}"])
            if layer:
                above = torch.bmm(gradient, self._views[f"weight{layer}"].transpose(1, 2))

    def _backward_norm(
        self, gradient: torch.Tensor, standard: torch.Tensor, scale: torch.Tensor, layer: int
    ) -> torch.Tensor:
        ours, n_jets, norm = self._gradient_views, gradient.shape[1], self._norm[: len(gradient)]
        of_beta = torch.sum(gradient, dim=1, keepdim=True, out=ours[f"beta{layer}"])
        of_gamma = torch.sum(gradient * standard, dim=1, keepdim=True, out=ours[f"gamma{layer}"])
        # A bias before batch normalisation changes nothing: its gradient is exactly zero.
        torch.where(norm > 0, torch.zeros_like(of_beta), of_beta, out=ours[f"bias{layer}"])
        through = scale * (gradient - of_beta / n_jets - standard * (of_gamma / n_jets))
        return torch.where(norm > 0, through, gradient)

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
