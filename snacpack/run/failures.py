"""Why jobs failed, in words for the person who started them."""

import errno
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from snacpack.core.files import FULL, is_full

FORBIDDEN = (errno.EACCES, errno.EPERM)
# The words of NumPy, PyTorch, the C++ library and the operating system.
NO_MEMORY = re.compile(r"not enough memory|out of memory|cannot allocate memory|bad_alloc|can't start new thread", re.I)
LINES_SHOWN, JOBS_SHOWN = 12, 5
# Every log begins with a line on the job and a line on what it was run with, which explain no failure.
FIRST_LINES = 2


@dataclass(frozen=True)
class JobRecord:
    """A job's note on itself, in a file beside its log while the job runs and after it failed.

    Parameters
    ----------
    rule
        The job's rule.
    threads
        Threads that the job has.
    memory_mb
        Memory that the job asked for, in MB.
    message
        Why the job failed; None while it runs, and for ever if it is killed.
    """

    rule: str
    threads: int
    memory_mb: int | None
    message: str | None = None

    @staticmethod
    def path(log: str | Path) -> Path:
        """Return where the record of the job with this log is."""
        return Path(log).with_suffix(".job.jsonl")

    @classmethod
    def read(cls, log: str | Path) -> "JobRecord | None":
        """Return the record of the job with this log, or None if there is no sound one."""
        fields: dict[str, Any] = {}
        with suppress(OSError, UnicodeError):
            for line in cls.path(log).read_text().splitlines():
                # The disk may have filled up in the middle of a line.
                with suppress(ValueError):
                    fields |= json.loads(line)
        with suppress(TypeError):
            return cls(**fields)
        return None

    def write(self, log: str | Path) -> None:
        """Write the record beside the job's log."""
        self.path(log).write_text(json.dumps(asdict(self)) + "\n")

    def add_message(self, log: str | Path, message: str) -> None:
        """Add why the job failed, as a further line: on a full disk a file often has room for that, but no new file."""
        with open(self.path(log), "a") as file:
            file.write(json.dumps({"message": message}) + "\n")

    def describe(self) -> str:
        """Return the first line of the job's log."""
        memory = "" if self.memory_mb is None else f", {self.memory_mb} MB of memory asked for"
        return f"rule {self.rule}: {self.threads} thread{'s' if self.threads > 1 else ''}{memory}"


def explain(error: BaseException, rule: str, memory_mb: int | None = None) -> str:
    """Say what happened and what helps.

    Parameters
    ----------
    error
        The exception that ended a job.
    rule
        The job's rule.
    memory_mb
        The memory that the job had asked for.
    """
    text = str(error).strip()
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or code == errno.ENOMEM or NO_MEMORY.search(text):
        return f"memory ran out ({text or type(error).__name__}). {_more_memory(rule, memory_mb)}"
    if code in FULL:
        return f"the disk is full or a quota is reached: {text}. Free some space and start the same command again"
    if code == errno.EROFS:
        return f"{text}. Make it writable and start the same command again"
    if code in FORBIDDEN:
        return f"{text}. Check the permissions of it and of its folder and start the same command again"
    # Our own errors carry a message for the user. For any other exception also show its type.
    own = isinstance(error, ValueError | RuntimeError | OSError) and text
    return text if own else f"{type(error).__name__}: {text}"


@dataclass(frozen=True)
class FailedJob:
    """A job that Snakemake reports as failed, with its log if its rule has one."""

    rule: str
    log: str | None

    @property
    def record(self) -> JobRecord | None:
        """The job's record, if the job came as far as writing one."""
        return JobRecord.read(self.log) if self.log else None

    def __str__(self) -> str:
        return f"{self.rule} ({self.log})" if self.log else self.rule


class FailedJobs(logging.Handler):
    """The failures of a run, collected from the events that Snakemake logs.

    Snakemake gives each record of its logger an ``event`` with fields of its own, so that nothing has to be read back
    out of the text. A job that fails, is tried again and succeeds is no failure.
    """

    def __init__(self) -> None:
        super().__init__(level=logging.INFO)
        self._failed: dict[int, FailedJob] = {}
        self._groups: list[set[int]] = []
        self._other_errors: list[str] = []
        self._last_error: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of an event."""
        event = getattr(record, "event", None)
        if event == "job_error":
            self._failed[record.jobid] = FailedJob(record.rule_name, next(iter(record.log), None))
        elif event == "group_error":
            self._groups.append({job["jobid"] for job in record.job_error_info})
        elif event == "job_finished":
            self._failed.pop(record.job_id, None)
        elif record.levelno >= logging.ERROR:
            self._last_error = record.getMessage()
            # The exception of a rule repeats what the job's own record says.
            if event == "error" and record.exception != "RuleException":
                self._other_errors.append(record.getMessage())

    def summary(self) -> str:
        """Say why the run failed: one paragraph for each cause, and never nothing."""
        causes: dict[str, list[str]] = {}
        for job in self._culprits():
            causes.setdefault(_cause(job), []).append(str(job))
        paragraphs = [f"{_listed(jobs)}:\n{_indented(cause)}" for cause, jobs in causes.items()]
        errors = list(dict.fromkeys(self._other_errors))
        if not paragraphs and not errors:
            errors = [self._last_error or "Snakemake gave no reason; its log, named below, tells more"]
        return "\n".join([*paragraphs, *(f"Snakemake says:\n{_indented(error)}" for error in errors)])

    def _culprits(self) -> Iterator[FailedJob]:
        """Yield the failed jobs; of a group, which fails as a whole, only those that ended it."""
        innocent: set[int] = set()
        for group in self._groups:
            jobs = {number: self._failed[number] for number in group & self._failed.keys()}
            records = {number: job.record for number, job in jobs.items()}
            ended = {number for number, record in records.items() if record and record.message}
            ended = ended or {number for number, record in records.items() if record}
            innocent |= jobs.keys() - ended if ended else set()
        yield from (job for number, job in self._failed.items() if number not in innocent)


def _cause(job: FailedJob) -> str:
    record = job.record
    if (record is None or record.message is None) and is_full("."):
        return "the disk is full. Free some space and start the same command again"
    if record is None:
        return (
            "it ended before it could give a reason: it was killed, or it could not be started. The messages "
            "above tell more"
        )
    if record.message is not None:
        return record.message
    help_with_memory = _more_memory(job.rule, record.memory_mb)
    text = Path(job.log).read_text(errors="replace") if Path(job.log).is_file() else ""
    last = "\n".join(text.splitlines()[FIRST_LINES:][-LINES_SHOWN:])
    if NO_MEMORY.search(last):
        return f"memory ran out. {help_with_memory}\nThe end of its log:\n{last}"
    return (
        "it was killed, or it ended without a reason. The usual causes are a lack of memory and a cluster's "
        "time limit. "
        f"{help_with_memory}" + (f"\nThe end of its log:\n{last}" if last else "")
    )


def _more_memory(rule: str, memory_mb: int | None) -> str:
    asked = "" if memory_mb is None else f"The job had asked for {memory_mb} MB (mem_mb). "
    return (
        f"{asked}On one machine, run fewer jobs at a time (a smaller --cores). "
        f"On a cluster, give the rule more: --set-resources {rule}:mem_mb={2 * (memory_mb or 2000)}"
    )


def _listed(jobs: Iterable[str]) -> str:
    jobs = list(jobs)
    return ",\n".join(jobs[:JOBS_SHOWN]) + (f",\nand {len(jobs) - JOBS_SHOWN} more" if len(jobs) > JOBS_SHOWN else "")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
