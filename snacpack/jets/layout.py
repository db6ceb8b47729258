"""The file layout of the hls4ml LHC jet data set (Zenodo record 3602260)."""

import filecmp
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from snacpack.data.hdf5 import UnreadableError, describe_permissions, missing_filters, open_hdf5, reading

CLASSES = ("g", "q", "w", "z", "t")
MAX_CONSTITUENTS = 150

CONSTITUENT_COLUMNS = (
    "px", "py", "pz", "e", "erel", "pt", "ptrel", "eta", "etarel", "etarot", "phi", "phirel", "phirot",
    "deltaR", "costheta", "costhetarel",
)  # fmt: skip

_SHAPES = ("c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1", "d2_a1_b2", "m2_b1", "m2_b2")
_SHAPES += ("n2_b1", "n2_b2")
_TAUS = ("tau1_b1", "tau2_b1", "tau3_b1", "tau1_b2", "tau2_b2", "tau3_b2", "tau32_b1", "tau32_b2")
OBSERVABLES = (
    "ptfrac", "pt", "eta", "mass", *_TAUS, "zlogz", *_SHAPES,
    *(f"{name}_mmdt" for name in _TAUS + _SHAPES),
    "mass_trim", "mass_mmdt", "mass_prun", "mass_sdb2", "mass_sdm1", "multiplicity",
)  # fmt: skip
JET_COLUMNS = (*OBSERVABLES, *CLASSES, "undef")

HLF = "hlf"
"""The value of ``data.features`` that stands for :data:`HIGH_LEVEL_FEATURES`."""
HIGH_LEVEL_FEATURES = (
    "zlogz", *(f"{name}_mmdt" for name in ("c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1")),
    *(f"{name}_mmdt" for name in ("d2_a1_b2", "m2_b1", "m2_b2", "n2_b1", "n2_b2")), "mass_mmdt", "multiplicity",
)  # fmt: skip
"""The 16 observables of a jet of the hls4ml jet benchmark (Duarte et al., arXiv:1804.06913), in its order."""

CONSTITUENTS = "jetConstituentList"
JETS = "jets"
CONSTITUENT_NAMES = "particleFeatureNames"
JET_NAMES = "jetFeatureNames"

# Bounds of what is believed of a file's header: one that promises more would only exhaust the memory.
MOST_CONSTITUENTS = 1000
_MOST_NAMES = 1000
_LONGEST_SOURCE = 300
_LARGEST_CHUNK_BYTES = 1 << 30
# gzip makes the most regular data about a thousand times smaller.
_DENSEST_COMPRESSION = 1100
_COMPARED_BYTES = 1 << 16
_REMEDY = "make or download it again"

# The published files name a column that they do not have.
_STORED_CONSTITUENT_NAMES = [f"j1_{name}" for name in (*CONSTITUENT_COLUMNS, "pdgid")]
_STORED_JET_NAMES = [f"j_{name}" for name in JET_COLUMNS]


class JetFileWriter:
    """Write jets, batch by batch, to one file of the data set's layout.

    Parameters
    ----------
    path
        The file to make.
    n_jets
        How many jets will be appended in all.
    attributes
        Attributes of the file: where its jets come from.
    """

    def __init__(self, path: str | Path, n_jets: int, attributes: Mapping[str, Any]) -> None:
        self._file = h5py.File(path, "w")
        self._file.attrs.update(attributes)
        for name, names in ((CONSTITUENT_NAMES, _STORED_CONSTITUENT_NAMES), (JET_NAMES, _STORED_JET_NAMES)):
            self._file[name] = np.array(names, dtype="S")
        shape = (n_jets, MAX_CONSTITUENTS, len(CONSTITUENT_COLUMNS))
        chunks = (max(1, min(n_jets, 100)), *shape[1:])
        storage: dict[str, Any] = {"dtype": "f4", "compression": "gzip", "compression_opts": 1, "shuffle": True}
        self._constituents = self._file.create_dataset(CONSTITUENTS, shape, chunks=chunks, **storage)
        self._jets = self._file.create_dataset(JETS, (n_jets, len(JET_COLUMNS)), **storage)
        self._n_written = 0

    def append(self, constituents: np.ndarray, jets: np.ndarray) -> None:
        """Append jets: ``(n, 150, 16)`` constituents and ``(n, 59)`` jet columns, energies in GeV."""
        stop = self._n_written + len(jets)
        self._constituents[self._n_written : stop] = constituents
        self._jets[self._n_written : stop] = jets
        self._n_written = stop

    def __enter__(self) -> "JetFileWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        n_promised = len(self._jets)
        self._file.close()
        if kind is None and self._n_written != n_promised:
            raise RuntimeError(f"{self._n_written} jets were written where {n_promised} were promised")


def find_jet_files(folder: str | Path) -> list[Path]:
    """Return the ``*.h5`` files of a folder, sorted by name.

    Raises
    ------
    ValueError
        If the folder does not exist, may not be read, or holds none.
    """
    folder = Path(folder)
    try:
        names = os.listdir(folder)
    except PermissionError:
        raise ValueError(describe_permissions(folder)) from None
    except OSError:
        names = []
    files = sorted(folder / name for name in names if name.endswith(".h5") and not name.startswith("."))
    if not files:
        raise ValueError(f"{folder} is not a folder with *.h5 files; give one that holds files of jets")
    return files


def collect_jet_files(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return files as they are and, in place of a folder, the files in it."""
    paths = [paths] if isinstance(paths, str | Path) else paths
    return [file for path in map(Path, paths) for file in (find_jet_files(path) if path.is_dir() else [path])]


def read_source(path: str | Path) -> str | None:
    """Return what a file of jets says it comes from; the published files say nothing."""
    with open_jet_file(path) as file, reading(file, _REMEDY):
        source = file.attrs.get("source")
    # It comes from outside, and goes into tables, figures and the report.
    said = isinstance(source, str) and source.isprintable() and len(source) <= _LONGEST_SOURCE
    return source if said else None


def check_samples(paths: Sequence[str | Path], n_constituents: int) -> int:
    """Check the structure of files of jets, and that no two of them are the same: what can be known without reading.

    Parameters
    ----------
    paths
        All files of a data set.
    n_constituents
        How many constituents of a jet each of them must have at least.

    Returns
    -------
    int
        The fewest constituents a jet that one of them has.

    Raises
    ------
    ValueError
        If a file is not of the data set's layout, or two have the same content.
    """
    fewest = MOST_CONSTITUENTS
    same: dict[tuple[int, bytes], list[Path]] = {}
    for path in map(Path, paths):
        with open_jet_file(path) as file:
            found = file[CONSTITUENTS].shape[1]
        if found < n_constituents:
            raise ValueError(
                f"{path}: {CONSTITUENTS} has {found} constituents a jet; "
                f"data.n_constituents asks for {n_constituents}, lower it"
            )
        fewest = min(fewest, found)
        size = path.stat().st_size
        with path.open("rb") as content:
            content.seek(max(0, size - _COMPARED_BYTES))
            same.setdefault((size, content.read()), []).append(path)
    for alike in same.values():
        for first, second in combinations(alike, 2):
            if filecmp.cmp(first, second, shallow=False):
                raise ValueError(
                    f"{first} and {second} are the same file: networks would be tested on jets that they were "
                    "trained on; remove one"
                )
    return fewest


def open_jet_file(path: str | Path) -> h5py.File:
    """Open a file of jets and check its structure, not yet its values.

    Raises
    ------
    ValueError
        If it cannot be read, as in :func:`snacpack.data.hdf5.open_hdf5`, a
        dataset is missing, compressed by an unknown filter or of another shape
        or column order, there is no jet in it, or it promises more than it can
        hold.
    """
    file = open_hdf5(path, _REMEDY)
    try:
        with reading(file, _REMEDY):
            _check_structure(file, path)
    except BaseException:
        file.close()
        raise
    return file


def _check_structure(file: h5py.File, path: str | Path) -> None:
    for name in (CONSTITUENTS, JETS, CONSTITUENT_NAMES, JET_NAMES):
        _check_dataset(file, name, path)
    constituents, jets = file[CONSTITUENTS].shape, file[JETS].shape
    if len(constituents) != 3 or constituents[2] != len(CONSTITUENT_COLUMNS):
        raise UnreadableError(
            f"{path}: {CONSTITUENTS} has shape {constituents}; it must be (jets, constituents, 16 columns)"
        )
    if not 1 <= constituents[1] <= MOST_CONSTITUENTS:
        raise UnreadableError(
            f"{path}: {CONSTITUENTS} has {constituents[1]} constituents a jet; keep the leading ones, "
            f"1 to {MOST_CONSTITUENTS}"
        )
    if len(jets) != 2 or jets[1] != len(JET_COLUMNS):
        raise UnreadableError(f"{path}: {JETS} has shape {jets}; it must be (jets, 59 columns)")
    if constituents[0] != jets[0]:
        raise UnreadableError(
            f"{path}: {CONSTITUENTS} has {constituents[0]} jets but {JETS} has {jets[0]}; each jet needs both"
        )
    if not jets[0]:
        raise UnreadableError(f"{path} has no jets; remove it or make it again")
    for name in (CONSTITUENTS, JETS):
        _check_storage(file[name], path)
    # The class labels are what is read of the jet columns: their names count, not the observables'.
    _check_names(file, CONSTITUENT_NAMES, _STORED_CONSTITUENT_NAMES[: len(CONSTITUENT_COLUMNS)], 0, path)
    _check_names(file, JET_NAMES, _STORED_JET_NAMES[-6:], len(OBSERVABLES), path)


def _check_dataset(file: h5py.File, name: str, path: str | Path) -> None:
    # A link could make HDF5 open any file of this machine, one that never ends included.
    if isinstance(file.get(name, getlink=True), h5py.ExternalLink | h5py.SoftLink):
        raise UnreadableError(f"{path}: {name} is a link; copy the data into the file")
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise UnreadableError(f"{path} has no dataset {name!r}; it is not a file of the hls4ml LHC jet data set")
    if dataset.is_virtual or dataset.external:
        raise UnreadableError(f"{path}: the data of {name} are in other files; copy them into this one")


def _check_storage(dataset: h5py.Dataset, path: str | Path) -> None:
    name = dataset.name.removeprefix("/")
    if dataset.dtype.kind not in "fiu":
        raise UnreadableError(f"{path}: {name} holds {dataset.dtype}; write it as numbers (float32)")
    if dataset.nbytes > _DENSEST_COMPRESSION * dataset.file.id.get_filesize():
        raise UnreadableError(
            f"{path}: {name} promises {len(dataset)} jets, more than a file of its size can hold; {_REMEDY}"
        )
    if dataset.chunks and prod(dataset.chunks) * dataset.dtype.itemsize > _LARGEST_CHUNK_BYTES:
        raise UnreadableError(f"{path}: {name} is stored in chunks of {dataset.chunks}; write it in smaller ones")
    if missing_filters(dataset):
        # Fails where it is needed: HDF5 was free to leave an optional filter out when the file was written.
        dataset[:1]


def _check_names(file: h5py.File, dataset: str, expected: Sequence[str], first: int, path: str | Path) -> None:
    if len(file[dataset].shape) != 1 or len(file[dataset]) > _MOST_NAMES or file[dataset].dtype.kind not in "SOU":
        raise UnreadableError(
            f"{path}: {dataset} has shape {file[dataset].shape} and type {file[dataset].dtype}; it must be a list of "
            f"names that has {', '.join(expected)} from column {first} on"
        )
    stored = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in file[dataset][:]]
    found = stored[first : first + len(expected)]
    if found != list(expected):
        raise UnreadableError(
            f"{path}: {dataset} has the columns {', '.join(found)[:500] or 'none'} from column {first} on; "
            f"the data set's order is {', '.join(expected)}; reorder columns and names"
        )


def read_jets(path: str | Path, columns: Sequence[str], chunk: int = 5000) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read a file of jets piece by piece.

    Parameters
    ----------
    path
        The file.
    columns
        Names of constituent columns, e.g. ``("pt", "etarel", "phirel")``.
    chunk
        Jets of a piece; one piece of the published files takes 10 kB a jet.

    Yields
    ------
    constituents
        ``(n, constituents, len(columns))`` float32, energies in GeV.
    labels
        ``(n,)`` int64, positions in :data:`CLASSES`.

    Raises
    ------
    ValueError
        As :func:`open_jet_file`; or if a value that is read is NaN or
        infinite, a pT is negative, or the class labels of a jet are not one-hot.
    """
    indices = [CONSTITUENT_COLUMNS.index(name) for name in columns]
    with open_jet_file(path) as file:
        for start in range(0, len(file[JETS]), chunk):
            # A value that float32 cannot hold becomes infinite, and is refused as such.
            with reading(file, _REMEDY), np.errstate(over="ignore"):
                constituents = file[CONSTITUENTS][start : start + chunk][:, :, indices].astype(np.float32, copy=False)
                one_hot = file[JETS][start : start + chunk][:, -6:]
            _check_finite(constituents, columns, start, path)
            if "pt" in columns:
                _check_momenta(constituents[:, :, list(columns).index("pt")], start, path)
            yield constituents, _labels(one_hot, start, path)


def input_names(features: str | Sequence[str], n_constituents: int) -> list[str]:
    """Return names of what a network sees of a jet, by the config's ``data.features`` and ``n_constituents``.

    They are ``pt_0``, ``etarel_0``, ``pt_1`` and so on, or the jet's observables.
    """
    if features == HLF:
        return list(HIGH_LEVEL_FEATURES)
    return [f"{name}_{i}" for i in range(n_constituents) for name in features]


def read_observables(path: str | Path, names: Sequence[str], chunk: int = 5000) -> Iterator[np.ndarray]:
    """Read observables of the jets of a file piece by piece, in the pieces of :func:`read_jets`.

    Parameters
    ----------
    path
        The file.
    names
        Of :data:`OBSERVABLES`.
    chunk
        Jets of a piece.

    Yields
    ------
    numpy.ndarray
        ``(n, len(names))`` float32.

    Raises
    ------
    ValueError
        As :func:`open_jet_file`; or if the file says that it lacks an observable,
        or a value is NaN or infinite.
    """
    columns = [OBSERVABLES.index(name) for name in names]
    with open_jet_file(path) as file:
        _check_names(file, JET_NAMES, _STORED_JET_NAMES, 0, path)
        with reading(file, _REMEDY):
            # Simulated files say what they hold; the published ones hold all and say nothing.
            computed = str(file.attrs.get("computed_observables", " ".join(names))).split()
        missing = [name for name in names if name not in computed]
        if missing:
            raise ValueError(
                f"{path} was simulated without {', '.join(missing)}; set data.pythia.high_level to true and simulate "
                "it again, or name columns of the constituents in data.features"
            )
        for start in range(0, len(file[JETS]), chunk):
            with reading(file, _REMEDY), np.errstate(over="ignore"):
                values = file[JETS][start : start + chunk][:, columns].astype(np.float32, copy=False)
            if not np.isfinite(values).all():
                jet, column = np.argwhere(~np.isfinite(values))[0]
                raise ValueError(
                    f"{path}: {JETS} of jet {start + jet} has a {names[column]} that is NaN or infinite; "
                    "remove the jet or the file"
                )
            yield values


def _check_momenta(pt: np.ndarray, start: int, path: str | Path) -> None:
    if (pt < 0).any():
        jet, _ = np.argwhere(pt < 0)[0]
        raise ValueError(
            f"{path}: {CONSTITUENTS} of jet {start + jet} has a negative pt, which is a size; are the columns in the "
            f"order of {CONSTITUENT_NAMES}? Put them in that order"
        )


def _check_finite(constituents: np.ndarray, columns: Sequence[str], start: int, path: str | Path) -> None:
    if np.isfinite(constituents).all():
        return
    jet, _, column = np.argwhere(~np.isfinite(constituents))[0]
    raise ValueError(
        f"{path}: {CONSTITUENTS} of jet {start + jet} has a {columns[column]} that is NaN or infinite; "
        "remove the jet or the file"
    )


def _labels(one_hot: np.ndarray, start: int, path: str | Path) -> np.ndarray:
    wrong = ~np.isin(one_hot, (0, 1)).all(axis=1) | (one_hot.sum(axis=1) != 1) | (one_hot[:, -1] != 0)
    if wrong.any():
        jet = int(np.argmax(wrong))
        raise ValueError(
            f"{path}: {JETS} columns {', '.join(_STORED_JET_NAMES[-6:])} of jet {start + jet} are "
            f"{one_hot[jet].tolist()}; exactly one of the first five must be 1, the rest 0; mend or remove the jet"
        )
    return one_hot[:, :-1].argmax(axis=1).astype(np.int64)
