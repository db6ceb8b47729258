"""All families that a configuration can name: those of :mod:`snacpack.networks.families`, and those of plugins."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from snacpack.networks.family import Family, Option
from snacpack.networks.graph import Graph
from snacpack.plugins import Registry

if TYPE_CHECKING:
    from snacpack.architecture import Architecture


def _faults(family: Family) -> Iterator[str]:
    for name, option in family.options.items():
        if not isinstance(option, Option) or "description" not in option.schema:
            yield f"the option {name} is {option!r}; write an Option or Units whose schema has a description"


REGISTRY = Registry("families", Family, "snacpack.networks.families", _faults)
find_family = REGISTRY.find


def describe_choices() -> str:
    """Return the values of ``references.<name>.family`` in words."""
    *families, last = (f"{family.name} ({family.words})" for family in REGISTRY.known().values())
    return f"a family of networks, {', '.join(families)} or {last}"


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
    return graph


def plugin_digests(config: Mapping[str, Any], trust: bool = False) -> dict[str, str]:
    """Return the SHA-256 of the plugins' files that hold the configuration's families, by the family's name.

    Parameters
    ----------
    config
        A complete configuration; ``references`` and ``search.space`` count.
    trust
        As :func:`snacpack.inputs.file_digests`: a job takes over what the process that started it has found.
    """
    named = {fields["family"] for fields in (*config["references"].values(), config["search"]["space"])}
    return REGISTRY.digests(lambda family: family.name in named, trust)
