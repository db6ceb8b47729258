"""What a user is told of a job that failed, and that files between rules are whole or not there."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from snacpack.failures import explain, summarise
from snacpack.files import check_writable, read_table, whole_file

SNAKEMAKE_LOG = """
RuleException:
CalledProcessError in file "rules/global_search.smk", line 56:
Command 'python train_trials.py' died with <Signals.SIGKILL: 9>.
[Mon Nov 23 23:39:34 2026]
Error in rule train_trials:
    message: None
    jobid: 0
    input: results/test/data/jets.h5
    output: results/test/search/gen_000/trials_00.json
    log: {folder}/first.log (check log file(s) for error details)
Error in group 7c3f:
    log: none
    jobs:
        rule simulate_jets:
            jobid: 3
            output: results/test/data/simulated/val/g_00.h5
            log: {folder}/second.log (check log file(s) for error details)
        rule simulate_jets:
            jobid: 4
            log: {folder}/third.log (check log file(s) for error details)
Error in rule train_trials:
    jobid: 0
    log: {folder}/first.log (check log file(s) for error details)
Error in rule estimate_hardware:
    jobid: 7
    log: {folder}/tried_again.log (check log file(s) for error details)
Finished jobid: 7 (Rule: estimate_hardware)
"""


def memory_error(ask):
    try:
        ask()
    except (MemoryError, RuntimeError) as error:
        return error
    raise AssertionError("there is so much memory")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: bytearray(1 << 62),
        lambda: np.ones(1 << 58),
        lambda: torch.ones(1 << 58),
    ],
)
def test_want_of_memory_is_told_from_other_failures(ask):
    told = explain(memory_error(ask), "train_trials", 2000)
    assert told.startswith("memory ran out")
    assert "asked for 2000 MB" in told
    assert "--set-resources train_trials:mem_mb=4000" in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.json"), "the disk is full or a quota reached: "),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a.json"), "the disk is full or a quota reached: "),
        (OSError(errno.EROFS, "Read-only file system", "a.json"), "[Errno 30] Read-only file system: 'a.json'. Make"),
        (ValueError("a.json is not whole"), "a.json is not whole"),
        (KeyError("lut"), "KeyError: 'lut'"),
        (RuntimeError(), "RuntimeError: "),
    ],
)
def test_errors_in_words(error, told):
    assert explain(error, "train_trials", 2000).startswith(told)


def test_each_cause_is_told_once(tmp_path):
    (tmp_path / "snakemake.log").write_text(SNAKEMAKE_LOG.format(folder=tmp_path))
    (tmp_path / "first.log").write_text("rule train_trials: 2 threads, 2000 MB of memory asked for\nepoch 1\n")
    for name in ("second", "third"):
        text = "rule simulate_jets: 1 thread\nTraceback (most recent call last):\nError: no such board\n"
        (tmp_path / f"{name}.log").write_text(text)
    told = summarise([tmp_path / "snakemake.log"])
    assert told.count("no such board") == 1
    assert f"simulate_jets ({tmp_path}/second.log),\nsimulate_jets ({tmp_path}/third.log):\n    no such" in told
    assert told.count("it was killed") == told.count("first.log") == 1
    assert "estimate_hardware" not in told
    assert "asked for 2000 MB" in told
    assert told.endswith("    epoch 1") or "    epoch 1\n" in told
    assert "Traceback" not in told


def test_a_run_without_failures_has_nothing_to_tell(tmp_path):
    (tmp_path / "snakemake.log").write_text("Finished jobid: 1 (Rule: train_trials)\n")
    assert summarise([tmp_path / "snakemake.log", tmp_path / "not_there.log"]) == ""


JOB = """
import sys
from pathlib import Path
from types import SimpleNamespace
from snacpack.workflow import start_job

snakemake = SimpleNamespace(rule="my_rule", threads=1, log=["job.log"], output=["out.txt"], resources=SimpleNamespace())
start_job(snakemake)
print("half way")
{end}
"""


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("raise ValueError('this is it')", "Error: this is it\n"),
        (
            "import threading, time; threading.Thread(target=time.sleep, args=[99]).start(); 1 / 0",
            "Error: ZeroDivision",
        ),
    ],
)
def test_a_job_that_fails_says_so_last(tmp_path, end, told):
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", JOB.format(end=end)]
    done = subprocess.run(command, cwd=tmp_path, env=buffered, capture_output=True, timeout=60)
    assert done.returncode == 1
    log = (tmp_path / "job.log").read_text()
    assert log.startswith("rule my_rule: 1 thread\n")
    assert "half way" in log
    assert log.splitlines(keepends=True)[-1].startswith(told)


def test_a_killed_writer_leaves_no_half_file_and_the_next_one_tidies_up(tmp_path):
    code = """
import sys, time
from snacpack.files import whole_file
with whole_file("out.txt") as path:
    path.write_text("half")
    print("written", flush=True)
    time.sleep(99)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    (part,) = tmp_path.iterdir()
    assert part.name.endswith(".part")
    with whole_file(tmp_path / "out.txt") as path:
        path.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_a_full_disk_is_named_whatever_the_library_calls_it(tmp_path):
    text = "write failed: errno = 28, error message = 'No space left on device'"
    with pytest.raises(OSError, match=r"No space.*out\.h5") as caught, whole_file(tmp_path / "out.h5"):
        raise RuntimeError(text)
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_a_table_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("trial,accuracy\n1,0.5\n2,0.75\n")
    assert list(read_table(path)["accuracy"]) == [0.5, 0.75]
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(ValueError, match=r"table\.csv is cut off in its last line; delete it"):
        read_table(path)
    path.write_text("")
    with pytest.raises(ValueError, match="delete it"):
        read_table(path)


def test_outputs_are_on_the_disk_when_a_job_is_done(tmp_path):
    """A file system may say only then that it is full; the job must not be taken for a finished one."""
    code = JOB.format(end="Path('out.txt').write_text('all')\nimport os\nos.fsync = no")
    code = "import errno, os\ndef no(file):\n    raise OSError(errno.ENOSPC, 'No space left on device')\n" + code
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60)
    assert done.returncode == 1
    assert "the disk is full" in (tmp_path / "job.log").read_text()


def test_a_folder_that_need_not_exist_yet_can_be_written(tmp_path):
    check_writable(tmp_path / "not" / "yet")
    assert not list(tmp_path.iterdir())
