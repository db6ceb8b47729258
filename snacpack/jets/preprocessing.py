"""From files of jets to the networks' inputs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from tqdm import tqdm

from snacpack.core.files import whole_file
from snacpack.core.seeds import derive_seed
from snacpack.data.duplicates import Origin, check_repeated
from snacpack.data.info import SPLIT_NAMES, SPLITS
from snacpack.data.normalisation import Normalisation
from snacpack.jets.duplicates import ADVICE, ALIKE, N_LEADING, jet_keys
from snacpack.jets.layout import (
    CLASSES,
    CONSTITUENTS,
    HIGH_LEVEL_FEATURES,
    HLF,
    JETS,
    check_samples,
    input_names,
    open_jet_file,
    read_jets,
    read_observables,
)

# No constituent of an LHC jet has more pT than a beam proton has energy; in MeV most have.
_MAX_PLAUSIBLE_PT_GEV = 7000.0


@dataclass(frozen=True)
class Preprocessing:
    """The inputs that a network gets of a jet, and the choice of jets that it learns from.

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
        Share of the training files' jets, if there are no validation files.
    test_fraction
        Share of the training files' jets, if there are no test files.
    seed
        The run's seed: of the split and of the order of the jets.
    normalisation
        One of :data:`snacpack.data.normalisation.METHODS`.
    background
        Classes that training jets are of, if the others are signals; none for all classes.
    """

    n_constituents: int
    min_constituent_pt_gev: float
    features: tuple[str, ...] | str
    validation_fraction: float
    test_fraction: float
    seed: int
    normalisation: str = "quantiles"
    background: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.features != HLF:
            object.__setattr__(self, "features", tuple(self.features))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of feature, each of which has one normalisation."""
        return HIGH_LEVEL_FEATURES if self.features == HLF else tuple(self.features)


class _Jets(NamedTuple):
    """Not yet normalised jets: ``(n, constituents or 1, features)``, and ``(n,)`` numbers of each jet."""

    x: np.ndarray
    y: np.ndarray
    multiplicity: np.ndarray
    key: np.ndarray
    file: np.ndarray

    def take(self, which: np.ndarray) -> "_Jets":
        return _Jets(*(column[which] for column in self))


def preprocess_jets(
    train_files: Sequence[str | Path],
    test_files: Sequence[str | Path],
    output: str | Path,
    settings: Preprocessing,
    source: str,
    val_files: Sequence[str | Path] = (),
) -> None:
    """Prepare jets for training.

    The reference preprocessing (Odagiu et al., arXiv:2402.01876): the leading
    constituents above a pT threshold, zero padded, then by default ``(x - median) / (95% -
    5% quantile)`` for each kind of feature over the training jets, padding
    included. Jets without a constituent are dropped. The files are read piece
    by piece; only the features and a key of each jet are held in memory, 124 bytes a jet.

    Parameters
    ----------
    train_files
        Files of training jets, of which those of other splits are split off
        where these have no files.
    test_files
        Files of test jets. None: ``test_fraction`` of the training files' jets.
    output
        The HDF5 file to make: ``x_*``, ``y_*`` and ``multiplicity_*`` for
        train, val and test.
    settings
        The constituents and features that are kept.
    source
        Origin of the jets in words, for the tables' captions.
    val_files
        Files of validation jets. None: ``validation_fraction`` of the training
        files' jets that are not test jets.

    Raises
    ------
    ValueError
        If a file is not of the data set's layout, a value is not usable, a
        split has no jets of a class, or jets of one split stand in another
        one. The message names file and dataset.
    """
    given = {"train": train_files, "val": val_files, "test": test_files}
    given = {split: [Path(path) for path in paths] for split, paths in given.items()}
    if not train_files:
        raise ValueError("there are no files of training jets; check data.source and its folder")
    files = [(path, split) for split, paths in given.items() for path in paths]
    # Faults in the structure of any file are found before the long reading begins.
    fewest = check_samples([path for path, _ in files], settings.n_constituents)
    shares = _share_files(given, settings)
    origin = _describe_origin(given, shares)
    for split, described in origin.items():
        folders = ", ".join(described["folders"])
        print(f"{split}: {described['fraction']:.4g} of the jets of {described['files']} files in {folders}")
    splits, dropped = _read_splits(files, shares, settings, n_compared=min(N_LEADING, fewest))
    if settings.background:
        train = splits["train"]
        splits["train"] = train.take(np.isin(CLASSES, settings.background)[train.y])
    _check_classes(splits, settings)
    origins = {split: Origin(jets.key, jets.file) for split, jets in splits.items()}
    repeated = check_repeated(origins, [path for path, _ in files], "jets", ADVICE, ALIKE)
    print(f"jets that stand in a split more than once, or in an earlier one too: {json.dumps(repeated)}")
    scale = Normalisation.fit(settings.normalisation, splits["train"].x, settings.kinds, "data.features", "jets")
    attributes = {
        "source": source,
        "features": json.dumps(input_names(settings.features, settings.n_constituents)),
        "classes": json.dumps(CLASSES),
        "normalisation": json.dumps(scale.to_dict()),
        "n_constituents": settings.n_constituents,
        "min_constituent_pt_gev": settings.min_constituent_pt_gev,
        "dropped": json.dumps(dropped),
        "origin": json.dumps(origin),
        "repeated": json.dumps(repeated),
    }
    if settings.background:
        attributes["background"] = json.dumps(settings.background)
    with whole_file(output) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes)
        for split, jets in splits.items():
            x = scale.apply(jets.x)
            file[f"x_{split}"] = x.reshape(len(x), -1)
            file[f"y_{split}"] = jets.y
            file[f"multiplicity_{split}"] = jets.multiplicity


def _share_files(given: Mapping[str, Sequence[Path]], settings: Preprocessing) -> dict[str, tuple[float, float]]:
    """Return which fractions of the files of each split are validation jets (of what is no test jet) and test jets."""
    validation_fraction = 0.0 if given["val"] else settings.validation_fraction
    test_fraction = 0.0 if given["test"] else settings.test_fraction
    return {"train": (validation_fraction, test_fraction), "val": (1.0, 0.0), "test": (0.0, 1.0)}


def _describe_origin(
    given: Mapping[str, Sequence[Path]], shares: Mapping[str, tuple[float, float]]
) -> dict[str, dict[str, Any]]:
    """Return for each split the folders and the number of the files that it is from, and the fraction of their jets."""
    validation, test = shares["train"]
    split_off = {"train": (1 - test) * (1 - validation), "val": (1 - test) * validation, "test": test}
    origin = {}
    for split in SPLITS:
        own = split != "train" and given[split]
        paths, fraction = (given[split], 1.0) if own else (given["train"], split_off[split])
        folders = sorted({str(path.parent) for path in paths})
        origin[split] = {"folders": folders, "files": len(paths), "fraction": round(fraction, 12)}
    return origin


def _read_splits(
    files: Sequence[tuple[Path, str]],
    shares: Mapping[str, tuple[float, float]],
    settings: Preprocessing,
    n_compared: int,
) -> tuple[dict[str, _Jets], dict[str, dict[str, int]]]:
    """Read files that are given for a split; count the dropped jets by split and class."""
    pieces: dict[str, list[_Jets]] = {split: [] for split in SPLITS}
    n_dropped = np.zeros((len(SPLITS), len(CLASSES)), dtype=np.int64)
    for number, (path, given_for) in enumerate(tqdm(files, unit="file", desc="reading jets", mininterval=5)):
        for jets, split_of in _read_file(path, number, shares[given_for], settings, n_compared):
            is_empty = jets.multiplicity == 0
            np.add.at(n_dropped, (split_of[is_empty], jets.y[is_empty]), 1)
            for position, split in enumerate(SPLITS):
                pieces[split].append(jets.take((split_of == position) & ~is_empty))
    dropped = {
        split: dict(zip(CLASSES, counts, strict=True)) for split, counts in zip(SPLITS, n_dropped.tolist(), strict=True)
    }
    return {split: _shuffle(pieces.pop(split), split, settings.seed) for split in SPLITS}, dropped


def _read_file(
    path: Path, number: int, shares: tuple[float, float], settings: Preprocessing, n_compared: int
) -> Iterator[tuple[_Jets, np.ndarray]]:
    """Yield the file's jets in pieces, with each jet's position in SPLITS."""
    with open_jet_file(path) as file:
        n_jets = len(file[JETS])
    split_of = split_jets(path.name, n_jets, *shares, settings.seed)
    start = 0
    leading_pt = []
    of_the_jet = settings.features == HLF
    observables = read_observables(path, HIGH_LEVEL_FEATURES) if of_the_jet else repeat(None)
    # Jets are told apart by their constituents, whatever the network sees of them.
    columns = ("pt", "etarel", "phirel") if of_the_jet else ("pt", *settings.features)
    for (constituents, labels), observed in zip(read_jets(path, columns), observables, strict=of_the_jet):
        pt = constituents[:, :, 0]
        leading_pt.append(pt.max(axis=1))
        n_leading = max(settings.n_constituents, n_compared)
        leading, multiplicity = select_constituents(pt, constituents, n_leading, settings.min_constituent_pt_gev)
        jets = _Jets(
            x=leading[:, : settings.n_constituents, 1:] if observed is None else observed[:, None],
            y=labels,
            multiplicity=multiplicity,
            key=jet_keys(leading[:, :n_compared]),
            file=np.full(len(labels), number, dtype=np.int32),
        )
        yield jets, split_of[start : start + len(labels)]
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
        ``(n_jets,)`` positions in :data:`snacpack.data.info.SPLITS`.
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
        needed = settings.background if split == "train" and settings.background else CLASSES
        empty = [name for name, count in zip(CLASSES, counts, strict=True) if name in needed and not count]
        if empty:
            raise ValueError(
                f"the {SPLIT_NAMES[split]} jets have none of class {', '.join(empty)} with a constituent above "
                f"{settings.min_constituent_pt_gev} GeV; check that the files hold all classes, their units (GeV), "
                "and data.validation_fraction and test_fraction"
            )
