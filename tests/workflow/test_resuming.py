"""Runs that are killed, at any moment, and machines that die while a file is written: they go on where they were."""

import base64
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch

from helpers.running import Workflow, kill_tree
from snacpack.run.locks import Claim

pytestmark = pytest.mark.thorough

N_KILLS = 10
COMPARED = [
    *(f"tables/table{number}.csv" for number in (1, 2, 3)),
    *(f"searches/architectures/{name}.csv" for name in ("trials", "pareto", "hypervolume")),
]
TARGETS = [f"results/test/{name}" for name in COMPARED]
# Rules that only look at results are left out, and the test is a minute shorter.
ONLY_SHOWS = re.compile(r"draw_|write_|compare_estimates|rerun_trial")
# Long after any step of this small pipeline.
DEADLINE_S = 900
# Files that a training leaves behind.
TRAINING = re.compile(r"(searches/[^/]+/gen_\d+/trials_\d+\.json|float\.(pt|json)|(warmup|prune_\d+|refined)\.pt)$")


def kill_seed() -> int:
    """Return the seed of the moments: another each time, but for a merge, which must not depend on luck."""
    given = os.environ.get("SNACPACK_KILL_SEED", "1" if os.environ.get("CI") else "")
    return int(given) if given else random.SystemRandom().randrange(10_000)


def finished_jobs(workflow: Workflow) -> int:
    """Jobs that are done: Snakemake writes a benchmark after each."""
    paths = workflow.results("benchmarks").rglob("*.tsv")
    return sum(not ONLY_SHOWS.search(str(path.relative_to(workflow.folder))) for path in paths)


def unfinished_outputs(workflow: Workflow) -> set[str]:
    """Outputs of jobs under way, by Snakemake's own record."""
    markers = (workflow.folder / ".snakemake" / "incomplete").rglob("*")
    return {base64.urlsafe_b64decode(path.name).decode() for path in markers if path.is_file()}


def whole_outputs(workflow: Workflow) -> dict[str, tuple[int, str]]:
    """Time and content of every file that a finished job wrote; logs, and the records beside them, are of each try."""
    unfinished = unfinished_outputs(workflow)
    found = {}
    for path in workflow.results("").rglob("*"):
        name = path.relative_to(workflow.folder)
        if workflow.results("logs") in path.parents:
            continue
        # An output may be a folder.
        is_whole = not {str(place) for place in (name, *name.parents)} & unfinished
        if path.is_file() and path.suffix not in (".log", ".jsonl", ".tsv", ".part") and is_whole:
            found[str(name)] = (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def run_until(workflow: Workflow, jobs: int, seconds: float) -> None:
    """Run until so many jobs are done and some time more, then kill everything."""
    process = workflow.start("--", *TARGETS)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while finished_jobs(workflow) < jobs:
            assert process.poll() is None, (workflow.folder / "printed.txt").read_text()[-4000:]
            assert time.monotonic() < deadline, f"job {jobs} was not done in time"
            time.sleep(0.02)
        time.sleep(seconds)
        assert process.poll() is None, "the run ended before it was killed"
    finally:
        kill_tree(process)


def test_a_run_that_is_killed_ten_times_ends_with_the_same_tables(finished, tmp_path, capsys):
    """Killed anywhere from the simulation to the last tables; no training that was finished is repeated."""
    workflow, seed, n_jobs = Workflow(tmp_path), kill_seed(), finished_jobs(finished)
    chance, seen = random.Random(seed), {}

    def tell(text):
        # At once, so that a failure too can be told where it came from; a worker of pytest-xdist has no other way out.
        with capsys.disabled():
            print(text, file=sys.stderr, flush=True)

    tell(f"\nSNACPACK_KILL_SEED={seed}, {n_jobs} jobs")
    for number in range(N_KILLS):
        # One in each tenth of the jobs, so that no stage is left out; the last few jobs take less than a second.
        first, last = (round((n_jobs - 6) * i / N_KILLS) for i in (number, number + 1))
        jobs, seconds = chance.randrange(first, last), chance.uniform(0, 2 if number < N_KILLS - 1 else 0.5)
        run_until(workflow, jobs, seconds)
        for name, state in whole_outputs(workflow).items():
            seen.setdefault(name, state)
        under_way = sorted(name.removeprefix("results/test/") for name in unfinished_outputs(workflow))
        tell(
            f"kill {number + 1:2}: {seconds:.2f} s after job {jobs}, {finished_jobs(workflow)} done; "
            f"unfinished: {', '.join(under_way) or 'none'}"
        )
    workflow.run("--", *TARGETS)
    now = whole_outputs(workflow)
    repeated = sorted(name for name, state in seen.items() if now.get(name) != state)
    trainings = sorted(name for name in seen if TRAINING.search(name))
    tell(f"{len(seen)} finished outputs at the kills, {len(trainings)} of trainings; repeated: {repeated or 'none'}")
    assert len(trainings) >= 10
    assert not set(repeated) & set(trainings)
    assert not repeated
    for name in COMPARED:
        assert workflow.results(name).read_bytes() == finished.results(name).read_bytes(), name
    progress = workflow.results("searches/architectures/progress.log").read_text()
    assert progress.endswith("the search is done\n")
    assert "Nothing to be done" in workflow.run("--dry-run", "--", *TARGETS)


def cut_in_half(path: Path) -> None:
    """Leave what a file system may leave after a power cut: name and time as before, the end of the content missing."""
    before = path.stat()
    os.truncate(path, before.st_size // 2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def mark_unfinished(workflow: Workflow, name: str) -> None:
    """What Snakemake leaves while a job is under way."""
    marker = base64.urlsafe_b64encode(f"results/test/{name}".encode()).decode()
    (workflow.folder / ".snakemake" / "incomplete" / marker).write_text('{"external_jobid": null}')


def test_a_file_that_was_being_written_is_made_again(copied, finished):
    """The machine died during a training: its output is cut off, and what would follow is not there."""
    trials = "searches/architectures/gen_001/trials_01.json"
    cut_in_half(copied.results(trials))
    mark_unfinished(copied, trials)
    for name in (
        "searches/architectures/gen_001/survivors.json",
        "searches/architectures/trials.csv",
        "searches/architectures/pareto.csv",
    ):
        copied.results(name).unlink()
    other = copied.results("searches/architectures/gen_001/trials_00.json").stat().st_mtime_ns
    copied.run("--", "results/test/searches/architectures/pareto.csv")
    assert json.loads(copied.results(trials).read_text())
    assert (
        copied.results("searches/architectures/pareto.csv").read_bytes()
        == finished.results("searches/architectures/pareto.csv").read_bytes()
    )
    assert copied.results("searches/architectures/gen_001/trials_00.json").stat().st_mtime_ns == other


def test_half_a_folder_is_made_again(copied):
    """Its job is known only once the candidates are chosen, and Snakemake does not look at such jobs by itself."""
    (candidate,) = [path.name for path in copied.results("candidates").glob("snac-*")]
    project = f"synthesis/{candidate}/mixed/rtl"
    whole = {path.name: path.read_bytes() for path in copied.results(project).rglob("*") if path.is_file()}
    for path in list(copied.results(project).rglob("*.v"))[::2]:
        path.unlink()
    mark_unfinished(copied, project)
    # Files that are made from it are not there yet.
    follows = [f"synthesis/{candidate}/mixed/{name}.json" for name in ("verification", "report")]
    for name in (*follows, "tables/table3.csv"):
        copied.results(name).unlink()
    planned = copied.run("--dry-run", "--", "results/test/tables/table3.csv")
    assert re.search(r"^build_rtl +1$", planned, re.MULTILINE), planned[-3000:]
    copied.run("--", f"results/test/{project}")
    assert {path.name: path.read_bytes() for path in copied.results(project).rglob("*") if path.is_file()} == whole


def test_a_file_that_is_cut_off_unnoticed_is_named_and_made_again(copied, finished):
    """Each branch says which file to delete, even if Snakemake's record of the job was lost; then all goes on."""
    model = "baseline/w8a8"
    # Files that are cut off, and others that are made from them. The first pair's files follow from the second's.
    for cut in (
        {
            f"candidates/{model}/fixed_point.json": f"synthesis/{model}/rtl",
            f"candidates/{model}/model.onnx": f"synthesis/{model}/hls",
        },
        {
            "searches/architectures/gen_001/trials_00.json": "searches/architectures/pareto.csv",
            f"candidates/{model}/warmup.pt": f"candidates/{model}/prune_01.pt",
        },
    ):
        kept = {name: copied.results(name).read_bytes() for name in cut}
        for name, made in cut.items():
            cut_in_half(copied.results(name))
            path = copied.results(made)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if "searches/architectures/pareto.csv" in cut.values():
            copied.results("searches/architectures/gen_001/survivors.json").unlink()
        targets = [f"results/test/{name}" for name in cut.values()]
        printed = copied.run("--keep-going", "--", *targets, expect=1)
        told = printed.partition("What failed, and why")[2]
        for name in cut:
            assert told.count(f"results/test/{name}") == 1, printed[-6000:]
        assert told.count("delete it") == len(cut)
        assert "Traceback" not in printed
        for name in cut:
            copied.results(name).unlink()
        # Both forms of a network come from one job, so that the project, which takes long to compile, need not be made.
        copied.run("--", *(target for target in targets if not target.endswith("hls")))
        for name in set(cut) - {"searches/architectures/gen_001/trials_00.json"}:
            assert copied.results(name).read_bytes() == kept[name], name
    for name in ("searches/architectures/pareto.csv", f"candidates/{model}/prune_01.pt"):
        assert copied.results(name).read_bytes() == finished.results(name).read_bytes(), name


def test_records_of_snakemake_that_are_cut_off_repeat_nothing(copied):
    """It writes one after each job and does not wait until it is on the disk."""
    records = sorted((copied.folder / ".snakemake" / "metadata").rglob("*"), key=lambda path: path.stat().st_mtime_ns)
    for record in [path for path in records if path.is_file()][-5:]:
        cut_in_half(record)
    assert "Nothing to be done" in copied.run("--dry-run")


def wait_for_a_job(workflow: Workflow) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not list(workflow.results("logs/simulate_jets").glob("*.log")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_lock_of_a_dead_run_is_removed_and_that_of_a_living_one_is_not(tmp_path):
    workflow = Workflow(tmp_path)
    process = workflow.start("--", "results/test/data/jets.h5")
    try:
        wait_for_a_job(workflow)
        # Looking at the plan meanwhile does no harm.
        workflow.run("--dry-run")
        second = workflow.run("--", "results/test/data/jets.h5", expect=1)
        assert "cannot be locked" in second
    finally:
        kill_tree(process)
    assert list((tmp_path / ".snakemake" / "locks").iterdir())
    printed = workflow.run("--", "results/test/references/hardware.csv")
    assert "The last run here was killed" in printed


def session_of(leader: int) -> list[psutil.Process]:
    """Processes of a session, but for the one that began it."""
    found = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError):
            if process.pid != leader and os.getsid(process.pid) == leader:
                found.append(process)
    return found


def test_jobs_that_outlive_their_snakemake_are_not_dead(tmp_path):
    """The main process alone is killed, as the kernel does that is short of memory: its jobs still write."""
    workflow = Workflow(tmp_path)
    process = workflow.start("--", "results/test/data/jets.h5")
    try:
        wait_for_a_job(workflow)
        os.kill(process.pid, signal.SIGKILL)
        # Held, so that they are not done before another run has looked.
        jobs = session_of(process.pid)
        for job in jobs:
            job.send_signal(signal.SIGSTOP)
        unfinished = unfinished_outputs(workflow)
        assert unfinished
        printed = workflow.run("--", "results/test/data/jets.h5", expect=1)
        assert "cannot be locked" in printed
        for job in jobs:
            job.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + DEADLINE_S
        while not all((tmp_path / name).exists() for name in unfinished):
            assert time.monotonic() < deadline, "what the jobs wrote was taken away"
            time.sleep(0.1)
    finally:
        kill_tree(process)
    assert "The last run here was killed" in workflow.run("--", "results/test/references/hardware.csv")


@pytest.mark.parametrize(
    "owner",
    [
        {"host": "another-machine", "on_this_machine": True},
        # It gave its jobs to a cluster, where they may still run.
        {"host": socket.gethostname(), "on_this_machine": False},
        {},
    ],
)
def test_a_lock_whose_owner_may_live_stays(tmp_path, owner):
    """However often one tries; and what its jobs had begun stays too."""
    workflow, target = Workflow(tmp_path), "results/test/references/hardware.csv"
    workflow.run("--", target)
    (tmp_path / ".snakemake" / "snacpack.owners").write_text(json.dumps(owner))
    mark_unfinished(workflow, "references/hardware.csv")
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(exist_ok=True)
    for kind in ("input", "output"):
        (locks / f"0.{kind}.lock").write_text(f"{target}\n")
    for _ in range(2):
        workflow.run("--dry-run", "--", target)
        assert "--unlock" in workflow.run("--forceall", "--", target, expect=1)
        assert (tmp_path / target).exists()
    workflow.run("--unlock")
    workflow.run("--forceall", "--", target)


def test_a_run_on_a_cluster_says_so_before_its_first_job(tmp_path):
    """By an executor of Snakemake's that is none of this machine's."""
    claim = Claim(tmp_path)
    claim.start(on_this_machine=False)
    record = json.loads((tmp_path / "snacpack.owners").read_text())
    assert record == {"host": socket.gethostname(), "on_this_machine": False}
    # Another one on this machine, at the same time, does not change that.
    Claim(tmp_path).start(on_this_machine=True)
    assert json.loads((tmp_path / "snacpack.owners").read_text()) == record


def test_what_began_on_a_gpu_goes_on_on_a_cpu(finished, tmp_path):
    """The device is no parameter of any training: only what shows the configuration is written again."""
    (tmp_path / "gpu.yaml").write_text("training: {device: cuda}\n")
    config = finished.command()[finished.command().index("--configfile") + 1]
    planned = finished.run("--dry-run", "--configfile", config, str(tmp_path / "gpu.yaml"))
    jobs = set(re.findall(r"^(\w+) +\d+$", planned.partition("Job stats")[2], re.MULTILINE))
    assert jobs <= {"all", "write_report", "write_provenance", "total"}


def test_weights_from_a_gpu_are_read_without_one(finished, tmp_path):
    """A saved tensor of a GPU differs from a CPU's in the name of the device."""
    from snacpack.compression.checkpoint import Checkpoint

    source = finished.results("candidates/baseline/w8a8/warmup.pt")
    from_gpu = tmp_path / "warmup.pt"
    device = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(from_gpu, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            content = old.read(name)
            assert not name.endswith("data.pkl") or device[0] in content
            new.writestr(name, content.replace(*device) if name.endswith("data.pkl") else content)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(io.BytesIO(from_gpu.read_bytes()), weights_only=True)
    expected, found = Checkpoint.load(source), Checkpoint.load(from_gpu)
    assert {tensor.device.type for tensor in found.state.values()} == {"cpu"}
    assert all(torch.equal(found.state[name], tensor) for name, tensor in expected.state.items())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU")
def test_a_search_begun_on_a_gpu_is_finished_on_a_cpu(finished, tmp_path):
    workflow = Workflow(tmp_path / "run")
    workflow.folder.mkdir()
    shutil.copytree(finished.results("data"), workflow.results("data"))
    (tmp_path / "gpu.yaml").write_text("training: {device: cuda}\n")
    config = finished.command()[finished.command().index("--configfile") + 1]
    first = "results/test/searches/architectures/gen_000/survivors.json"
    workflow.run("--configfile", config, str(tmp_path / "gpu.yaml"), "--", first)
    trained = {
        path: path.stat().st_mtime_ns
        for path in workflow.results("searches/architectures").glob("gen_000/trials_*.json")
    }
    workflow.run("--", "results/test/searches/architectures/pareto.csv")
    assert trained
    assert all(path.stat().st_mtime_ns == time for path, time in trained.items())
