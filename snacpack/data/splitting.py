"""Training, validation and test examples of a data set that does not say which is which."""

from collections.abc import Mapping

import numpy as np

from snacpack.data.info import SPLITS
from snacpack.seeds import derive_seed

_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def named_splits(values: np.ndarray, where: str) -> np.ndarray:
    """Return positions in :data:`SPLITS` of ``(n,)`` words such as ``train`` and ``validation``.

    Raises
    ------
    ValueError
        If a value is no such word; the message begins with ``where``.
    """
    words = np.char.lower(np.char.strip(values.astype(str)))
    unknown = [word for word in np.unique(words).tolist() if word not in _WORDS]
    if unknown:
        raise ValueError(f"{where} has the value {unknown[0]!r}; write train, val or test")
    return np.array([SPLITS.index(_WORDS[word]) for word in words.tolist()], dtype=np.int64)


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
        ``(n,)`` bool.
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
    # Groups are taken as long as the sum comes nearer to the fraction.
    before = np.concatenate([[0], np.cumsum(counts[order])[:-1]])
    taken = order[before + counts[order] / 2 <= fraction * len(y)]
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
