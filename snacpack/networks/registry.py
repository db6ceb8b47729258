"""All families that a configuration can name: those of :mod:`snacpack.networks.families`, and those of plugins."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snacpack.core.plugins import Registry
from snacpack.networks.family import Family, Option
from snacpack.networks.graph import Graph
from snacpack.networks.operations.activation import ActivationLayer
from snacpack.networks.operations.batch_norm import BatchNormLayer
from snacpack.networks.operations.dense import DenseLayer

if TYPE_CHECKING:
    from snacpack.networks.architecture import Architecture


def _faults(family: Family) -> Iterator[str]:
    for name, option in family.options.items():
        if not isinstance(option, Option) or "description" not in option.schema:
            yield f"the option {name} is {option!r}; write an Option or Units whose schema has a description"


REGISTRY = Registry("families", Family, "snacpack.networks.families", _faults)
find_family = REGISTRY.find


def build_graph(architecture: "Architecture") -> Graph:
    """Return the layers of an architecture, as its family builds them.

    Raises
    ------
    ValueError
        If the family builds no network of these options; the message names a plugin's file where that fails.
    """
    family = find_family(architecture.family)
    if family.name not in REGISTRY.plugins:
        return family.build(architecture)
    path = REGISTRY.plugins[family.name][1]
    try:
        graph = family.build(architecture)
        shape = graph.output_shape
    except ValueError:
        raise
    # A plugin's function may fail as it likes, and end the process.
    except (Exception, SystemExit) as error:
        raise ValueError(f"{path} fails to build a network with {type(error).__name__}: {error}; mend it") from error
    if shape != (architecture.n_outputs,):
        raise ValueError(f"{path} builds a network whose result has the shape {shape}; end with n_outputs numbers")
    fault = _order_fault(graph, architecture.activation)
    if fault:
        raise ValueError(f"{path} builds a network that cannot be compressed: {fault}; see docs/families.md")
    return graph


def _order_fault(graph: Graph, activation: str) -> str:
    """Return what is wrong with the order of a graph's layers, empty if nothing is.

    Training, the folding of batch normalisation, ranges and the network in integers all take a dense layer with its
    normalisation and its activation for one step.
    """
    steps, last = list(graph.steps()), len(graph.layers) - 1
    open_dense, width = False, None
    for place, (layer, shape) in enumerate(steps):
        where = f"layer {place + 1}, {type(layer).__name__},"
        if isinstance(layer, DenseLayer):
            if open_dense:
                return f"{where} follows a dense layer without an activation between them"
            if width not in (None, shape[-1]):
                return (
                    f"{where} takes {shape[-1]} numbers on its last axis, but the dense layer before it gives {width}"
                )
            open_dense, width = place < last, layer.result_shape(shape)[-1]
        elif isinstance(layer, BatchNormLayer):
            if not (open_dense and isinstance(steps[place - 1][0], DenseLayer)):
                return f"{where} does not stand directly behind a dense layer"
        elif isinstance(layer, ActivationLayer):
            if not open_dense:
                return f"{where} has no dense layer of its own before it"
            if layer.function != activation:
                return f"{where} is {layer.function}, but the activation of the architecture is {activation}"
            open_dense = False
        elif open_dense:
            return f"{where} stands between a dense layer and its activation"
    if not isinstance(graph.layers[-1], DenseLayer):
        return "its last layer is no dense layer"
    return ""


def plugin_digests(config: Mapping[str, Any], trust: bool = False) -> dict[str, str]:
    """Return the SHA-256 of the plugins' files that hold the configuration's families, by the family's name.

    Parameters
    ----------
    config
        A complete configuration; ``references`` and ``search.space`` count.
    trust
        As :func:`snacpack.core.inputs.file_digests`: a job takes over what the process that started it has found.
    """
    named = {fields["family"] for fields in (*config["references"].values(), config["search"]["space"])}
    return REGISTRY.digests(lambda family: family.name in named, trust)
