"""Warnings of a valid configuration that may do other than was meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.config.completion import complete_config
from snacpack.config.networks import references_of, widest_network


def configuration_warnings(config: Mapping[str, Any]) -> list[str]:
    """Return what a valid configuration may not mean, a sentence with its key for each; it runs all the same.

    Parameters
    ----------
    config
        A configuration that :func:`snacpack.config.validate_config` has nothing against.
    """
    config = complete_config(config)
    return [*_extrapolation_warnings(config), *_reuse_warnings(config)]


def _extrapolation_warnings(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.hardware.surrogate import Surrogate

    surrogate, settings = Surrogate(**config["hardware"]["surrogate"]), config["hardware"]["surrogate"]
    unlike = [f"hardware.surrogate: {what}" for what in surrogate.unlike_settings()]
    for name, architecture in references_of(config).items():
        unlike += [f"references.{name}: {what}" for what in surrogate.unlike(architecture)[:1]]
    widest = widest_network(config)
    unlike += [f"search.space: networks with {what}" for what in surrogate.unlike(widest)]
    if unlike:
        yield (
            f"rule4ml's {settings['weights']} weights (hardware.surrogate.weights) were not trained on such networks, "
            f"and a large one can look cheap (docs/hardware.md): {'; '.join(unlike)}"
        )


def _reuse_warnings(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.hardware.reuse import closest_reuse_factor

    synthesis = config["synthesis"]
    asked = synthesis["reuse_factor"]
    if synthesis["strategy"] != "resource":
        return
    for name, architecture in references_of(config).items():
        matrices = architecture.graph.matrices
        if any(matrix.uses > 1 for matrix in matrices):
            yield (
                f"synthesis.strategy: hls4ml gets a layer that constituents share as a matrix with blocks of zeros, "
                f"and the strategy resource gives references.{name} multipliers for them too; latency does not"
            )
            continue
        written = [closest_reuse_factor(matrix.n_in, matrix.n_out, asked) for matrix in matrices]
        if set(written) != {asked}:
            yield (
                f"synthesis.reuse_factor: {asked} does not fit every layer of references.{name}, so that hls4ml will "
                f"write {', '.join(map(str, written))} for its layers. A factor fits a layer if it divides the layer's "
                "inputs, or is the number of its inputs times a divisor of its units"
            )
