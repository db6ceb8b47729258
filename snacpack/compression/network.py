"""Quantised networks: defined in Brevitas, trained as tensors, frozen into integers for circuits."""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from snacpack.compression.brevitas_parts import qnn
from snacpack.compression.quantizers import activation_quantizer, bias_quantizer, constant_quantizer, weight_quantizer
from snacpack.networks.architecture import Architecture
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.layer import ExactLayer, Matrix
from snacpack.networks.operation import Operation
from snacpack.networks.operations.activation import ActivationLayer
from snacpack.networks.operations.dense import Dense
from snacpack.networks.operations.dropout import DropoutLayer
from snacpack.networks.operations.quantize import Quantize
from snacpack.networks.operations.relu import Relu
from snacpack.networks.operations.table import Table as IntegerTable
from snacpack.networks.scheme import Precision
from snacpack.training.network import initialise, shaped
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table

# hls4ml's tables of tanh and sigmoid: 1024 entries over [-4, 4) and [-8, 8).
TABLE_RANGE = {"tanh": 4.0, "sigmoid": 8.0}
MAX_TABLE_BITS = 10


def build_quantized_network(architecture: Architecture, precision: Precision) -> nn.Sequential:
    """Build the Brevitas network of an architecture, untrained and uncalibrated.

    Batch normalisation has no place in it: it is folded into the weights before they
    are quantised (:func:`fold_batch_norm`).

    Parameters
    ----------
    architecture
        Layers, activation and dropout.
    precision
        Bits of weights, activations and inputs.

    Returns
    -------
    nn.Sequential
        (n, n_inputs) float32 to (n, n_outputs) float32 logits. Children are called
        ``input``, and for layer i ``dense_i``, ``table_input_i``, ``activation_i`` and
        ``dropout_i`` where there is such a thing; ``shape`` is behind the input of a network that
        takes no vector, and ``exact_i`` is the i-th layer without parameters.

    Raises
    ------
    ValueError
        If the precision is of another number of layers.
    """
    graph = architecture.graph
    n_layers = len(graph.matrices)
    if len(precision.weight_bits) != n_layers:
        raise ValueError(f"{architecture.label} has {n_layers} dense layers, the precision is of {precision}")
    children: OrderedDict[str, nn.Module] = OrderedDict()
    children["input"] = qnn.QuantIdentity(act_quant=activation_quantizer(precision.input_bits, True))
    range_of(children["input"].act_quant).requires_grad_(False)
    children.update(("shape", module) for module in shaped(graph.shape))
    i = -1
    for layer, shape in graph.steps():
        matrix = layer.matrix(shape)
        if matrix is not None:
            i += 1
            children[f"dense_{i}"] = _dense(matrix, precision.weight_bits[i], precision.bias_bits[i])
        elif isinstance(layer, ActivationLayer):
            children.update(_activation(layer.function, precision.activation_bits[i], i))
        elif isinstance(layer, DropoutLayer):
            children[f"dropout_{i}"] = layer.module(shape)
        elif isinstance(layer, ExactLayer):
            children[f"exact_{sum(name.startswith('exact_') for name in children)}"] = layer.module(shape)
    network = nn.Sequential(children)
    initialise(network, architecture.activation)
    return network


def _dense(matrix: Matrix, weight_bits: int, bias_bits: int) -> nn.Linear:
    quantizers = {"weight_quant": weight_quantizer(weight_bits), "bias_quant": bias_quantizer(bias_bits)}
    dense = qnn.QuantLinear(matrix.n_in, matrix.n_out, bias=True, **quantizers)
    range_of(dense.bias_quant).requires_grad_(False)
    return dense


def _activation(name: str, bits: int, i: int) -> dict[str, nn.Module]:
    if name == "relu":
        return {f"activation_{i}": qnn.QuantReLU(act_quant=activation_quantizer(bits, False))}
    table_bits = min(bits + 2, MAX_TABLE_BITS)
    table_input = qnn.QuantIdentity(act_quant=constant_quantizer(table_bits, True, TABLE_RANGE[name]))
    layer, signed = (qnn.QuantTanh, True) if name == "tanh" else (qnn.QuantSigmoid, False)
    activation = layer(act_quant=constant_quantizer(bits, signed, 1.0))
    return {f"table_input_{i}": table_input, f"activation_{i}": activation}


def range_of(proxy: nn.Module) -> torch.Tensor:
    """Return the parameter whose power of two, rounded up, is the range of a quantiser."""
    return getattr(proxy, "fused_activation_quant_proxy", proxy).tensor_quant.scaling_impl.value


def dense_layers(network: nn.Sequential) -> list[nn.Linear]:
    """Return the dense layers from the input to the logits."""
    return [child for child in network if isinstance(child, nn.Linear)]


def fold_batch_norm(network: nn.Sequential) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return weight and bias of each dense layer of a float network, batch normalisation folded into them.

    The same network in inference, up to float32 rounding.
    """
    layers: list[tuple[torch.Tensor, torch.Tensor]] = []
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append((module.weight.detach().clone(), module.bias.detach().clone()))
        elif isinstance(module, nn.BatchNorm1d):
            weight, bias = layers[-1]
            factor = (module.weight / torch.sqrt(module.running_var + module.eps)).detach()
            shift = ((bias - module.running_mean) * factor + module.bias).detach()
            layers[-1] = (weight * factor[:, None], shift)
    return layers


def tensors_of(network: nn.Sequential, masks: Mapping[str, torch.Tensor] | None = None) -> QuantizedNetwork:
    """Return the network as its training needs it; weights, biases and ranges share the network's memory.

    Parameters
    ----------
    network
        Brevitas network of :func:`build_quantized_network`.
    masks
        For each dense layer's name, (n_out, n_in) bool, False where a weight is held at zero.
    """
    children = dict(network.named_children())
    grid = _grid(network.input)
    layers = []
    for i, dense in enumerate(dense_layers(network)):
        name = f"dense_{i}"
        activation = children.get(f"activation_{i}")
        mask = torch.ones_like(dense.weight, dtype=torch.bool) if masks is None else masks[name].clone()
        bias_bits = int(dense.bias_quant.tensor_quant.msb_clamp_bit_width_impl())
        layers.append(
            QuantizedDense(
                dense.weight.detach(),
                dense.bias.detach(),
                mask,
                int(dense.weight_quant.tensor_quant.msb_clamp_bit_width_impl()),
                range_of(dense.weight_quant).detach(),
                bias_bits,
                int(range_of(dense.bias_quant).detach().ceil()) - bias_bits + 1,
                activation and _activation_tensors(activation, children.get(f"table_input_{i}")),
            )
        )
    return QuantizedNetwork(grid.bits, -grid.fraction_bits, layers)


def _activation_tensors(activation: nn.Module, table_input: nn.Module | None) -> QuantizedReLU | Table:
    output = _grid(activation)
    if table_input is None:
        return QuantizedReLU(output.bits, range_of(activation.act_quant).detach())
    grid = _grid(table_input)
    values = _table_inputs(grid)
    result = torch.tanh(values) if isinstance(activation, qnn.QuantTanh) else torch.sigmoid(values)
    slopes = 1 - result * result if isinstance(activation, qnn.QuantTanh) else result * (1 - result)
    quantized = np.ldexp(_table(activation, grid, output).astype(np.float32), -output.fraction_bits)
    return Table(grid.bits, -grid.fraction_bits, torch.from_numpy(quantized), slopes)


def freeze(network: nn.Sequential) -> FixedPointNetwork:
    """Return the integers that a trained network computes with in inference.

    Its ``predict`` equals the network's output in evaluation mode exactly, as long as the network computes in the
    integers' ``float_type`` (``network.double()`` where that is float64) and ``check_sums`` finds no fault.
    """
    children = dict(network.named_children())
    shape = children["shape"].unflattened_size if "shape" in children else (dense_layers(network)[0].in_features,)
    operations = [entry for name, child in children.items() for entry in _freeze_child(network, name, child)]
    return FixedPointNetwork.chain(_grid(network.input), tuple(shape), operations)


@torch.no_grad()
def _freeze_child(network: nn.Sequential, name: str, child: nn.Module) -> list[tuple[str, Operation]]:
    """Return the operations of a child, named as it; none of one that is no hardware."""
    kind, _, number = name.rpartition("_")
    if kind == "dense":
        weight, bias = child.quant_weight(), child.quant_bias()
        operation = Dense(
            weight.int().numpy().astype(np.int64),
            Quantizer(int(weight.bit_width), _fraction_bits(weight.scale), signed=True, narrow=True),
            bias.int().numpy().astype(np.int64),
            Quantizer(int(bias.bit_width), _fraction_bits(bias.scale), signed=True),
        )
        return [(name, operation)]
    if kind == "table_input":
        return [(name, Quantize(_grid(child)))]
    if kind == "exact":
        return [(name, child.operation)]
    if kind != "activation":
        return []
    output = _grid(child)
    if isinstance(child, qnn.QuantReLU):
        return [(f"relu_{number}", Relu()), (name, Quantize(output))]
    grid = _grid(network.get_submodule(f"table_input_{number}"))
    function = "tanh" if isinstance(child, qnn.QuantTanh) else "sigmoid"
    return [(name, IntegerTable(function, grid, output, _table(child, grid, output)))]


def _table_inputs(grid: Quantizer) -> torch.Tensor:
    integers = np.arange(grid.minimum, grid.maximum + 1)
    return torch.from_numpy(np.ldexp(integers, -grid.fraction_bits).astype(np.float32))


@torch.no_grad()
def _table(activation: nn.Module, table_input: Quantizer, output: Quantizer) -> np.ndarray:
    was_training = activation.training
    values = activation.eval()(_table_inputs(table_input))
    activation.train(was_training)
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
    mantissa, exponent = np.frexp(float(scale.detach()))
    if mantissa != 0.5:
        raise ValueError(f"the scale {float(scale)} is not a power of two; the network is no fixed-point network")
    return 1 - int(exponent)
