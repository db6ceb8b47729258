"""Opening HDF5 files of others: each reason why one cannot be read, with the cure that fits it."""

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MOST_DATASETS = 100
_SHOWN_BYTES = 30
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# The first bytes of files that were taken for HDF5.
_OTHERS = {
    b"<": "a web page, perhaps the error of a server; download the file itself",
    b"\x1f\x8b": "compressed with gzip; unpack it with gunzip or tar",
    b"PK": "a zip archive; unpack it",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with git lfs pull",
    b"\x0e\x03\x13\x01": "an HDF4 file; convert it with h4toh5",
}


class UnreadableError(ValueError):
    """A file that cannot be used; the message names it, the reason and the cure."""


def open_hdf5(path: str | Path, remedy: str) -> h5py.File:
    """Open an HDF5 file for reading.

    Parameters
    ----------
    path
        The file.
    remedy
        The cure if the file is lost, e.g. ``"make or download it again"``. It is not
        advised where the file may be good: where it may not be read, is locked, or is of
        another version or format.

    Raises
    ------
    UnreadableError
        If there is no file, this user may not read it, another process writes to it, or it
        is not a whole HDF5 file of a version that this library knows.
    """
    path = Path(path)
    # A pipe would keep HDF5 waiting for ever.
    beginning = _beginning(path, remedy)
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UnreadableError(_explain(path, beginning, error, remedy)) from None


@contextmanager
def reading(file: h5py.File, remedy: str, fault: str = "is damaged") -> Iterator[None]:
    """Name the file in whatever HDF5 says of its inside: a flipped bit surfaces in many ways.

    Parameters
    ----------
    file
        The open file.
    remedy
        As in :func:`open_hdf5`.
    fault
        The fault in words if nothing more is known than that the file cannot be read.

    Raises
    ------
    UnreadableError
        In place of any error of the block that is none yet.
    """
    try:
        yield
    except UnreadableError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
        missing = ", ".join(dict.fromkeys(name for dataset in _datasets(file) for name in missing_filters(dataset)))
        if missing:
            raise UnreadableError(_no_filter(file.filename, missing)) from None
        text = _words(error)
        if "version" in text:
            raise UnreadableError(_newer(file.filename, text, remedy)) from None
        raise UnreadableError(f"{file.filename} {fault} ({text}); {remedy}") from None


def missing_filters(dataset: h5py.Dataset) -> list[str]:
    """Return the filters of a dataset for which this HDF5 has no plugin, by name and number, e.g. ``blosc (32001)``."""
    filters = dataset.id.get_create_plist()
    found = [filters.get_filter(number) for number in range(filters.get_nfilters())]
    # The package brings the plugins, and registers them when it is imported.
    if not all(h5py.h5z.filter_avail(code) for code, *_ in found):
        with suppress(ImportError):
            import hdf5plugin  # noqa: F401
    return [_filter_name(code, name) for code, _, _, name in found if not h5py.h5z.filter_avail(code)]


def _filter_name(code: int, name: bytes) -> str:
    known = name.decode(errors="replace").partition(";")[0][:_SHOWN_BYTES]
    return f"{known} ({code})" if known and known.isprintable() else f"number {code}"


def _datasets(file: h5py.File) -> Iterator[h5py.Dataset]:
    # A damaged file may fail here too.
    with suppress(Exception):
        for name in islice(file, _MOST_DATASETS):
            if isinstance(file.get(name, getlink=True), h5py.HardLink) and isinstance(file[name], h5py.Dataset):
                yield file[name]


def _beginning(path: Path, remedy: str) -> bytes:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise UnreadableError(f"{path} is a folder where a file is wanted; move it away, and {remedy}")
        if not stat.S_ISREG(kind):
            raise UnreadableError(f"{path} is a pipe or a device, not a file; move it away, and {remedy}")
        with path.open("rb") as file:
            return file.read(_SHOWN_BYTES)
    except PermissionError:
        raise UnreadableError(describe_permissions(path)) from None
    except FileNotFoundError:
        if path.is_symlink():
            raise UnreadableError(
                f"{path} is a link to {os.readlink(path)}, which is not there; mend the link, or {remedy}"
            ) from None
        raise UnreadableError(f"{path} is not there; {remedy}") from None
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read ({error.strerror}); check its disk and the way to it") from None


def describe_permissions(path: Path) -> str:
    """Say why this user may not read a file or a folder, and whom to ask."""
    user = _user(os.geteuid())
    for folder in reversed(path.absolute().parents):
        if not os.access(folder, os.X_OK, effective_ids=True):
            return (
                f"{path} cannot be reached: {user} may not enter the folder {folder} ({_owned(folder)}); "
                f"ask its owner for the permission (chmod +x {folder})"
            )
    return (
        f"{path} may not be read by {user} ({_owned(path)}); it may be good: ask its owner for the permission "
        f"(chmod +rX {path})"
    )


def _owned(path: Path) -> str:
    about = path.stat()
    return f"{stat.filemode(about.st_mode)}, of {_user(about.st_uid)}"


def _user(number: int) -> str:
    # Not everyone in a container has a name.
    with suppress(KeyError):
        return f"user {pwd.getpwuid(number).pw_name}"
    return f"user {number}"


def _explain(path: Path, beginning: bytes, error: OSError, remedy: str) -> str:
    text = _words(error)
    if isinstance(error, BlockingIOError):
        return (
            f"{path} is open for writing in another process, which has locked it; the file may be good: wait until "
            f"that process closes it (lsof {path} names it). On a file system whose locks do not work, set "
            "HDF5_USE_FILE_LOCKING=FALSE in the environment"
        )
    if error.errno in _NO_LOCKS:
        return (
            f"{path} lies on a file system that has no locks ({os.strerror(error.errno)}); the file may be good: set "
            "HDF5_USE_FILE_LOCKING=FALSE in the environment, or copy it to another disk"
        )
    if "already open for write" in text:
        return (
            f"{path} was not closed by the program that wrote it, or is still open there; wait for that program. If "
            f"it has ended, h5clear -s {path} (of the HDF5 tools) clears the mark; where data are missing then, "
            f"{remedy}"
        )
    if not beginning:
        return f"{path} is empty; {remedy}"
    if "signature not found" in text:
        what = next((what for start, what in _OTHERS.items() if beginning.lstrip().startswith(start)), None)
        cure = f" and is {what}" if what else f"; {remedy}"
        return f"{path} is not an HDF5 file; it begins with {beginning!r}{cure}"
    if "version" in text:
        return _newer(path, text, remedy)
    return f"{path} is not a whole HDF5 file ({text}); {remedy}"


def _newer(path: str | Path, text: str, remedy: str) -> str:
    return (
        f"{path} is damaged, or written by a newer HDF5 than the {h5py.version.hdf5_version} that is used here "
        f"({text}). On the machine that wrote it, h5repack --low=0 --high=2 rewrites it for older ones; otherwise "
        f"{remedy}"
    )


def _no_filter(path: str | Path, missing: str) -> str:
    return (
        f"{path} is compressed by a filter that HDF5 does not have here, {missing}; the file may be good: install the "
        f"Python package hdf5plugin, or rewrite the file on a machine that has the filter (h5repack -f GZIP=4 "
        f"{Path(path).name} rewritten.h5)"
    )


def _words(error: BaseException) -> str:
    """Return the words of an error in one line, its kind if it has none."""
    text = " ".join(str(error).split())
    return f"HDF5 has no {text}" if isinstance(error, KeyError) else text or type(error).__name__
