"""A run makes sure of what it needs, and of nothing else, before its first job; jobs try it again where they run."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.running import Workflow, as_nobody, kill_tree, program

pytestmark = pytest.mark.thorough

ESTIMATES = "results/test/references/hardware.csv"
JETS = "results/test/data/simulated/val/g_00.h5"


def stopped(printed: str) -> str:
    """Return what a run ends with that was refused before its first job."""
    assert "Traceback" not in printed
    assert not re.search(r"^Job \d+: ", printed, re.MULTILINE), printed
    return printed


@pytest.fixture
def workflow(tmp_path) -> Workflow:
    (tmp_path / "run").mkdir()
    return Workflow(tmp_path / "run")


def test_only_what_is_needed_can_stop_a_run(workflow, tmp_path):
    """No compiler and no Yosys: table 3, known only behind a checkpoint, needs both, and the estimates neither."""
    program(tmp_path / "tools" / "yosys", "echo 'Yosys 0.9 (git sha1 0)'")
    fake = program(tmp_path / "tools" / "cxx", "echo 'the licence of this compiler has expired' >&2; exit 1")
    limited = ["prlimit", f"--as={6_000_000 << 10}"]
    workflow.environment |= {
        "CXX": str(fake),
        "PATH": f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "YOWASP_CACHE_DIR": str(tmp_path / "cache"),
    }
    workflow.prefix = limited
    (tmp_path / "cache" / "yowasp-unreadable").mkdir(parents=True)
    told = stopped(workflow.run("--", "results/test/tables/table2.csv", expect=1))
    assert "- The native trainer: " in told
    assert "the licence of this compiler has expired" in told
    assert "- Yosys: " not in told
    assert "- The C++ compiler: " not in told
    workflow.run("--dry-run", "--", "results/test/tables/table3.csv")
    workflow.run("--", ESTIMATES)


def test_yosys_is_asked_for_where_a_checkpoint_hides_it(workflow, tmp_path):
    program(tmp_path / "tools" / "yosys", "echo 'Yosys 0.9 (git sha1 0)'")
    workflow.environment["PATH"] = f"{tmp_path / 'tools'}{os.pathsep}{os.environ['PATH']}"
    workflow.prefix = ["prlimit", f"--as={6_000_000 << 10}"]
    told = stopped(workflow.run("--", "results/test/tables/table3.csv", expect=1))
    assert "yosys is passed over: its version 0.9 is older than 0.24" in told
    assert "ulimit -v" in told
    assert told.count("- Yosys: ") == 1


def test_files_from_the_future_are_named_before_a_job_loses_its_work(workflow):
    workflow.run("--", JETS)
    jets = workflow.folder / JETS
    ahead = time.time() + 3 * 3600
    os.utime(jets, (ahead, ahead))
    told = stopped(workflow.run("--forcerun", "estimate_references", "--", ESTIMATES, JETS, expect=1))
    assert f"{JETS} by 3 hours" in told
    subprocess.run(re.search(r'"(find .*)"', told)[1], shell=True, check=True, cwd=workflow.folder)
    workflow.run("--", ESTIMATES, JETS)


@pytest.mark.parametrize("letters", ["a b", "a{b}c"])
def test_a_working_copy_where_no_job_could_be_started(tmp_path, letters):
    folder = tmp_path / letters / "copy"
    for name in ("rules", "config", "workflow_scripts", "envs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Snakefile", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--", ESTIMATES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"the workflow lies in {folder}, whose name has" in done.stderr
    assert "Move the folder to a place without them" in done.stderr
    assert "Traceback" not in done.stderr
    # Nothing is installed: this Python could not.
    done = subprocess.run(["make", "setup", "PYTHON=/bin/false"], cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"{folder} has a space, a brace, a quote" in done.stdout


def test_results_may_lie_where_names_have_spaces_and_braces(tmp_path):
    workflow = Workflow(tmp_path / "a {b} c")
    workflow.folder.mkdir()
    (tmp_path / "t {m} p").mkdir()
    workflow.environment["TMPDIR"] = str(tmp_path / "t {m} p")
    workflow.run("--", ESTIMATES)
    assert (workflow.folder / ESTIMATES).exists()


def launch(workflow: Workflow, *prefix: str, **environment: str | None) -> subprocess.CompletedProcess:
    """Start a run as ``make run`` does, for one file."""
    command = workflow.command("--", ESTIMATES)
    command = [*prefix, command[0], "-s", "-m", "snacpack.run", *command[3:]]
    variables = {**os.environ, **environment}
    variables = {name: value for name, value in variables.items() if value is not None}
    return subprocess.run(command, cwd=workflow.folder, env=variables, capture_output=True, text=True)


def test_packages_that_a_site_puts_before_the_environments(workflow, tmp_path):
    """One that hides the environment's is refused, and left out by ``make run``, which survives broken ones too."""
    (tmp_path / "site" / "deap").mkdir(parents=True)
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(tmp_path / "site"))))
    workflow.environment["PYTHONPATH"] = path
    told = stopped(workflow.run("--", ESTIMATES, expect=1))
    assert f"Python would take deap from {tmp_path / 'site'} (PYTHONPATH)" in told
    assert "unset PYTHONPATH" in told
    (tmp_path / "site" / "numpy").mkdir()
    (tmp_path / "site" / "numpy" / "__init__.py").write_text("raise ImportError('libopenblas.so.0 is missing')\n")
    done = launch(workflow, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert f"Left out, because the workflow has its own: numpy from {tmp_path / 'site'} (PYTHONPATH)" in done.stderr
    assert (workflow.folder / ESTIMATES).exists()


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_a_run_of_a_user_without_an_entry_and_a_home(home):
    """A container that is started under a bare number."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("run", "tmp"):
            (Path(folder) / name).mkdir()
            (Path(folder) / name).chmod(0o777)
        Path(folder).chmod(0o755)
        gone = dict.fromkeys(("USER", "LOGNAME", "XDG_CACHE_HOME", "MPLCONFIGDIR"))
        workflow = Workflow(Path(folder) / "run")
        done = launch(workflow, *as_nobody(), HOME=home, TMPDIR=f"{folder}/tmp", **gone)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (workflow.folder / ESTIMATES).exists()


def test_a_run_beside_a_living_one_says_whose_that_is(workflow):
    process = workflow.start("--", "results/test/data/jets.h5")
    try:
        deadline = time.monotonic() + 300
        while not list((workflow.folder / ".snakemake" / "snacpack.runs").glob("*.json")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        told = workflow.run("--", "results/test/data/jets.h5", expect=1)
    finally:
        kill_tree(process)
    assert "Traceback" not in told
    assert f"Another run is at work in this folder: process {process.pid} on " in told
    assert "results/test/data/jets.h5" in told
    assert f"end it with 'kill -INT {process.pid}'" in told
    assert "Directory cannot be locked" in told
