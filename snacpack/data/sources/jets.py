"""Jets, simulated, published or the user's own in the published data set's layout, before they are prepared."""

from collections.abc import Mapping
from typing import Any

from snacpack.data.info import DataInfo
from snacpack.jets.layout import CLASSES, input_names


def describe_jets(data: Mapping[str, Any]) -> DataInfo:
    """Describe the jets that the config's section ``data`` asks for; files of jets may say more of their source."""
    names = input_names(data["features"], data["n_constituents"])
    sources = {
        "pythia": "simulated with Pythia",
        "zenodo": f"hls4ml LHC jet data set, {data['zenodo']['url']}",
        "files": f"files of {data['files']['folder']}",
    }
    return DataInfo(
        name="jets",
        examples="jets",
        input_shape=(len(names),),
        features=tuple(names),
        classes=CLASSES,
        source=sources[data["source"]],
    )
