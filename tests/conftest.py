"""Settings of all tests, and the run that several of them look at."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# Before it is imported: a failed assertion of a helper tells what it compared.
pytest.register_assert_rewrite("helpers")

# Before any test imports ONNX Runtime: it is told here to report nothing.
import snacpack  # noqa: E402, F401
from helpers import ROOT  # noqa: E402
from helpers.development import without_development  # noqa: E402
from helpers.running import Workflow  # noqa: E402

# Networks of tests are too small to be shared by threads, which would wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Exploring at random finds new counterexamples on a developer's machine; a merge must not depend on luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Before pytest-xdist reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests that share what their module sets up on one worker, so that it is set up once; long ones go first."""
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.values()
        shares = any(fixture.scope == "module" for overriding in fixtures for fixture in overriding)
        if shares and group_of(item) is None:
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
    items.sort(key=place_in_line)


def group_of(item: pytest.Item) -> str | None:
    """Return the name of the group that a test is in."""
    mark = item.get_closest_marker("xdist_group")
    return mark and mark.args[0]


def place_in_line(item: pytest.Item) -> int:
    """Let one worker make the finished run, and the others have work until it is there; small tests fill the end."""
    first = ("pipeline", "slurm", "tutorial")
    if group_of(item) in first:
        return first.index(group_of(item))
    if "finished" not in item.fixturenames:
        return 4
    return 3 if item.get_closest_marker("thorough") else 5


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where pytest-xdist does not see the groups: each worker would set up all that tests share."""
    if os.environ.get("PYTEST_XDIST_WORKER") and session.config.getvalue("loadgroup"):
        lost = [item.nodeid for item in session.items if group_of(item) and "@" not in item.nodeid]
        if lost:
            raise pytest.UsageError(
                f"this pytest-xdist does not keep groups of tests together, such as that of {lost[0]}"
            )


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A run of the whole pipeline, uninterrupted, in which nothing can be imported that only tests need.

    It is made once and shared by all workers of a parallel session: what changes it works on ``copied``. If
    SNACPACK_PRINTED_BY_RUN names a file with what `make run CONFIG=config/test.yaml` printed in this working copy, the
    run of that command takes its place.
    """
    # Each worker has a folder of its own in that of the session.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    workflow = Workflow(shared / "finished")
    printed = os.environ.get("SNACPACK_PRINTED_BY_RUN")
    if not printed:
        workflow.environment = without_development(shared / "finished_jobs")
    with FileLock(shared / "finished.lock"):
        if not (shared / "finished.txt").exists():
            workflow.folder.mkdir(exist_ok=True)
            if printed:
                for kept in (".snakemake", "results/test"):
                    shutil.copytree(ROOT / kept, workflow.folder / kept, symlinks=True)
            (shared / "finished.txt").write_text(Path(printed).read_text() if printed else workflow.run())
    workflow.printed = (shared / "finished.txt").read_text()
    return workflow


@pytest.fixture
def copied(finished: Workflow, tmp_path: Path) -> Workflow:
    """A finished run, to be changed or damaged; Snakemake's records and the files' times come along."""
    workflow = Workflow(tmp_path / "copied")
    shutil.copytree(finished.folder, workflow.folder, symlinks=True)
    return workflow


@pytest.fixture(params=["native", "stack"])
def trainer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """``train`` by compiled code or by the stack in PyTorch."""
    from snacpack.training import train, trials

    if request.param == "native":
        return train

    monkeypatch.setattr(trials, "_train_alone", trials._train_stacked)
    return partial(train)
