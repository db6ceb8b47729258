"""Jets in words and numbers before they are prepared, wherever they come from."""

from collections.abc import Mapping
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.jets.layout import CLASSES, input_names


def describe_jets(data: Mapping[str, Any], source: str) -> DataInfo:
    """Describe the jets that the config's section ``data`` asks for; files of jets may say more of their source.

    Parameters
    ----------
    data
        The section; ``features`` and ``n_constituents`` count.
    source
        Their origin in words.
    """
    names = input_names(data["features"], data["n_constituents"])
    return DataInfo(
        name="jets",
        examples="jets",
        input_shape=(len(names),),
        features=tuple(names),
        classes=CLASSES,
        source=source,
    )
