"""Data sources: each says before the first job which inputs and classes its data set will have."""

from collections.abc import Mapping
from typing import Any

from snacpack.data.info import DataInfo


def describe_source(data: Mapping[str, Any]) -> DataInfo:
    """Describe the data set that the config's section ``data`` asks for, before any job.

    The normalisation is not known yet.

    Raises
    ------
    ValueError
        If the user's files of ``data.source: arrays`` cannot be used; the message names file and key.
    """
    from snacpack.data.sources.jets import describe_jets

    return describe_jets(data)
