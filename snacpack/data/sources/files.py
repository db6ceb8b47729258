"""The user's folder of jets in the published data set's layout."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snacpack.core.inputs import content_digest
from snacpack.data.info import DataInfo
from snacpack.data.source import Source, path_faults
from snacpack.data.user_files import briefly
from snacpack.jets.folders import find_samples, find_unused_files
from snacpack.jets.info import background_faults, describe_jets
from snacpack.jets.layout import check_samples


def content_of_jets(samples: Mapping[str, list[Path]], trust: bool) -> str:
    """Return the digest of the content of the user's files, see :func:`snacpack.core.inputs.content_digest`.

    Parameters
    ----------
    samples
        Result of :func:`snacpack.jets.folders.find_samples`.
    trust
        As :func:`snacpack.core.inputs.content_digest`: a job takes over what the process that started it has found.
    """
    return content_digest(tuple((split, tuple(paths)) for split, paths in samples.items()), trust=trust)


def _describe(config: Mapping[str, Any], trust: bool) -> DataInfo:
    return describe_jets(config, f"files of {config['data']['files']['folder']}")


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    yield from background_faults(config)
    folder = config["data"]["files"]["folder"]
    if folder is None:
        yield "data.files.folder: needed where data.source is 'files'; give the folder with the HDF5 files"
        return
    try:
        samples = find_samples(folder)
    except ValueError as error:
        yield str(error)
        return
    unused = find_unused_files(folder, samples)
    if unused:
        what = "file that looks" if len(unused) == 1 else "files that look"
        yield (
            f"data.files.folder: {len(unused)} {what} like jets would not be used: {briefly(unused)}. Files are taken "
            "from train/, val/ and test/, or from the folder itself where it has none of these, if their name ends in "
            ".h5 and does not begin with a dot; rename the others or take them out of the folder"
        )
    paths = [path for files in samples.values() for path in files]
    yield from path_faults("data.files.folder", paths)
    try:
        check_samples(paths, config["data"]["n_constituents"])
    except ValueError as error:
        yield f"data.files.folder: {error}"


SOURCE = Source("files", "your folder of jets", data_set="jets", describe=_describe, faults=_faults)
