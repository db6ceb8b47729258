"""Sources that give arrays: their examples go the way of the user's own files, from the checks to the data set."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.core.inputs import content_digest
from snacpack.data.info import SPLITS, DataInfo
from snacpack.data.labels import target_values
from snacpack.data.preparation import Prepared, describe_prepared, prepare
from snacpack.data.source import Arrays, Source, path_faults
from snacpack.data.splitting import group_names, named_splits
from snacpack.data.user_files import Part, Raw, stack
from snacpack.data.weights import example_weights
from snacpack.tasks.registry import targets_of

_DATA = ("normalisation", "validation_fraction", "test_fraction")


def settings_of(source: Source, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a source's data set follows from beside its code and its files, as parameters of a rule."""
    data = config["data"]
    return {
        "source": source.name,
        "options": source.complete(data["options"]),
        **{name: data[name] for name in _DATA},
        **targets_of(config),
    }


def files_of(source: Source, options: Mapping[str, Any]) -> list[Path]:
    """Return the files that a source reads.

    Raises
    ------
    ValueError
        If the source's function ``files`` fails, or one is not there; the message names file and key.
    """
    try:
        files = [Path(path) for path in source.files(options)]
    # A plugin's function may fail as it likes.
    except Exception as error:
        raise ValueError(f"data.source: the function files of {source.name}.py fails with {_told(error)}") from error
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise ValueError(f"data.options: there is no file {missing[0].absolute()}, which {source.name} reads")
    return files


def content_of_files(source: Source, options: Mapping[str, Any], trust: bool) -> str:
    """Return the digest of the content of a source's files, see :func:`snacpack.core.inputs.content_digest`."""
    return content_digest((("all", tuple(files_of(source, options))),), trust=trust)


def prepare_source(source: Source, settings: Mapping[str, Any], seed: int) -> Prepared:
    """Let a source give its arrays, and check, split and normalise them.

    Parameters
    ----------
    source
        A source with ``read``.
    settings
        Result of :func:`settings_of`.
    seed
        The run's seed.

    Raises
    ------
    ValueError
        If the function fails, or what it gives cannot be used; the message names the file and the field.
    """
    try:
        given = source.read(settings["options"], seed)
    # A plugin's function may fail as it likes.
    except Exception as error:
        raise ValueError(f"data.source: the function read of {source.name}.py fails with {_told(error)}") from error
    if not isinstance(given, Arrays):
        kind = type(given).__name__
        raise ValueError(f"data.source: the function read of {source.name}.py returns a {kind}; return Arrays")
    arrays = {
        "name": source.name,
        "classes": given.classes,
        "feature_names": given.feature_names,
        "leave_out": [],
        "signals": None,
        "group": None if given.group is None else "group",
        "weights": None if given.weights is None else "weights",
        "allow_repeated": given.allow_repeated,
    }
    part = Part(None, Path(source.name), None, ["inputs"], "target")
    try:
        raw = _as_raw(given, settings.get("targets") is not None)
        return prepare([part], [raw], {**settings, "arrays": arrays}, seed, source.words)
    except ValueError as error:
        raise ValueError(
            f"data.source: the arrays of {source.name}.py cannot be used: {error} (data.arrays.inputs stands for the "
            "field inputs of its Arrays, and so on)"
        ) from error


def describe_read(source: Source, config: Mapping[str, Any], code: Mapping[str, str], trust: bool = False) -> DataInfo:
    """Describe the data set of a source with ``read`` before any job.

    Parameters
    ----------
    source
        The source.
    config
        The whole configuration.
    code
        Digest of the plugin's file.
    trust
        As :func:`snacpack.core.inputs.content_digest`: a job takes over what the process that started it has found.

    Raises
    ------
    ValueError
        As :func:`prepare_source`.
    """
    settings = settings_of(source, config)
    known = {
        **settings,
        "seed": config["seed"],
        "code": dict(code),
        "content": content_of_files(source, settings["options"], trust),
    }
    words = f"the data of {source.name} (data.source)"
    return describe_prepared(known, lambda: prepare_source(source, settings, config["seed"]), words)


def faults_of_read(source: Source, config: Mapping[str, Any], code: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence with key and cure for what a source with ``read`` cannot use, see :func:`describe_read`."""
    try:
        yield from path_faults("data.options", files_of(source, source.complete(config["data"]["options"])))
        describe_read(source, config, code)
    except ValueError as error:
        yield str(error)


def _as_raw(given: Arrays, of_numbers: bool) -> Raw:
    where, names = Path("Arrays"), ("inputs", "target", "split", "group", "weights")
    fields = {name: np.asarray(value) for name in names if (value := getattr(given, name)) is not None}
    lacking = [name for name in ("inputs", "target") if name not in fields or not fields[name].ndim]
    if lacking:
        raise ValueError(f"{lacking[0]} is no array of examples")
    n = len(fields["inputs"])
    for name, values in fields.items():
        if values.shape[:1] != (n,):
            raise ValueError(f"inputs has {n} examples, {name} has the shape {values.shape}; they must be equally long")
    if not n:
        raise ValueError("there are no examples")
    x, features = stack(where, ["inputs"], fields, "inputs")
    targets: list[str] = []
    if of_numbers:
        values, targets = stack(where, ["target"], fields, "target")
        told = values, len(targets)
    else:
        told = target_values(fields["target"], "target")
    split = np.full(n, -1, dtype=np.int64)
    if "split" in fields:
        split = named_splits(fields["split"], f"split (one of {', '.join(SPLITS)})")
    group = group_names(fields["group"], "group") if "group" in fields else None
    weight = example_weights(fields["weights"], "weights") if "weights" in fields else None
    return Raw(x, *told, split, group, weight, np.zeros(n, dtype=np.int32), features, targets)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}; mend it"
