"""The project's own configurations, as Snakemake reads them."""

import yaml

from helpers import ROOT


def merged(*names):
    """Configurations laid over each other as Snakemake does."""
    config = {}
    for name in names:
        update(config, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()))
    return config


def update(config, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            update(config[key], value)
        else:
            config[key] = value
