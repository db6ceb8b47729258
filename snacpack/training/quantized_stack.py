"""Quantised networks trained as one stack: on a GPU, and on a CPU without a compiler.

Products are of numbers on grids, so that sums below 2 ** 24 units of their grid are exact in float32 in any order:
logits are those of Brevitas and of the compiled code to the last bit.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch

from snacpack.networks.architecture import Architecture
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table
from snacpack.training.stack import EVALUATION_BATCH, OUT, PaddedStack

# A network without a table has this in its place, in a layer where others have one.
NO_TABLE = Table(1, 0, torch.zeros(2), torch.zeros(2))


class QuantizedStack(PaddedStack):
    """Quantised networks that take each step together, each with its own bits, ranges and masks.

    Parameters
    ----------
    networks
        With equal numbers of inputs and outputs; what is trained is copied, and copied back by :meth:`store`.
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
        If the networks differ in inputs or outputs, or a network is not of its architecture.
    """

    def __init__(
        self,
        networks: Sequence[QuantizedNetwork],
        architectures: Sequence[Architecture],
        dropout_seeds: Sequence[int],
        device: str | torch.device = "cpu",
        loss: Loss = CROSS_ENTROPY,
    ) -> None:
        for network, architecture in zip(networks, architectures, strict=True):
            network.check(architecture)
        super().__init__(networks, architectures, dropout_seeds, device, loss)
        self._set_input_grids()
        self._set_parameter_grids()
        self._set_activation_grids()
        self._exchange(inwards=True)
        self.set_masks([[layer.mask for layer in network.layers] for network in networks])

    @torch.no_grad()
    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of (n, n_inputs) jets in evaluation mode, (networks, n, n_outputs) float32."""
        batches = map(self._for_all, x.split(EVALUATION_BATCH))
        logits = torch.cat([self._forward(jets, training=False) for jets in batches], dim=1)
        self._kept = []
        return logits[self._unsorted(list(range(len(logits))))]

    @torch.no_grad()
    def differentiate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
    ) -> list[list[torch.Tensor]]:
        """Return each network's gradients of the next step's loss.

        Parameters
        ----------
        x, y
            (n, n_inputs) float32, and (n,) int64 classes or (n, n_outputs) float32 targets as the loss is of, the
            same jets for all networks.
        weights
            (n,) float32 of the jets, or None for equal ones.

        Returns
        -------
        list of list of torch.Tensor
            For each network in the order of its ``parameters()``; those of pruned weights are zero.
        """
        of_jets = None if weights is None else self._for_all(weights)
        return self._gradients_of(self._for_all(x), self._for_all(y), of_jets)

    @torch.no_grad()
    def set_masks(self, masks: Sequence[Sequence[torch.Tensor]]) -> None:
        """Hold other weights at zero from now on.

        Parameters
        ----------
        masks
            For each network and dense layer (n_out, n_in) bool, False where a weight is held at zero.
        """
        for member, position in enumerate(self._order):
            parts = self._layers_of(member, self._real_views)
            for (weight, *_), mask in zip(parts, masks[position], strict=True):
                weight.copy_(mask)
        self._parameters.mul_(self._real)

    def _dense(self, layer: int | str) -> list[QuantizedDense]:
        """Return the layer of all networks that have it."""
        place = -1 if layer == OUT else layer
        return [network.layers[place] for network in self._networks[: self._layers[layer]]]

    def _set_input_grids(self) -> None:
        bits = [network.input_bits for network in self._networks]
        self._input_scale = self._column([math.ldexp(1, network.input_exponent) for network in self._networks])
        self._input_lowest, self._input_highest = self._signed_limits(bits)

    def _set_parameter_grids(self) -> None:
        """Lay out the grids of all parameters; a range is on none, and the scale in its place is the one it gives."""
        self._n_dense = sum(view.numel() for name, view in self._views.items() if "range" not in name)
        self._scales, self._scale_views = self._flat()
        self._range_bits, range_bits = self._flat()
        self._lowest, lowest = self._flat()
        self._highest, highest = self._flat()
        self._by_scale, self._by_scale_views = self._flat()
        self._products, self._operands = self._flat()
        self._lowest.fill_(-math.inf)
        self._highest.fill_(math.inf)
        for layer in self._layers:
            dense = self._dense(layer)
            largest = self._column([math.ldexp(1, one.weight_bits - 1) - 1 for one in dense])
            lowest[f"weight{layer}"][:], highest[f"weight{layer}"][:] = -largest, largest
            range_bits[f"weight_range{layer}"][:] = self._column([one.weight_bits - 1 for one in dense])
            limits = self._signed_limits([one.bias_bits for one in dense])
            lowest[f"bias{layer}"][:], highest[f"bias{layer}"][:] = limits
            self._scale_views[f"bias{layer}"][:] = self._column([math.ldexp(1, one.bias_exponent) for one in dense])
            if layer != OUT:
                range_bits[f"range{layer}"][:] = self._column(
                    [one.activation.bits if isinstance(one.activation, QuantizedReLU) else 0 for one in dense]
                )

    def _set_activation_grids(self) -> None:
        self._is_relu, self._relu_limits, self._tables = [], [], []
        for layer in range(len(self._counts)):
            activations = [one.activation for one in self._dense(layer)]
            relus = [isinstance(activation, QuantizedReLU) for activation in activations]
            highest = [
                math.ldexp(1, one.bits) - 1 if is_relu else 0 for one, is_relu in zip(activations, relus, strict=True)
            ]
            limits = (self._column([0.0] * len(relus)), self._column(highest))
            self._is_relu.append(self._column(relus))
            self._relu_limits.append(limits if any(relus) else None)
            self._tables.append(None if all(relus) else self._stack_tables(activations))

    def _stack_tables(self, activations: Sequence[QuantizedReLU | Table]) -> "_Tables":
        tables = [one if isinstance(one, Table) else NO_TABLE for one in activations]
        entries = max(len(table.values) for table in tables)
        values, slopes = torch.zeros(2, len(tables), entries, device=self.device)
        for i, table in enumerate(tables):
            values[i, : len(table.values)] = table.values
            slopes[i, : len(table.slopes)] = table.slopes
        scale = self._column([math.ldexp(1, table.input_exponent) for table in tables])
        return _Tables(scale, *self._signed_limits([table.input_bits for table in tables]), values, slopes)

    def _signed_limits(self, bits: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        lowest = self._column([-math.ldexp(1, one - 1) for one in bits])
        return lowest, -1 - lowest

    def _further_shapes(self, layer: int | str, count: int, width: int) -> dict[str, tuple[int, ...]]:
        names = ("weight_range",) if layer == OUT else ("weight_range", "range")
        return {f"{name}{layer}": (count, 1, 1) for name in names}

    def _further_parts(
        self, member: int, layer: int | str, width: int, views: dict[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        activation = self._networks[member].layers[-1 if layer == OUT else layer].activation
        names = ("weight_range", "range") if isinstance(activation, QuantizedReLU) else ("weight_range",)
        return [views[f"{name}{layer}"][member, 0, 0] for name in names]

    def _forward(self, x: torch.Tensor, training: bool) -> torch.Tensor:
        self._quantize_parameters()
        inputs = _to_grid(x, self._input_scale, self._input_lowest, self._input_highest, torch.floor)
        with _exact_products():
            return super()._forward(inputs.integers * self._input_scale, training)

    def _quantize_parameters(self) -> None:
        ranges = self._parameters[self._n_dense :]
        self._scales[self._n_dense :] = _power_of_two(ranges.ceil() - self._range_bits[self._n_dense :])
        for layer in self._layers:
            self._scale_views[f"weight{layer}"].copy_(self._scale_views[f"weight_range{layer}"])
        self._on_grid = _to_grid(self._parameters, self._scales, self._lowest, self._highest, torch.round)
        torch.mul(self._on_grid.integers, self._scales, out=self._products)

    def _activate(self, z: torch.Tensor, layer: int, training: bool) -> tuple[torch.Tensor, tuple]:
        limits, tables = self._relu_limits[layer], self._tables[layer]
        relu = index = inside = None
        if limits is not None:
            scale = self._scale_views[f"range{layer}"]
            relu = _to_grid(torch.relu(z), scale, *limits, torch.floor)
            unit = relu.integers * scale
        if tables is not None:
            looked_up, index, inside = tables.look_up(z)
            unit = looked_up if relu is None else torch.where(self._is_relu[layer], unit, looked_up)
        return unit, (relu, index, inside)

    def _through_activation(self, gradient: torch.Tensor, kept: tuple, layer: int) -> torch.Tensor:
        relu, index, inside = kept
        ours = self._gradient_views
        if relu is not None:
            torch.sum(gradient * relu.by_scale(), dim=(1, 2), keepdim=True, out=ours[f"range{layer}"])
            through = gradient * (relu.inside & (relu.ratio > 0))
        if index is not None:
            through_table = gradient * inside * self._tables[layer].slopes_at(index).view_as(inside)
            through = through_table if relu is None else torch.where(self._is_relu[layer], through, through_table)
        torch.sum(through, dim=1, keepdim=True, out=ours[f"bias{layer}"])
        return through

    def _backward(self, gradient: torch.Tensor) -> None:
        with _exact_products():
            super()._backward(gradient)
        torch.mul(self._gradients, self._on_grid.by_scale(), out=self._by_scale)
        for layer in self._layers:
            of_scale = self._gradient_views[f"weight_range{layer}"]
            torch.sum(self._by_scale_views[f"weight{layer}"], dim=(1, 2), keepdim=True, out=of_scale)
        self._gradients[self._n_dense :] *= self._scales[self._n_dense :] * math.log(2)
        self._gradients.mul_(self._on_grid.inside).mul_(self._real)

    def _update(self) -> None:
        super()._update()
        # Adam's memory would move a weight that has been pruned since.
        self._parameters.mul_(self._real)


class _OnGrid(NamedTuple):
    """Values put on a grid: the integers, whether they are within it, and values over scale."""

    integers: torch.Tensor
    inside: torch.Tensor
    ratio: torch.Tensor

    def by_scale(self) -> torch.Tensor:
        """Return the derivative of integers times scale by the scale, straight through the rounding."""
        return torch.where(self.inside, self.integers - self.ratio, self.integers)


class _Tables(NamedTuple):
    """A layer's tables: grids of the sums, (networks, 1, 1), values and slopes, (networks, entries)."""

    scale: torch.Tensor
    lowest: torch.Tensor
    highest: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor

    def look_up(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return of sums (networks, jets, width) the results, their places in the tables, and which are within."""
        grid = _to_grid(z, self.scale, self.lowest, self.highest, torch.floor)
        place = grid.integers - self.lowest
        index = place.nan_to_num(0.0).long().flatten(1)
        result = self.values.gather(1, index).view_as(z)
        return torch.where(place.isnan(), place, result), index, grid.inside

    def slopes_at(self, index: torch.Tensor) -> torch.Tensor:
        """Return the slopes of places, (networks, jets times width)."""
        return self.slopes.gather(1, index)


def _to_grid(
    values: torch.Tensor,
    scale: torch.Tensor,
    lowest: torch.Tensor,
    highest: torch.Tensor,
    rounding: Callable[[torch.Tensor], torch.Tensor],
) -> _OnGrid:
    ratio = values / scale
    rounded = rounding(ratio)
    integers = rounded.clamp(lowest, highest)
    return _OnGrid(integers, rounded == integers, ratio)


def _power_of_two(exponent: torch.Tensor) -> torch.Tensor:
    """Return 2 ** exponent of whole numbers exactly, which a GPU's exponential does not promise."""
    bits = exponent.clamp(-126, 127).to(torch.int32) + 127 << 23
    # The power of an exponent that is no number is none either.
    return bits.view(torch.float32) + exponent * 0


@contextmanager
def _exact_products() -> Iterator[None]:
    """Keep TF32 and bfloat16 out of products, whatever the process has been told."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
