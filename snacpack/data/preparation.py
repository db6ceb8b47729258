"""Labelled arrays made ready for training: checked, split and normalised.

The check before the first job does all that the job does but for the writing, so that one code decides. Its result is
kept by the content of the files and the settings, and later starts read no file.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from snacpack.core.files import whole_file, write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.duplicates import Origin, check_repeated, row_keys
from snacpack.data.info import SPLIT_NAMES, SPLITS, DataInfo
from snacpack.data.labels import background_classes, class_names
from snacpack.data.normalisation import Normalisation
from snacpack.data.splitting import check_groups, split_off
from snacpack.data.user_files import BACKGROUND, Part, Raw, briefly

PREPARATION = 1
"""Version of what is done with the files. Another one checks and prepares all data sets again."""
RECORD = Path(".snakemake") / "snacpack.arrays.json"
"""Descriptions of the data sets that were checked, in the working directory."""
FEWEST_PER_CLASS = 10
"""Training examples that a class needs."""
FEWEST = 20
"""Examples that validation and test need each."""

_KEPT = 20
# Descriptions that this process knows, by the file of records and the key in it.
_described: dict[tuple[Path, str], DataInfo] = {}
_LEAST_STEPS = 1000
_ADVICE = (
    "Networks would be judged by examples that they know; remove the copies, or keep them in one split with "
    "data.arrays.group. If different examples may look the same, set data.arrays.allow_repeated to true"
)


class _Examples(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    group: np.ndarray | None
    weight: np.ndarray | None
    file: np.ndarray

    def take(self, which: np.ndarray) -> "_Examples":
        return _Examples(*(None if column is None else column[which] for column in self))


@dataclass(frozen=True)
class Prepared:
    """A data set to be stored: ``(n, ...)`` float32 and ``(n,)`` int64 classes or ``(n, targets)`` float32 by split.

    ``info``, ``origin`` and ``repeated`` say of it what the file's attributes say. ``weights`` has ``(n,)`` float32 by
    split, with a mean of one over what is trained on; it is empty where all examples count the same.
    """

    info: DataInfo
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]]
    origin: Mapping[str, Any]
    repeated: Mapping[str, Mapping[str, int]]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    def write(self, output: str | Path) -> None:
        """Write the HDF5 file whose attributes are the description."""
        attributes = {"origin": json.dumps(self.origin), "repeated": json.dumps(self.repeated)}
        with whole_file(output) as temporary, h5py.File(temporary, "w") as file:
            file.attrs.update(self.info.to_attributes() | attributes)
            for split, (x, y) in self.splits.items():
                file[f"x_{split}"] = x
                file[f"y_{split}"] = y
            for split, weights in self.weights.items():
                file[f"w_{split}"] = weights


def prepare(parts: Sequence[Part], raw: Sequence[Raw], data: Mapping[str, Any], seed: int, words: str = "") -> Prepared:
    """Check, split and normalise labelled arrays; all of them are held in memory.

    Parameters
    ----------
    parts, raw
        The files, or keys of files, of the arrays, and the examples that were read there.
    data
        ``arrays``, as the config's section ``data.arrays``, ``normalisation``, ``validation_fraction`` and
        ``test_fraction``. If targets are numbers, ``targets`` is how they are normalised, ``standard`` or ``none``.
        If networks give back their inputs, ``background`` lists the classes that are background, or is None where
        signals have their own files.
    seed
        The run's seed, of the split and of the order of the examples.
    words
        Origin of the examples in words; empty for the names of their files.

    Raises
    ------
    ValueError
        If the arrays cannot be used; the message names file and key, and what helps.
    """
    arrays, of_numbers = data["arrays"], data.get("targets") is not None
    examples, given, features, classes, targets = _join(parts, raw, arrays, of_numbers)
    files = [part.path for part in parts]
    name = arrays["name"] or files[0].name.split(".")[0]
    background: tuple[str, ...] = ()
    if "background" in data:
        background = background_classes([BACKGROUND] if arrays["signals"] else data["background"], classes, name)
    splits = _split(examples, given, data, seed, np.isin(classes, background))
    if of_numbers:
        _check_numbers(splits, targets)
    else:
        _check_classes(splits, classes, background)
    _check_constant(splits["train"].x, features)
    origins = {split: Origin(row_keys(piece.x), piece.file) for split, piece in splits.items()}
    repeated = check_repeated(origins, files, "examples", _ADVICE, limit=not arrays["allow_repeated"])
    scale = Normalisation.fit(data["normalisation"], splits["train"].x, features, "data.arrays.inputs", "examples")
    scaled = {split: (scale.apply(piece.x), piece.y) for split, piece in splits.items()}
    target_scale = None
    if of_numbers:
        target_scale = Normalisation.fit(
            data["targets"], splits["train"].y, targets, "data.arrays.target", "examples", "the task's normalisation"
        )
        scaled = {split: (x, target_scale.apply(y)) for split, (x, y) in scaled.items()}
    _check_rounding(scaled["train"][0], features)
    unique = list(dict.fromkeys(path.name for path in files))
    words = words or (f"the user's files {briefly(unique)}" if len(unique) > 1 else f"the user's file {unique[0]}")
    info = DataInfo(
        name=name,
        examples="examples",
        input_shape=splits["train"].x.shape[1:],
        features=tuple(features),
        classes=classes,
        source=words,
        normalisation=scale.to_dict(),
        targets=tuple(targets),
        target_normalisation=target_scale.to_dict() if target_scale else {},
        background=background,
        weighted=splits["train"].weight is not None,
        counts={
            split: dict(zip(classes, np.bincount(piece.y, minlength=len(classes)).tolist(), strict=True))
            for split, piece in splits.items()
            if classes
        },
    )
    return Prepared(
        info=info,
        splits=scaled,
        origin={
            split: {"files": sorted({str(files[number]) for number in np.unique(piece.file)})}
            for split, piece in splits.items()
        },
        repeated=repeated,
        weights=_scaled_weights(splits, np.isin(classes, background)) if info.weighted else {},
    )


def _scaled_weights(splits: Mapping[str, _Examples], is_background: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights by split, as float32, in units of the mean of what is trained on."""
    train = splits["train"]
    unit = (train.weight[is_background[train.y]] if is_background.any() else train.weight).mean()
    scaled = {split: (piece.weight / unit).astype(np.float32) for split, piece in splits.items()}
    for weights in scaled.values():
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise ValueError(
                "data.arrays.weights: the weights differ by more than float32 can hold; take out the examples with the "
                "smallest or the largest"
            )
    return scaled


def _join(
    parts: Sequence[Part], raw: Sequence[Raw], arrays: Mapping[str, Any], of_numbers: bool
) -> tuple[_Examples, np.ndarray, list[str], tuple[str, ...], list[str]]:
    """Return the examples of all parts, their given splits, and the names of features, classes and targets."""
    _check_alike(parts, raw)
    features = list(arrays["feature_names"] or raw[0].names)
    if len(features) != raw[0].x.shape[-1]:
        raise ValueError(
            f"data.arrays.feature_names: it has {len(features)} names for {raw[0].x.shape[-1]} features; name each"
        )
    repeated = [name for name in features if features.count(name) > 1]
    if repeated:
        raise ValueError(
            f"data.arrays.inputs: two features of {parts[0].path} have the name {repeated[0]}; rename an array, or "
            "name the features in data.arrays.feature_names"
        )
    unknown = [name for name in arrays["leave_out"] if name not in features]
    kept = [place for place, name in enumerate(features) if name not in arrays["leave_out"]]
    if unknown or not kept:
        what = f"there is no feature {briefly(unknown)}" if unknown else "it leaves no feature"
        raise ValueError(f"data.arrays.leave_out: {what}; there are {briefly(features)}")
    paths = [part.target_path or part.path for part in parts]
    targets = raw[0].targets
    if of_numbers:
        if arrays["classes"] is not None:
            raise ValueError("data.arrays.classes: a regression has none; leave it out, or set task.name")
        repeated = [name for name in targets if targets.count(name) > 1]
        if repeated:
            raise ValueError(f"data.arrays.target: two columns have the name {repeated[0]}; rename one")
        classes, y = (), np.concatenate([piece.target for piece in raw])
    elif arrays["signals"] is not None:
        classes = (BACKGROUND, *sorted(arrays["signals"]))
        numbers = {name: number for number, name in enumerate(classes)}
        y = np.concatenate([_to_numbers(piece.target, numbers) for piece in raw])
    else:
        classes, numbers = class_names([piece.target for piece in raw], arrays["classes"], paths, raw[0].columns)
        y = np.concatenate([_to_numbers(piece.target, numbers) for piece in raw])
    examples = _Examples(
        x=np.concatenate([piece.x[..., kept] if arrays["leave_out"] else piece.x for piece in raw]),
        y=y,
        group=None if arrays["group"] is None else np.concatenate([_groups(piece) for piece in raw]),
        weight=None if arrays["weights"] is None else np.concatenate([piece.weight for piece in raw]),
        file=np.concatenate([piece.file for piece in raw]),
    )
    kept_names = [features[place] for place in kept]
    return examples, np.concatenate([piece.split for piece in raw]), kept_names, classes, targets


def _groups(piece: Raw) -> np.ndarray:
    """Return the groups of a part's examples; each example of a signal's file is one by itself."""
    if piece.group is not None:
        return piece.group
    names = zip(piece.target.tolist(), piece.file.tolist(), strict=True)
    return np.array([f"{name} {file} {place}" for place, (name, file) in enumerate(names)])


def _check_alike(parts: Sequence[Part], raw: Sequence[Raw]) -> None:
    first = raw[0]
    for part, piece in zip(parts, raw, strict=True):
        if piece.x.shape[1:] != first.x.shape[1:]:
            raise ValueError(
                f"data.arrays.inputs: an example of {part.path} has the shape {piece.x.shape[1:]}, one of "
                f"{parts[0].path} {first.x.shape[1:]}; all must have one shape"
            )
        if part.inputs == parts[0].inputs and piece.names != first.names:
            raise ValueError(
                f"data.arrays.inputs: the features of {part.path} are {briefly(piece.names)}, those of "
                f"{parts[0].path} {briefly(first.names)}; list them in data.arrays.inputs"
            )
        if (piece.target.dtype.kind == "U") != (first.target.dtype.kind == "U"):
            raise ValueError(
                f"data.arrays.target: classes are text in one of {part.path} and {parts[0].path} and numbers in the "
                "other; write them alike"
            )
        if piece.columns != first.columns:
            raise ValueError(
                f"data.arrays.target: it has {piece.columns or 1} columns in {part.path}, {first.columns or 1} in "
                f"{parts[0].path}; write them alike"
            )


def _to_numbers(target: np.ndarray, numbers: Mapping[str, int]) -> np.ndarray:
    values, place = np.unique(target, return_inverse=True)
    return np.array([numbers[str(value)] for value in values.tolist()], dtype=np.int64)[place.reshape(-1)]


def _split(
    examples: _Examples, given: np.ndarray, data: Mapping[str, Any], seed: int, is_background: np.ndarray
) -> dict[str, _Examples]:
    """Return the examples by split, in an order in which classes and files are mixed; no signal is for training."""
    given = np.where(given < 0, SPLITS.index("train"), given)
    # Validation is a fraction of what is left when the test examples are taken away.
    missing = [split for split in ("test", "val") if not (given == SPLITS.index(split)).any()]
    is_signal = ~is_background[examples.y] if is_background.any() else np.zeros(len(given), dtype=bool)
    # Files of signals say no split, and have no groups.
    of_one_class = data["arrays"]["signals"] is not None
    if of_one_class or examples.group is None:
        _share_signals(examples.y, given, is_signal, ["test", "val"] if of_one_class else missing, seed)
    for split in missing:
        position, training = SPLITS.index(split), np.flatnonzero(given == SPLITS.index("train"))
        if not len(training):
            continue
        key = {"test": "test_fraction", "val": "validation_fraction"}[split]
        group = None if examples.group is None else examples.group[training]
        # Numbers are split as one class.
        labels = examples.y[training] if examples.y.ndim == 1 else np.zeros(len(training), dtype=np.int64)
        chosen = split_off(labels, group, split, data[key], seed)
        if group is not None and not chosen.any():
            _, sizes = np.unique(group, return_counts=True)
            raise ValueError(
                f"data.arrays.group: none of {len(sizes)} groups is small enough for the {SPLIT_NAMES[split]} "
                f"examples, the smallest has {sizes.min()} examples; give a larger data.{key} or smaller groups"
            )
        given[training[chosen]] = position
    # A signal that is left there is in no split.
    given[is_signal & (given == SPLITS.index("train"))] = -1
    splits = {split: examples.take(given == position) for position, split in enumerate(SPLITS)}
    if examples.group is not None:
        check_groups({split: piece.group for split, piece in splits.items()}, "data.arrays.group")
    return {
        split: piece.take(np.random.default_rng(derive_seed(seed, "shuffle", split)).permutation(len(piece.y)))
        for split, piece in splits.items()
    }


def _share_signals(y: np.ndarray, given: np.ndarray, is_signal: np.ndarray, splits: Sequence[str], seed: int) -> None:
    """Share what each signal has of training examples evenly between some splits."""
    shared = is_signal & (given == SPLITS.index("train"))
    for number in np.unique(y[shared]).tolist() if splits else []:
        random = np.random.default_rng(derive_seed(seed, "share_signals", number))
        members = random.permutation(np.flatnonzero(shared & (y == number)))
        for split, part in zip(splits, np.array_split(members, len(splits)), strict=True):
            given[part] = SPLITS.index(split)


def _check_classes(splits: Mapping[str, _Examples], classes: Sequence[str], background: Sequence[str]) -> None:
    for split, piece in splits.items():
        # Signals are needed where they are measured.
        needed = [name for name in classes if split == "test" or not background or name in background]
        counts = dict(zip(classes, np.bincount(piece.y, minlength=len(classes)).tolist(), strict=True))
        fewest = FEWEST_PER_CLASS if split == "train" else 1
        missing = [name for name in needed if not counts[name]]
        few = [f"{name} ({counts[name]})" for name in needed if counts[name] < fewest]
        if missing:
            raise ValueError(
                f"data.arrays.target: the {SPLIT_NAMES[split]} examples have none of class {briefly(missing)}; check "
                "the files, data.arrays.split and group, data.validation_fraction and data.test_fraction"
            )
        if few:
            raise ValueError(
                f"data.arrays.target: fewer than {fewest} training examples have the class {briefly(few)}; a network "
                "learns nothing from so few: add examples, or take the class out"
            )
    learnt = np.isin(classes, background or classes)
    _check_enough({split: int(learnt[piece.y].sum()) for split, piece in splits.items()})


def _check_numbers(splits: Mapping[str, _Examples], targets: Sequence[str]) -> None:
    if len(splits["train"].y) < FEWEST:
        raise ValueError(
            f"data.arrays.files: there are {len(splits['train'].y)} training examples; give {FEWEST} or more"
        )
    _check_enough({split: len(piece.y) for split, piece in splits.items()})
    for split, piece in splits.items():
        constant = [name for name, column in zip(targets, piece.y.T, strict=True) if column.min() == column.max()]
        if constant:
            raise ValueError(
                f"data.arrays.target: {briefly(constant)} is the same in all {len(piece.y)} {SPLIT_NAMES[split]} "
                "examples, and no network can be judged by it; take it out, or give more examples"
            )


def _check_enough(counts: Mapping[str, int]) -> None:
    for split in ("val", "test"):
        if counts[split] < FEWEST:
            raise ValueError(
                f"data.arrays.files: there are {counts[split]} {SPLIT_NAMES[split]} examples; give {FEWEST} or more, "
                "or a larger data.validation_fraction or data.test_fraction"
            )


def _check_constant(x: np.ndarray, features: Sequence[str]) -> None:
    rows = x.reshape(-1, x.shape[-1])
    constant = [
        name for name, low, high in zip(features, rows.min(axis=0), rows.max(axis=0), strict=True) if low == high
    ]
    if constant:
        raise ValueError(
            f"data.arrays.inputs: {briefly(constant)} is the same in all training examples; name it in "
            "data.arrays.leave_out"
        )


def _check_rounding(x: np.ndarray, features: Sequence[str]) -> None:
    """Refuse normalised features so far from zero that float32, which networks compute with, merges their values."""
    rows = x.reshape(-1, x.shape[-1])
    low, high = rows.min(axis=0), rows.max(axis=0)
    steps = np.spacing(np.maximum(np.abs(low), np.abs(high)))
    merged = [
        name for name, step, extent in zip(features, steps, high - low, strict=True) if step * _LEAST_STEPS > extent
    ]
    if merged:
        raise ValueError(
            f"data.arrays.inputs: the values of {briefly(merged)} are so far from zero that float32 merges them; "
            "subtract an offset, or choose a data.normalisation that does, such as standard"
        )


def describe_prepared(settings: Mapping[str, Any], prepare_them: Callable[[], Prepared], words: str) -> DataInfo:
    """Describe a data set before any job; what was checked before, in an earlier start too, is not prepared again.

    Parameters
    ----------
    settings
        All that the data set follows from, for JSON, with the digest of the files' content.
    prepare_them
        Prepares the data set.
    words
        The data in words, for the line that says that they are checked.
    """
    key = hashlib.sha256(json.dumps({"preparation": PREPARATION, **settings}, sort_keys=True).encode()).hexdigest()
    record = RECORD.absolute()
    if (record, key) not in _described:
        _described[record, key] = _recorded(record, key, prepare_them, words)
    return _described[record, key]


def _recorded(record: Path, key: str, prepare_them: Callable[[], Prepared], words: str) -> DataInfo:
    known: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        known = json.loads(record.read_text())
    with suppress(KeyError, TypeError, ValueError):
        return DataInfo(**known[key]["info"])
    print(f"Checking {words}", file=sys.stderr)
    info = prepare_them().info
    newest: list[tuple[str, Any]] = []
    with suppress(AttributeError, KeyError, TypeError):
        newest = sorted(known.items(), key=lambda entry: entry[1]["time"])[1 - _KEPT :]
    with suppress(OSError):
        write_json(dict(newest) | {key: {"info": asdict(info), "time": time.time()}}, record)
    return info
