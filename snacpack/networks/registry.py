"""All families that a configuration can name: those of :mod:`snacpack.networks.families`."""

from snacpack.networks.family import Family
from snacpack.plugins import Registry

REGISTRY = Registry("families", Family, "snacpack.networks.families")
find_family = REGISTRY.find


def describe_choices() -> str:
    """Return the values of ``references.<name>.family`` in words."""
    *families, last = (f"{family.name} ({family.words})" for family in REGISTRY.known().values())
    return f"a family of networks, {', '.join(families)} or {last}"
