"""Writing a Brevitas network as QONNX, and running such a file by its own format's executor."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from snacpack.files import REMAKE, whole_file
from snacpack.fixed_point import FixedPointNetwork, Quantizer

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper
    from torch import nn

INPUT_NAME = "jet"
OUTPUT_NAME = "logits"

# What adds and multiplies, and what may stand between a sum and its quantiser.
SUMMING_NODES = ("Gemm", "MatMul", "Add", "Relu")

# The executor holds every tensor of a batch at once.
BATCH = 10_000


@dataclass(frozen=True)
class ActivationTable:
    """A tanh or sigmoid between two quantisers of a QONNX graph, as the executor computes it.

    Parameters
    ----------
    activation, quantizer
        The function's node, and the node that quantises its result.
    input, output
        Grids before and after.
    integers
        (2**input.bits,) int64 of the output's grid, from ``input.minimum`` upwards.
    """

    activation: "NodeProto"
    quantizer: "NodeProto"
    input: Quantizer
    output: Quantizer
    integers: np.ndarray


def export_qonnx(network: "nn.Sequential", n_inputs: int, path: str | Path) -> None:
    """Write a trained network as QONNX, for one jet at a time.

    Parameters
    ----------
    network
        Brevitas network of (n, n_inputs) float32 to (n, n_outputs) logits.
    n_inputs
        Features of a jet.
    path
        File to write.

    Raises
    ------
    RuntimeError
        If a tanh or sigmoid is rounded differently by QONNX's executor than by PyTorch, anywhere in its table.
    """
    import torch
    from brevitas.export import export_qonnx as brevitas_export
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    from snacpack.compression.network import freeze

    was_training = network.training
    network.eval()
    with TemporaryDirectory() as folder, whole_file(path) as temporary:
        # PyTorch writes a second file with the weights beside it; what is saved in the end holds them itself.
        exported = str(Path(folder) / "exported.onnx")
        brevitas_export(
            network,
            args=torch.zeros(1, n_inputs),
            export_path=exported,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
        )
        model = ModelWrapper(exported)
        _unshare_constants(model)
        model = cleanup_model(model)
        network.train(was_training)
        check_tables(model, freeze(network))
        model.save(str(temporary))


def read_onnx(path: str | Path) -> "ModelWrapper":
    """Read an exported network.

    Raises
    ------
    ValueError
        If the file is cut off or no network.
    """
    from google.protobuf.message import DecodeError
    from qonnx.core.modelwrapper import ModelWrapper

    try:
        model = ModelWrapper(str(path))
    except DecodeError as error:
        raise ValueError(f"{path} is no whole network ({error}); {REMAKE}") from None
    # An empty file is a message without fields.
    if not model.graph.node:
        raise ValueError(f"{path} is no whole network (it is empty); {REMAKE}")
    return model


def run_qonnx(path: str | Path, x: np.ndarray, float_type: type = np.float32) -> np.ndarray:
    """Return the logits of (n, n_inputs) inputs, (n, n_outputs), by QONNX's own executor.

    Parameters
    ----------
    path
        File of :func:`export_qonnx`.
    x
        (n, n_inputs) float32.
    float_type
        float32 computes as the file says; float64 computes all sums in double precision.
    """
    from qonnx.core.onnx_exec import execute_onnx

    model = read_onnx(path)
    name_in, name_out = model.graph.input[0].name, model.graph.output[0].name
    jets = np.asarray(x, dtype=np.float32)
    logits = []
    for start in range(0, len(jets), BATCH):
        batch = jets[start : start + BATCH]
        graph = _for_batch(model, len(batch))
        if float_type is np.float64:
            _sum_in_double(graph)
        logits.append(execute_onnx(graph, {name_in: batch})[name_out])
    return np.concatenate(logits)


def activation_tables(model: "ModelWrapper") -> list[ActivationTable]:
    """Return the tables of all tanh and sigmoid of a QONNX graph, from the input to the logits."""
    nodes = [node for node in model.graph.node if node.op_type in ("Tanh", "Sigmoid")]
    return [_table(model, node) for node in nodes]


def check_tables(model: "ModelWrapper", network: FixedPointNetwork) -> None:
    """Compare every entry of every table of a QONNX graph with the network's.

    Raises
    ------
    RuntimeError
        If an entry differs.
    """
    layers = [(i, layer) for i, layer in enumerate(network.layers) if layer.table is not None]
    for (i, layer), table in zip(layers, activation_tables(model), strict=True):
        if (table.input, table.output) != (layer.table_input, layer.output):
            raise RuntimeError(
                f"QONNX puts {layer.activation} of layer {i} between {table.input} and {table.output}, the network "
                f"between {layer.table_input} and {layer.output}"
            )
        wrong = np.flatnonzero(table.integers != layer.table)
        if len(wrong):
            values = np.ldexp(wrong + layer.table_input.minimum, -layer.table_input.fraction_bits)
            raise RuntimeError(
                f"ONNX Runtime and PyTorch round {layer.activation} of layer {i} differently on this machine, at "
                f"{', '.join(map(str, values))}: the circuit would not be the trained network. Give that layer's "
                "activations other bits (compression.schemes; compression.search.space) or take relu"
            )


def quantizer_grid(model: "ModelWrapper", node: "NodeProto") -> Quantizer:
    """Return the grid of a Quant node whose scale is a power of two and whose zero is zero."""
    from onnx.helper import get_node_attr_value

    scale, zero, bits = (float(model.get_initializer(name)) for name in node.input[1:4])
    mantissa, exponent = np.frexp(scale)
    if mantissa != 0.5 or zero != 0:
        raise ValueError(f"{node.name} has scale {scale} and zero point {zero}: no binary fixed point")
    signed, narrow = (bool(get_node_attr_value(node, name)) for name in ("signed", "narrow"))
    return Quantizer(int(bits), 1 - int(exponent), signed, narrow)


def _unshare_constants(model: "ModelWrapper") -> None:
    """Give each layer weights and biases of its own: PyTorch writes equal ones once, and hls4ml fails on them."""
    from onnx import NodeProto

    for node in list(model.graph.node):
        if node.op_type != "Quant" or model.get_initializer(node.input[0]) is None:
            continue
        for i, consumer in enumerate(model.find_consumers(node.output[0])[1:]):
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.name, copy.output[0] = f"{node.name}_{i}", f"{node.output[0]}_{i}"
            model.graph.node.insert(0, copy)
            places = [place for place, name in enumerate(consumer.input) if name == node.output[0]]
            for place in places:
                consumer.input[place] = copy.output[0]


def _table(model: "ModelWrapper", activation: "NodeProto") -> ActivationTable:
    from qonnx.core.onnx_exec import execute_onnx

    before, after = model.find_producer(activation.input[0]), model.find_consumer(activation.output[0])
    grid, output = quantizer_grid(model, before), quantizer_grid(model, after)
    values = np.ldexp(np.arange(grid.minimum, grid.maximum + 1), -grid.fraction_bits).astype(np.float32)
    # One jet for each entry, and the same entry for all units: every place of the executor's vectors is tried.
    batch = _for_batch(model, len(values))
    nodes = {node.name: node for node in batch.graph.node}
    units = batch.get_tensor_shape(activation.input[0])[1]
    context = execute_onnx(
        batch,
        {activation.input[0]: np.repeat(values[:, None], units, axis=1)},
        return_full_exec_context=True,
        start_node=nodes[activation.name],
        end_node=nodes[after.name],
    )
    integers = np.ldexp(context[after.output[0]].astype(np.float64), output.fraction_bits).astype(np.int64)
    if (integers != integers[:, :1]).any():
        raise RuntimeError(f"ONNX Runtime computes {activation.name} of one number in two ways on this machine")
    return ActivationTable(activation, after, grid, output, integers[:, 0])


def _sum_in_double(model: "ModelWrapper") -> None:
    """Let dense layers, and ReLUs behind them, take and give doubles; quantisers and tables stay as they are."""
    from onnx import TensorProto, helper

    doubles = set()
    for node in [node for node in model.graph.node if node.op_type in SUMMING_NODES]:
        for place, name in enumerate(node.input):
            if name in doubles:
                continue
            double = f"{name}_to_{node.name}_{place}"
            cast = helper.make_node("Cast", [name], [double], to=TensorProto.DOUBLE)
            model.graph.node.insert(list(model.graph.node).index(node), cast)
            model.set_tensor_shape(double, model.get_tensor_shape(name), TensorProto.DOUBLE)
            node.input[place] = double
        model.set_tensor_shape(node.output[0], model.get_tensor_shape(node.output[0]), TensorProto.DOUBLE)
        doubles.add(node.output[0])


def _for_batch(model: "ModelWrapper", n_jets: int) -> "ModelWrapper":
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes

    return model.transform(ChangeBatchSize(n_jets)).transform(InferShapes())
