"""Jets in words and numbers before they are prepared, wherever they come from."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.data.labels import background_classes
from snacpack.jets.layout import CLASSES, input_names
from snacpack.tasks.registry import targets_of


def describe_jets(
    config: Mapping[str, Any], source: str, counts: Mapping[str, Mapping[str, int]] | None = None
) -> DataInfo:
    """Describe the jets that a configuration asks for; files of jets may say more of their source.

    Parameters
    ----------
    config
        The configuration; ``data.features``, ``data.n_constituents`` and ``task`` count.
    source
        Their origin in words.
    counts
        Jets by split and class, as far as they are known.

    Raises
    ------
    ValueError
        If the task needs a background, and the configuration does not give one; the message names the key.
    """
    data = config["data"]
    names = input_names(data["features"], data["n_constituents"])
    return DataInfo(
        name="jets",
        examples="jets",
        input_shape=(len(names),),
        features=tuple(names),
        classes=CLASSES,
        source=source,
        background=tuple(background_of_jets(config).get("background", ())),
        counts=counts or {},
    )


def background_of_jets(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the classes that are background, under ``background``, where the task has one, and else nothing.

    Raises
    ------
    ValueError
        As :func:`describe_jets`.
    """
    targets = targets_of(config)
    if "background" not in targets:
        return {}
    return {"background": list(background_classes(targets["background"], CLASSES, "jets"))}


def background_faults(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the background that a configuration gives, a sentence with key and cure."""
    try:
        background_of_jets(config)
    except ValueError as error:
        yield str(error)
