"""Writing a network in integers as QONNX, and running such a file by its own format's executor."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.core.files import REMAKE, whole_file
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.table import ONNX_FUNCTIONS, Table

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

INPUT_NAME = "jet"
OUTPUT_NAME = "logits"

QUANT_DOMAIN = "qonnx.custom_op.general"
OPSETS = {"": 20, QUANT_DOMAIN: 2}
IR_VERSION = 10

# All that stays in float32 where sums are computed in double precision; the rest adds, multiplies or picks numbers.
FLOAT32_NODES = ("Quant", *ONNX_FUNCTIONS.values())

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


class GraphWriter:
    """A QONNX graph in the making: operations add their nodes and get the names of the results.

    Constants with their quantisers stand in front of all that depends on the input.
    """

    def __init__(self) -> None:
        self._constants: list[NodeProto] = []
        self._nodes: list[NodeProto] = []
        self._arrays: dict[str, np.ndarray] = {}

    def constant(self, array: np.ndarray) -> str:
        """Add an array as it is."""
        name = f"constant_{len(self._arrays)}"
        self._arrays[name] = array
        return name

    def quantized(self, values: np.ndarray, grid: Quantizer) -> str:
        """Add an array of real numbers that are on a grid, and the quantiser that says so."""
        node = self._quant(self.constant(values.astype(np.float32)), grid, "ROUND", f"quantized_{len(self._constants)}")
        self._constants.append(node)
        return node.output[0]

    def quantizer(self, values: str, grid: Quantizer) -> str:
        """Add a node that puts a tensor on a grid, rounding down."""
        node = self._quant(values, grid, "FLOOR", f"result_{len(self._nodes)}")
        self._nodes.append(node)
        return node.output[0]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of ONNX itself with one result."""
        from onnx import helper

        output = f"result_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def model(self, shape: tuple[int, ...], output_shape: tuple[int, ...]) -> "ModelWrapper":
        """Return the whole model from its input to the result of the last node, for one jet of these shapes."""
        from onnx import TensorProto, helper, numpy_helper
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.util.cleanup import cleanup_model

        self._nodes[-1].output[0] = OUTPUT_NAME
        first, *rest = self._nodes
        graph = helper.make_graph(
            [first, *self._constants, *rest],
            "network",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, (1, *shape))],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, (1, *output_shape))],
            [numpy_helper.from_array(array, name) for name, array in self._arrays.items()],
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return cleanup_model(ModelWrapper(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)))

    def _quant(self, values: str, grid: Quantizer, rounding: str, output: str) -> "NodeProto":
        from onnx import helper

        scale, zero, bits = (
            self.constant(np.array(number, dtype=np.float32)) for number in (2.0**-grid.fraction_bits, 0, grid.bits)
        )
        attributes = {"rounding_mode": rounding, "signed": int(grid.signed), "narrow": int(grid.narrow)}
        return helper.make_node("Quant", [values, scale, zero, bits], [output], domain=QUANT_DOMAIN, **attributes)


def export_qonnx(network: FixedPointNetwork, path: str | Path) -> None:
    """Write a network as QONNX, for one jet at a time.

    Parameters
    ----------
    network
        The network, of any graph.
    path
        File to write. It depends on the network alone.

    Raises
    ------
    RuntimeError
        If a tanh or sigmoid is rounded differently by QONNX's executor than by PyTorch, anywhere in its table.
    """
    writer = GraphWriter()
    start = writer.quantizer(INPUT_NAME, network.input)
    network.walk(start, lambda operation, *inputs: operation.write_qonnx(writer, *inputs))
    model = writer.model(network.shape, network.output.shape)
    check_tables(model, network)
    with whole_file(path) as temporary:
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
    """Return the logits, (n, n_outputs), by QONNX's own executor.

    Parameters
    ----------
    path
        File of :func:`export_qonnx`.
    x
        (n, *shape) float32, or each example's numbers in one row.
    float_type
        float32 computes as the file says; float64 computes all sums in double precision.
    """
    from qonnx.core.onnx_exec import execute_onnx

    model = read_onnx(path)
    name_in, name_out = model.graph.input[0].name, model.graph.output[0].name
    jets = np.asarray(x, dtype=np.float32).reshape(len(x), *model.get_tensor_shape(name_in)[1:])
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
    nodes = [node for node in model.graph.node if node.op_type in ONNX_FUNCTIONS.values()]
    return [_table(model, node) for node in nodes]


def check_tables(model: "ModelWrapper", network: FixedPointNetwork) -> None:
    """Compare every entry of every table of a QONNX graph with the network's.

    Raises
    ------
    RuntimeError
        If an entry differs.
    """
    nodes = [(node.name, node.operation) for node in network.nodes if isinstance(node.operation, Table)]
    for (name, expected), table in zip(nodes, activation_tables(model), strict=True):
        if (table.input, table.output) != (expected.input, expected.output):
            raise RuntimeError(
                f"QONNX puts {expected.function} ({name}) between {table.input} and {table.output}, the network "
                f"between {expected.input} and {expected.output}"
            )
        wrong = np.flatnonzero(table.integers != expected.table)
        if len(wrong):
            values = np.ldexp(wrong + expected.input.minimum, -expected.input.fraction_bits)
            raise RuntimeError(
                f"ONNX Runtime and PyTorch round {expected.function} ({name}) differently on this machine, at "
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


def _table(model: "ModelWrapper", activation: "NodeProto") -> ActivationTable:
    from qonnx.core.onnx_exec import execute_onnx

    before, after = model.find_producer(activation.input[0]), model.find_consumer(activation.output[0])
    grid, output = quantizer_grid(model, before), quantizer_grid(model, after)
    values = np.ldexp(np.arange(grid.minimum, grid.maximum + 1), -grid.fraction_bits).astype(np.float32)
    # One jet for each entry, and the same entry for all units: every place of the executor's vectors is tried.
    batch = _for_batch(model, len(values))
    nodes = {node.name: node for node in batch.graph.node}
    _, *shape = batch.get_tensor_shape(activation.input[0])
    context = execute_onnx(
        batch,
        {activation.input[0]: np.repeat(values, np.prod(shape)).reshape(-1, *shape)},
        return_full_exec_context=True,
        start_node=nodes[activation.name],
        end_node=nodes[after.name],
    )
    results = context[after.output[0]].reshape(len(values), -1)
    integers = np.ldexp(results.astype(np.float64), output.fraction_bits).astype(np.int64)
    if (integers != integers[:, :1]).any():
        raise RuntimeError(f"ONNX Runtime computes {activation.name} of one number in two ways on this machine")
    return ActivationTable(activation, after, grid, output, integers[:, 0])


def _sum_in_double(model: "ModelWrapper") -> None:
    """Let all that adds, or stands between a sum and its quantiser, take and give doubles."""
    from onnx import TensorProto, helper

    doubles = set()
    for node in [node for node in model.graph.node if node.op_type not in FLOAT32_NODES]:
        for place, name in enumerate(node.input):
            constant = model.get_initializer(name)
            if name in doubles or (constant is not None and constant.dtype == np.int64):
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
