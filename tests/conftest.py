"""Settings of all tests, and the run that several of them look at."""

import os

import pytest
from hypothesis import settings

# Before it is imported: a failed assertion of a helper tells what it compared.
pytest.register_assert_rewrite("helpers")

# Before any test imports ONNX Runtime: it is told here to report nothing.
import snacpack  # noqa: E402, F401
from helpers.running import Workflow  # noqa: E402

# Networks of tests are too small to be shared by threads, which would wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Exploring at random finds new counterexamples on a developer's machine; a merge must not depend on luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A run of the whole pipeline, uninterrupted."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"))
    workflow.printed = workflow.run()
    return workflow
