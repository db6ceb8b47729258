"""A user is told why a job failed, and files between rules are whole or not there."""

import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from snacpack.core.files import check_writable, read_table, whole_file
from snacpack.run.failures import FailedJobs, JobRecord, explain


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
    told = explain(memory_error(ask), "evaluate_trials", 2000)
    assert told.startswith("memory ran out")
    assert "asked for 2000 MB" in told
    assert "--set-resources evaluate_trials:mem_mb=4000" in told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a.json"), "the disk is full or a quota is reached: "),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a.json"), "the disk is full or a quota is reached: "),
        (OSError(errno.EROFS, "Read-only file system", "a.json"), "[Errno 30] Read-only file system: 'a.json'. Make"),
        (ValueError("a.json is not whole"), "a.json is not whole"),
        (KeyError("lut"), "KeyError: 'lut'"),
        (RuntimeError(), "RuntimeError: "),
    ],
)
def test_errors_in_words(error, told):
    assert explain(error, "evaluate_trials", 2000).startswith(told)


ROOT = Path(__file__).parents[3]


def event(name, **fields):
    """A record as Snakemake's logger makes it."""
    level = logging.ERROR if name in ("job_error", "group_error", "error", None) else logging.INFO
    return logging.makeLogRecord({"levelno": level, "levelname": logging.getLevelName(level), "event": name, **fields})


def job_error(number, rule, log):
    return event("job_error", jobid=number, rule_name=rule, log=[str(log)], msg="")


def failed_with(log, message, rule="simulate_jets"):
    JobRecord(rule, 1, None, message).write(log)
    return log


def summary_of(*events):
    failed = FailedJobs()
    for record in events:
        failed.handle(record)
    return failed.summary()


def test_each_cause_is_told_once(tmp_path):
    first, *others = (tmp_path / f"{name}.log" for name in ("first", "second", "third"))
    first.write_text("rule evaluate_trials: 2 threads, 2000 MB of memory asked for\nprovenance: {}\nepoch 1\n")
    JobRecord("evaluate_trials", 2, 2000).write(first)
    for log in others:
        failed_with(log, "no such board")
    told = summary_of(
        job_error(1, "evaluate_trials", first),
        *(job_error(number, "simulate_jets", log) for number, log in enumerate(others, 3)),
        job_error(7, "estimate_hardware", failed_with(tmp_path / "tried_again.log", "busy")),
        event("job_finished", job_id=7),
        event(None, msg="Exiting because a job execution failed."),
    )
    assert told.count("no such board") == 1
    assert f"simulate_jets ({tmp_path}/second.log),\nsimulate_jets ({tmp_path}/third.log):\n    no such" in told
    assert told.count("it was killed") == told.count("first.log") == 1
    assert "estimate_hardware" not in told
    assert "asked for 2000 MB" in told
    assert "    epoch 1" in told
    assert "provenance" not in told
    assert "Exiting" not in told


@pytest.mark.parametrize(
    "message",
    [
        "results/a/trials_00.json is damaged (OSError: unable to open file); delete it",
        "g++ failed: Error: no space\nError: nor here\nThe end of its log (g++.log):\n" + "line\n" * 40 + "the end",
        "Fehler: größer als erlaubt",
    ],
)
def test_a_message_is_told_whole(tmp_path, message):
    """The words of a message cut nothing off: it keeps the file's name before an 'Error: ', and every line."""
    told = summary_of(job_error(1, "evaluate_trials", failed_with(tmp_path / "job.log", message)))
    assert told.partition(":\n")[2] == "\n".join(f"    {line}" for line in message.splitlines())


def test_a_message_that_a_full_disk_cut_off_is_left_out(tmp_path):
    log = failed_with(tmp_path / "job.log", None, "evaluate_trials")
    with open(JobRecord.path(log), "a") as file:
        file.write('{"message": "no such')
    assert summary_of(job_error(1, "evaluate_trials", log)).startswith(f"evaluate_trials ({log}):\n    it was killed")
    JobRecord.path(log).write_text('{"rule": "train')
    assert "it ended before" in summary_of(job_error(1, "evaluate_trials", log))


def test_only_the_jobs_that_ended_a_group_are_told(tmp_path):
    """A cluster runs a group as one job, which fails as a whole. Jobs that finished or never began are no cause."""
    logs = {name: tmp_path / f"{name}.log" for name in ("finished", "failed", "not_begun")}
    failed_with(logs["failed"], "no such board")
    group = [{"jobid": number} for number in range(3)]
    errors = [job_error(number, name, log) for number, (name, log) in enumerate(logs.items())]
    told = summary_of(event("group_error", job_error_info=group, msg=""), *errors)
    assert told == f"failed ({logs['failed']}):\n    no such board"


def test_a_failure_without_a_failed_job_is_told_in_the_words_of_snakemake():
    missing = event("error", exception="MissingOutputException", msg="Missing files after 5 seconds: a.txt")
    assert summary_of(missing, missing) == "Snakemake says:\n    Missing files after 5 seconds: a.txt"
    assert summary_of(event(None, msg="the disk quota")) == "Snakemake says:\n    the disk quota"
    assert summary_of() != ""


WORKFLOW = """
import sys
sys.path.insert(0, {root!r})
if workflow.is_main_process:
    from snacpack.run.failures import FailedJobs
    from snakemake.logging import logger
    failed_jobs = FailedJobs()
    logger.addHandler(failed_jobs)

rule all:
    input: "fails.txt", "killed.txt", "nothing.txt", "fine.txt"

rule fails:
    output: "fails.txt"
    log: "fails.log"
    script: "fails.py"

rule killed:
    output: "killed.txt"
    log: "killed.log"
    resources: mem_mb=77
    script: "killed.py"

rule writes_nothing:
    output: "nothing.txt"
    shell: "true"

rule fine:
    output: "fine.txt"
    log: "fine.log"
    script: "fine.py"

onerror:
    print("SUMMARY", failed_jobs.summary(), sep="\\n")
"""
START = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from snacpack.run.workflow import start_job
start_job(snakemake)
"""
SCRIPTS = {
    "fails": "raise ValueError('a.h5 is damaged (OSError: cut off); make it again')",
    "killed": "import os, signal; print('half way', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    "fine": "open(snakemake.output[0], 'w').close()",
}


@pytest.mark.thorough
def test_what_snakemake_itself_reports_of_a_run(tmp_path):
    (tmp_path / "Snakefile").write_text(WORKFLOW.format(root=str(ROOT)))
    for name, end in SCRIPTS.items():
        (tmp_path / f"{name}.py").write_text(START + end)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", "--latency-wait", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    told = done.stdout.partition("SUMMARY\n")[2]
    assert "fails (fails.log):\n    a.h5 is damaged (OSError: cut off); make it again\n" in told
    assert "killed (killed.log):\n    it was killed" in told
    assert "asked for 77 MB" in told
    assert "    half way" in told
    assert "Snakemake says:\n    MissingOutputException in rule writes_nothing" in told
    assert "fine" not in told
    assert sorted(path.name for path in tmp_path.glob("*.job.jsonl")) == ["fails.job.jsonl", "killed.job.jsonl"]


JOB = """
import sys
from pathlib import Path
from types import SimpleNamespace
from snacpack.run.workflow import start_job

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
from snacpack.core.files import whole_file
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
