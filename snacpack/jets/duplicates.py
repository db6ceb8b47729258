"""The same jets in two samples, however they are stored, ordered or cut."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snacpack.jets.layout import SPLIT_NAMES

N_LEADING = 8
"""Leading constituents that two jets are compared by; later ones may have been cut off."""
MOST_SHARED = 0.001
"""Fraction of a sample whose jets may stand in another one, as a coincidence of jets that look alike."""

# Bits of a float32's fraction that are not compared. The ten that are left are those of a float16, so that jets which
# were stored as such are found, and the error of a computation or of a few printed digits changes only few jets' keys.
_IGNORED_BITS = 13
# Jets with fewer numbers than these, of a single constituent for example, look alike too often.
_FEWEST_NUMBERS = 6
_MOST_LISTED = 5


class Origin(NamedTuple):
    """Of the jets of a split, :func:`jet_keys` and the numbers of the files that they are from, both ``(n,)``."""

    keys: np.ndarray
    files: np.ndarray


def jet_keys(constituents: np.ndarray) -> np.ndarray:
    """Return a number for each jet that is the same for the same constituents in any order.

    Parameters
    ----------
    constituents
        ``(jets, constituents, columns)`` float32, zero padded.

    Returns
    -------
    numpy.ndarray
        ``(jets,)`` uint64; 0 for a jet that has too few numbers to be told from others. Two
        different jets among a million have the same one with a probability of 1e-7.
    """
    # Adding zero makes the negative zero positive.
    bits = (np.ascontiguousarray(constituents, dtype=np.float32) + np.float32(0)).view(np.uint32)
    half = np.uint32(1 << (_IGNORED_BITS - 1))
    rounded = ((bits + half) >> np.uint32(_IGNORED_BITS)).astype(np.uint64)
    mixed = np.zeros(rounded.shape[:2], dtype=np.uint64)
    for column in range(rounded.shape[2]):
        mixed = _mix(mixed ^ rounded[:, :, column])
    # A sum knows no order. Padding adds nothing, or more of it would make another jet.
    keys = _mix(np.where(bits.any(axis=2), mixed, np.uint64(0)).sum(axis=1, dtype=np.uint64))
    keys[keys == 0] = 1
    keys[np.count_nonzero(bits, axis=(1, 2)) < _FEWEST_NUMBERS] = 0
    return keys


def _mix(values: np.ndarray) -> np.ndarray:
    """Spread a change of any bit over all bits, as SplitMix64 does (Steele, Lea and Flood 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def check_repeated(origins: Mapping[str, Origin], files: Sequence[Path]) -> dict[str, dict[str, int]]:
    """Refuse splits of which one holds jets of another; count the few that may be coincidences.

    Parameters
    ----------
    origins
        By split, in the order ``train``, ``val``, ``test``.
    files
        The file of each number in the origins.

    Returns
    -------
    dict
        ``{"train": {"train": n}, "val": {"train": n, "val": n}, "test": {...}}``: jets of the first
        split that stand in the second too; where both are the same, the copies beyond the first.

    Raises
    ------
    ValueError
        If more than :data:`MOST_SHARED` of a split, and more than one jet, stand in earlier
        splits too; the message says how many, and in which files.
    """
    known = {split: np.unique(origin.keys[origin.keys != 0]) for split, origin in origins.items()}
    counts: dict[str, dict[str, int]] = {}
    problems = []
    for split, origin in origins.items():
        shared = {other: _stand_in(origin.keys, known[other]) for other in counts}
        n_leaked = int(np.logical_or.reduce(list(shared.values())).sum()) if shared else 0
        if n_leaked > max(1, MOST_SHARED * len(origin.keys)):
            problems.append(_describe_leak(split, n_leaked, shared, origins, files))
        copies = int(np.count_nonzero(origin.keys)) - len(known[split])
        counts[split] = {other: int(found.sum()) for other, found in shared.items()} | {split: copies}
    if problems:
        raise ValueError(
            f"{'; '.join(problems)}. Their leading constituents are the same, so that networks would be judged by jets "
            "that they know; take these jets, or these files, out of one of the two samples. A coincidence, up to "
            f"{MOST_SHARED:.1%} of a sample, is allowed and is written on the data card"
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
    others = f" ({n_alike:,} others have too few constituents to tell)" if n_alike else ""
    earlier = " or ".join(SPLIT_NAMES[other] for other in shared)
    counted = f"{n_leaked:,} of the {len(keys):,} {SPLIT_NAMES[split]} jets"
    return f"{counted} are {earlier} jets too{others}: {', '.join(listed)}"
