"""What can be read of a search while it runs."""

import io
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
    """A file's text from pairs of a time in seconds and a line."""
    return "".join(f"{NOON + timedelta(seconds=at)}  {message}\n" for at, message in events)


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


def test_a_score_of_two_words_is_read_too(progress, monkeypatch):
    monkeypatch.setattr("snacpack.search.progress.score_word", lambda: "balanced accuracy")
    progress.shard_started(0, 0, range(4))
    progress.trials_finished(0, finished(range(2), 0.55))
    assert "2 of 16 trials, best balanced accuracy 55.00%" in progress.terminal.getvalue()


def test_time_left_follows_from_the_rate_of_the_trainings():
    history = History.read(
        text_of(
            (0, "Snakemake was started A"),
            (0, "generation 0, shard 0: training trials 0, 1, 2, 3"),
            (30, "trial 0 of generation 0, 24-8-5: accuracy 50.00%"),
            (60, "trial 1 of generation 0, 24-8-5: accuracy 60.00%"),
        )
    )
    assert (history.seconds, history.trained, history.best_accuracy) == (60, 2, 0.6)
    assert history.seconds_left(10) == 300
    assert History.read("").seconds_left(10) is None


def test_finished_generations_set_the_pace():
    events = [
        (0, "generation 0, shard 0: training trials 0, 1"),
        (40, "trial 0 of generation 0, 24-8-5: accuracy 50.00%"),
        (40, "trial 1 of generation 0, 24-8-5: accuracy 60.00%"),
        (50, "generation 0 is finished; 2 of 4 trials"),
        (60, "generation 1, shard 0: training trials 2, 3"),
        (200, "trial 2 of generation 1, 24-8-5: accuracy 50.00%"),
    ]
    assert History.read(text_of(*events)).seconds_left(2) == 50
    events += [(200, "trial 3 of generation 1, 24-8-5: accuracy 50.00%"), (200, "generation 1 is finished; 4 of 4")]
    assert History.read(text_of(*events)).seconds_left(2) == 100


def test_a_pause_does_not_count_nor_what_it_interrupted():
    before = [
        (0, "Snakemake was started A"),
        (0, "generation 0, shard 0: training trials 0, 2"),
        (0, "generation 0, shard 1: training trials 1, 3"),
        (100, "trial 0 of generation 0, 24-8-5: accuracy 50.00%"),
        (100, "trial 2 of generation 0, 24-8-5: failed, Diverged"),
        (110, "trial 1 of generation 0, 24-8-5: accuracy 70.00%"),
    ]
    after = [
        (9000, "Snakemake was started B"),
        (9000, "generation 0, shard 1: training trials 1, 3"),
        (9090, "trial 1 of generation 0, 24-8-5: accuracy 70.00%"),
    ]
    history = History.read(text_of(*before, *after[:2]))
    assert history.seconds == 110
    assert history.generations == {0: {0: 0.5, 2: None}}
    history = History.read(text_of(*before, *after))
    assert (history.seconds, history.trained, history.started) == (200, 4, "B")
    assert history.seconds_left(1) == 50


def test_a_search_that_is_repeated_forgets_what_it_replaces():
    text = text_of(
        (0, "trial 0 of generation 0, 24-8-5: accuracy 50.00%"),
        (1, "trial 1 of generation 0, 24-8-5: accuracy 51.00%"),
        (2, "trial 2 of generation 1, 24-8-5: accuracy 52.00%"),
        (3, "generation 0, shard 0: training trials 0"),
    )
    assert History.read(text).generations == {0: {1: 0.51}}


def test_what_is_not_understood_is_passed_over(progress):
    progress.path.parent.mkdir()
    progress.path.write_bytes(
        b"my own note\n2026-13-45 12:00:00+02:00  no date\n\xff\xfe\n2026-05-01 12:00:00+02:00  trial 0 of gen"
    )
    progress.trials_finished(0, finished([3]))
    lines = progress.path.read_text(errors="replace").splitlines()
    assert lines[0] == "my own note"
    assert lines[3].endswith("trial 0 of gen")
    assert "1 of 16 trials, best accuracy 50.00%" in lines[-1]


@pytest.mark.parametrize(
    "line",
    [
        "generation 0, shard 0: training trials 4, 5, 6",
        "trial 4 of generation 0, 24-8-5: accuracy 50.00%; 1 of 16 trials",
        "trial 4 of generation 0, 24-8-5: failed, Diverged",
        "generation 0 is finished; 8 of 16 trials",
        "Snakemake was started 2026-05-01 11:55:00+02:00",
    ],
)
def test_a_line_that_was_cut_off_anywhere_harms_nothing(progress, line):
    """A full disk or a machine that goes down leaves such lines."""
    whole = f"{NOON}  {line}"
    for end in range(len(whole) + 1):
        History.read(whole[:end])
        History.read(whole[:end] + "\ufffd" + whole[end + 1 :])
    progress.path.parent.mkdir()
    progress.path.write_text(whole[:-1])
    progress.trials_finished(0, finished([3]))
    assert lines_of(progress.path)[-1].startswith("trial 3 of generation 0, 24-8-5: accuracy 50.00%; ")


def test_a_file_that_is_deleted_meanwhile_is_begun_again(progress):
    progress.trials_finished(0, finished([0, 1, 2]))
    progress.path.unlink()
    progress.trials_finished(0, finished([3]))
    assert "1 of 16 trials" in lines_of(progress.path)[-1]


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
