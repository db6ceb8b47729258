"""Download an archive of jets and unpack it: resumable, checked, nothing outside its folder."""

import gzip
import hashlib
import shutil
import tarfile
import time
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from snacpack.jets.layout import find_jet_files, read_jets

_BLOCK = 1 << 16
# tar needs a header, of some hundred bytes, in one piece.
_LONGEST_HEADER = 1 << 20
_MOST_MEMBERS = 10_000
_LONGEST_NAME = 200
_TIMEOUT_S = 60
# Answers that a later attempt may not get again.
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
MAX_EXTRACTED_BYTES = 500 * 10**9
_SPARE_DISK_BYTES = 10**9


class _TransientError(Exception):
    """A failure of the network or the server that may pass."""


def download_jets(
    url: str,
    archive: str | Path,
    folder: str | Path,
    md5: str | None = None,
    n_bytes: int | None = None,
    attempts: int = 8,
    wait_s: float = 5.0,
) -> None:
    """Download an archive, unpack its files of jets, check them, delete the archive.

    Parameters
    ----------
    url
        Address of the ``.tar.gz`` archive, http or https.
    archive
        The file that keeps the archive until its files are verified; a partial
        download, ``archive`` with ``.part`` added, is resumed.
    folder
        The folder that gets the ``*.h5`` files, without the archive's folders.
    md5, n_bytes
        Checksum and length that the archive must have; None is not checked.
    attempts
        Tries in a row without a new byte before giving up.
    wait_s
        Before the second try; doubled after each, up to five minutes.

    Raises
    ------
    ValueError
        If the URL is neither http nor https, or the server does not have the archive.
    RuntimeError
        If the download, the archive or a file in it is not what it must be.
    """
    archive = Path(archive)
    fetch(url, archive, md5, n_bytes, attempts, wait_s)
    unpack(archive, folder)
    archive.unlink()


def fetch(
    url: str,
    path: str | Path,
    md5: str | None = None,
    n_bytes: int | None = None,
    attempts: int = 8,
    wait_s: float = 5.0,
) -> None:
    """Download a file, resuming what an earlier try left; parameters as :func:`download_jets`."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"data.zenodo.url: {url} is neither http nor https")
    path = Path(path)
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(part)  # all there, but its files were not verified: check it like a finished download
    failures = 0
    while True:
        before = _size(part)
        try:
            total = _fetch_rest(url, part, n_bytes)
            break
        except (_TransientError, requests.ConnectionError, requests.Timeout) as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= attempts:
                raise RuntimeError(
                    f"{url}: {error}; {_size(part)} bytes are kept in {part}, start the rule again to go on from there"
                ) from None
            pause = min(wait_s * 2 ** (failures - 1), 300.0)
            tqdm.write(f"{url}: {error}; trying again in {pause:g} s")
            time.sleep(pause)
        except requests.RequestException as error:
            raise ValueError(f"{url}: {error}; check data.zenodo.url and the archive's name") from None
    _verify(url, part, total, md5, n_bytes)
    part.replace(path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch_rest(url: str, part: Path, n_bytes: int | None) -> int:
    """Fetch what ``part`` lacks; return the length that the server gave."""
    offset = _size(part)
    # Compressed in transit, bytes could not be counted.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if urlsplit(url).scheme == "https" and urlsplit(response.url).scheme != "https":
            raise ValueError(
                f"{url}: the server sent us on to {response.url}, where anyone on the way can change what comes; "
                "check data.zenodo.url"
            )
        if response.status_code in _TRANSIENT:
            raise _TransientError(f"the server answered {response.status_code}")
        if response.status_code == 416:
            return _finished_length(url, part, response)
        if response.status_code not in (200, 206):
            raise ValueError(
                f"{url}: the server answered {response.status_code} {response.reason}; "
                "check data.zenodo.url and the archive's name"
            )
        if response.status_code == 200:
            offset = 0  # the whole file, whether asked for or not
        total = _total_length(response, offset, part)
        if n_bytes is not None and total is not None and total != n_bytes:
            raise RuntimeError(
                f"{url} has {total} bytes, but data.zenodo.archives gives {n_bytes}: another file, or a wrong number"
            )
        if total is not None:
            _check_disk(part.parent, total - offset, f"{url} needs")
        _store(response, part, offset, total, n_bytes or total or MAX_EXTRACTED_BYTES)
    if total is not None and _size(part) < total:
        raise _TransientError(f"the connection broke after {_size(part)} of {total} bytes")
    return _size(part) if total is None else total


def _total_length(response: requests.Response, offset: int, part: Path) -> int | None:
    """Length of the whole file, where the server tells it."""
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdigit() else None
    content_range = response.headers.get("Content-Range", "")
    span, _, total = content_range.removeprefix("bytes ").partition("/")
    if span.partition("-")[0] != str(offset):
        part.unlink()
        raise _TransientError(f"the server sent {content_range or 'no range'} where bytes from {offset} were asked for")
    return int(total) if total.isdigit() else None


def _finished_length(url: str, part: Path, response: requests.Response) -> int:
    """Nothing is left to fetch: right if the partial download is whole."""
    total = response.headers.get("Content-Range", "").rpartition("/")[2]
    if total != str(_size(part)):
        kept = _size(part)
        part.unlink()
        raise _TransientError(f"the partial download has {kept} bytes, the file {total or 'fewer'}; starting over")
    return int(total)


def _store(response: requests.Response, part: Path, offset: int, total: int | None, most: int) -> None:
    with (
        part.open("r+b" if offset else "wb") as file,
        tqdm(
            total=total, initial=offset, unit="B", unit_scale=True, desc=part.stem, mininterval=5, miniters=_BLOCK
        ) as bar,
    ):
        file.seek(offset)
        try:
            for block in response.iter_content(_BLOCK):
                file.write(block)
                bar.update(len(block))
                if file.tell() > most:
                    break  # more than was promised; its length tells that it is wrong
        except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
            raise _TransientError(f"the connection broke ({error})") from None


def _check_disk(folder: Path, n_bytes: int, what: str) -> None:
    free = shutil.disk_usage(folder).free - _SPARE_DISK_BYTES
    if n_bytes > free:
        raise RuntimeError(f"{what} {n_bytes / 1e9:.1f} GB, but {folder} has {max(free, 0) / 1e9:.1f} GB to spare")


def _verify(url: str, part: Path, total: int, md5: str | None, n_bytes: int | None) -> None:
    """Check a whole download; one that is wrong is removed, so that the next try starts over."""
    expected = total if n_bytes is None else n_bytes
    if _size(part) != expected:
        size = _size(part)
        part.unlink()
        raise RuntimeError(f"{url}: {size} bytes came where {expected} were expected; removed, start the rule again")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if md5 is None:
        tqdm.write(f"{url}: its MD5 is {found}; compare it, and set it in data.zenodo.archives to hold on to it")
        return
    if found != md5.lower().removeprefix("md5:"):
        part.unlink()
        raise RuntimeError(
            f"{url}: its MD5 is {found}, but data.zenodo.archives gives {md5}; removed, start the rule again"
        )


def unpack(archive: str | Path, folder: str | Path, max_bytes: int = MAX_EXTRACTED_BYTES) -> None:
    """Unpack the ``*.h5`` files of an archive into a folder and read each of them.

    Parameters
    ----------
    archive
        A ``.tar.gz`` file. Hidden files, folders and files that are not
        ``*.h5`` are left out.
    folder
        It appears when all files are unpacked and verified, not before.
    max_bytes
        The most that is unpacked.

    Raises
    ------
    RuntimeError
        If the archive is damaged, holds a link, a device or a path that leads
        out of it, has no ``*.h5`` file, is too large, or a file of it is not
        one of jets.
    """
    folder = Path(folder)
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        _extract(Path(archive), temporary, max_bytes)
        try:
            for path in tqdm(find_jet_files(temporary), unit="file", desc="verifying", mininterval=5):
                for _ in read_jets(path, ("pt",)):
                    pass
        except ValueError as error:
            raise RuntimeError(f"{archive} was unpacked, but {error}") from None
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _Unpacked(gzip.GzipFile):
    """The content of a gzip file, of which no more than ``most`` bytes are unpacked, skipped ones included.

    A bomb ends there, whatever its headers say; so does a header that claims to be huge, which tar would read in one
    piece.
    """

    def __init__(self, archive: Path, most: int) -> None:
        super().__init__(archive, "rb")
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError("it has a header of an impossible size")
        self._check(self.tell() + size)
        return super().read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        # The question for the position is a seek too, and the only one that is not from the beginning.
        if whence == 0:
            if offset < 0:
                raise tarfile.ReadError("it has a header of an impossible size")
            self._check(offset)
        return super().seek(offset, whence)

    def _check(self, position: int) -> None:
        if position > self._most:
            raise RuntimeError(f"{self.name} unpacks to more than {self._most} bytes; it is not to be trusted")


def _extract(archive: Path, folder: Path, max_bytes: int) -> None:
    n_files = n_bytes = 0
    try:
        with _Unpacked(archive, max_bytes) as content, tarfile.open(fileobj=content, mode="r:") as tar:
            for number, member in enumerate(tar):
                if number >= _MOST_MEMBERS:
                    raise RuntimeError(f"{archive} holds more than {_MOST_MEMBERS} files; it is not to be trusted")
                name = _safe_name(archive, member)
                if name is None:
                    continue
                # A sparse file's own size may be far above what the archive holds of it.
                n_files, n_bytes = n_files + 1, n_bytes + member.size
                if n_bytes > max_bytes:
                    raise RuntimeError(
                        f"{archive} unpacks to more than {max_bytes} bytes at {member.name!r}; it is not to be trusted"
                    )
                _check_disk(folder, member.size, f"{member.name} of {archive} needs")
                with (folder / name).open("xb") as target:
                    shutil.copyfileobj(tar.extractfile(member), target, _BLOCK)
            # The gzip checksum stands after the last member.
            while content.read(_BLOCK):
                pass
    except FileExistsError as error:
        raise RuntimeError(f"{archive} holds two files called {Path(error.filename).name}; keep one of them") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
        raise RuntimeError(
            f"{archive} is damaged, or no .tar.gz archive at all ({error}); it begins with {_beginning(archive)!r}. "
            "Check data.zenodo.url, remove it, and start the rule again to download it anew"
        ) from None
    if not n_files:
        raise RuntimeError(f"{archive} holds no *.h5 file; check data.zenodo.archives")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(30)


def _safe_name(archive: Path, member: tarfile.TarInfo) -> str | None:
    """Name of a member's file, None for what is left out."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name:
        raise RuntimeError(f"{archive} holds {member.name!r}, a path that leads out of it; it is not to be trusted")
    if not member.isfile() and not member.isdir():
        raise RuntimeError(f"{archive} holds {member.name!r}, a link or a device; it is not to be trusted")
    if not member.name.isprintable() or len(path.name) > _LONGEST_NAME:
        raise RuntimeError(f"{archive} holds a file with the name {path.name[:80]!r}; it is not to be trusted")
    if member.isdir() or path.suffix != ".h5" or path.name.startswith("."):
        return None
    return path.name
