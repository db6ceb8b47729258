"""Faults of a machine are found before the first job: each names itself, its reason and its cure."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.running import as_nobody, program, small_disk
from snacpack.core import places
from snacpack.core.compiler import compiler_version, cxx_command, read_version_line
from snacpack.run.clocks import check_times
from snacpack.run.locks import Claim, Run
from snacpack.run.preflight import CHECKS, NEEDS, check_machine, needs_of
from snacpack.run.surroundings import shadowed_packages, without_shadows
from snacpack.synthesis.processes import run_tool

CONFIG = {"training": {"device": "cpu"}, "synthesis": {"backend": "open"}}


def test_every_rule_that_needs_something_is_one_of_the_workflows():
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = set(re.findall(r"^\s*(?:rule|checkpoint) (\w+):", text, re.MULTILINE))
    assert set(NEEDS) <= rules
    assert {need for needs in NEEDS.values() for need in needs} <= set(CHECKS)
    # The modules that a script imports say what its job needs.
    for rule in rules:
        script = (ROOT / "workflow_scripts" / f"{rule}.py").read_text() if rule != "all" else ""
        if re.search(r"\bdevice=|config\[.training.\]\[.device.\]", script):
            assert "trainer" in NEEDS[rule], rule


def test_what_is_needed_depends_on_the_configuration():
    assert needs_of(["synthesize_model", "evaluate_trials"], CONFIG) == {"yosys", "trainer", "cache"}
    on_gpu = {**CONFIG, "training": {"device": "cuda"}}
    assert needs_of(["evaluate_trials", "build_hls_project"], on_gpu) == {"compiler", "results"}
    assert needs_of(["synthesize_model"], CONFIG, backend="vitis") == set()
    assert needs_of(["estimate_references"], CONFIG) == set()


def test_every_step_is_told(capsys):
    check_machine(CHECKS, progress=True)
    printed = capsys.readouterr().out
    for title, _ in CHECKS.values():
        assert f"{title} ...\n" in printed
    assert "does not work" not in printed
    assert re.search(r"Verilator 5\.\d+", printed)


def fault(needs: list[str], environment: dict[str, str], prefix: tuple[str, ...] = ()) -> str:
    """Return what is told of a machine that lacks something."""
    code = (
        "import sys; from snacpack.core.places import settle; from snacpack.run.preflight import *\n"
        "settle()\ntry: check_machine(sys.argv[1:])\nexcept Unready as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, *needs],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode, done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in done.stderr.partition("Its last words")[0], done.stderr
    return done.stderr


def test_a_temporary_folder_that_is_not_there():
    told = fault([], {"TMPDIR": "/no/such/folder"})
    assert "/no/such/folder (TMPDIR is '/no/such/folder') is not a folder; set TMPDIR to a folder" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("size=8m", r"disk has 8\.0 MB and [\d,]+ files \(inodes\) free, and 256 MB and 1,000 files are needed: free"),
        ("size=900m,nr_inodes=30", r"and 2\d files \(inodes\) free, and 256 MB and 1,000 files are needed: free"),
        ("size=900m,noexec", "no program can be run from .*disk: its disk is mounted noexec; set TMPDIR to a folder"),
        ("size=900m,ro", "disk cannot be written (.*); set TMPDIR to a folder"),
    ],
)
def test_a_temporary_folder_that_will_not_do(tmp_path, options, told):
    with small_disk(tmp_path / "disk", options) as disk:
        assert re.search(told, fault([], {"TMPDIR": str(disk)}))


def test_caches_that_nothing_can_be_run_from(tmp_path):
    with small_disk(tmp_path / "disk", "size=900m,noexec") as disk:
        told = fault(["cache"], {"XDG_CACHE_HOME": str(disk)})
    assert "no program can be run from" in told
    assert "set XDG_CACHE_HOME to a folder" in told


def test_too_small_a_limit_of_addresses(monkeypatch, tmp_path):
    if shutil.which("yosys"):
        pytest.skip("a Yosys of the machine's own is taken, and needs less")
    told = fault(["yosys"], {}, ("prlimit", f"--as={6_000_000 << 10}"))
    assert "the limit of addresses (ulimit -v) is 6,000,000 kB, and YoWASP reserves 9,000,000 kB" in told
    assert "raise it (ulimit -v unlimited), or put a yosys of the machine's own on PATH" in told
    assert "Cannot allocate memory" in told


def test_a_compiler_on_a_full_disk_names_the_disk(tmp_path):
    with small_disk(tmp_path / "disk", "size=64k") as disk:
        (disk / "in_the_way").write_bytes(bytes(60 << 10))
        told = fault(["compiler"], {"TMPDIR": str(disk)})
    assert re.search(rf"The C\+\+ compiler: .*Little room is left, which may be the cause: {disk} has 0\.0 MB", told)


def test_a_job_says_what_its_own_machine_lacks(tmp_path):
    """A cluster's node may lack what the machine has that submits; what the job's rule does not need is not tried."""
    code = (
        "import sys; from types import SimpleNamespace; from snacpack.run.workflow import start_job\n"
        "start_job(SimpleNamespace(rule=sys.argv[1], threads=1, log=['job.log'], output=[], input={},\n"
        "    resources=SimpleNamespace(), config={'training': {'device': 'cpu'}, 'synthesis': {'backend': 'open'}}))\n"
        "print('its own work')"
    )
    environment = {**os.environ, "CXX": "no-such-compiler"}
    for rule in ("evaluate_trials", "draw_fronts"):
        subprocess.run([sys.executable, "-c", code, rule], cwd=tmp_path, env=environment, check=rule == "draw_fronts")
        log = (tmp_path / "job.log").read_text()
        assert ("its own work" in log) == (rule == "draw_fronts")
        if rule == "evaluate_trials":
            told = log.partition("\nError: ")[2]
            assert "- The native trainer: no C++ compiler: no-such-compiler is not in PATH" in told
            assert "install g++ or name one in CXX" in told


def test_a_tool_on_a_full_disk_names_the_disk(tmp_path, monkeypatch):
    """The log lies there too and is empty."""
    with small_disk(tmp_path / "disk", "size=16k") as disk:
        (disk / "in_the_way").write_bytes(bytes(12 << 10))
        monkeypatch.setenv("TMPDIR", str(disk))
        with pytest.raises(RuntimeError, match=rf"Little room is left, which may be the cause: {disk} has 0\.0 MB"):
            run_tool(["sh", "-c", "echo something; exit 1"], disk, disk / "log")


def test_a_trainer_that_does_not_compile_says_all(tmp_path):
    long = "x" * 2500
    fake = program(
        tmp_path / "g++", f'[ "$1" = --version ] && echo "g++ 12.2.0" && exit\necho {long} no such flag >&2; exit 1'
    )
    told = fault(["trainer"], {"CXX": str(fake), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert f"{long} no such flag" in told
    assert not list((tmp_path / "cache" / "snacpack").glob("*.so"))


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0, r"was not found; is it on PATH\?"),
        (b"#!/bin/sh\n", 0o644, r"permission to run it is denied: make it executable \(chmod \+x\)"),
        (b"\x7fELF", 0o755, "exec format error"),
        (b"#!/no/such/interpreter\n", 0o755, "the interpreter that its first line names, was not found"),
    ],
)
def test_a_tool_that_cannot_be_started_is_named(tmp_path, content, mode, reason):
    tool = tmp_path / "tool"
    if content is not None:
        tool.write_bytes(content)
        tool.chmod(mode)
    with pytest.raises(RuntimeError, match=f"{tool} could not be started: .*{reason}"):
        run_tool([tool], tmp_path, tmp_path / "log")
    with pytest.raises(RuntimeError, match=r"its working directory .*nowhere is not there"):
        run_tool(["true"], tmp_path / "nowhere", tmp_path / "log")


def test_a_compilers_version_is_read_wherever_it_stands(tmp_path, monkeypatch):
    fake = program(
        tmp_path / "c++", "echo 'ERROR: ld.so: 1.2.3' >&2; echo; echo 'note: site compiler'; echo 'g++ 13.1.0'"
    )
    monkeypatch.setenv("CXX", f"{fake} -O1")
    assert cxx_command() == [str(fake), "-O1"]
    assert compiler_version() == "g++ 13.1.0"
    assert read_version_line("no version\n") is None
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert compiler_version() is None


# A user's name and home are used by this software and the libraries under it.
SETTLED = """
import getpass, json, os, pathlib
from snacpack.core.places import cache_folder, settle
settle()
import matplotlib, platformdirs
from torch._inductor.runtime.cache_dir_utils import default_cache_dir
getpass.getuser()
folders = [cache_folder(), matplotlib.get_cachedir(), matplotlib.get_configdir(), platformdirs.user_cache_dir("YoWASP")]
folders += [pathlib.Path.home(), default_cache_dir()]
for folder in folders[:3]:
    with open(os.path.join(folder, "written"), "w"): pass
print(json.dumps([str(folder) for folder in folders]))
"""


@pytest.fixture
def open_folder():
    """A folder that every user may write to; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@pytest.mark.thorough
@pytest.mark.parametrize("home", ["/", None, "", "/nonexistent", "relative"])
def test_a_user_without_an_entry_and_a_home(open_folder, home):
    hidden = ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "MPLCONFIGDIR")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"TMPDIR": str(open_folder)} | ({} if home is None else {"HOME": home})
    done = subprocess.run(
        [*as_nobody(), sys.executable, "-c", SETTLED], env=environment, cwd="/", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    folders = json.loads(done.stdout)
    assert all(Path(folder).is_relative_to(open_folder) for folder in folders if folder != "/"), folders


def test_a_read_only_cache_is_not_taken(tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk", "size=1m,ro") as disk:
        monkeypatch.setenv("XDG_CACHE_HOME", str(disk))
        monkeypatch.setattr(places.tempfile, "gettempdir", lambda: str(tmp_path))
        environment = dict(os.environ)
        places.settle(environment)
        assert Path(environment["XDG_CACHE_HOME"]).is_relative_to(tmp_path / f"snacpack-{os.getuid()}")


def test_another_users_folder_is_not_taken(tmp_path, monkeypatch):
    """Files in it would be loaded as code."""
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / f"snacpack-{os.getuid()}").mkdir()
    os.chown(tmp_path / f"snacpack-{os.getuid()}", 12345, 12345)
    with pytest.raises(PermissionError, match="belongs to another user; set XDG_CACHE_HOME"):
        places.private_folder()


def test_packages_that_hide_the_environments_are_named(tmp_path):
    for name in ("yaml", "not_installed_here"):
        (tmp_path / "site" / name).mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    entries = [tmp_path / "site", tmp_path / "mine", ROOT]
    environment = {"PYTHONPATH": os.pathsep.join(map(str, entries)), "OTHER": "stays"}
    assert [str(shadow) for shadow in shadowed_packages(environment)] == [f"yaml from {tmp_path / 'site'} (PYTHONPATH)"]
    left, _ = without_shadows(environment)
    assert left == {
        "PYTHONPATH": os.pathsep.join(map(str, entries[1:])),
        "OTHER": "stays",
        "PYTHONNOUSERSITE": "1",
    }


def test_files_from_the_future_are_named_with_what_mends_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, config = Path("results/a run"), Path("my config.yaml")
    for path in (run / "data" / "jets.h5", run / "logs" / "x.log", config, run / "fine.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    check_times(run, [config])
    # A little is what clocks of two machines differ by, and logs are read by no job.
    now = os.stat(config).st_mtime
    for path, ahead in (
        (run / "data" / "jets.h5", 7800),
        (config, 500),
        (run / "fine.csv", 5),
        (run / "logs" / "x.log", 9e4),
    ):
        os.utime(path, (now + ahead, now + ahead))
    with pytest.raises(RuntimeError) as failure:
        check_times(run, [config])
    told = str(failure.value)
    assert "results/a run/data/jets.h5 by 2 hours, my config.yaml by 8 minutes." in told
    assert "logs" not in told
    subprocess.run(re.search(r'"(find .*)"', told)[1], shell=True, check=True)
    check_times(run, [config])


def test_a_living_run_in_the_folder_is_described(tmp_path):
    claim = Claim(tmp_path)
    code = (
        "import sys, time; from snacpack.run.locks import Claim\n"
        "claim = Claim(sys.argv[1]); claim.start(True); print('up', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "up\n"
        (run,) = Claim(tmp_path).others
        assert (run.pid, run.is_over()) == (other.pid, False)
        assert f"process {other.pid} on {run.host}, of user {run.user}, since " in str(run)
        assert f"end it with 'kill -INT {other.pid}'" in str(run)
    finally:
        other.kill()
        other.communicate()
    # It could not remove its own record.
    assert Claim(tmp_path).others == []
    assert not list((tmp_path / "snacpack.runs").iterdir())
    claim.start(True)
    assert claim.others == Claim(tmp_path).others == []
    assert Run(1, "elsewhere", "me", "snakemake", 0.0).is_over() is False
