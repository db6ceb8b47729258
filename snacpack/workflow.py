"""What every workflow script does first: its output goes to the job's log, and so does the cause if it fails."""

import atexit
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from snacpack.failures import ERROR, describe_resources, explain
from snacpack.files import flush
from snacpack.locks import hold_as_job
from snacpack.places import settle
from snacpack.run.preflight import NEEDS, check_job
from snacpack.versions import job_line


def start_job(snakemake: Any) -> TextIO:
    """Send all output of this process to the job's log, bound its threads, and let it fail with one clear message.

    Call it before importing numerical libraries: they read the number of
    threads when they are loaded. Output of compiled libraries and of child
    processes lands in the log too. An exception that nobody catches is written
    there with its traceback, and last what happened and what helps. When the
    job is done, its outputs are on the disk and not merely on their way to it.
    What the job depends on is tried before its own work.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives a script; ``rule``, ``log``, ``output``, ``threads`` and ``resources`` are read,
        and ``config`` and ``input`` for a rule of :data:`snacpack.run.preflight.NEEDS`.

    Returns
    -------
    A stream to where errors went until now: the terminal, or on a cluster the job's own log there.
    """
    hold_as_job()
    terminal = os.fdopen(os.dup(2), "w", errors="backslashreplace")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(snakemake.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    memory_mb = getattr(snakemake.resources, "mem_mb", None)

    def fail(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _write_failure(error, f"{ERROR}{explain(error, snakemake.rule, memory_mb)}\n", terminal)
        # At once: threads that work on would be waited for, and libraries crash when they close files on a full disk.
        os._exit(1)

    sys.excepthook = fail
    atexit.register(_flush_outputs, list(snakemake.output), fail)
    if snakemake.log:
        path = Path(snakemake.log[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
    # Who kills a job, the kernel or a scheduler, does not say in the log what the job had asked for.
    with suppress(OSError):
        print(describe_resources(snakemake.rule, snakemake.threads, memory_mb), flush=True)
        print(job_line(), flush=True)
    settle()
    if snakemake.rule in NEEDS:
        check_job(snakemake.rule, snakemake.config, snakemake.input)
    return terminal


def _write_failure(error: BaseException, message: str, terminal: TextIO) -> None:
    # What was printed comes first.
    with suppress(OSError):
        sys.stdout.flush()
    try:
        with os.fdopen(os.dup(2), "w", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)) + message)
    except OSError:
        # The disk of the log is full too.
        print(message, file=terminal, end="", flush=True)


def _flush_outputs(outputs: list[str], fail: Callable[[type[BaseException], BaseException, None], None]) -> None:
    try:
        for output in outputs:
            if os.path.exists(output):
                flush(output)
    except OSError as error:
        # Merely raised at exit, it would not fail the job.
        fail(type(error), error, None)
