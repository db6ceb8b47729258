"""The same examples in two splits of a data set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snacpack.data.info import SPLIT_NAMES

MOST_SHARED = 0.001
"""Fraction of a sample whose examples may stand in another one, as a coincidence of examples that look alike."""

_MOST_LISTED = 5


class Origin(NamedTuple):
    """Keys of the examples of a split, and the numbers of the files that they are from, both ``(n,)``.

    An example that cannot be told from others has the key 0.
    """

    keys: np.ndarray
    files: np.ndarray


def row_keys(x: np.ndarray) -> np.ndarray:
    """Return a number for each example that is the same for the same numbers in the same places.

    Parameters
    ----------
    x
        ``(n, ...)`` float32 or float64.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` uint64, never 0.
    """
    # Adding zero makes the negative zero positive.
    bits = np.ascontiguousarray(x).reshape(len(x), -1) + x.dtype.type(0)
    bits = bits.view(np.uint64 if x.dtype == np.float64 else np.uint32)
    keys = np.zeros(len(x), dtype=np.uint64)
    for column in bits.T:
        keys = mix(keys ^ column.astype(np.uint64))
    keys[keys == 0] = 1
    return keys


def mix(values: np.ndarray) -> np.ndarray:
    """Spread a change of any bit over all bits, as SplitMix64 does (Steele, Lea and Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def check_repeated(
    origins: Mapping[str, Origin],
    files: Sequence[Path],
    examples: str,
    advice: str,
    alike: str = "",
    limit: bool = True,
) -> dict[str, dict[str, int]]:
    """Refuse splits of which one holds examples of another; count the few that may be coincidences.

    Parameters
    ----------
    origins
        By split, in the order ``train``, ``val``, ``test``.
    files
        The file of each number in the origins.
    examples
        Word for the examples, such as ``jets``.
    advice
        The sentence about the copies at the end of the error, with the cure.
    alike
        Why examples with the key 0 cannot be told from each other.
    limit
        Whether too many copies are an error; they are counted in any case.

    Returns
    -------
    dict
        ``{"train": {"train": n}, "val": {"train": n, "val": n}, "test": {...}}``: examples of the first
        split that stand in the second too; where both are the same, the copies beyond the first.

    Raises
    ------
    ValueError
        If more than :data:`MOST_SHARED` of a split, and more than one example, stand in earlier
        splits too; the message says how many, and in which files.
    """
    known = {split: np.unique(origin.keys[origin.keys != 0]) for split, origin in origins.items()}
    counts: dict[str, dict[str, int]] = {}
    problems = []
    for split, origin in origins.items():
        shared = {other: _stand_in(origin.keys, known[other]) for other in counts}
        n_leaked = int(np.logical_or.reduce(list(shared.values())).sum()) if shared else 0
        if n_leaked > max(1, MOST_SHARED * len(origin.keys)):
            problems.append(_describe_leak(split, n_leaked, shared, origins, files, examples, alike))
        copies = int(np.count_nonzero(origin.keys)) - len(known[split])
        counts[split] = {other: int(found.sum()) for other, found in shared.items()} | {split: copies}
    if problems and limit:
        raise ValueError(
            f"{'; '.join(problems)}. {advice}. A coincidence, up to {MOST_SHARED:.1%} of a sample, is allowed and is "
            "written on the data card"
        )
    return counts


def _stand_in(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Tell which keys are among others that are sorted, and never 0."""
    places = np.searchsorted(known, keys)
    return known[np.minimum(places, len(known) - 1)] == keys if len(known) else np.zeros(len(keys), dtype=bool)


def _describe_leak(
    split: str,
    n_leaked: int,
    shared: Mapping[str, np.ndarray],
    origins: Mapping[str, Origin],
    files: Sequence[Path],
    examples: str,
    alike: str,
) -> str:
    keys, numbers = origins[split]
    pairs: Counter[tuple[int, int]] = Counter()
    for other, found in shared.items():
        known, first = np.unique(origins[other].keys, return_index=True)
        found_in = origins[other].files[first[np.searchsorted(known, keys[found])]]
        pairs.update(zip(numbers[found].tolist(), found_in.tolist(), strict=True))
    listed = [f"{n:,} of {files[a]} in {files[b]}" for (a, b), n in pairs.most_common(_MOST_LISTED)]
    if len(pairs) > _MOST_LISTED:
        listed.append(f"and {len(pairs) - _MOST_LISTED} more pairs of files")
    n_alike = len(keys) - int(np.count_nonzero(keys))
    others = f" ({n_alike:,} others {alike})" if n_alike else ""
    earlier = " or ".join(SPLIT_NAMES[other] for other in shared)
    counted = f"{n_leaked:,} of the {len(keys):,} {SPLIT_NAMES[split]} {examples}"
    return f"{counted} are {earlier} {examples} too{others}: {', '.join(listed)}"
