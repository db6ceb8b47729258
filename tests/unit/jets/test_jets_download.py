"""Downloads from a real HTTP server: resumed, checked, unpacked nowhere else."""

import hashlib
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers.archives import tar_gz
from helpers.jets_files import write_random_jets
from snacpack.jets.download import download_jets, fetch


class Server:
    """Serve one archive, with the faults that a test asks for."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = True
        self.length = True
        self.cut_after: list[int] = []  # bytes after which each of the next answers breaks off
        self.statuses: list[int] = []  # answers before the right one
        self.requests: list[str | None] = []  # the range of each
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/jets.tar.gz"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.requests.append(wanted)
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        total = len(self.content)
        if wanted and self.ranges and start >= total:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{total}")
            request.end_headers()
            return
        request.send_response(206 if wanted and self.ranges else 200)
        if wanted and self.ranges:
            request.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if self.length:
            request.send_header("Content-Length", str(total - start))
        request.end_headers()
        stop = start + self.cut_after.pop(0) if self.cut_after else total
        request.wfile.write(self.content[start:stop])


@pytest.fixture(scope="module")
def jet_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    for number in range(2):
        write_random_jets(folder / f"jetImage_{number}.h5", 200, seed=number)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def packed(jet_files):
    extras = [("train/readme.txt", b"hello"), ("train/._jetImage_0.h5", b"resource fork")]
    return tar_gz([(f"train/{name}", content) for name, content in jet_files.items()] + extras)


@pytest.fixture
def server(packed):
    server = Server(packed)
    yield server
    server.close()


def test_archive_becomes_a_folder_of_verified_files(server, jet_files, packed, tmp_path):
    md5 = hashlib.md5(packed).hexdigest()
    download_jets(server.url, tmp_path / "a.tar.gz", tmp_path / "raw/train", md5=md5, n_bytes=len(packed))
    assert {path.name: path.read_bytes() for path in (tmp_path / "raw/train").iterdir()} == jet_files
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["train"]


def test_broken_connection_is_resumed(server, packed, tmp_path):
    assert len(packed) > 300_000
    server.cut_after = [150_000, 100_000]
    fetch(server.url, tmp_path / "a.tar.gz", wait_s=0.01)
    assert (tmp_path / "a.tar.gz").read_bytes() == packed
    starts = [0 if wanted is None else int(wanted[6:-1]) for wanted in server.requests]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] < starts[2] <= 250_000


def test_killed_download_is_resumed(server, packed, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(packed[:100_000])
    fetch(server.url, tmp_path / "a.tar.gz", md5=hashlib.md5(packed).hexdigest())
    assert server.requests == ["bytes=100000-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_server_without_ranges_starts_over(server, packed, tmp_path):
    server.ranges = False
    (tmp_path / "a.tar.gz.part").write_bytes(b"x" * 100_000)
    fetch(server.url, tmp_path / "a.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


@pytest.mark.parametrize("name", ["a.tar.gz.part", "a.tar.gz"])
def test_finished_download_is_not_repeated(server, packed, tmp_path, name):
    (tmp_path / name).write_bytes(packed)
    fetch(server.url, tmp_path / "a.tar.gz")
    assert server.requests == [f"bytes={len(packed)}-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_partial_download_that_is_too_long_starts_over(server, packed, tmp_path):
    (tmp_path / "a.tar.gz.part").write_bytes(packed + b"more")
    fetch(server.url, tmp_path / "a.tar.gz", wait_s=0.01)
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_busy_server_is_asked_again(server, packed, tmp_path):
    server.statuses = [503, 429]
    fetch(server.url, tmp_path / "a.tar.gz", wait_s=0.01)
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_attempts_end(server, tmp_path):
    server.statuses = [503] * 20
    with pytest.raises(RuntimeError, match=r"jets\.tar\.gz: the server answered 503; 0 bytes are kept"):
        fetch(server.url, tmp_path / "a.tar.gz", attempts=3, wait_s=0.01)
    assert len(server.requests) == 3


def test_server_that_is_gone_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=r"http://127\.0\.0\.1:9/jets"):
        fetch("http://127.0.0.1:9/jets", tmp_path / "a.tar.gz", attempts=2, wait_s=0.01)


def test_missing_archive_is_not_asked_for_again(server, tmp_path):
    server.statuses = [404]
    with pytest.raises(ValueError, match=r"the server answered 404 .*; check data\.zenodo\.url"):
        fetch(server.url, tmp_path / "a.tar.gz")
    assert len(server.requests) == 1


@pytest.mark.parametrize("with_length", [True, False])
def test_wrong_length_is_an_error(server, packed, tmp_path, with_length):
    server.length = with_length
    with pytest.raises(RuntimeError, match=f"{len(packed)} bytes.*{len(packed) + 1}"):
        fetch(server.url, tmp_path / "a.tar.gz", n_bytes=len(packed) + 1)
    assert list(tmp_path.iterdir()) == []


def test_wrong_checksum_is_an_error_and_the_next_try_starts_over(server, packed, tmp_path):
    md5 = hashlib.md5(packed).hexdigest()
    (tmp_path / "a.tar.gz.part").write_bytes(b"x" * 1000)
    with pytest.raises(RuntimeError, match=f"its MD5 is .* gives {md5}"):
        fetch(server.url, tmp_path / "a.tar.gz", md5=md5)
    assert list(tmp_path.iterdir()) == []
    fetch(server.url, tmp_path / "a.tar.gz", md5=f"md5:{md5}")
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_archive_is_kept_until_its_files_are_verified(server, tmp_path):
    server.content = tar_gz([("train/1.h5", b"no jets")])
    with pytest.raises(RuntimeError, match="is not an HDF5 file; it begins with"):
        download_jets(server.url, tmp_path / "a.tar.gz", tmp_path / "raw")
    assert (tmp_path / "a.tar.gz").read_bytes() == server.content


def test_full_disk_is_noticed_before_the_download(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=10**9 + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(RuntimeError, match=r"has 0\.0 GB to spare"):
        fetch(server.url, tmp_path / "a.tar.gz")
