"""HDF5 files that cannot be read: the reason, and a cure that does not cost a good file."""

import multiprocessing
import os
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.jets_files import SETTINGS, write_random_jets
from snacpack.data.dataset import describe_attributes
from snacpack.jets.folders import find_samples
from snacpack.jets.layout import CONSTITUENTS, open_jet_file, read_jets
from snacpack.jets.preprocessing import preprocess_jets

MAKE_AGAIN = "make or download it again"
NOBODY = 65534
HOLD_OPEN = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"
LEAVE_OPEN = """
import h5py, os, sys
file = h5py.File(sys.argv[1], "w", libver="latest")
file["x"] = [1.0]
file.flush()
os._exit(1)
"""


@pytest.fixture
def path(tmp_path):
    write_random_jets(tmp_path / "jets.h5", 60)
    return tmp_path / "jets.h5"


def reason(read, path):
    with pytest.raises(ValueError, match=path.name) as error:
        read(path)
    # The end of a job's log is found by this word.
    assert "Error: " not in str(error.value)
    return str(error.value)


def with_filter(code: int, name: bytes):
    """Change the filter of a file whose data are compressed with gzip, as if another had written them."""

    def change(path):
        content = path.read_bytes()
        # Number, length of the name, flags, number of parameters, name: two filters stand in the constituents' header.
        gzip = struct.pack("<HHHH8s", 1, 8, 1, 1, b"deflate")
        assert gzip in content
        path.write_bytes(content.replace(gzip, struct.pack("<HHHH8s", code, 8, 1, 1, name)))

    return change


def with_newer_superblock(path):
    content = bytearray(path.read_bytes())
    content[8] = 9
    path.write_bytes(content)


def left_open(path):
    assert subprocess.run([sys.executable, "-c", LEAVE_OPEN, str(path)]).returncode == 1


def linked_to_nothing(path):
    path.unlink()
    path.symlink_to("gone.h5")


def linked_to_itself(path):
    path.unlink()
    path.symlink_to(path.name)


REASONS = {
    "an error of a server": (
        lambda path: path.write_text("<!DOCTYPE html><title>404 Not Found</title>"),
        "is not an HDF5 file; it begins with b'<!DOCTYPE html><title>404 Not ' and is a web page",
        True,
    ),
    "a compressed file": (
        lambda path: path.write_bytes(b"\x1f\x8b\x08" + bytes(100)),
        "is compressed with gzip; unpack it",
        True,
    ),
    "a pointer": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull", True),
    "text": (lambda path: path.write_text("no jets"), f"begins with b'no jets'; {MAKE_AGAIN}", False),
    "nothing": (lambda path: path.write_bytes(b""), f"is empty; {MAKE_AGAIN}", False),
    "cut off": (
        lambda path: path.write_bytes(path.read_bytes()[:-2000]),
        "is not a whole HDF5 file (Unable to synchronously open file (truncated file: eof",
        False,
    ),
    "a newer version": (with_newer_superblock, "or written by a newer HDF5 than the 1.", False),
    "not closed": (left_open, "was not closed by the program that wrote it, or is still open there", False),
    "an unknown filter": (with_filter(32001, b"blosc"), "HDF5 does not have here, blosc (32001); the file may", True),
    "a filter of no name": (with_filter(32015, b""), "HDF5 does not have here, number 32015; the file may", True),
    "a link to nothing": (linked_to_nothing, "is a link to gone.h5, which is not there; mend the link", False),
    "a link to itself": (linked_to_itself, "cannot be read (Too many levels of symbolic links)", True),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder where a file is wanted", False),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is a pipe or a device, not a file", False),
    "gone": (lambda path: path.unlink(), f"is not there; {MAKE_AGAIN}", False),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_is_named(path, name):
    change, message, may_be_good = REASONS[name]
    change(path)
    for read in (open_jet_file, lambda path: list(read_jets(path, ("pt",)))):
        said = reason(read, path)
        assert message in said
        assert (MAKE_AGAIN in said) != may_be_good


def test_damage_inside_is_named_with_the_file(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(content)
    said = reason(lambda path: list(read_jets(path, ("pt",))), path)
    assert f"{path} is damaged (Can't synchronously read data" in said


def test_a_filter_that_was_left_out_is_no_obstacle(tmp_path):
    """HDF5 may leave out an optional filter, and says so of each piece; the data are there."""
    path = tmp_path / "jets.h5"
    constituents, _ = write_random_jets(path, 60)
    with h5py.File(path, "r+") as file:
        del file[CONSTITUENTS]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((20, 150, 16))
        properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(constituents.shape)
        h5py.h5d.create(file.id, CONSTITUENTS.encode(), h5py.h5t.NATIVE_FLOAT, space, properties)
        file[CONSTITUENTS][:] = constituents
    (read,) = (x for x, _ in read_jets(path, ("pt",)))
    np.testing.assert_array_equal(read[:, :, 0], constituents[:, :, 5])


@contextmanager
def writing(path):
    """Another process has the file open, as a program that writes to it would."""
    command = [sys.executable, "-c", HOLD_OPEN, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"open\n"
        yield
        writer.stdin.close()


def test_a_file_that_another_process_writes_is_left_alone(path):
    with writing(path):
        said = reason(open_jet_file, path)
    assert "is open for writing in another process, which has locked it; the file may be good: wait" in said
    assert MAKE_AGAIN not in said
    open_jet_file(path).close()


def as_nobody(read, path):
    """Return what another user is told who reads a file."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    # A fork has imported what it needs, from folders that may be closed to it.
    child = multiprocessing.get_context("fork").Process(target=_tell, args=(read, path, sender))
    child.start()
    sender.close()
    said = receiver.recv()
    child.join()
    return said


def _tell(read, path, sender):
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        read(path)
        sender.send("nothing")
    except ValueError as error:
        sender.send(str(error))


@pytest.fixture
def open_folder():
    """A folder that everyone may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_a_file_that_may_not_be_read_is_left_alone(open_folder):
    path = open_folder / "closed" / "jets.h5"
    write_random_jets(path, 60)
    assert as_nobody(open_jet_file, path) == "nothing"
    path.chmod(0o000)
    said = as_nobody(open_jet_file, path)
    assert f"{path} may not be read by user " in said
    assert "(----------, of user " in said
    assert "it may be good: ask its owner for the permission (chmod +rX" in said
    assert MAKE_AGAIN not in said
    path.chmod(0o644)
    path.parent.chmod(0o600)
    said = as_nobody(open_jet_file, path)
    assert f"may not enter the folder {path.parent} (drw-------, of user " in said
    path.parent.chmod(0o755)


@pytest.mark.parametrize("closed", [".", "train", "val"])
def test_a_folder_that_may_not_be_read_is_named(open_folder, closed):
    for name in ("train", "val"):
        write_random_jets(open_folder / name / "jets.h5", 10)
    (open_folder / closed).chmod(0o000)
    said = as_nobody(find_samples, open_folder)
    (open_folder / closed).chmod(0o755)
    assert said.startswith("data.files.folder: ")
    assert f"may not enter the folder {open_folder} (" in said or f"{open_folder / closed} may not be read by " in said


@pytest.fixture
def prepared(path):
    write_random_jets(path, 450)
    preprocess_jets([path], [], path.with_name("prepared.h5"), SETTINGS, "a test")
    return path.with_name("prepared.h5")


def test_prepared_jets_are_not_thrown_away_for_what_can_be_mended(prepared):
    with writing(prepared):
        assert "is open for writing in another process" in reason(describe_attributes, prepared)
    describe_attributes(prepared)
    prepared.write_text("<html>")
    assert "is not an HDF5 file; it begins with b'<html>'" in reason(describe_attributes, prepared)
