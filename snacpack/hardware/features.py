"""A network as rule4ml's models see it.

rule4ml reads a network's layers from a Keras or PyTorch model, which takes it tens of milliseconds a network. An
architecture says the same at once; what is counted from the layers is left to rule4ml, so that no feature is defined
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rule4ml.parsers.data_parser import get_global_inputs, get_layers_data

from snacpack.hardware.reuse import closest_reuse_factor
from snacpack.networks.architecture import Architecture
from snacpack.networks.layer import Row


@dataclass(frozen=True)
class Features:
    """rule4ml's features of one network: those of the whole, and of each layer in order."""

    network: Mapping[str, Any]
    layers: tuple[Mapping[str, Any], ...]


def extract_features(architecture: Architecture, hls_config: Mapping[str, Any]) -> Features:
    """Return the features of an architecture under a configuration of hls4ml.

    Parameters
    ----------
    architecture
        Dropout is no hardware and left out; a softmax follows the last layer, as
        in the networks that rule4ml's models were trained on.
    hls_config
        ``board`` and ``model`` with ``strategy``, ``precision`` and ``reuse_factor``.
    """
    layers = list_layers(architecture, hls_config["model"]["reuse_factor"])
    return Features(get_global_inputs(layers, hls_config), tuple(get_layers_data(layers)))


def list_layers(architecture: Architecture, reuse_factor: int) -> list[dict[str, Any]]:
    """Return an architecture's layers, from its inputs to the softmax, in rule4ml's form."""
    graph = architecture.graph
    rows = [row for layer, shape in graph.steps() for row in layer.rows(shape)]
    n_inputs, n_outputs = graph.n_inputs, architecture.n_outputs
    rows = [Row("InputLayer", n_inputs, n_inputs), *rows, Row("Softmax", n_outputs, n_outputs)]
    return [_layer(row, reuse_factor) for row in rows]


def _layer(row: Row, reuse_factor: int) -> dict[str, Any]:
    layer = {
        "class_name": row.class_name,
        "input_shape": (None, row.n_in),
        "output_shape": (None, row.n_out),
        "parameters": row.parameters,
        "trainable_parameters": row.trainable,
        "reuse_factor": reuse_factor,
    }
    if not row.multiplies:
        return layer
    written = closest_reuse_factor(row.n_in, row.n_out, reuse_factor)
    return {**layer, "reuse_factor": written, "neurons": row.n_out, "use_bias": True}
