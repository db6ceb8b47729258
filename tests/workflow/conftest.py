"""Runs that several tests look at."""

import pytest
from running import Workflow


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A run of the whole pipeline, uninterrupted."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"))
    workflow.printed = workflow.run()
    return workflow
