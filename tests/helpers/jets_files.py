"""Made-up files of jets for the tests of reading, preparing and downloading them."""

from pathlib import Path

import numpy as np

from snacpack.jets.layout import CLASSES, CONSTITUENT_COLUMNS, JET_COLUMNS, MAX_CONSTITUENTS, JetFileWriter
from snacpack.jets.preprocessing import Preprocessing

PT, ETA, PHI = (CONSTITUENT_COLUMNS.index(name) for name in ("pt", "etarel", "phirel"))
SETTINGS = Preprocessing(
    n_constituents=8,
    min_constituent_pt_gev=2.0,
    features=("pt", "etarel", "phirel"),
    validation_fraction=0.2,
    test_fraction=0.25,
    seed=4,
)


def random_jets(n_jets: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return constituents ``(n, 150, 16)`` in falling pT and jets ``(n, 59)``, all classes in turn."""
    rng = np.random.default_rng(seed)
    constituents = np.zeros((n_jets, MAX_CONSTITUENTS, len(CONSTITUENT_COLUMNS)), dtype=np.float32)
    for jet in range(n_jets):
        n = rng.integers(1, 30)
        constituents[jet, :n] = rng.normal(0, 0.3, (n, len(CONSTITUENT_COLUMNS)))
        constituents[jet, :n, PT] = np.sort(rng.exponential(30, n))[::-1]
    jets = np.zeros((n_jets, len(JET_COLUMNS)), dtype=np.float32)
    jets[np.arange(n_jets), len(JET_COLUMNS) - 6 + np.arange(n_jets) % len(CLASSES)] = 1
    return constituents, jets


def write_random_jets(path: Path, n_jets: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Write :func:`random_jets` to a file and return them."""
    constituents, jets = random_jets(n_jets, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with JetFileWriter(path, n_jets, {}) as writer:
        writer.append(constituents, jets)
    return constituents, jets
