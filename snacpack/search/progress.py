"""How far a search is: lines in a file that can be followed (``tail -f``), and on the terminal.

The jobs of a search share two files, on one machine or on several: ``progress.log`` has lines for people, and
``progress.jsonl`` beside it the same as records. The records are the search's memory: what was trained, how long it
took and when the run was paused stand in them, so that a resumed run knows how long the rest takes.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, TextIO

from snacpack.tasks.registry import score_word

STARTED = "SNACPACK_STARTED"
"""Environment variable with the time when Snakemake was started: jobs of one start share it."""

Record = dict[str, Any]
"""``event`` is one of start, shard, trial and generation, ``time`` when it happened."""


def announce_start() -> None:
    """Let the jobs that this process starts know when it was started."""
    os.environ[STARTED] = _now()


def front_range(best: Sequence[Mapping[str, Any]], objectives: Sequence[str]) -> tuple[Any, ...]:
    """Return what to say of the best trials when a generation is finished: accuracy, and the ranges of their costs."""
    if not best:
        return (None,)
    costs = [name for name in objectives if name != "accuracy"]
    ranges = [f"{min(t[name] for t in best)} to {max(t[name] for t in best)} {name}" for name in costs]
    return max(trial["accuracy"] for trial in best), *ranges


def duration(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class History:
    """The past of a search, as its records tell it.

    ``generations`` holds for each generation the accuracies of its finished trials, None for one that failed.
    ``seconds`` is how long the search has been at work, pauses left out, and ``trained`` how many
    trainings ended in that time, repeated ones included; ``pace`` is their ratio when a generation was last
    finished. ``started`` is the last start of Snakemake.
    """

    generations: dict[int, dict[int, float | None]] = field(default_factory=dict)
    # The best of each generation: a look at all trials for each new one would take long in a large search.
    best: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0
    trained: int = 0
    pace: float | None = None
    started: str | None = None
    last: datetime | None = None

    @classmethod
    def read(cls, text: str) -> "History":
        """Return what a file's text says."""
        history = cls()
        history.add(text)
        return history

    def add(self, text: str) -> None:
        """Go through more lines; one that is no record, such as a line that was cut off, is passed over."""
        for line in text.splitlines():
            # A line of another meaning lacks something, or has it of another kind.
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                record = json.loads(line)
                time = datetime.fromisoformat(record["time"])
                # Between the last record of a start of Snakemake and the first of the next one nothing was done, or
                # lost. Clocks of several machines differ a little.
                pause = self.last is None or record["event"] == "start"
                self.seconds += 0.0 if pause else max(0.0, (time - self.last).total_seconds())
                self.last = time
                self._take(record)

    def _take(self, record: Mapping[str, Any]) -> None:
        event = record["event"]
        if event == "start":
            self.started = str(record["started"])
        elif event == "shard":
            generation, trials = int(record["generation"]), [int(trial) for trial in record["trials"]]
            # A generation that is trained again is not finished, nor is one that follows from it.
            for later in [number for number in self.generations if number > generation]:
                del self.generations[later]
                self.best.pop(later, None)
            for trial in trials:
                self.generations.get(generation, {}).pop(trial, None)
            self._find_best(generation)
        elif event == "trial":
            generation, trial = int(record["generation"]), int(record["trial"])
            accuracy = None if record["accuracy"] is None else float(record["accuracy"])
            self.generations.setdefault(generation, {})[trial] = accuracy
            if accuracy is not None:
                self.best[generation] = max(accuracy, self.best.get(generation, accuracy))
            self.trained += 1
        elif event == "generation" and self.trained:
            self.pace = self.seconds / self.trained

    def _find_best(self, generation: int) -> None:
        self.best.pop(generation, None)
        known = [accuracy for accuracy in self.generations.get(generation, {}).values() if accuracy is not None]
        if known:
            self.best[generation] = max(known)

    @property
    def best_accuracy(self) -> float | None:
        """The highest accuracy of the finished trials."""
        return max(self.best.values(), default=None)

    def seconds_left(self, n_trials: int) -> float | None:
        """Return how long so many trainings take at the pace so far, None where nothing is known of it."""
        # Within a generation a pace means little: networks may finish one by one or all at once.
        pace = self.pace or (self.seconds / self.trained if self.trained else None)
        return n_trials * pace if pace else None


class SearchProgress:
    """Writes what happens in a search.

    Nothing is raised where the file or the terminal cannot be written: a search does not fail for its progress.

    Parameters
    ----------
    path
        The file for people, ``results/{run}/searches/{search}/progress.log``; several processes add lines to it, and
        records to ``progress.jsonl``.
    search
        The config's section ``search``: ``trials`` and ``population`` are read.
    terminal
        A stream that is also told how far the search is, e.g. that of :func:`snacpack.run.workflow.start_job`: after
        every generation, and between them not more often than every ``interval`` seconds.
    name
        The search's name on the terminal.
    """

    def __init__(
        self,
        path: str | Path,
        search: Mapping[str, Any],
        terminal: TextIO | None = None,
        interval: float = 10.0,
        name: str = "Search",
    ) -> None:
        self.path, self.terminal, self.interval, self.name = Path(path), terminal, interval, name
        self.records = self.path.with_suffix(".jsonl")
        self.n_trials, self.population = search["trials"], search["population"]
        self._last_told = monotonic()
        # The records as far as this process has read them.
        self._history, self._read = History(), 0

    def shard_started(self, generation: int, shard: int, trials: Sequence[int]) -> None:
        """Say that a job trains these trials from now on."""
        self._add([{"event": "shard", "generation": generation, "shard": shard, "trials": list(trials)}])

    def trials_finished(self, generation: int, trials: Sequence[Mapping[str, Any]]) -> None:
        """Say how networks did that finished together: records of ``trial``, ``label``, ``accuracy``, ``failure``."""

        def sum_up(history: History) -> str:
            # A generation begins when all of the one before are finished.
            done = generation * self.population + len(history.generations.get(generation, ()))
            return self._summary(history, done, history.best_accuracy)

        names = ("trial", "label", "accuracy", "failure")
        records = [
            {"event": "trial", "generation": generation, **{name: trial[name] for name in names}} for trial in trials
        ]
        summary = self._add(records, sum_up)
        if monotonic() - self._last_told >= self.interval:
            self._tell(summary)

    def generation_finished(self, generation: int, best_accuracy: float | None, *reached: str) -> None:
        """Say what all trials until this generation reached, the highest accuracy and whatever else."""
        done = (generation + 1) * self.population

        def sum_up(history: History) -> str:
            summary = self._summary(history, done, best_accuracy, *reached)
            return summary + (", the search is done" if done >= self.n_trials else "")

        self._tell(self._add([{"event": "generation", "generation": generation}], sum_up))

    def _summary(self, history: History, done: int, best_accuracy: float | None, *more: str) -> str:
        best = "no network trained" if best_accuracy is None else f"best {score_word()} {100 * best_accuracy:.2f}%"
        parts = [f"{done} of {self.n_trials} trials", best, *more, f"{duration(history.seconds)} so far"]
        left = history.seconds_left(self.n_trials - done)
        return ", ".join(parts) + (f", about {duration(left)} left" if left and left >= 1 else "")

    def _tell(self, summary: str) -> None:
        if self.terminal:
            self._last_told = monotonic()
            # ValueError: it is closed.
            with suppress(OSError, ValueError):
                self.terminal.write(f"{self.name}: {summary}\n")
                self.terminal.flush()

    def _add(self, records: Sequence[Record], sum_up: Callable[[History], str] = lambda history: "") -> str:
        """Add records and their lines, to the last line what ``sum_up`` makes of all records, and return that."""
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.records.open("a+b") as file:
                _lock(file)
                torn = self._read_on(file)
                started = os.environ.get(STARTED)
                if started and self._history.started != started:
                    records = [{"event": "start", "started": started}, *records]
                now = _now()
                new = "".join(f"{json.dumps({'time': now, **record})}\n" for record in records)
                self._history.add(new)
                summary = sum_up(self._history)
                # A machine that went down may have left half a line.
                file.write(("\n" if torn else "").encode() + new.encode())
                self._read = file.tell()
                lines = [f"{now}  {_message(record)}" for record in records]
                if summary:
                    lines[-1] += f"; {summary}"
                with self.path.open("a") as log:
                    log.write("\n".join([*lines, ""]))
                return summary
        return sum_up(History())

    def _read_on(self, file: BinaryIO) -> bool:
        """Take in what others wrote; return whether the file ends amid a line."""
        if file.seek(0, os.SEEK_END) < self._read:  # It was deleted and begun again.
            self._history, self._read = History(), 0
        file.seek(self._read)
        text = file.read().decode(errors="replace")
        self._history.add(text)
        return bool(text) and not text.endswith("\n")


def _message(record: Mapping[str, Any]) -> str:
    """Return the line of a record for people."""
    event = record["event"]
    if event == "start":
        return f"Snakemake was started {record['started']}"
    if event == "shard":
        trials = ", ".join(map(str, record["trials"]))
        return f"generation {record['generation']}, shard {record['shard']}: training trials {trials}"
    if event == "generation":
        return f"generation {record['generation']} is finished"
    outcome = f"failed, {' '.join(record['failure'].split())}" if record["failure"] else None
    outcome = outcome or f"{score_word()} {100 * record['accuracy']:.2f}%"
    return f"trial {record['trial']} of generation {record['generation']}, {record['label']}: {outcome}"


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _lock(file: BinaryIO) -> None:
    # Released when the file is closed. Not every network file system has locks.
    with suppress(OSError):
        fcntl.lockf(file, fcntl.LOCK_EX)
