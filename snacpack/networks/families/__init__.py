"""Families of networks, one file for each: see :class:`snacpack.networks.family.Family`."""
