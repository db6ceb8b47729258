"""Input files are known by their content, and read again only where it may have changed."""

import json
import os
from pathlib import Path

import pytest

from snacpack.core import inputs
from snacpack.core.inputs import content_digest, file_digest, file_digests

FALSE = "0" * 64


@pytest.fixture
def record(tmp_path, monkeypatch):
    # Files of the tests were all written a moment ago.
    monkeypatch.setattr(inputs, "_RESOLUTION_NS", 0)
    return tmp_path / "kept" / "record.json"


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a.h5", "b.h5")]
    for path in paths:
        path.write_text(f"jets of {path.name}")
    return paths


def falsify(record: Path) -> None:
    """Change what is recorded, so that it shows whether a file was read or the record was believed."""
    known = json.loads(record.read_text())
    record.write_text(json.dumps({path: entry | {"sha256": FALSE} for path, entry in known.items()}))


def with_older_date(path):
    """As ``cp -p``, ``rsync -a`` or ``tar x`` put another file of the same size in its place."""
    new = path.with_name("new")
    new.write_text("JETS OF " + path.name)
    os.utime(new, (1e9, 1e9))
    os.replace(new, path)


def in_place_with_the_same_date(path):
    about = path.stat()
    path.write_text("JETS OF " + path.name)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def longer(path):
    path.write_text(path.read_text() + " and more")


def test_what_is_unchanged_is_not_read_again(files, record):
    digests = file_digests(files, record=record)
    assert digests == {path: file_digest(path) for path in files}
    falsify(record)
    assert set(file_digests(files, record=record).values()) == {FALSE}


@pytest.mark.parametrize("change", [with_older_date, in_place_with_the_same_date, longer, os.utime])
def test_what_may_have_changed_is_read_again_alone(files, record, change):
    before = file_digests(files, record=record)
    falsify(record)
    change(files[0])
    digests = file_digests(files, record=record)
    assert digests == {files[0]: file_digest(files[0]), files[1]: FALSE}
    assert (digests[files[0]] == before[files[0]]) == (change is os.utime)


def test_a_file_that_was_just_written_is_read_again(files, record, monkeypatch):
    """Another change may get the same time from a coarse clock."""
    monkeypatch.setattr(inputs, "_RESOLUTION_NS", 10**15)
    file_digests(files, record=record)
    falsify(record)
    assert file_digests(files, record=record) == {path: file_digest(path) for path in files}


def test_a_job_takes_over_what_was_found(files, record):
    """It does so whatever happens to the files meanwhile, and writes nothing."""
    before = file_digests(files, record=record)
    written = record.read_bytes()
    with_older_date(files[0])
    assert file_digests(files, trust=True, record=record) == before
    assert record.read_bytes() == written
    # A job reads files that nobody has read before.
    record.unlink()
    assert file_digests(files, trust=True, record=record) == {path: file_digest(path) for path in files}
    assert not record.exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"a": 1}', '{"PATH": {"sha256": 5}}', '{"PATH": {"state": [1]}}', "\0"]
)
def test_a_spoilt_record_is_made_again(files, record, content):
    record.parent.mkdir()
    record.write_text(content.replace("PATH", str(files[0])))
    assert file_digests(files, record=record) == {path: file_digest(path) for path in files}
    falsify(record)
    assert set(file_digests(files, record=record).values()) == {FALSE}


def test_a_record_that_cannot_be_written_is_no_obstacle(files, tmp_path, record):
    record = tmp_path / "a.h5" / "record.json"
    assert file_digests(files, record=record) == {path: file_digest(path) for path in files}


def test_files_of_other_runs_stay_known_and_lost_ones_do_not(files, record):
    file_digests(files, record=record)
    files[0].unlink()
    other = files[0].with_name("c.h5")
    other.write_text("others")
    file_digests([other], record=record)
    assert set(json.loads(record.read_text())) == {str(files[1]), str(other)}


def test_one_digest_tells_contents_names_and_roles_apart(files, record, tmp_path):
    def digest(**samples):
        return content_digest(tuple((role, tuple(paths)) for role, paths in samples.items()), False, record)

    digests = {
        digest(train=files, test=[]),
        digest(train=files[:1], test=files[1:]),
        digest(train=files[1:], test=files[:1]),
        digest(train=files[:1], test=[]),
    }
    assert len(digests) == 4
    (tmp_path / "moved").mkdir()
    moved = [path.rename(tmp_path / "moved" / path.name) for path in files]
    assert digest(train=moved, test=[]) in digests
    renamed = [path.rename(path.with_suffix(".hdf5")) for path in moved]
    assert digest(train=renamed, test=[]) not in digests
