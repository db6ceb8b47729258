"""The first thing that every workflow script does: send its output, and the cause if it fails, to the job's log."""

import atexit
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from snacpack.core.files import flush
from snacpack.core.places import settle
from snacpack.core.plugins import check_unchanged, use_plugins
from snacpack.core.versions import job_line
from snacpack.run.failures import JobRecord, explain
from snacpack.run.locks import hold_as_job
from snacpack.run.preflight import NEEDS, check_job
from snacpack.tasks.registry import use_task


def start_job(snakemake: Any) -> TextIO:
    """Send all output of this process to the job's log, bound its threads, and let it fail with one clear message.

    Call it before importing numerical libraries: they read the number of
    threads when they are loaded. Output of compiled libraries and of child
    processes lands in the log too. An exception that nobody catches is written
    there with its traceback, and last what happened and what helps. The same
    message goes into the job's record, from which the summary of a run that
    failed takes it. When the job is done, its outputs are on the disk and not
    merely on their way to it, and its record is gone. The tools that the job
    needs are tried before its own work. Plugins are those of the run's start, or the
    job fails.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives a script; ``rule``, ``log``, ``output``, ``threads`` and ``resources`` are read,
        ``config`` and ``params`` for the plugins, and ``config`` and ``input`` for a rule of
        :data:`snacpack.run.preflight.NEEDS`.

    Returns
    -------
    A stream to where errors went until now: the terminal, or on a cluster the job's own log there.
    """
    hold_as_job()
    terminal = os.fdopen(os.dup(2), "w", errors="backslashreplace")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(snakemake.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    log = snakemake.log[0] if snakemake.log else None
    record = JobRecord(snakemake.rule, snakemake.threads, getattr(snakemake.resources, "mem_mb", None))

    def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = explain(error, snakemake.rule, record.memory_mb)
        _write_failure(error, f"Error: {message}\n", terminal)
        with suppress(OSError):
            if log:
                record.add_message(log, message)
        # At once: threads that work on would be waited for, and libraries crash when they close files on a full disk.
        os._exit(1)

    sys.excepthook = fail
    atexit.register(_finish, list(snakemake.output), log, fail)
    if log:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        # A kernel or a scheduler that kills the job does not say what the job had asked for.
        with suppress(OSError):
            record.write(log)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
    with suppress(OSError):
        print(record.describe(), flush=True)
        print(job_line(), flush=True)
    settle()
    plugins = getattr(snakemake, "config", {}).get("plugins")
    # A plugin may import numerical libraries, for which the threads are bound by now.
    if plugins:
        use_plugins(plugins)
        check_unchanged(snakemake.params)
    # The words for the score of whatever this job writes.
    task = getattr(snakemake, "config", {}).get("task")
    if task:
        use_task(task["name"])
    if snakemake.rule in NEEDS:
        check_job(snakemake.rule, snakemake.config, snakemake.input)
    return terminal


def _write_failure(error: BaseException, message: str, terminal: TextIO) -> None:
    # Printed lines come first.
    with suppress(OSError):
        sys.stdout.flush()
    try:
        with os.fdopen(os.dup(2), "w", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)) + message)
    except OSError:
        # The disk of the log is full too.
        print(message, file=terminal, end="", flush=True)


def _finish(
    outputs: list[str], log: str | None, fail: Callable[[type[BaseException], BaseException, None], None]
) -> None:
    try:
        for output in outputs:
            if os.path.exists(output):
                flush(output)
        if log:
            JobRecord.path(log).unlink(missing_ok=True)
    except OSError as error:
        # An exception that is raised at exit would not fail the job.
        fail(type(error), error, None)
