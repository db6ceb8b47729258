"""Why jobs failed, in words for the one who started them."""

import errno
import re
from collections.abc import Iterable
from pathlib import Path

from snacpack.files import FULL, is_full

ERROR = "Error: "
FORBIDDEN = (errno.EACCES, errno.EPERM)
# As NumPy, PyTorch, the C++ library and the operating system put it.
NO_MEMORY = re.compile(r"not enough memory|out of memory|cannot allocate memory|bad_alloc|can't start new thread", re.I)
LINES_SHOWN, JOBS_SHOWN = 12, 5

_RESOURCES = re.compile(r"^rule \w+: \d+ threads?(?:, (?P<memory>\d+) MB of memory asked for)?$", re.MULTILINE)
_FAILED = re.compile(r"(?:Error in|\s+) ?rule (?P<rule>\w+):$")
_JOB = re.compile(r"\s+jobid: (?P<job>\d+)$")
# A job may be tried again after a failure.
_FINISHED = re.compile(r"Finished jobid: (?P<job>\d+) ")
_LOG = re.compile(r"\s+log: (?P<log>.+?)(?: \(check log file\(s\).*)?$")


def describe_resources(rule: str, threads: int, memory_mb: int | None) -> str:
    """Return the first line of a job's log."""
    memory = "" if memory_mb is None else f", {memory_mb} MB of memory asked for"
    return f"rule {rule}: {threads} thread{'s' if threads > 1 else ''}{memory}"


def explain(error: BaseException, rule: str, memory_mb: int | None = None) -> str:
    """Say what happened and what helps.

    Parameters
    ----------
    error
        What ended a job.
    rule
        The job's rule.
    memory_mb
        What the job had asked for.
    """
    text = str(error).strip()
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM or NO_MEMORY.search(text):
        return f"memory ran out ({text or type(error).__name__}). {_more_memory(rule, memory_mb)}"
    if code in FULL:
        return f"the disk is full or a quota reached: {text}. Free some space and start the same command again"
    if code == errno.EROFS:
        return f"{text}. Make it writable and start the same command again"
    if code in FORBIDDEN:
        return f"{text}. Check the permissions of it and of its folder and start the same command again"
    # Those are raised with a text for the user; of others the kind says as much as the text.
    own = isinstance(error, ValueError | RuntimeError | OSError) and text
    return text if own else f"{type(error).__name__}: {text}"


def summarise(snakemake_logs: Iterable[str | Path]) -> str:
    """Say why jobs of a run failed: one paragraph for each cause.

    Parameters
    ----------
    snakemake_logs
        What Snakemake wrote about the run, from which the failed jobs and their logs are read.

    Returns
    -------
    Nothing if no job failed.
    """
    causes: dict[str, list[str]] = {}
    text = "".join(Path(log).read_text(errors="replace") for log in snakemake_logs if Path(log).is_file())
    for rule, log in _failed_jobs(text):
        cause = _cause(rule, log)
        causes.setdefault(cause, []).append(f"{rule} ({log})" if log else rule)
    return "\n".join(f"{_listed(jobs)}:\n{_indented(cause)}" for cause, jobs in causes.items())


def _failed_jobs(text: str) -> list[tuple[str, str | None]]:
    """Return rule and log of each job that failed in the end; a group names its jobs indented."""
    found: dict[str, tuple[str, str | None]] = {}
    rule = job = None
    for line in text.splitlines():
        if match := _FAILED.match(line):
            rule = match["rule"]
        elif rule and (match := _JOB.match(line)):
            job = match["job"]
            found[job] = (rule, None)
        elif rule and job and (match := _LOG.match(line)):
            found[job] = (rule, match["log"].split(", ")[0])
            rule = job = None
        elif match := _FINISHED.match(line):
            found.pop(match["job"], None)
        elif not line.startswith(" "):
            rule = job = None
    return list(found.values())


def _cause(rule: str, log: str | None) -> str:
    text = Path(log).read_text(errors="replace") if log and Path(log).is_file() else ""
    if text.startswith(ERROR) or f"\n{ERROR}" in text:
        return text[text.rindex(ERROR) + len(ERROR) :].strip()
    resources = _RESOURCES.search(text)
    if resources is None and is_full("."):
        return "the disk is full. Free some space and start the same command again"
    if resources is None:
        return "it ended before it could say why: it was killed, or could not be started; what stands above tells more"
    help_with_memory = _more_memory(rule, resources["memory"] and int(resources["memory"]))
    # What every log begins with says nothing here.
    last = "\n".join([line for line in text.splitlines()[1:] if not line.startswith("provenance: ")][-LINES_SHOWN:])
    if NO_MEMORY.search(last):
        return f"memory ran out. {help_with_memory}\nThe end of its log:\n{last}"
    return (
        "it was killed, or ended without saying why: most often memory ran out, or a cluster's time limit was reached. "
        f"{help_with_memory}" + (f"\nThe end of its log:\n{last}" if last else "")
    )


def _more_memory(rule: str, memory_mb: int | None) -> str:
    asked = "" if memory_mb is None else f"The job had asked for {memory_mb} MB (mem_mb). "
    return (
        f"{asked}On one machine run fewer jobs at a time (a smaller --cores); "
        f"on a cluster give it more: --set-resources {rule}:mem_mb={2 * (memory_mb or 2000)}"
    )


def _listed(jobs: list[str]) -> str:
    shown = jobs[:JOBS_SHOWN]
    return ",\n".join(shown) + (f",\nand {len(jobs) - len(shown)} more" if len(jobs) > len(shown) else "")


def _indented(text: str) -> str:
    lines = text.splitlines()
    if len(lines) > 2 * LINES_SHOWN:
        lines = [*lines[:LINES_SHOWN], "...", *lines[-LINES_SHOWN:]]
    return "\n".join(f"    {line}" for line in lines)
