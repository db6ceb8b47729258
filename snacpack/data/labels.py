"""From the values of a target to class numbers."""

from collections.abc import Sequence

import numpy as np

MOST_CLASSES = 1000


def class_names(
    targets: Sequence[np.ndarray], given: Sequence[object] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the names of the classes, and the number of the class that each value of the target stands for.

    Parameters
    ----------
    targets
        Values as :func:`target_values` returns them, of all files.
    given
        The config's ``data.arrays.classes``: values of the target in the order of the class numbers, or names of the
        classes 0, 1, ... of a target of whole numbers; None for all values in order.

    Raises
    ------
    ValueError
        If the values are no classes, or do not fit the given ones; the message names the key.
    """
    found = np.unique(np.concatenate([np.unique(values) for values in targets]))
    is_text = found.dtype.kind == "U"
    values = [str(value) for value in found.tolist()]
    if given is None:
        if len(values) < 2:
            raise ValueError(f"data.arrays.target has the single value {values[0]!r}; it needs two classes or more")
        if len(values) > MOST_CLASSES:
            raise ValueError(
                f"data.arrays.target has {len(values):,} different values, from {values[0]} to {values[-1]}, which are "
                "no classes; name the key of the classes"
            )
        return tuple(values), {value: number for number, value in enumerate(values)}
    names = tuple(map(str, given))
    numbers = {value: number for number, value in enumerate(names)}
    unknown = [value for value in values if value not in numbers]
    if unknown and not is_text and all(value.isdigit() and int(value) < len(names) for value in values):
        return names, {str(number): number for number in range(len(names))}
    if unknown:
        raise ValueError(
            f"data.arrays.target has the value {unknown[0]!r}, which data.arrays.classes ({', '.join(names)}) does not "
            "list; add it, or take these examples out of the files"
        )
    return names, numbers


def target_values(target: np.ndarray, where: str) -> np.ndarray:
    """Return a target as ``(n,)`` text or whole numbers.

    Parameters
    ----------
    target
        ``(n,)``, ``(n, 1)``, or ``(n, classes)`` with a one in the column of the class and zeros elsewhere.
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
        return target.argmax(axis=1)
    if target.ndim != 1:
        raise ValueError(f"{where} has shape {target.shape}; it must be one class for each example")
    if target.dtype.kind == "U":
        target = np.char.strip(target)
        if (target == "").any():
            raise ValueError(f"{where} of example {int(np.argmax(target == ''))} is empty; name its class")
        return target
    if target.dtype.kind == "f":
        wrong = ~np.isfinite(target) | (target != np.rint(target))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{where} of example {row} is {target[row]}, which is no class; classes are names or whole numbers"
            )
    return target.astype(np.int64)
