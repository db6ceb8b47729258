"""From files of jets to the networks' inputs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from tqdm import tqdm

from snacpack.files import whole_file
from snacpack.jets.dataset import SPLITS
from snacpack.jets.layout import (
    CLASSES,
    CONSTITUENT_COLUMNS,
    CONSTITUENTS,
    HIGH_LEVEL_FEATURES,
    HLF,
    JETS,
    check_samples,
    open_jet_file,
    read_jets,
    read_observables,
)
from snacpack.seeds import derive_seed

# No constituent of an LHC jet has more pT than a beam proton has energy; in MeV most have.
_MAX_PLAUSIBLE_PT_GEV = 7000.0


@dataclass(frozen=True)
class Preprocessing:
    """What a network sees of a jet, and which jets it learns from.

    Parameters
    ----------
    n_constituents
        Leading constituents in pT.
    min_constituent_pt_gev
        Constituents must have more pT.
    features
        Constituent columns, e.g. ``("pt", "etarel", "phirel")``, or ``"hlf"`` for
        the 16 :data:`snacpack.jets.layout.HIGH_LEVEL_FEATURES` of the jet itself.
    validation_fraction
        Of the training files' jets.
    test_fraction
        Of all jets, where there are no test files.
    seed
        The run's seed: of the split and of the order of the jets.

    Raises
    ------
    ValueError
        If a value is out of range or a feature unknown.
    """

    n_constituents: int
    min_constituent_pt_gev: float
    features: tuple[str, ...] | str
    validation_fraction: float
    test_fraction: float
    seed: int

    def __post_init__(self) -> None:
        if self.features != HLF:
            object.__setattr__(self, "features", tuple(self.features))
        unknown = [name for name in self.features if name not in CONSTITUENT_COLUMNS] if self.features != HLF else []
        if unknown or not self.features:
            raise ValueError(
                f"data.features has {', '.join(unknown) or 'nothing'}; choose from {', '.join(CONSTITUENT_COLUMNS)}, "
                f"or write {HLF} for the jet's 16 high-level observables"
            )
        if self.n_constituents < 1:
            raise ValueError(f"data.n_constituents must be positive, got {self.n_constituents}")
        for name in ("validation_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"data.{name} must be between 0 and 1, got {getattr(self, name)}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of feature, each of which has one normalisation."""
        return HIGH_LEVEL_FEATURES if self.features == HLF else tuple(self.features)

    @property
    def feature_names(self) -> list[str]:
        """Names of a network's inputs in order: ``pt_0``, ``etarel_0`` and so on, or the jet's observables."""
        if self.features == HLF:
            return list(HIGH_LEVEL_FEATURES)
        return [f"{name}_{i}" for i in range(self.n_constituents) for name in self.features]


SPLIT_NAMES = {"train": "training", "val": "validation (split off the training files)", "test": "test"}


class _Jets(NamedTuple):
    """Not yet normalised jets: ``(n, constituents or 1, features)``, classes and multiplicities ``(n,)``."""

    x: np.ndarray
    y: np.ndarray
    multiplicity: np.ndarray

    def take(self, which: np.ndarray) -> "_Jets":
        return _Jets(*(column[which] for column in self))


def preprocess_jets(
    train_files: Sequence[str | Path],
    test_files: Sequence[str | Path],
    output: str | Path,
    settings: Preprocessing,
    source: str,
) -> None:
    """Prepare jets for training.

    The reference preprocessing (Odagiu et al., arXiv:2402.01876): the leading
    constituents above a pT threshold, zero padded, then ``(x - median) / (95% -
    5% quantile)`` for each kind of feature over the training jets, padding
    included. Jets without a constituent are dropped. The files are read piece
    by piece; only the features are held in memory, 96 bytes a jet.

    Parameters
    ----------
    train_files
        Files whose jets become training and validation jets.
    test_files
        Files of test jets. None: ``test_fraction`` of the training files' jets.
    output
        The HDF5 file to make: ``x_*``, ``y_*`` and ``multiplicity_*`` for
        train, val and test.
    settings
        What to keep.
    source
        Where the jets come from, for the tables' captions.

    Raises
    ------
    ValueError
        If a file is not of the data set's layout, a value is not usable, or a
        split has no jets of a class. The message names file and dataset.
    """
    files = [(Path(path), False) for path in train_files] + [(Path(path), True) for path in test_files]
    if not train_files:
        raise ValueError("there are no files of training jets; check data.source and its folder")
    # What is wrong with any file's structure is found before the long reading begins.
    check_samples([path for path, _ in files], settings.n_constituents)
    splits, dropped = _read_splits(files, settings)
    _check_classes(splits, settings)
    median, spread = _normalisation(splits["train"].x, settings.kinds)
    attributes = {
        "source": source,
        "features": json.dumps(settings.feature_names),
        "classes": json.dumps(CLASSES),
        "normalisation": json.dumps({"median": median.tolist(), "range": spread.tolist()}),
        "n_constituents": settings.n_constituents,
        "min_constituent_pt_gev": settings.min_constituent_pt_gev,
        "dropped": json.dumps(dropped),
    }
    with whole_file(output) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        for split, jets in splits.items():
            x = ((jets.x - median) / spread).astype(np.float32)
            file[f"x_{split}"] = x.reshape(len(x), -1)
            file[f"y_{split}"] = jets.y
            file[f"multiplicity_{split}"] = jets.multiplicity


def _read_splits(
    files: Sequence[tuple[Path, bool]], settings: Preprocessing
) -> tuple[dict[str, _Jets], dict[str, dict[str, int]]]:
    """Read files of training jets (False) and of test jets (True); count the dropped jets by split and class."""
    has_test_files = any(is_test for _, is_test in files)
    pieces: dict[str, list[_Jets]] = {split: [] for split in SPLITS}
    n_dropped = np.zeros((len(SPLITS), len(CLASSES)), dtype=np.int64)
    for path, is_test in tqdm(files, unit="file", desc="reading jets", mininterval=5):
        for jets, split_of in _read_file(path, is_test, has_test_files, settings):
            is_empty = jets.multiplicity == 0
            np.add.at(n_dropped, (split_of[is_empty], jets.y[is_empty]), 1)
            for number, split in enumerate(SPLITS):
                pieces[split].append(jets.take((split_of == number) & ~is_empty))
    dropped = {
        split: dict(zip(CLASSES, counts, strict=True)) for split, counts in zip(SPLITS, n_dropped.tolist(), strict=True)
    }
    return {split: _shuffle(pieces.pop(split), split, settings.seed) for split in SPLITS}, dropped


def _read_file(
    path: Path, is_test: bool, has_test_files: bool, settings: Preprocessing
) -> Iterator[tuple[_Jets, np.ndarray]]:
    """Yield the file's jets in pieces, with each jet's position in SPLITS."""
    with open_jet_file(path) as file:
        n_jets = len(file[JETS])
    if is_test:
        split_of = np.full(n_jets, SPLITS.index("test"))
    else:
        test_fraction = 0.0 if has_test_files else settings.test_fraction
        split_of = split_jets(path.name, n_jets, settings.validation_fraction, test_fraction, settings.seed)
    start = 0
    leading_pt = []
    of_the_jet = settings.features == HLF
    observables = read_observables(path, HIGH_LEVEL_FEATURES) if of_the_jet else repeat(None)
    columns = ("pt",) if of_the_jet else ("pt", *settings.features)
    for (constituents, labels), observed in zip(read_jets(path, columns), observables, strict=of_the_jet):
        pt, features = constituents[:, :, 0], constituents[:, :, 1:]
        leading_pt.append(pt.max(axis=1))
        x, multiplicity = select_constituents(pt, features, settings.n_constituents, settings.min_constituent_pt_gev)
        if observed is not None:
            x = observed[:, None]
        yield _Jets(x, labels, multiplicity), split_of[start : start + len(labels)]
        start += len(labels)
    median = np.median(np.concatenate(leading_pt))
    if median > _MAX_PLAUSIBLE_PT_GEV:
        raise ValueError(
            f"{path}: {CONSTITUENTS} has leading constituents of {median:.3g} GeV (median pT), more than a beam "
            "proton's energy; the file seems to be in MeV and must be in GeV: divide px, py, pz, e and pt by 1000"
        )


def split_jets(name: str, n_jets: int, validation_fraction: float, test_fraction: float, seed: int) -> np.ndarray:
    """Decide the split of each jet of a file.

    The decision depends on the seed, the file's name and the jet's place in it,
    and on no other file.

    Returns
    -------
    numpy.ndarray
        ``(n_jets,)`` positions in :data:`snacpack.jets.dataset.SPLITS`.
        ``validation_fraction`` is of the jets that are not test jets.
    """
    draw = np.random.default_rng(derive_seed(seed, "split_jets", name)).random(n_jets)
    validation_below = test_fraction + (1 - test_fraction) * validation_fraction
    return np.select(
        [draw < test_fraction, draw < validation_below],
        [SPLITS.index("test"), SPLITS.index("val")],
        SPLITS.index("train"),
    )


def select_constituents(
    pt: np.ndarray, features: np.ndarray, n_constituents: int, min_pt_gev: float
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the leading constituents above a pT threshold, zero padded.

    Parameters
    ----------
    pt
        ``(jets, constituents)`` in GeV, in any order.
    features
        ``(jets, constituents, features)``.
    n_constituents
        Constituents to keep.
    min_pt_gev
        Constituents must have more pT.

    Returns
    -------
    x
        ``(jets, n_constituents, features)`` in falling pT.
    multiplicity
        ``(jets,)`` constituents above the threshold, those not kept included.
    """
    if (np.diff(pt, axis=1) > 0).any():
        order = np.argsort(-pt, axis=1, kind="stable")
        pt = np.take_along_axis(pt, order, axis=1)
        features = np.take_along_axis(features, order[:, :, None], axis=1)
    passes = pt > min_pt_gev
    kept = passes[:, :n_constituents, None]
    return np.where(kept, features[:, :n_constituents], 0), passes.sum(axis=1)


def _shuffle(pieces: list[_Jets], split: str, seed: int) -> _Jets:
    """Join the pieces in an order in which classes and files are mixed."""
    jets = _Jets(*(np.concatenate(columns) for columns in zip(*pieces, strict=True)))
    return jets.take(np.random.default_rng(derive_seed(seed, "shuffle_jets", split)).permutation(len(jets.y)))


def _check_classes(splits: dict[str, _Jets], settings: Preprocessing) -> None:
    for split, jets in splits.items():
        counts = np.bincount(jets.y, minlength=len(CLASSES))
        empty = [name for name, count in zip(CLASSES, counts, strict=True) if not count]
        if empty:
            raise ValueError(
                f"the {SPLIT_NAMES[split]} jets have none of class {', '.join(empty)} with a constituent above "
                f"{settings.min_constituent_pt_gev} GeV; check that the files hold all classes, their units (GeV), "
                "and data.validation_fraction and test_fraction"
            )


def _normalisation(x: np.ndarray, features: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Median and 95% - 5% range of each feature kind over all jets and constituents, padding included."""
    low, median, high = np.quantile(x.reshape(-1, x.shape[2]), (0.05, 0.5, 0.95), axis=0)
    constant = [name for name, spread in zip(features, high - low, strict=True) if not spread > 0]
    if constant:
        raise ValueError(f"data.features: {', '.join(constant)} is the same in nearly all training jets; leave it out")
    return median, high - low
