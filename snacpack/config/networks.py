"""The networks that a configuration names."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from snacpack.data.sources import describe_source
from snacpack.networks.architecture import DENSE, Architecture
from snacpack.tasks.registry import find_task

ANY_SIZES = {"n_inputs": 1, "n_outputs": 2}
"""Numbers of inputs and outputs for checks that do not depend on the data."""


def references_of(config: Mapping[str, Any]) -> dict[str, Architecture]:
    """Return the references of a complete configuration, by name."""
    sizes = _sizes(config)
    return {name: Architecture.from_dict({**fields, **sizes}) for name, fields in config["references"].items()}


def widest_network(config: Mapping[str, Any]) -> Architecture:
    """The network of the search space with the most layers and the most units in each."""
    from snacpack.search.space import SearchSpace

    space = SearchSpace.from_config(config["search"]["space"], **_sizes(config))
    return space.decode(space.largest()[0])


def sizes_for(config: Mapping[str, Any], family: str) -> dict[str, int] | None:
    """Return the sizes to check a network of a family with; None where the data, a problem of their own, tell none."""
    with suppress(ValueError):
        return _sizes(config)
    return ANY_SIZES if family == DENSE else None


def _sizes(config: Mapping[str, Any]) -> dict[str, int]:
    return find_task(config["task"]["name"]).sizes(describe_source(config))
