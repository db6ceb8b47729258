"""Training, validation and test examples of a data set that does not say which is which."""

from collections.abc import Mapping

import numpy as np

from snacpack.core.seeds import derive_seed
from snacpack.data.info import SPLITS

_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}

_NO_GROUP = ("", "nan")


def named_splits(values: np.ndarray, where: str) -> np.ndarray:
    """Return positions in :data:`SPLITS` of ``(n,)`` words such as ``train`` and ``validation``.

    Raises
    ------
    ValueError
        If a value is no such word; the message begins with ``where``.
    """
    words = np.char.lower(np.char.strip(_flat(values, where).astype(str)))
    unknown = [word for word in np.unique(words).tolist() if word not in _WORDS]
    if unknown:
        raise ValueError(f"{where} has the value {unknown[0]!r}; write train, val or test")
    return np.array([SPLITS.index(_WORDS[word]) for word in words.tolist()], dtype=np.int64)


def group_names(values: np.ndarray, where: str) -> np.ndarray:
    """Return the names of groups, ``(n,)`` text, equal for equal numbers of whatever type.

    Parameters
    ----------
    values
        ``(n,)`` or ``(n, 1)`` numbers or text.
    where
        File and key, with which messages begin.

    Raises
    ------
    ValueError
        If an example has no group, or several.
    """
    values = _flat(values, where)
    if values.dtype.kind == "U":
        values = np.char.strip(values)
        missing = np.isin(np.char.lower(values), _NO_GROUP)
    else:
        missing = ~np.isfinite(values)
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(f"{where} of example {row} is {str(values[row])!r}; name its group, or remove the example")
    # One file may hold whole numbers, the other the same as floats.
    return values if values.dtype.kind == "U" else np.array([_number_name(value) for value in values.tolist()])


def _number_name(value: float) -> str:
    return str(int(value)) if value == int(value) else str(np.float32(value))


def _flat(values: np.ndarray, where: str) -> np.ndarray:
    if values.ndim == 1 or values.shape[1:] == (1,):
        return values.reshape(-1)
    raise ValueError(f"{where} has shape {values.shape}; it must be one value for each example")


def split_off(y: np.ndarray, group: np.ndarray | None, split: str, fraction: float, seed: int) -> np.ndarray:
    """Choose a fraction of examples at random, the same of each class, or whole groups of them.

    Parameters
    ----------
    y
        ``(n,)`` class numbers.
    group
        ``(n,)`` names of groups that stay together, or None.
    split
        Name of what is split off; it and the seed decide the choice.
    fraction
        Fraction of all examples.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` bool; groups may be too large for any to be taken.
    """
    random = np.random.default_rng(derive_seed(seed, "split_examples", split))
    chosen = np.zeros(len(y), dtype=bool)
    if group is None:
        for number in np.unique(y):
            members = random.permutation(np.flatnonzero(y == number))
            chosen[members[: round(fraction * len(members))]] = True
        return chosen
    names, place, counts = np.unique(group, return_inverse=True, return_counts=True)
    order = random.permutation(len(names))
    # A group is taken where the sum comes nearer to the fraction with it than without.
    taken, total = [], 0
    for number in order.tolist():
        if total + counts[number] / 2 <= fraction * len(y):
            taken.append(number)
            total += counts[number]
    return np.isin(place.reshape(-1), taken)


def check_groups(groups: Mapping[str, np.ndarray], key: str) -> None:
    """Refuse splits that share a group.

    Raises
    ------
    ValueError
        If they do; the message names a group.
    """
    seen: dict[str, str] = {}
    for split, names in groups.items():
        for name in np.unique(names).tolist():
            other = seen.setdefault(str(name), split)
            if other != split:
                raise ValueError(
                    f"{key}: the group {name} stands in {other} and in {split}, so that networks would be judged by "
                    "examples like those that they know; move it into one of them"
                )
