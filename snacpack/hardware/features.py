"""A network as rule4ml's models see it.

rule4ml reads a network's layers from a Keras or PyTorch model, which takes it tens of milliseconds a network. An
architecture says the same at once; what is counted from the layers is left to rule4ml, so that no feature is defined
here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rule4ml.parsers.data_parser import get_global_inputs, get_layers_data

from snacpack.architecture import Architecture
from snacpack.hardware.reuse import closest_reuse_factor

ACTIVATION_LAYERS = {"relu": "ReLU", "tanh": "Tanh", "sigmoid": "Sigmoid"}


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
    widths = architecture.layer_widths
    layers = [_layer("InputLayer", widths[0], reuse_factor)]
    for n_in, n_out in pairwise(widths[:-1]):
        layers.append(_dense(n_in, n_out, reuse_factor))
        if architecture.batch_norm:
            layers.append(_layer("BatchNormalization", n_out, reuse_factor, 4 * n_out, 2 * n_out))
        layers.append(_layer(ACTIVATION_LAYERS[architecture.activation], n_out, reuse_factor))
    return [*layers, _dense(*widths[-2:], reuse_factor), _layer("Softmax", widths[-1], reuse_factor)]


def _dense(n_in: int, n_out: int, reuse_factor: int) -> dict[str, Any]:
    parameters = (n_in + 1) * n_out
    layer = _layer("Dense", n_in, closest_reuse_factor(n_in, n_out, reuse_factor), parameters, parameters)
    return {**layer, "output_shape": (None, n_out), "neurons": n_out, "use_bias": True}


def _layer(class_name: str, width: int, reuse_factor: int, parameters: int = 0, trainable: int = 0) -> dict[str, Any]:
    return {
        "class_name": class_name,
        "input_shape": (None, width),
        "output_shape": (None, width),
        "parameters": parameters,
        "trainable_parameters": trainable,
        "reuse_factor": reuse_factor,
    }
