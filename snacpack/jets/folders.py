"""The user's folder of jets: which of its files are for what, and which would not be used."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from snacpack.data.hdf5 import SIGNATURE, describe_permissions
from snacpack.data.info import SPLITS
from snacpack.jets.layout import find_jet_files

_HDF5_NAME = re.compile(r"\.(h5|hdf5?|he5)(?P<packed>\.(gz|bz2|xz|zst|zip))?$", re.IGNORECASE)


def find_samples(folder: str | Path) -> dict[str, list[Path]]:
    """Return the files of a user's folder by the split that they are for.

    Parameters
    ----------
    folder
        Holds ``train/`` with ``test/``, with ``val/``, or with both, or files of which all
        splits are made. Without ``test/``, ``val/`` is the test sample, as in the published
        data set.

    Returns
    -------
    dict
        ``train``, ``val`` and ``test``. An empty list stands for a split whose jets are split
        off the training files.

    Raises
    ------
    ValueError
        If it holds folders and files, or only one of the folders, or a folder has no ``*.h5`` files.
    """
    folder = Path(folder).expanduser()
    try:
        if not folder.is_dir():
            raise ValueError(
                f"data.files.folder: there is no folder {folder.absolute()}; make it, with train/ beside val/ or test/ "
                "or both, and *.h5 files of jets in each"
            )
        names = sorted(os.listdir(folder))
        parts = [name for name in SPLITS if (folder / name).is_dir()]
    except PermissionError:
        raise ValueError(f"data.files.folder: {describe_permissions(folder.absolute())}") from None
    loose = [name for name in names if name.endswith(".h5") and not name.startswith(".")]
    complete = "train" in parts and len(parts) > 1
    if bool(loose) == bool(parts) or (parts and not complete):
        raise ValueError(
            f"data.files.folder: {folder.absolute()} must hold either the folder train/ beside val/ or test/ or both, "
            f"or *.h5 files; it holds {', '.join(names[:10]) or 'nothing'}"
        )
    try:
        if loose:
            return {"train": find_jet_files(folder), "val": [], "test": []}
        given = {name: find_jet_files(folder / name) for name in parts}
    except ValueError as error:
        raise ValueError(f"data.files.folder: {error}") from None
    if "test" not in given:
        return {"train": given["train"], "val": [], "test": given["val"]}
    return {"train": given["train"], "val": given.get("val", []), "test": given["test"]}


def find_unused_files(folder: str | Path, samples: Mapping[str, Sequence[Path]]) -> list[Path]:
    """Return what a user's folder holds besides the files of its samples and looks like files of jets.

    These are files whose name or content is HDF5's, in any folder below that is not hidden. The run's own results are
    no input, where they are written below.
    """
    folder, used = Path(folder).expanduser(), {path for files in samples.values() for path in files}
    parents = {path.parent for path in used}
    results, seen = Path("results").absolute(), set()
    unused = []
    for root, folders, names in os.walk(folder, followlinks=True):
        # Links may lead round in a circle.
        seen.add(os.path.realpath(root))
        inner = [Path(root, name) for name in sorted(folders) if not name.startswith(".")]
        folders[:] = [path.name for path in inner if path.absolute() != results and os.path.realpath(path) not in seen]
        for path in (Path(root, name) for name in sorted(names)):
            if path not in used and _looks_like_jets(path, used, read=path.parent in parents):
                unused.append(path)
    return unused


def _looks_like_jets(path: Path, used: set[Path], read: bool) -> bool:
    """Tell by a file's name, and by its content where it is to be read, whether its user may take it for jets."""
    named = _HDF5_NAME.search(path.name)
    if named and not path.name.startswith("._"):
        return not (named["packed"] and path.with_suffix("") in used)
    # macOS leaves a small file that begins with ._ beside each one that it copies.
    if not read or not path.is_file():
        return False
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE
    return False


def describe_samples(samples: Mapping[str, Sequence[Path]], validation_fraction: float, test_fraction: float) -> str:
    """Say which files of a user's folder are for what, and which keys have no effect then.

    Parameters
    ----------
    samples
        As :func:`find_samples` returns them.
    validation_fraction, test_fraction
        ``data.validation_fraction`` and ``data.test_fraction``.
    """
    train = samples["train"][0].parent
    if not samples["test"]:
        return (
            f"Jets of {train}: {test_fraction:.3g} of them are for testing (data.test_fraction), "
            f"{validation_fraction:.3g} of the others for validation (data.validation_fraction)."
        )
    test = samples["test"][0].parent.name
    if samples["val"]:
        return (
            f"Jets of {train.parent}: train/ is for training, val/ for validation and test/ for testing; "
            "data.validation_fraction and data.test_fraction have no effect."
        )
    published = " as in the published data set (it would be for validation if there were a folder test/)"
    return (
        f"Jets of {train.parent}: {test}/ is for testing{published if test == 'val' else ''}; of train/, "
        f"{validation_fraction:.3g} is for validation (data.validation_fraction). data.test_fraction has no effect."
    )
