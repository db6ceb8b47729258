"""An hls4ml project from a QONNX file, and its C simulation."""

import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.core.compiler import cxx_command
from snacpack.core.files import read_json, write_json
from snacpack.networks.grid import Quantizer
from snacpack.synthesis.processes import run_tool
from snacpack.synthesis.qonnx import QUANT_DOMAIN, activation_tables, quantizer_grid, read_onnx
from snacpack.synthesis.registry import find_backend

if TYPE_CHECKING:
    from hls4ml.model.graph import ModelGraph
    from onnx import GraphProto, NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

PROJECT = "snacpack_network"

# The operator of tanh and sigmoid in the graph that hls4ml gets. Its own layers for them fill their tables with the
# compiler's functions: an entry next to the end of a step of the grid would depend on how those round.
TABLE_OPERATOR = "SnacpackTable"


@dataclass(frozen=True)
class HlsSettings:
    """The settings of an hls4ml project.

    Parameters
    ----------
    part
        The FPGA by its vendor's name.
    clock_period_ns
        Target clock period.
    io_type
        ``io_parallel`` or ``io_stream``.
    strategy
        ``latency`` or ``resource``.
    reuse_factor
        How often a multiplier is used for one jet.
    """

    part: str
    clock_period_ns: float
    io_type: str
    strategy: str
    reuse_factor: int


def build_hls_project(onnx_path: str | Path, folder: str | Path, backend: str, settings: HlsSettings) -> None:
    """Write an hls4ml project and compile its C simulation.

    Parameters
    ----------
    onnx_path
        File of :func:`snacpack.synthesis.qonnx.export_qonnx`.
    folder
        Folder of the project, emptied first. It is complete: a user with Vitis or Vivado HLS builds it with its
        ``build_prj.tcl``, wherever it is moved. Only the compiled C simulation is bound to the place. Its
        ``project.json`` says what hls4ml wrote.
    backend
        The name of the backend that the project is for.
    settings
        The settings of the project.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler or the project does not compile.
    ValueError
        If the file is cut off or no network.
    """
    cxx_command()
    import hls4ml
    from qonnx.util.cleanup import cleanup_model

    model, tables = _insert_tables(cleanup_model(_flatten(read_onnx(onnx_path))))
    name = find_backend(backend).hls4ml
    config = hls4ml.utils.config_from_onnx_model(
        model, granularity="name", backend=name, default_reuse_factor=settings.reuse_factor
    )
    config["Model"]["Strategy"] = settings.strategy.capitalize()
    for layer in config["LayerName"].values():
        layer["Strategy"] = settings.strategy.capitalize()
    # hls4ml's default, fixed<16,6>, would round an input and wrap it round before the network's own quantiser does.
    config["LayerName"][model.graph.input[0].name]["Precision"]["result"] = _input_precision(model)
    for table, precision in tables.items():
        config["LayerName"][table]["Precision"] = {"result": precision, "table": precision}
    shutil.rmtree(folder, ignore_errors=True)
    project = hls4ml.converters.convert_from_onnx_model(
        model,
        hls_config=config,
        output_dir=str(folder),
        project_name=PROJECT,
        backend=name,
        part=settings.part,
        clock_period=settings.clock_period_ns,
        io_type=settings.io_type,
    )
    with _without_keras():
        project.write()
    compile_simulation(Path(folder))
    written = {
        "n_inputs": int(np.prod(project.get_input_variables()[0].shape)),
        "n_outputs": int(np.prod(project.get_output_variables()[0].shape)),
        "hls4ml": hls4ml.__version__,
        "backend": backend,
        "reuse_factor": settings.reuse_factor,
        "reuse_factors": _reuse_factors(project),
        "compiled_in": str(Path(folder).resolve()),
    }
    write_json(written, Path(folder) / "project.json")


@contextmanager
def _without_keras() -> Iterator[None]:
    """Keep hls4ml from importing Keras, and TensorFlow with it, to write a model that is none of Keras'."""
    # None makes an import fail, and hls4ml goes on without it.
    missing = "keras" not in sys.modules
    if missing:
        sys.modules["keras"] = None
    try:
        yield
    finally:
        if missing:
            del sys.modules["keras"]


def compile_simulation(folder: Path) -> Path:
    """Compile a project's C simulation, which then reads its weights from where it is now, and return the library.

    hls4ml's own ``build_lib.sh`` does the same in twice the time: in two parts, which begin with the same long headers,
    and optimised for more examples than are compared.

    Raises
    ------
    RuntimeError
        If there is no C++ compiler, or it fails.
    """
    compiler = cxx_command()
    weights = (folder / "firmware" / "weights").resolve()
    with tempfile.TemporaryDirectory(prefix="snacpack_hls_") as temporary:
        source, log = Path(temporary) / "simulation.cpp", Path(temporary) / "compiler.log"
        parts = [folder / "firmware" / f"{PROJECT}.cpp", folder / f"{PROJECT}_bridge.cpp"]
        source.write_text("".join(f'#include "{part.resolve()}"\n' for part in parts))
        flags = ["-std=c++14", "-O1", "-fPIC", "-w", "-Ifirmware/ap_types", f'-DWEIGHTS_DIR="{weights}"']
        # GCC would let two libraries in one process share their static tables.
        apart = ["-fno-gnu-unique"]
        known = [*compiler, *apart, "-Werror", "-fsyntax-only", "-x", "c++", "/dev/null"]
        if subprocess.run(known, capture_output=True).returncode:
            apart = []
        library = Path("firmware") / f"{PROJECT}.so"
        try:
            run_tool([*compiler, *flags, *apart, "-shared", source, "-o", library], folder, log)
        except RuntimeError as error:
            raise RuntimeError(f"the C simulation of {folder} did not compile: {error}") from None
    return folder / library


def _reuse_factors(project: "ModelGraph") -> list[int]:
    """Return the reuse factor of each dense layer of a project, which need not be the one that was asked for."""
    dense = [layer for layer in project.get_layers() if layer.class_name == "Dense"]
    return [int(layer.get_attr("reuse_factor")) for layer in dense]


def run_hls_simulation(folder: str | Path, x: np.ndarray) -> np.ndarray:
    """Return the logits of (n, *shape) inputs, (n, n_outputs) float64, by a project's compiled C simulation.

    A project that was moved or copied since it was compiled, or that another machine compiled, is compiled again
    elsewhere; its own folder stays as it is.

    Raises
    ------
    RuntimeError
        If the project is not compiled, or has to be compiled again and does not compile.
    ValueError
        If the inputs are not of the network's width.
    """
    project = read_json(Path(folder) / "project.json")
    jets = np.ascontiguousarray(x, dtype=np.float64).reshape(len(x), -1)
    if jets.shape[1:] != (project["n_inputs"],):
        raise ValueError(f"{folder} takes {project['n_inputs']} inputs an example, got an array of shape {jets.shape}")
    logits = np.zeros((len(jets), project["n_outputs"]))
    with _compiled_library(Path(folder), project) as library:
        simulate = getattr(library, f"{PROJECT}_double")
        array = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")
        simulate.argtypes, simulate.restype = [array, array], None
        for jet, row in zip(jets, logits, strict=True):
            simulate(jet, row)
    return logits


@contextmanager
def _compiled_library(folder: Path, project: Mapping[str, Any]) -> Iterator[ctypes.CDLL]:
    library = _find_library(folder)
    # The library reads its weights from where it was compiled, and ends the process if they are not there.
    if Path(project["compiled_in"]) == folder.resolve():
        try:
            loaded = ctypes.CDLL(str(library.resolve()))
        except OSError as error:
            print(f"{library} cannot be loaded on this machine ({error}); the project is compiled again")
        else:
            yield loaded
            return
    else:
        print(f"{folder} was compiled as {project['compiled_in']}; the project is compiled again")
    with tempfile.TemporaryDirectory(prefix="snacpack_hls_") as temporary:
        copy = Path(temporary) / "hls"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(library.name))
        yield ctypes.CDLL(str(compile_simulation(copy)))


def _find_library(folder: Path) -> Path:
    libraries = sorted((folder / "firmware").glob("*.so"))
    if not libraries:
        raise RuntimeError(
            f"{folder} holds no compiled C simulation; delete the folder, so that rule build_hls_project makes it anew"
        )
    return libraries[-1]


def _input_precision(model: "ModelWrapper") -> str:
    """The grid of the quantiser that the input goes through."""
    return _precision(quantizer_grid(model, model.find_consumer(model.graph.input[0].name)))


def _precision(grid: Quantizer) -> str:
    overflow = "SAT_SYM" if grid.narrow else "SAT"
    return f"{'' if grid.signed else 'u'}fixed<{grid.bits},{grid.bits - grid.fraction_bits},TRN,{overflow}>"


def _flatten(model: "ModelWrapper") -> "ModelWrapper":
    """Put vectors in the place of all other shapes: hls4ml does not read them from QONNX with their quantisers.

    A matrix that several vectors share becomes one with the matrix in blocks along the diagonal, and a sum over an axis
    becomes a matrix of zeros and ones. With the strategy latency the circuit is the same,
    since it has no multiplier for a zero.
    """
    name = model.graph.input[0].name
    shapes = {info.name: model.get_tensor_shape(info.name)[1:] for info in model.graph.value_info}
    shapes[name] = model.get_tensor_shape(name)[1:]
    if len(shapes[name]) == 1:
        return model
    for node in list(model.graph.node):
        if node.op_type == "ReduceSum":
            _multiply_out(model, node, shapes[node.input[0]])
        elif node.op_type in ("MatMul", "Add"):
            quantizer = model.find_producer(node.input[1])
            repeats = int(np.prod(shapes[node.input[0]][:-1]))
            constant = model.get_initializer(quantizer.input[0])
            identity = np.eye(repeats, dtype=np.float32) if node.op_type == "MatMul" else np.ones(repeats, np.float32)
            model.set_initializer(quantizer.input[0], np.kron(identity, constant))
            model.set_tensor_shape(quantizer.output[0], model.get_tensor_shape(quantizer.input[0]))
    for tensor in [name, *(output for node in model.graph.node for output in node.output)]:
        if model.find_producer(tensor) is None or model.get_initializer(model.find_producer(tensor).input[0]) is None:
            model.set_tensor_shape(tensor, [1, int(np.prod(model.get_tensor_shape(tensor)))])
    return model


def _multiply_out(model: "ModelWrapper", node: "NodeProto", shape: list[int]) -> None:
    """Put a multiplication in the place of a sum over an axis of a shape, and of the power of two that divides it."""
    from onnx import helper

    (axis,) = model.get_initializer(node.input[1])
    scale, result = np.float32(1), node.output[0]
    following = model.find_consumer(result)
    if following is not None and following.op_type == "Mul":
        scale, result = model.get_initializer(following.input[1]), following.output[0]
        model.graph.node.remove(following)
    picked = np.eye(int(np.prod(shape)), dtype=np.float32).reshape(*shape, -1).sum(axis - 1)
    arrays = {"matrix": scale * picked.reshape(-1, picked.shape[-1]).T, "scale": scale, "zero": 0, "bits": 2}
    names = {key: f"{node.name}_{key}" for key in (*arrays, "factors")}
    for key, array in arrays.items():
        model.set_initializer(names[key], np.asarray(array, dtype=np.float32))
    grid = [names[key] for key in arrays]
    attributes = {"domain": QUANT_DOMAIN, "rounding_mode": "ROUND", "signed": 1, "narrow": 1}
    place = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    model.graph.node.insert(place, helper.make_node("Quant", grid, [names["factors"]], **attributes))
    product = helper.make_node("MatMul", [node.input[0], names["factors"]], [result])
    model.graph.node.insert(place + 1, product)
    model.set_tensor_shape(names["factors"], list(arrays["matrix"].shape))


def _insert_tables(model: "ModelWrapper") -> tuple["ModelWrapper", dict[str, str]]:
    """Put a table in the place of each tanh or sigmoid and its result's quantiser; return their types by name too."""
    from onnx import helper
    from qonnx.transformation.general import RemoveUnusedTensors

    _register_table_operator()
    types = {}
    for table in activation_tables(model):
        values = np.ldexp(table.integers.astype(np.float64), -table.output.fraction_bits)
        types[table.activation.name] = _precision(table.output)
        # The circuit's index is a number's bits as they are: from zero upwards, then the negative ones.
        table.activation.attribute.append(helper.make_attribute("values", np.roll(values, table.input.minimum)))
        table.activation.op_type = TABLE_OPERATOR
        table.activation.output[0] = table.quantizer.output[0]
        model.graph.node.remove(table.quantizer)
    return model.transform(RemoveUnusedTensors()), types


def _register_table_operator() -> None:
    from hls4ml.converters import get_supported_onnx_layers, register_onnx_layer_handler

    if TABLE_OPERATOR not in get_supported_onnx_layers():
        register_onnx_layer_handler(TABLE_OPERATOR, _read_table)


def _read_table(
    node: "NodeProto", input_names: list[str], input_shapes: list[list[int]], graph: "GraphProto"
) -> dict[str, Any]:
    """Return a table as hls4ml's layer for one: values among the project's weights, looked up by the input's bits."""
    from onnx.helper import get_node_attr_value

    return {
        "name": node.name,
        "class_name": "UnaryLUT",
        "activation": "unary_lut",
        "inputs": input_names,
        "outputs": list(node.output),
        "table_data": np.array(get_node_attr_value(node, "values")),
    }
