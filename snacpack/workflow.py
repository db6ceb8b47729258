"""What every workflow script does first."""

import os
import sys
from pathlib import Path
from typing import Any, TextIO


def start_job(snakemake: Any) -> TextIO:
    """Send all output of this process to the job's log and bound its threads.

    Call it before importing numerical libraries: they read the number of
    threads when they are loaded. Output of compiled libraries and of child
    processes lands in the log too.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives a script; ``log`` and ``threads`` are read.

    Returns
    -------
    A stream to where errors went until now: the terminal, or on a cluster the job's own log there.
    """
    terminal = os.fdopen(os.dup(2), "w", errors="backslashreplace")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(snakemake.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if snakemake.log:
        path = Path(snakemake.log[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
    return terminal
