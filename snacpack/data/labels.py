"""From the values of a target to class numbers."""

import re
from collections.abc import Sequence

import numpy as np

MOST_CLASSES = 1000

_BOOLEANS = {"false": "0", "true": "1"}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


def class_names(
    targets: Sequence[np.ndarray], given: Sequence[object] | None, files: Sequence[object], columns: int = 0
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the names of the classes, and the number of the class that each value of the target stands for.

    Parameters
    ----------
    targets
        Values as :func:`target_values` returns them, by file.
    given
        The config's ``data.arrays.classes``: values of the target in the order of the class numbers, or names of the
        classes 0, 1, ... of a target of whole numbers; None for all values in order. ``true`` and ``false`` are the
        values 1 and 0.
    files
        The files' paths, for messages.
    columns
        Columns of the target where each is a class, else 0. All of them are classes, in use or not.

    Raises
    ------
    ValueError
        If the values are no classes, or do not fit the given ones; the message names the key.
    """
    found = np.unique(np.concatenate([np.unique(values) for values in targets]))
    is_text = found.dtype.kind == "U"
    values = [str(value) for value in (range(columns) if columns else found.tolist())]
    if given is None:
        if len(values) < 2:
            raise ValueError(
                f"data.arrays.target has the single value {values[0]!r} in {files[0]}; it needs two classes or more"
            )
        if len(values) > MOST_CLASSES:
            raise ValueError(
                f"data.arrays.target has {len(values):,} different values, from {values[0]} to {values[-1]}, which are "
                "no classes; name the key of the classes"
            )
        return tuple(values), {value: number for number, value in enumerate(values)}
    names = tuple(map(str, given))
    if columns and len(names) != columns:
        raise ValueError(
            f"data.arrays.classes: it lists {len(names)} classes, and the target of {files[0]} has {columns} columns; "
            "name each column"
        )
    meant = [name if is_text else _as_value(name) for name in names]
    if all(value is None for value in meant):
        meant = [str(number) for number in range(len(names))]
    if None in meant:
        raise ValueError(
            f"data.arrays.classes: {names[meant.index(None)]!r} is a name, and others are values of the target, a "
            f"number in {files[0]}; list only its values, or only names for the classes 0, 1, ..."
        )
    numbers = {str(value): number for number, value in enumerate(meant)}
    if len(numbers) < len(names):
        raise ValueError(f"data.arrays.classes: two of {', '.join(names)} are the same value; list each value once")
    unknown = [value for value in values if value not in numbers]
    if unknown:
        file = next(
            file
            for file, target in zip(files, targets, strict=True)
            if columns or unknown[0] in map(str, np.unique(target).tolist())
        )
        raise ValueError(
            f"data.arrays.target has the value {unknown[0]!r} in {file}, which data.arrays.classes "
            f"({', '.join(names)}) does not list; add it, or take these examples out of the files"
        )
    return names, numbers


def background_classes(given: Sequence[object] | None, classes: Sequence[str], data_set: str) -> tuple[str, ...]:
    """Return the classes that are background, in the order of the classes.

    Parameters
    ----------
    given
        The config's ``task.options.background``: names of classes.
    classes
        All classes of the data set.
    data_set
        Its name.

    Raises
    ------
    ValueError
        If none is given, one is no class, or no class is left for the signal; the message names the key.
    """
    key, names = "task.options.background", {str(name) for name in given or []}
    unknown = sorted(names - {*classes})
    if not names:
        raise ValueError(
            f"{key}: needed; list the classes that networks are trained on, the others are signals; {data_set} has "
            f"{', '.join(classes)}"
        )
    if unknown:
        raise ValueError(f"{key}: {unknown[0]!r} is no class of {data_set}; it has {', '.join(classes)}")
    if len(names) == len(classes):
        raise ValueError(f"{key}: all classes of {data_set} are background; leave one or more for the signal")
    return tuple(name for name in classes if name in names)


def _as_value(name: str) -> str | None:
    """Return the number that a class's name is, as text; None for a name that is no number."""
    word = name.strip().lower()
    if word in _BOOLEANS:
        return _BOOLEANS[word]
    return (str(int(word)) if word.lstrip("+-").isdecimal() else word) if _NUMBER.fullmatch(word) else None


def target_values(target: np.ndarray, where: str) -> tuple[np.ndarray, int]:
    """Return a target as ``(n,)`` text or whole numbers, and how many columns it has, one for each class, or 0.

    Parameters
    ----------
    target
        ``(n,)``, ``(n, 1)``, or ``(n, classes)`` with a one in the column of the class and zeros elsewhere; booleans
        are the numbers 0 and 1.
    where
        File and key, for messages.

    Raises
    ------
    ValueError
        If a value is no class.
    """
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim == 2 and target.dtype.kind in "biuf":
        wrong = ~np.isin(target, (0, 1)).all(axis=1) | (target.sum(axis=1) != 1)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{where} of example {row} is {target[row].tolist()[:10]}; one of them must be 1, the rest 0"
            )
        return target.argmax(axis=1), target.shape[1]
    if target.ndim != 1:
        raise ValueError(f"{where} has shape {target.shape}; it must be one class for each example")
    if target.dtype.kind == "U":
        target = np.char.strip(target)
        if (target == "").any():
            raise ValueError(f"{where} of example {int(np.argmax(target == ''))} is empty; name its class")
        return target, 0
    if target.dtype.kind == "f":
        wrong = ~np.isfinite(target) | (target != np.rint(target))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{where} of example {row} is {target[row]}, which is no class; classes are names or whole numbers"
            )
    return target.astype(np.int64), 0
