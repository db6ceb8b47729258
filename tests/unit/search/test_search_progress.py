"""The progress of a search can be read while it runs."""

import io
import json
import multiprocessing
import os
import re
from datetime import datetime, timedelta

import pytest

from snacpack.search.progress import STARTED, History, SearchProgress, announce_start, duration

SEARCH = {"trials": 16, "population": 8}
NOON = datetime.fromisoformat("2026-05-01 12:00:00+02:00")


def finished(trials, accuracy=0.5, failure=None):
    return [{"trial": t, "label": "24-8-5", "accuracy": accuracy, "failure": failure} for t in trials]


def lines_of(path):
    return [line.partition("  ")[2] for line in path.read_text().splitlines()]


def text_of(*events):
    """A file's text from pairs of a time in seconds and a record."""
    times = [(NOON + timedelta(seconds=at)).isoformat() for at, _ in events]
    return "".join(f"{json.dumps({'time': time, **record})}\n" for time, (_, record) in zip(times, events, strict=True))


def start(name):
    return {"event": "start", "started": name}


def shard(number, trials, generation=0):
    return {"event": "shard", "generation": generation, "shard": number, "trials": trials}


def trained(trial, accuracy, generation=0):
    failure = "Diverged" if accuracy is None else None
    return {"event": "trial", "generation": generation, "trial": trial, "accuracy": accuracy, "failure": failure}


def ended(generation):
    return {"event": "generation", "generation": generation}


@pytest.fixture
def progress(tmp_path, monkeypatch):
    monkeypatch.setenv(STARTED, "2026-05-01 11:55:00+02:00")
    return SearchProgress(tmp_path / "search" / "progress.log", SEARCH, io.StringIO(), interval=0)


def test_a_search_from_its_first_line_to_its_last(progress):
    for generation, best in enumerate((0.55, 0.5712)):
        first = 8 * generation
        for shard in (0, 1):
            progress.shard_started(generation, shard, range(first + shard, first + 8, 2))
        progress.trials_finished(generation, finished(range(first, first + 8, 2), 0.55))
        progress.trials_finished(generation, finished([first + 1], None, "Diverged: no\nnumber"))
        progress.trials_finished(generation, finished(range(first + 3, first + 8, 2), best))
        progress.generation_finished(generation, best, f"hypervolume {0.25 + generation / 100:.4f}")
    lines = lines_of(progress.path)
    assert lines[0] == "Snakemake was started 2026-05-01 11:55:00+02:00"
    assert lines[1] == "generation 0, shard 0: training trials 0, 2, 4, 6"
    assert "trial 4 of generation 0, 24-8-5: accuracy 55.00%" in lines
    assert any(line.startswith("trial 9 of generation 1, 24-8-5: failed, Diverged: no number; 13 of") for line in lines)
    assert sum(line.startswith("trial") for line in lines) == 16
    assert sum(line.startswith("Snakemake") for line in lines) == 1
    told = progress.terminal.getvalue().splitlines()
    summed = [line.partition("; ")[2] for line in lines if "; " in line]
    assert [line.removeprefix("Search: ") for line in told] == summed
    assert [int(re.search(r"(\d+) of 16", line)[1]) for line in told] == [4, 5, 8, 8, 12, 13, 16, 16]
    assert "8 of 16 trials, best accuracy 55.00%, hypervolume 0.2500, " in told[3]
    assert re.fullmatch(
        r"generation 1 is finished; 16 of 16 trials, best accuracy 57.12%, hypervolume 0.2600, "
        r"\d+ s so far, the search is done",
        lines[-1],
    )


def test_a_score_of_two_words_is_told(progress, monkeypatch):
    monkeypatch.setattr("snacpack.search.progress.score_word", lambda: "balanced accuracy")
    progress.shard_started(0, 0, range(4))
    progress.trials_finished(0, finished(range(2), 0.55))
    assert "2 of 16 trials, best balanced accuracy 55.00%" in progress.terminal.getvalue()


def test_time_left_follows_from_the_rate_of_the_trainings():
    history = History.read(
        text_of((0, start("A")), (0, shard(0, [0, 1, 2, 3])), (30, trained(0, 0.5)), (60, trained(1, 0.6)))
    )
    assert (history.seconds, history.trained, history.best_accuracy) == (60, 2, 0.6)
    assert history.seconds_left(10) == 300
    assert History.read("").seconds_left(10) is None


def test_finished_generations_set_the_pace():
    events = [(0, shard(0, [0, 1])), (40, trained(0, 0.5)), (40, trained(1, 0.6)), (50, ended(0))]
    events += [(60, shard(0, [2, 3], 1)), (200, trained(2, 0.5, 1))]
    assert History.read(text_of(*events)).seconds_left(2) == 50
    events += [(200, trained(3, 0.5, 1)), (200, ended(1))]
    assert History.read(text_of(*events)).seconds_left(2) == 100


def test_a_pause_does_not_count_nor_what_it_interrupted():
    before = [(0, start("A")), (0, shard(0, [0, 2])), (0, shard(1, [1, 3]))]
    before += [(100, trained(0, 0.5)), (100, trained(2, None)), (110, trained(1, 0.7))]
    after = [(9000, start("B")), (9000, shard(1, [1, 3])), (9090, trained(1, 0.7))]
    history = History.read(text_of(*before, *after[:2]))
    assert history.seconds == 110
    assert history.generations == {0: {0: 0.5, 2: None}}
    history = History.read(text_of(*before, *after))
    assert (history.seconds, history.trained, history.started) == (200, 4, "B")
    assert history.seconds_left(1) == 50


def test_a_search_that_is_repeated_forgets_what_it_replaces():
    text = text_of((0, trained(0, 0.5)), (1, trained(1, 0.51)), (2, trained(2, 0.52, 1)), (3, shard(0, [0])))
    assert History.read(text).generations == {0: {1: 0.51}}


def test_what_is_not_understood_is_passed_over(progress):
    progress.records.parent.mkdir()
    other = [b"my own note", b"3", b"null", b'{"time": "2026-13-45 12:00:00+02:00", "event": "start"}', b"\xff\xfe"]
    other += [b'{"time": "2026-05-01 12:00:00+02:00", "event": "trial", "trial": "x"}', b'{"time": "2026-05-01 12']
    progress.records.write_bytes(b"\n".join(other))
    progress.trials_finished(0, finished([3]))
    lines = progress.records.read_bytes().splitlines()
    assert lines[: len(other)] == other
    assert json.loads(lines[-1])["trial"] == 3
    assert "1 of 16 trials, best accuracy 50.00%" in lines_of(progress.path)[-1]


@pytest.mark.parametrize(
    "record", [shard(0, [4, 5, 6]), trained(4, 0.5), trained(4, None), ended(0), start("2026-05-01 11:55:00+02:00")]
)
def test_a_line_that_was_cut_off_anywhere_harms_nothing(progress, record):
    """A full disk or a machine that goes down leaves such lines."""
    whole = text_of((0, record)).rstrip()
    for end in range(len(whole) + 1):
        History.read(whole[:end])
        History.read(whole[:end] + "\ufffd" + whole[end + 1 :])
    progress.records.parent.mkdir()
    progress.records.write_text(whole[:-1])
    progress.trials_finished(0, finished([3]))
    assert lines_of(progress.path)[-1].startswith("trial 3 of generation 0, 24-8-5: accuracy 50.00%; 1 of 16 trials")


def test_files_that_are_deleted_meanwhile_are_begun_again(progress):
    progress.trials_finished(0, finished([0, 1, 2]))
    progress.path.unlink()
    progress.records.unlink()
    progress.trials_finished(0, finished([3]))
    assert "1 of 16 trials" in lines_of(progress.path)[-1]


def test_lines_for_people_are_no_memory(progress):
    progress.trials_finished(0, finished([0, 1, 2]))
    progress.path.write_text("trial 7 of generation 0, 24-8-5: accuracy 99.00%\n")
    progress.trials_finished(0, finished([3]))
    assert "4 of 16 trials, best accuracy 50.00%" in lines_of(progress.path)[-1]


def test_a_lost_file_does_not_make_finished_generations_undone(progress):
    progress.trials_finished(1, finished([8, 9]))
    assert "10 of 16 trials" in lines_of(progress.path)[-1]


def test_a_start_of_snakemake_is_told_once_and_to_all_jobs(progress):
    progress.shard_started(0, 0, [0])
    announce_start()
    progress.shard_started(0, 1, [1])
    SearchProgress(progress.path, SEARCH).shard_started(0, 2, [2])
    starts = [line for line in lines_of(progress.path) if line.startswith("Snakemake")]
    assert starts == ["Snakemake was started 2026-05-01 11:55:00+02:00", f"Snakemake was started {os.environ[STARTED]}"]


def test_a_search_does_not_fail_for_its_progress(tmp_path):
    (tmp_path / "file").touch()
    terminal = io.StringIO()
    terminal.close()
    for stream in (None, terminal):
        progress = SearchProgress(tmp_path / "file" / "progress.log", SEARCH, stream)
        progress.shard_started(0, 0, [0])
        progress.trials_finished(0, finished([0]))
        progress.generation_finished(0, None, "hypervolume 0.0")


def test_the_terminal_is_not_flooded(progress):
    progress.interval = 100
    for trial in range(8):
        progress.trials_finished(0, finished([trial]))
    progress.generation_finished(0, 0.5, "hypervolume 0.1")
    assert progress.terminal.getvalue().count("\n") == 1
    assert len(lines_of(progress.path)) == 10


def append(path, shard):
    progress = SearchProgress(path, SEARCH)
    for trial in range(shard, 200, 4):
        progress.trials_finished(0, finished([trial]))


def test_shards_write_at_the_same_time(tmp_path):
    path = tmp_path / "progress.log"
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pool.starmap(append, [(path, shard) for shard in range(4)])
    lines = lines_of(path)
    assert {int(line.split()[1]) for line in lines} == set(range(200))
    assert [int(re.search(r"; (\d+) of", line)[1]) for line in lines] == list(range(1, 201))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.7, "1 min"), (600, "10 min"), (3599, "1 h 00 min"), (90061, "25 h 01 min")],
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words
