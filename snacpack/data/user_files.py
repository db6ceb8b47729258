"""The user's files of arrays: which there are, and the inputs, targets, splits, groups and weights that they hold."""

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snacpack.data.info import SPLITS
from snacpack.data.labels import target_values
from snacpack.data.readers import list_names, read_arrays
from snacpack.data.splitting import group_names, named_splits
from snacpack.data.weights import example_weights

_WILDCARD = re.compile(r"(\*+|\?|\[!?\]?[^]]*\])")

BACKGROUND = "background"
"""The class of the examples beside the files of signals."""


class Part(NamedTuple):
    """A file, or a key of one: the split that it is for (None to be split), and where inputs, target and weights stand.

    ``target`` is None where the file is of one class, and ``signal`` the class's name if that is a signal; ``weights``
    is None where all examples count the same.
    """

    split: str | None
    path: Path
    target_path: Path | None
    inputs: list[str] | None
    target: str | list[str] | None
    signal: str | None = None
    weights: str | None = None


class _Found(NamedTuple):
    """A file, and the parts of its name that match the wildcards of a pattern with several matches, else None."""

    path: Path
    matched: tuple[str, ...] | None


class Raw(NamedTuple):
    """The examples of a part.

    ``x`` is ``(n, ...)`` float32, or float64 where the files need it, ``target`` ``(n,)`` values or ``(n, targets)``
    numbers, ``columns`` how many columns the target has if each is a class or a number (else 0), ``split`` ``(n,)``
    positions in SPLITS or -1, ``group`` ``(n,)`` names or None, ``weight`` ``(n,)`` positive numbers or None, ``file``
    ``(n,)`` the part's number; ``names`` are those along the last axis, ``targets`` those of numbers.
    """

    x: np.ndarray
    target: np.ndarray
    columns: int
    split: np.ndarray
    group: np.ndarray | None
    weight: np.ndarray | None
    file: np.ndarray
    names: list[str]
    targets: list[str]


def find_files(arrays: Mapping[str, Any]) -> dict[str, list[Path]]:
    """Return all of the user's files by their role: inputs by split (``all`` where none is named), targets and signals.

    Raises
    ------
    ValueError
        If there is none; the message names the key.
    """
    given = _by_split(arrays["files"], "data.arrays.files")
    found = {split or "all": [path for path, _ in files] for split, files in given.items()}
    if arrays["target_files"] is not None:
        targets = _by_split(arrays["target_files"], "data.arrays.target_files")
        found |= {f"target {split or 'all'}": [path for path, _ in files] for split, files in targets.items()}
    return found | {f"signal {name}": [path for path, _ in files] for name, files in _signals(arrays).items()}


def _signals(arrays: Mapping[str, Any]) -> dict[str, list[_Found]]:
    """Return the files of each signal, in the order of their names; none where a target tells the classes."""
    signals = sorted((arrays["signals"] or {}).items())
    return {name: _expand(given, f"data.arrays.signals.{name}") for name, given in signals}


def _by_split(given: Any, key: str) -> dict[str | None, list[_Found]]:
    if isinstance(given, Mapping):
        return {split: _expand(given[split], f"{key}.{split}") for split in SPLITS if given.get(split) is not None}
    return {None: _expand(given, key)}


def _expand(given: str | Sequence[str] | None, key: str) -> list[_Found]:
    if given is None:
        raise ValueError(
            f"{key}: needed where data.source is 'arrays'; name a file, or a pattern such as my_data/*.npz"
        )
    found: list[_Found] = []
    for name in [given] if isinstance(given, str) else given:
        pattern = Path(name).expanduser()
        matches = [pattern] if pattern.exists() else sorted(map(Path, glob.glob(str(pattern))))
        if not matches:
            raise ValueError(f"{key}: there is no file {pattern.absolute()}; check the name")
        folders = [path for path in matches if path.is_dir()]
        if folders:
            raise ValueError(
                f"{key}: {folders[0]} is a folder; name its files with a pattern such as {folders[0]}/*.npz"
            )
        found += [_Found(path, _matched(path, pattern) if len(matches) > 1 else None) for path in matches]
    paths = [path for path, _ in found]
    repeated = [path for path in paths if paths.count(path) > 1]
    if repeated:
        raise ValueError(f"{key}: {repeated[0]} is named twice; name it once")
    return found


def _matched(path: Path, pattern: Path) -> tuple[str, ...]:
    """Return the parts of a path that match a pattern's wildcards."""
    expression = ""
    for piece in _WILDCARD.split(str(pattern)):
        if _WILDCARD.fullmatch(piece):
            one = piece.replace("[!", "[^", 1).replace("?", "[^/]") if piece.strip("*") else "[^/]*"
            expression += f"({one})"
        else:
            expression += re.escape(piece)
    match = re.fullmatch(expression, str(path))
    return match.groups() if match else (str(path),)


def _check_pairs(inputs: Sequence[_Found], targets: Sequence[_Found]) -> None:
    """Refuse files that patterns pair only by their order."""
    for (path, matched), (target_path, target_matched) in zip(inputs, targets, strict=True):
        if matched != target_matched:
            raise ValueError(
                f"data.arrays.target_files: the patterns pair {path} with {target_path}, whose names do not match them "
                "in the same places; list the files of data.arrays.files and target_files in pairs"
            )


def list_parts(arrays: Mapping[str, Any]) -> list[Part]:
    """Return the parts of the data set, in the order of the files.

    Parameters
    ----------
    arrays
        The config's section ``data.arrays``.

    Raises
    ------
    ValueError
        If a file is missing or the keys do not go together; the message names the key.
    """
    return list(_parts(arrays))


def _parts(arrays: Mapping[str, Any]) -> Iterator[Part]:
    files = _by_split(arrays["files"], "data.arrays.files")
    if arrays["signals"] is not None:
        yield from _unlabelled_parts(arrays, files, _signals(arrays))
        return
    targets = _by_split(arrays["target_files"], "data.arrays.target_files") if arrays["target_files"] else {}
    if targets and {split: len(paths) for split, paths in targets.items()} != {s: len(p) for s, p in files.items()}:
        raise ValueError("data.arrays.target_files: it must name one file for each of data.arrays.files; pair them")
    inputs, target = arrays["inputs"], arrays["target"]
    if isinstance(inputs, Mapping) != isinstance(target, Mapping):
        raise ValueError("data.arrays.inputs: give keys by split for both inputs and target, or for none of them")
    weights = arrays["weights"]
    if weights is not None and isinstance(weights, Mapping) != isinstance(inputs, Mapping):
        raise ValueError("data.arrays.weights: give keys by split where inputs have them, and one key where not")
    if arrays["split"] is not None and (None not in files or isinstance(inputs, Mapping)):
        raise ValueError("data.arrays.split: files or keys by split say it already; drop one of them")
    if isinstance(inputs, Mapping):
        if None not in files:
            raise ValueError("data.arrays.inputs: keys by split and files by split exclude each other; drop one")
        for name in SPLITS:
            if (inputs.get(name) is None) != (target.get(name) is None):
                given, missing = ("inputs", "target") if inputs.get(name) is not None else ("target", "inputs")
                raise ValueError(
                    f"data.arrays.{missing}.{name}: it is missing; data.arrays.{given}.{name} is given: name both"
                )
            if weights is not None and (inputs.get(name) is None) != (weights.get(name) is None):
                raise ValueError(
                    f"data.arrays.weights.{name}: give a key for each split that has inputs, and for no other"
                )
    for split, found in files.items():
        if targets:
            _check_pairs(found, targets[split])
        for number, (path, _) in enumerate(found):
            target_path = targets[split][number].path if targets else None
            if isinstance(inputs, Mapping):
                for name in (name for name in SPLITS if inputs.get(name) is not None):
                    by_name = weights[name] if weights else None
                    yield Part(name, path, target_path, _listed(inputs[name]), target[name], weights=by_name)
            else:
                yield Part(split, path, target_path, _listed(inputs), target, weights=weights)


def _unlabelled_parts(
    arrays: Mapping[str, Any], files: Mapping[str | None, list[_Found]], signals: Mapping[str, list[_Found]]
) -> Iterator[Part]:
    """Yield the files of the background, and then those of signals."""
    for key in ("target", "target_files", "classes"):
        if arrays[key] is not None:
            raise ValueError(
                f"data.arrays.{key}: the files of data.arrays.signals are the signals, and all other examples "
                "background; drop one of the two"
            )
    if isinstance(arrays["inputs"], Mapping):
        raise ValueError(
            "data.arrays.inputs: keys by split do not go together with data.arrays.signals; name files by split in "
            "data.arrays.files"
        )
    if isinstance(arrays["weights"], Mapping):
        raise ValueError("data.arrays.weights: keys by split do not go together with data.arrays.signals; name one key")
    if BACKGROUND in signals:
        raise ValueError(f"data.arrays.signals.{BACKGROUND}: the other examples are called so; rename the signal")
    inputs = _listed(arrays["inputs"])
    places: dict[Path, str] = {}
    roles = [(split, None, f"data.arrays.files of {split or 'all'}", found) for split, found in files.items()]
    roles += [(None, name, f"data.arrays.signals.{name}", found) for name, found in signals.items()]
    for split, signal, key, found in roles:
        for path, _ in found:
            if places.setdefault(path, key) != key:
                raise ValueError(f"{key}: {path} is one of {places[path]} too; take it out of one of them")
            yield Part(split, path, None, inputs, None, signal, arrays["weights"])


def _listed(names: str | Sequence[str] | None) -> list[str] | None:
    return [names] if isinstance(names, str) else None if names is None else list(names)


def read_part(part: Part, arrays: Mapping[str, Any], number: int, of_numbers: bool = False) -> Raw:
    """Read a part, whose examples are marked with its number.

    Parameters
    ----------
    part, arrays, number
        The part, the config's section ``data.arrays``, and the number.
    of_numbers
        Whether targets are numbers, any count of them for each example, and not classes.

    Raises
    ------
    ValueError
        If a key or column is missing, or what it holds cannot be used; the message names file and key.

    Notes
    -----
    A part of one class has its name as target. A signal has neither a split nor groups.
    """
    path, target_path = part.path, part.target_path or part.path
    names, wanted, others = _choose_names(part, arrays, of_numbers)
    read = read_arrays(path, list(dict.fromkeys([*names, *others])))
    labels = read_arrays(target_path, wanted) if target_path != path else {name: read[name] for name in wanted}
    lengths = {f"{path}: {name or 'the array'}": len(array) for name, array in read.items()}
    lengths |= {f"{target_path}: {name or 'the array'}": len(array) for name, array in labels.items()}
    (first, n), *rest = lengths.items()
    for where, length in rest:
        if length != n:
            raise ValueError(f"{first} has {n} examples, {where} has {length}; they must be equally long")
    if not n:
        raise ValueError(f"{path} has no examples; take it out of data.arrays.files")
    x, features = stack(path, names, read, "inputs")
    targets: list[str] = []
    if arrays["signals"] is not None:
        told: tuple[np.ndarray, int] = np.full(n, part.signal or BACKGROUND), 0
    elif of_numbers:
        values, targets = stack(target_path, wanted, labels, "target")
        if values.ndim > 2:
            raise ValueError(f"data.arrays.target: {wanted[0]} of {target_path} has shape {values.shape}; give columns")
        told = values, len(targets)
    else:
        where = f"{target_path}: {wanted[0] or 'the target'} (data.arrays.target)"
        told = target_values(labels[wanted[0]], where)
    split = np.full(n, SPLITS.index(part.split) if part.split else -1, dtype=np.int64)
    if arrays["split"] in others:
        split = named_splits(read[arrays["split"]], f"{path}: {arrays['split']} (data.arrays.split)")
    group = None
    if arrays["group"] in others:
        group = group_names(read[arrays["group"]], f"{path}: {arrays['group']} (data.arrays.group)")
    weight = None
    if part.weights is not None:
        weight = example_weights(read[part.weights], f"{path}: {part.weights} (data.arrays.weights)")
    file = np.full(n, number, dtype=np.int32)
    return Raw(x, *told, split, group, weight, file, features, targets)


def _choose_names(part: Part, arrays: Mapping[str, Any], of_numbers: bool) -> tuple[list[str], list[str], list[str]]:
    """Return the names of a part's inputs and targets, and those in the file of the inputs that have another role."""
    path, target_path = part.path, part.target_path or part.path
    known = list_names(path)
    target_known = known if target_path == path else list_names(target_path)
    of_one_class = arrays["signals"] is not None
    targets = [] if of_one_class else [""] if target_known == [""] else _listed(part.target)
    if targets is None:
        raise ValueError(
            f"data.arrays.target: needed; name the key of the {'numbers' if of_numbers else 'classes'} in "
            f"{target_path}, which has {briefly(target_known)}"
        )
    if len(targets) > 1 and not of_numbers:
        raise ValueError(
            f"data.arrays.target: it names {briefly(targets)}, but classes have one key; name one, or set task.name to "
            "regression"
        )
    if target_path == path and known == [""] and not of_one_class:
        raise ValueError(f"data.arrays.target_files: needed, because {path} holds one array; name the file of classes")
    roles = {"split": arrays["split"], "group": arrays["group"], "weights": part.weights}
    columns = [*(targets if target_path == path else []), *(name for name in roles.values() if name is not None)]
    names = [""] if known == [""] else part.inputs or [name for name in known if name not in columns]
    # A file of a signal may have the columns that say split and group of the background, and need not.
    others = columns if part.signal is None else [name for name in [part.weights] if name is not None]
    _check_names(path, names, known, "data.arrays.inputs")
    for key, name in roles.items():
        _check_names(path, [name] if name in others else [], known, f"data.arrays.{key}")
    _check_names(target_path, targets, target_known, "data.arrays.target")
    seen = [target for target in targets if target_path == path and target in names]
    if seen:
        raise ValueError(f"data.arrays.inputs: {seen[0]} is the target, which no network may see; take it out")
    if part.weights in names:
        raise ValueError(f"data.arrays.inputs: {part.weights} is the weight of an example, not an input; take it out")
    if not names:
        raise ValueError(f"data.arrays.inputs: {path} holds no array besides {briefly(others)}; name one")
    return names, targets, others


def _check_names(path: Path, wanted: Sequence[str], known: Sequence[str], key: str) -> None:
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ValueError(f"{key}: {path} has no {briefly(missing)}; it has {briefly(known)}")


def briefly(names: Sequence[str], most: int = 8) -> str:
    """Return names as a list in a sentence, the first few of many."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")


def stack(path: Path, names: Sequence[str], read: Mapping[str, np.ndarray], key: str) -> tuple[np.ndarray, list[str]]:
    """Join arrays along their last axis; columns of single numbers become one axis of features."""
    columns, features = [], []
    words = "inputs" if key == "inputs" else "targets of a regression"
    for name in names:
        values = read[name]
        if values.dtype.kind not in "biuf":
            raise ValueError(
                f"{path}: {name} holds text, such as {str(values.ravel()[0])!r}; {words} are numbers: encode it, or "
                f"leave the column out of data.arrays.{key}"
            )
        columns.append(values[:, None] if values.ndim == 1 else values)
        width = columns[-1].shape[-1]
        base = name.replace("/", "_") or ("x" if key == "inputs" else "y")
        features += [base] if values.ndim == 1 else [f"{base}_{i}" for i in range(width)]
        if 0 in columns[-1].shape[1:]:
            raise ValueError(f"data.arrays.{key}: {name or 'the array'} of {path} has no numbers, {values.shape}")
    shapes = {column.shape[:-1] for column in columns}
    if len(shapes) > 1:
        raise ValueError(
            f"data.arrays.{key}: {briefly(names)} of {path} differ in shape; they are joined along the last axis"
        )
    # Numbers keep their digits until they are normalised.
    exact = all(np.can_cast(column.dtype, np.float32) for column in columns)
    x = np.concatenate([column.astype(np.float32 if exact else np.float64) for column in columns], axis=-1)
    wrong = ~(np.abs(x) <= np.finfo(np.float32).max)
    if wrong.any():
        row, *place = np.argwhere(wrong)[0].tolist()
        raise ValueError(
            f"{path}: {features[place[-1]]} of example {row} is NaN, empty or infinite (data.arrays.{key}); fill it "
            "in, or remove the example"
        )
    return x, features
