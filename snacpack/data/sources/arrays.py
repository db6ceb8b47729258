"""The user's own labelled arrays, from files of many kinds."""

from collections.abc import Iterator, Mapping
from typing import Any

from snacpack.core.inputs import content_digest
from snacpack.data.info import DataInfo
from snacpack.data.preparation import Prepared, describe_prepared, prepare
from snacpack.data.source import Source, path_faults
from snacpack.data.user_files import find_files, list_parts, read_part
from snacpack.tasks.registry import targets_of
from snacpack.tasks.task import CLASSES, NUMBERS, RECONSTRUCTION


def prepare_arrays(data: Mapping[str, Any], seed: int) -> Prepared:
    """Read, check, split and normalise the user's arrays.

    Parameters
    ----------
    data, seed
        As :func:`snacpack.data.preparation.prepare`.

    Raises
    ------
    ValueError
        If a file cannot be read or used; the message names file and key, and what helps.
    """
    arrays = data["arrays"]
    _check_signals(arrays, data)
    parts = list_parts(arrays)
    of_numbers = data.get("targets") is not None
    raw = [read_part(part, arrays, number, of_numbers) for number, part in enumerate(parts)]
    return prepare(parts, raw, data, seed)


def _check_signals(arrays: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Check that what is signal is said once, and where the task needs it."""
    if arrays["signals"] is None:
        if "background" in data and arrays["target"] is None and arrays["target_files"] is None:
            raise ValueError(
                "data.arrays.signals: needed; name the files of each signal, or the key of the classes in "
                "data.arrays.target and those that are background in task.options.background"
            )
    elif "background" not in data:
        raise ValueError(
            "data.arrays.signals: only a task that learns from background has signals; leave it out, or set task.name "
            "to anomaly"
        )
    elif data["background"] is not None:
        raise ValueError(
            "task.options.background: the files of data.arrays.signals are the signals, and all other examples "
            "background; drop one of the two"
        )


def content_of_arrays(arrays: Mapping[str, Any], trust: bool) -> str:
    """Return the digest of the content of the user's files, see :func:`snacpack.core.inputs.content_digest`."""
    return content_digest(tuple((role, tuple(paths)) for role, paths in find_files(arrays).items()), trust=trust)


def describe_arrays(data: Mapping[str, Any], seed: int, trust: bool = False) -> DataInfo:
    """Check the user's arrays and describe them; what was checked before is not read again.

    Parameters
    ----------
    data, seed
        As :func:`prepare_arrays`.
    trust
        As :func:`snacpack.core.inputs.content_digest`: a job takes over what the process that started it has found.

    Raises
    ------
    ValueError
        As :func:`prepare_arrays`.
    """
    settings = {name: data[name] for name in ("arrays", "normalisation", "validation_fraction", "test_fraction")}
    settings |= {name: data[name] for name in ("targets", "background") if name in data}
    try:
        settings |= {"seed": seed, "content": content_of_arrays(data["arrays"], trust)}
    except OSError as error:
        raise ValueError(f"data.arrays.files: {error.filename} cannot be read ({error.strerror})") from None
    return describe_prepared(settings, lambda: prepare_arrays(data, seed), "the user's arrays (data.arrays)")


def _describe_source(config: Mapping[str, Any], trust: bool = False) -> DataInfo:
    return describe_arrays({**config["data"], **targets_of(config)}, config["seed"], trust)


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    data = config["data"]
    try:
        files = find_files(data["arrays"])
        yield from path_faults("data.arrays.files", [path for paths in files.values() for path in paths])
        _describe_source(config)
    except ValueError as error:
        yield str(error) if str(error).startswith(("data.", "task.")) else f"data.arrays: {error}"


SOURCE = Source(
    "arrays",
    "your own labelled arrays",
    data_set="dataset",
    describe=_describe_source,
    faults=_faults,
    targets=(CLASSES, NUMBERS, RECONSTRUCTION),
)
