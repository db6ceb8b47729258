"""The networks that a configuration names."""

from collections.abc import Mapping
from typing import Any

from snacpack.architecture import Architecture
from snacpack.data.sources import describe_source
from snacpack.tasks.registry import find_task

ANY_SIZES = {"n_inputs": 1, "n_outputs": 2}
"""Numbers of inputs and outputs for checks that do not depend on the data."""


def references_of(config: Mapping[str, Any]) -> dict[str, Architecture]:
    """Return the references of a complete configuration, by name."""
    sizes = _sizes(config)
    return {name: Architecture.from_dict({**fields, **sizes}) for name, fields in config["references"].items()}


def widest_network(config: Mapping[str, Any]) -> Architecture:
    """The network of the search space with the most layers and the most units in each."""
    space = config["search"]["space"]
    units = [max(options) for options in space["units"][: max(space["n_layers"])]]
    return Architecture(units, **_sizes(config))


def _sizes(config: Mapping[str, Any]) -> dict[str, int]:
    return find_task(config["task"]["name"]).sizes(describe_source(config))
