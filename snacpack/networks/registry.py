"""All families that a configuration can name: those of :mod:`snacpack.networks.families`."""

from snacpack.networks.family import Family
from snacpack.plugins import Registry

REGISTRY = Registry("families", Family, "snacpack.networks.families")
find_family = REGISTRY.find
