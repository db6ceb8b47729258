"""Readers of files from outside, given noise: they say what is wrong in their own words, and nothing else happens.

HDF5 is a C library, which damaged files have crashed before: its reader runs in a process of its own here, that is
given less memory than a careless reader would take, and a limit of time.
"""

import gzip
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import ROOT
from helpers.archives import tar_gz
from helpers.configs import merged
from helpers.jets_files import write_random_jets
from helpers.rule_files import ARCHITECTURE, SCHEME, checkpoint, read_generation, write_generation
from snacpack.compression.checkpoint import Checkpoint
from snacpack.config import ConfigError, validate_config
from snacpack.jets.download import unpack
from snacpack.jets.layout import read_jets

pytestmark = pytest.mark.thorough

N_HDF5 = 200
# More than the process has when it begins.
MEMORY_BYTES = 4 << 30
SECONDS = 1200
QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, overwrite, cut, insert or repeat, once or several times, mostly where the structure stands."""
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        # Half of the damage goes to the first kilobytes, which say where everything is.
        stop = min(len(damaged), 4096) if rng.random() < 0.5 else len(damaged)
        at, length = int(rng.integers(0, max(1, stop))), int(rng.integers(1, 64))
        kind = rng.integers(0, 6)
        if kind == 0:
            damaged = damaged[:at]
        elif kind == 1:
            damaged[at:at] = rng.bytes(length)
        elif kind == 2:
            damaged[at : at + length] = rng.bytes(length)
        elif kind == 3:
            damaged[at : at + 8] = b"\xff" * 8
        elif kind == 4:
            damaged[at:at] = damaged[at : at + length]
        elif at < len(damaged):
            damaged[at] ^= 1 << int(rng.integers(0, 8))
    return bytes(damaged)


def words_of(kind, read, *arguments, **options):
    """Return the words of an error of the readers' own kind, empty for none; any other error is the test's failure."""
    try:
        read(*arguments, **options)
    except kind as error:
        return str(error)
    return None


def read_all(path):
    for _ in read_jets(path, ("pt", "etarel", "phirel"), chunk=7):
        pass


def read_damaged_files(folder: Path, n: int) -> None:
    """Read ``n`` damaged copies of each file of jets in a folder; print how many were refused."""
    limit = psutil.Process().memory_info().vms + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    rng, refused = np.random.default_rng(7), 0
    for good in sorted(folder.glob("good_*.h5")):
        content, path = good.read_bytes(), folder / "damaged.h5"
        for number in range(n):
            path.write_bytes(damage(content, rng))
            # If the C library goes down, this is the last that is read of it.
            (folder / "number").write_text(f"{good.name} {number}")
            words = words_of(ValueError, read_all, path)
            assert words is None or str(path) in words, words
            refused += words is not None
    print(refused)


def test_damaged_hdf5_files(tmp_path):
    write_random_jets(tmp_path / "good_packed.h5", 20)
    # Without compression and its checks, damage reaches what is read.
    with h5py.File(tmp_path / "good_packed.h5") as packed, h5py.File(tmp_path / "good_plain.h5", "w") as plain:
        for name in packed:
            plain[name] = packed[name][:]
    before = {path.name for path in tmp_path.iterdir()}
    code = f"import sys, pathlib; sys.path.append({str(ROOT / 'tests')!r}); "
    code += "from test_fuzzed_readers import read_damaged_files; "
    code += "read_damaged_files(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"
    command = [sys.executable, "-c", code, str(tmp_path), str(N_HDF5 // 2)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=SECONDS)
    last = (tmp_path / "number").read_text()
    assert done.returncode == 0, f"at {last}: {done.stderr[-3000:]}"
    assert int(done.stdout) > N_HDF5 / 4
    assert {path.name for path in tmp_path.iterdir()} == before | {"damaged.h5", "number"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    write_random_jets(folder / "a.h5", 3)
    return tar_gz([("train/a.h5", (folder / "a.h5").read_bytes()), ("train/readme.txt", b"hello")])


def unpack_all(content, folder):
    """Unpack into a folder of its own; only an error that names the archive may come of it, and no other file."""
    shutil.rmtree(folder / "within", ignore_errors=True)
    (folder / "within").mkdir()
    (folder / "within" / "a.tar.gz").write_bytes(content)
    words = words_of(RuntimeError, unpack, folder / "within" / "a.tar.gz", folder / "within" / "raw", max_bytes=10**7)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    if words is None:
        unpacked = {name for name in found if name.startswith("within/raw/")}
        assert unpacked
        assert all(name.count("/") == 2 and name.endswith(".h5") for name in unpacked)
        found -= unpacked | {"within/raw"}
    else:
        assert "a.tar.gz" in words
    assert found == {"within", "within/a.tar.gz"}


@QUICK
@given(st.integers(0, 2**32))
def test_damaged_archives(tmp_path_factory, archive, seed):
    unpack_all(damage(archive, np.random.default_rng(seed)), tmp_path_factory.mktemp("damaged"))


@QUICK
@given(st.integers(0, 2**32))
def test_archives_of_damaged_headers(tmp_path_factory, archive, seed):
    """Damaged before it is compressed, so that no checksum stands in the way."""
    rng, content = np.random.default_rng(seed), bytearray(gzip.decompress(archive))
    start = len(content) - 512 * 4 if rng.random() < 0.3 else 0
    content[start : start + 512] = damage(bytes(content[start : start + 512]), rng)[:512].ljust(512, b"\0")
    info = content[start : start + 512]
    # Its own checksum made right.
    info[148:156] = b" " * 8
    info[148:156] = b"%06o\0 " % sum(info)
    content[start : start + 512] = info
    unpack_all(gzip.compress(bytes(content), 1), tmp_path_factory.mktemp("damaged"))


@QUICK
@given(st.binary(max_size=2000))
def test_noise_for_an_archive(tmp_path_factory, content):
    unpack_all(content, tmp_path_factory.mktemp("noise"))


@pytest.fixture(scope="module")
def good_checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "prune_01.pt"
    checkpoint().save(path)
    return path.read_bytes()


@QUICK
@given(st.integers(0, 2**32))
def test_damaged_checkpoints(tmp_path_factory, good_checkpoint, seed):
    path = tmp_path_factory.mktemp("damaged") / "prune_01.pt"
    path.write_bytes(damage(good_checkpoint, np.random.default_rng(seed)))
    assert str(path) in (words_of(ValueError, Checkpoint.load, path, ARCHITECTURE, SCHEME) or str(path))


@QUICK
@given(st.integers(0, 2**32), st.sampled_from(["offspring", "trials_00", "hardware", "survivors"]))
def test_damaged_records(tmp_path_factory, seed, name):
    folder = tmp_path_factory.mktemp("records")
    write_generation(folder)
    path = folder / f"{name}.json"
    path.write_bytes(damage(path.read_bytes(), np.random.default_rng(seed)))
    assert str(folder) in (words_of(ValueError, read_generation, folder) or str(folder))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(width=16) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def paths_of(value, path=()):
    """Every place in a structure, the structure itself left out."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from paths_of(item, (*path, key))


@settings(QUICK, max_examples=150)
@given(st.data())
def test_records_with_anything_in_place_of_anything(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("records")
    write_generation(folder)
    path = folder / data.draw(st.sampled_from(["offspring.json", "trials_00.json", "hardware.json", "survivors.json"]))
    content = json.loads(path.read_text())
    *where, last = data.draw(st.sampled_from(list(paths_of(content))))
    inner = content
    for key in where:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    path.write_text(json.dumps(content))
    assert str(folder) in (words_of(ValueError, read_generation, folder) or str(folder))


DEFAULT = merged("config")
PLACES = list(paths_of(DEFAULT))


@settings(QUICK, max_examples=120)
@given(st.sampled_from(PLACES), JSON | st.integers() | st.floats() | st.dates())
def test_configurations_with_anything_in_place_of_anything(place, value):
    config = merged("config")
    *where, last = place
    inner = config
    for key in where:
        inner = inner[key]
    inner[last] = value
    words = words_of(ConfigError, validate_config, config)
    assert words is None or str(place[0]) in words.partition("\n")[2]


@QUICK
@given(st.integers(0, 2**32))
def test_damaged_configuration_files(tmp_path_factory, seed):
    """What YAML still makes a mapping of, Snakemake hands on."""
    path = tmp_path_factory.mktemp("config") / "mine.yaml"
    path.write_bytes(damage(yaml.safe_dump(DEFAULT).encode(), np.random.default_rng(seed)))
    try:
        config = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError):
        return
    words_of(ConfigError, validate_config, config, files=[path])
