"""Training on a CPU: ``native.cpp``, compiled when it is first needed and kept for later jobs."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from snacpack.core.native_library import load_library
from snacpack.networks.architecture import ACTIVATIONS, Architecture
from snacpack.training.losses import CROSS_ENTROPY, Loss
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table

# The kinds of activations of a quantised layer in ``native_quantized.h``.
LINEAR, RELU, TABLE = range(3)

Tensors = list[torch.Tensor | None]


class _Network:
    """A network's parameters, Adam's state and activations outside PyTorch; tensors go in and out by layers."""

    def __init__(self, architecture: Architecture, dropout_seed: int, batch_size: int, loss: Loss) -> None:
        self._library = load_library()
        self.architecture = architecture
        self.batch_size = batch_size
        self.loss = loss
        self._seed = dropout_seed
        widths = architecture.layer_widths
        terms = _Loss(loss.of_classes, loss.factor, loss.limit)
        self._handle = self._create(len(widths) - 1, (ctypes.c_int * len(widths))(*widths), ctypes.byref(terms))
        if not self._handle:
            raise MemoryError(f"no memory for the network {architecture.label} at batches of {batch_size}")

    def _create(self, n_layers: int, widths: ctypes.Array, loss: Any) -> int | None:
        raise NotImplementedError

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.network_destroy(self._handle)

    def evaluate(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> tuple[float, float]:
        """Return loss and score (:meth:`snacpack.training.losses.Loss.score`) of jets in evaluation mode."""
        loss, sums = ctypes.c_double(), np.empty(self.loss.n_sums(self.architecture.n_outputs))
        jets = self._jets(x, y, weights)
        self._library.network_evaluate(self._handle, jets, len(x), ctypes.byref(loss), sums.ctypes.data)
        return loss.value, float(self.loss.score(sums, y, weights))

    def _jets(self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None) -> Any:
        n_outputs = self.architecture.n_outputs
        shape, dtype = ((len(x),), torch.int64) if self.loss.of_classes else ((len(x), n_outputs), torch.float32)
        if (*y.shape,) != shape or y.dtype != dtype:
            raise ValueError(f"the loss {self.loss.kind} needs {dtype} of shape {shape}, got {y.dtype} {(*y.shape,)}")
        return ctypes.byref(_Jets(x.data_ptr(), y.data_ptr(), None if weights is None else weights.data_ptr()))

    def _train(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        order: torch.Tensor,
        weights: torch.Tensor | None,
        learning_rate: float,
    ) -> float:
        return self._library.network_train(
            *(self._handle, self._jets(x, y, weights), order.data_ptr(), len(order), self.batch_size),
            *(learning_rate, self.architecture.l1, self._seed),
        )

    def _differentiate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None, layers: list[Tensors]
    ) -> list[torch.Tensor]:
        self._library.network_differentiate(self._handle, self._jets(x, y, weights), len(x), self._seed)
        gradients = [[None if tensor is None else torch.zeros_like(tensor) for tensor in layer] for layer in layers]
        self._exchange(gradients, gradients=True)
        return [gradient for layer in gradients for gradient in layer if gradient is not None]

    def _exchange(self, layers: list[Tensors], inwards: bool = False, gradients: bool = False) -> None:
        for i, tensors in enumerate(layers):
            addresses = [None if tensor is None else tensor.data_ptr() for tensor in tensors]
            pointers = (ctypes.c_void_p * 6)(*addresses)
            self._library.network_exchange(self._handle, i, pointers, int(inwards), int(gradients))


class NativeNetwork(_Network):
    """A float network outside PyTorch.

    Jets are contiguous: (n, n_inputs) float32, (n,) int64 classes or (n, n_outputs) float32 targets as the loss
    is of, and (n,) float32 weights or None for equal ones.

    Parameters
    ----------
    network
        From :func:`snacpack.training.network.build_network`; its parameters are
        copied, and copied back by :meth:`store`.
    architecture
        The network's, with learning rate, L1 and dropout.
    dropout_seed
        Decides, with step and layer, which units are dropped.
    batch_size
        Jets of a step at most.
    loss
        The loss that is made small.

    Raises
    ------
    NativeUnavailable
        If there is no compiler for ``native.cpp``.
    MemoryError
        If the network does not fit into memory.
    """

    def __init__(
        self,
        network: nn.Sequential,
        architecture: Architecture,
        dropout_seed: int,
        batch_size: int,
        loss: Loss = CROSS_ENTROPY,
    ) -> None:
        super().__init__(architecture, dropout_seed, batch_size, loss)
        self._layers = _layers_of(network)
        self._exchange(self._layers, inwards=True)

    def _create(self, n_layers: int, widths: ctypes.Array, loss: Any) -> int | None:
        architecture = self.architecture
        activation = ACTIVATIONS.index(architecture.activation)
        return self._library.network_create(
            n_layers, widths, activation, int(architecture.batch_norm), architecture.dropout, self.batch_size, loss
        )

    def train(
        self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, weights: torch.Tensor | None = None
    ) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean loss over batches."""
        return self._train(x, y, order, weights, self.architecture.learning_rate)

    def differentiate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Return the gradients of the loss of the next step's batch, in the order of ``parameters()``."""
        return self._differentiate(x, y, weights, [tensors[:4] for tensors in self._layers])

    def store(self) -> None:
        """Write parameters and running statistics back to the module."""
        self._exchange(self._layers)


class NativeQuantizedNetwork(_Network):
    """A quantised network outside PyTorch.

    Jets are contiguous, as :class:`NativeNetwork` has them.

    Parameters
    ----------
    network
        Its parameters and masks are copied; parameters are copied back by :meth:`store`.
    architecture
        The network's widths, L1 and dropout; batch normalisation, if any, has been folded into the weights.
    dropout_seed
        Decides, with step and layer, which units are dropped.
    batch_size
        Jets of a step at most.
    loss
        The loss that is made small.

    Raises
    ------
    NativeUnavailable
        If there is no compiler for ``native.cpp``.
    MemoryError
        If the network does not fit into memory.
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
    ) -> None:
        network.check(architecture)
        self.network = network
        super().__init__(architecture, dropout_seed, batch_size, loss)
        self._exchange(self._parameters(), inwards=True)
        self.set_masks([layer.mask for layer in network.layers])

    def _create(self, n_layers: int, widths: ctypes.Array, loss: Any) -> int | None:
        grids = [_grids_of(layer) for layer in self.network.layers]
        return self._library.network_create_quantized(
            n_layers,
            widths,
            (ctypes.c_int * 2)(self.network.input_bits, self.network.input_exponent),
            (_Grids * n_layers)(*grids),
            self.architecture.dropout,
            self.batch_size,
            loss,
        )

    def _parameters(self) -> list[Tensors]:
        """Return of each layer weight, bias, the weights' range and a ReLU's range or None."""
        layers: list[Tensors] = []
        for layer in self.network.layers:
            learned = layer.activation.range if isinstance(layer.activation, QuantizedReLU) else None
            layers.append([layer.weight, layer.bias, layer.weight_range, learned])
        return layers

    def set_masks(self, masks: Sequence[torch.Tensor]) -> None:
        """Hold weights at zero from now on: (n_out, n_in) bool of each layer, False where."""
        for i, (layer, mask) in enumerate(zip(self.network.layers, masks, strict=True)):
            if mask.shape != layer.weight.shape:
                raise ValueError(f"a mask of layer {i} is {tuple(mask.shape)}, its weights {tuple(layer.weight.shape)}")
            kept = mask.to(torch.bool).contiguous()
            self._library.network_mask(self._handle, i, kept.data_ptr())

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
        return self._train(x, y, order, weights, learning_rate)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of jets in evaluation mode, (n, n_outputs) float32."""
        logits = torch.empty(len(x), self.architecture.n_outputs)
        self._library.network_predict(self._handle, x.data_ptr(), len(x), logits.data_ptr())
        return logits

    def differentiate(
        self, x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Return the gradients of the loss of the next step's batch, in the order of ``parameters()``."""
        return self._differentiate(x, y, weights, self._parameters())

    def store(self) -> None:
        """Write weights, biases and ranges back to the network's tensors."""
        self._exchange(self._parameters())


class _Loss(ctypes.Structure):
    """``Loss`` of ``native_network.h``."""

    _fields_ = (("of_classes", ctypes.c_int), ("factor", ctypes.c_float), ("limit", ctypes.c_float))


class _Jets(ctypes.Structure):
    """``Jets`` of ``native_network.h``."""

    _fields_ = tuple((name, ctypes.c_void_p) for name in ("x", "y", "weights"))


class _Grids(ctypes.Structure):
    """``Grids`` of ``native_quantized.h``."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("weight_bits", "bias_bits", "bias_exponent", "kind", "bits", "exponent")),
        *((name, ctypes.c_void_p) for name in ("values", "slopes")),
    )


def _grids_of(layer: QuantizedDense) -> _Grids:
    grids = (layer.weight_bits, layer.bias_bits, layer.bias_exponent)
    match layer.activation:
        case None:
            return _Grids(*grids, LINEAR)
        case QuantizedReLU(bits=bits):
            return _Grids(*grids, RELU, bits)
        case Table(bits, exponent, values, slopes):
            return _Grids(*grids, TABLE, bits, exponent, values.data_ptr(), slopes.data_ptr())


def _layers_of(network: nn.Sequential) -> list[list[torch.Tensor]]:
    """Return for each dense layer weight and bias, and of its batch normalisation scale, shift, mean and variance."""
    layers: list[list[torch.Tensor]] = []
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append([module.weight.detach(), module.bias.detach()])
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1] += [module.weight.detach(), module.bias.detach(), module.running_mean, module.running_var]
    return layers
