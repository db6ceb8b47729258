"""Jets that the workflow simulates itself with Pythia."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.data.source import Source
from snacpack.jets.info import background_faults, describe_jets
from snacpack.jets.layout import CLASSES


def _describe(config: Mapping[str, Any], trust: bool) -> DataInfo:
    data = config["data"]
    # The classes share them evenly; a few jets have no constituent, and are dropped.
    jets = {"val": data["validation_fraction"] * data["pythia"]["train_jets"], "test": data["pythia"]["test_jets"]}
    counts = {split: {name: int(n / len(CLASSES)) for name in CLASSES} for split, n in jets.items()}
    return describe_jets(config, "simulated with Pythia", counts)


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    yield from _feature_faults(config["data"])
    yield from _recipe_faults(config["data"]["pythia"])
    yield from _number_faults(config["data"]["pythia"])
    yield from background_faults(config)


def _feature_faults(data: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.jets.layout import HLF

    if data["features"] == HLF and not data["pythia"]["high_level"]:
        yield (
            f"data.features: {HLF} needs observables that simulated files hold only where data.pythia.high_level is "
            "true; set it, or name columns of the constituents"
        )


def _recipe_faults(pythia: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.jets.recipe import Recipe

    try:
        recipe = Recipe.from_config(pythia)
    except ValueError as error:
        yield str(error)
        return
    if recipe.pythia_settings:
        from snacpack.jets.collisions import check_settings

        try:
            check_settings(recipe.pythia_settings)
        except ValueError as error:
            yield str(error)


def _number_faults(pythia: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.jets.shards import jets_of_parts

    for name in ("train_jets", "test_jets"):
        try:
            jets_of_parts(pythia[name], CLASSES[0], pythia["jets_per_job"])
        except ValueError as error:
            yield f"data.pythia.{name}: {error}"


SOURCE = Source("pythia", "jets simulated here", data_set="jets", describe=_describe, faults=_faults)
