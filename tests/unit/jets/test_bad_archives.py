"""Archives and servers that are broken or hostile: refused by name, nothing written outside the folder."""

import gzip
import hashlib
import io
import shutil
import ssl
import subprocess
import tarfile
import threading
import zipfile
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import h5py
import numpy as np
import pytest

from helpers.archives import tar_gz
from helpers.jets_files import write_random_jets
from snacpack.jets.download import download_jets, fetch, unpack

MOST = 6_000_000


@pytest.fixture(scope="module")
def jet_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("jets") / "good.h5"
    write_random_jets(path, 20)
    return path.read_bytes()


def member(name="train/bad.h5", **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def header(info, size):
    """A member's header alone, of whatever size it claims; negative ones as GNU tar writes large ones."""
    info.size = 0
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def packed(*blocks):
    return gzip.compress(b"".join(blocks) + bytes(1024))


def sparse(size):
    """A file that says of itself that it is mostly holes."""
    info = member(pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(size)})
    return tar_gz([(info, b"0\n".ljust(512, b"\0"))])


@cache
def noise(n):
    return np.random.default_rng(0).bytes(n)


@cache
def hostile(good):
    """Content of an archive, and what is said of it."""
    first = ("train/good.h5", good)
    out, link, far = (
        "leads out of it; it is not to be trusted",
        "a link or a device",
        f"unpacks to more than {MOST} bytes",
    )
    name, size = "a file with the name", "header of an impossible size"
    return {
        "up": (tar_gz([first, ("../outside.h5", good)]), out),
        "up from within": (tar_gz([first, ("train/../../outside.h5", good)]), out),
        "absolute": (tar_gz([first, ("/tmp/outside.h5", good)]), out),
        "as Windows writes it": (tar_gz([first, ("..\\outside.h5", good)]), out),
        "a skipped file up": (tar_gz([first, ("../readme.txt", b"x")]), out),
        "symbolic link": (tar_gz([first, (member(type=tarfile.SYMTYPE, linkname="/etc/passwd"), b"")]), link),
        "link to a folder": (tar_gz([(member("train", type=tarfile.SYMTYPE, linkname="/tmp"), b""), first]), link),
        "hard link": (tar_gz([first, (member(type=tarfile.LNKTYPE, linkname="../outside.h5"), b"")]), link),
        "hard link to itself": (tar_gz([(member(type=tarfile.LNKTYPE, linkname="train/bad.h5"), b"")]), link),
        "device": (tar_gz([first, (member(type=tarfile.CHRTYPE, devmajor=1, devminor=5), b"")]), link),
        "disk": (tar_gz([first, (member(type=tarfile.BLKTYPE, devmajor=8), b"")]), link),
        "pipe": (tar_gz([first, (member(type=tarfile.FIFOTYPE), b"")]), link),
        "name of two lines": (tar_gz([first, ("train/a\nb.h5", good)]), name),
        "name of a terminal's commands": (tar_gz([first, ("train/\x1b[2J.h5", good)]), name),
        "name too long": (tar_gz([first, ("train/" + "x" * 300 + ".h5", good)]), name),
        "same name twice": (tar_gz([("a/1.h5", good), ("b/1.h5", good)]), "two files called 1.h5; keep one"),
        "a bomb": (tar_gz([(f"{i}.h5", bytes(2 * 10**6)) for i in range(4)]), far),
        "a bomb that is not wanted": (tar_gz([("readme.txt", bytes(10**7)), first]), far),
        "a bomb of holes": (sparse(10**15), far),
        "a bomb in a header": (packed(header(member(type=tarfile.XHDTYPE), 10**11), bytes(10**6)), size),
        "a bomb in a name": (packed(header(member(type=tarfile.GNUTYPE_LONGNAME), 10**11), bytes(10**6)), size),
        "a size that is not there": (packed(header(member(), 10**6), bytes(1000)), "unexpected end of data"),
        "a size beyond all": (packed(header(member("x.txt"), 2**60), bytes(1000)), far),
        "a negative size": (packed(header(member("x.txt"), -2048)), size),
        "a negative size to go back to": (
            packed(header(member("x.txt"), 0), header(member("y.txt"), -512)),
            "than 10000 files",
        ),
        "thousands of files": (packed(header(member("x"), 0) * 10_001), "holds more than 10000 files"),
        "a web page": (b"<!DOCTYPE html><html>Please log in</html>", "it begins with b'<!DOCTYPE html>"),
        "a zip file": (zipped(good), "no .tar.gz archive at all"),
        "a tar file": (gzip.decompress(tar_gz([first])), "no .tar.gz archive at all"),
        "a gzip file of something else": (gzip.compress(noise(10**5)), "no .tar.gz archive at all"),
        "noise": (noise(10**4), "no .tar.gz archive at all"),
        "nothing": (b"", "a.tar.gz"),
        "an empty gzip file": (gzip.compress(b""), "a.tar.gz"),
        "no files of jets": (tar_gz([("readme.txt", b"hello")]), "holds no *.h5 file; check data.zenodo.archives"),
        "something called .h5": (tar_gz([("1.h5", b"no jets")]), "1.h5 is not an HDF5 file"),
        "cut at its beginning": (tar_gz([first])[:60], "is damaged"),
        "cut in the middle": (tar_gz([first])[: len(good) // 2], "is damaged"),
        "cut at its end": (tar_gz([first])[:-4], "is damaged"),
        "a flipped bit of its checksum": (flipped(tar_gz([first]), -6), "is damaged"),
        "a flipped bit of its content": (flipped(tar_gz([first]), len(good) // 2), "a.tar.gz"),
    }


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("train/good.h5", content)
    return buffer.getvalue()


def flipped(content, position):
    damaged = bytearray(content)
    damaged[position] ^= 1
    return bytes(damaged)


@pytest.mark.parametrize("name", hostile(b""))
def test_bad_archives_are_refused(jet_file, tmp_path, name):
    content, message = hostile(jet_file)[name]
    folder = tmp_path / "within" / "data"
    folder.mkdir(parents=True)
    (folder / "a.tar.gz").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"a\.tar\.gz") as error:
        unpack(folder / "a.tar.gz", folder / "raw", max_bytes=MOST)
    assert message in str(error.value)
    # Nothing beside the archive, which is kept to be looked at.
    assert [path.name for path in tmp_path.rglob("*")] == ["within", "data", "a.tar.gz"]


def test_a_file_of_an_archive_is_read_to_its_end(jet_file, tmp_path):
    (tmp_path / "late.h5").write_bytes(jet_file)
    with h5py.File(tmp_path / "late.h5", "r+") as file:
        file["jets"][19, -6:] = 0
    (tmp_path / "a.tar.gz").write_bytes(tar_gz([("late.h5", (tmp_path / "late.h5").read_bytes())]))
    with pytest.raises(RuntimeError, match=r"a\.tar\.gz was unpacked, but .*late\.h5: jets columns .* of jet 19 are"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


# Servers.


class Handler(BaseHTTPRequestHandler):
    """Answers as ``server.answer`` says: status, headers, body."""

    def do_GET(self):
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(status, headers, body=b"", context=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.answer = status, headers, body
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http{'s' * bool(context)}://127.0.0.1:{server.server_port}/jets.tar.gz"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/jets.tar.gz", "gopher://127.0.0.1/"])
def test_only_http_is_fetched(serve, tmp_path, address):
    with pytest.raises(ValueError, match="neither http nor https"):
        fetch(address, tmp_path / "a.tar.gz")
    url = serve(302, {"Location": address})
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1.*check data\.zenodo\.url"):
        fetch(url, tmp_path / "a.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_round_in_circles_is_left(serve, tmp_path):
    with pytest.raises(ValueError, match=r"redirects.*check data\.zenodo\.url"):
        fetch(serve(302, {"Location": "/jets.tar.gz"}), tmp_path / "a.tar.gz")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_a_checked_connection_is_not_given_up_for_an_open_one(serve, tmp_path, monkeypatch):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # Unknown to this machine: refused.
    url = serve(302, {"Location": serve(200, {"Content-Length": "1"}, b"x")}, context=context)
    with pytest.raises(RuntimeError, match="certificate"):
        fetch(url, tmp_path / "a.tar.gz", attempts=1)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(ValueError, match=r"sent us on to http://.*anyone on the way"):
        fetch(url, tmp_path / "a.tar.gz")


def test_a_web_page_in_place_of_the_archive_is_told(serve, tmp_path):
    page = b"<!DOCTYPE html><html>Please log in</html>"
    url = serve(200, {"Content-Type": "text/html", "Content-Length": str(len(page))}, page)
    with pytest.raises(RuntimeError, match=r"it begins with b'<!DOCTYPE html>.*Check data\.zenodo\.url"):
        download_jets(url, tmp_path / "a.tar.gz", tmp_path / "raw")


def test_less_than_promised_is_not_taken_for_all(serve, tmp_path):
    url = serve(200, {"Content-Length": "1000"}, b"x" * 400)
    with pytest.raises(RuntimeError, match=r"the connection broke .* are kept in"):
        fetch(url, tmp_path / "a.tar.gz", attempts=2, wait_s=0.01)
    assert not (tmp_path / "a.tar.gz").exists()


@pytest.mark.parametrize("n_bytes", [1000, None])
def test_more_than_promised_is_not_stored(serve, tmp_path, n_bytes):
    """A server may pack what it sends, and requests unpacks it: a bomb in another guise."""
    body = gzip.compress(bytes(10**8))
    headers = {"Content-Encoding": "gzip"} | ({} if n_bytes else {"Content-Length": str(len(body))})
    with pytest.raises(RuntimeError, match=r"(\d+) bytes came where (\d+) were expected") as error:
        fetch(serve(200, headers, body), tmp_path / "a.tar.gz", n_bytes=n_bytes)
    came = int(str(error.value).split(" bytes came")[0].rpartition(" ")[2])
    assert came < 10**6
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_server_that_refuses_is_not_asked_again(serve, tmp_path, status):
    with pytest.raises(ValueError, match=rf"the server answered {status} .*; check data\.zenodo\.url"):
        fetch(serve(status, {}), tmp_path / "a.tar.gz")


def test_without_a_checksum_the_one_that_came_is_told(serve, tmp_path, capsys):
    fetch(serve(200, {"Content-Length": "3"}, b"abc"), tmp_path / "a.tar.gz")
    assert f"its MD5 is {hashlib.md5(b'abc').hexdigest()}; compare it" in "".join(capsys.readouterr())


def test_each_kind_of_archive_is_another():
    contents = [content for content, _ in hostile(b"good").values()]
    assert all(first != second for first, second in pairwise(contents))
