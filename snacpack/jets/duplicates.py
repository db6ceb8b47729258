"""The same jets in two samples, however they are stored, ordered or cut."""

import numpy as np

from snacpack.data.duplicates import mix

N_LEADING = 8
"""Leading constituents that two jets are compared by; later ones may have been cut off."""
ADVICE = (
    "Their leading constituents are the same, so that networks would be judged by jets that they know; take these "
    "jets, or these files, out of one of the two samples"
)
ALIKE = "have too few constituents to tell"

# Bits of a float32's fraction that are not compared. The ten that are left are those of a float16, so that jets which
# were stored as such are found, and the error of a computation or of a few printed digits changes only few jets' keys.
_IGNORED_BITS = 13
# Jets with fewer numbers than these, of a single constituent for example, look alike too often.
_FEWEST_NUMBERS = 6


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
        mixed = mix(mixed ^ rounded[:, :, column])
    # A sum knows no order. Padding adds nothing, or more of it would make another jet.
    keys = mix(np.where(bits.any(axis=2), mixed, np.uint64(0)).sum(axis=1, dtype=np.uint64))
    keys[keys == 0] = 1
    keys[np.count_nonzero(bits, axis=(1, 2)) < _FEWEST_NUMBERS] = 0
    return keys
