"""Backends, each in the file of its name: an entry of ``synthesis.backend``."""
