"""Settings of all tests."""

import os

from hypothesis import settings

# Before any test imports ONNX Runtime: it is told here to report nothing.
import snacpack  # noqa: F401

# Networks of tests are too small to be shared by threads, which would wait for each other on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Exploring at random finds new counterexamples on a developer's machine; a merge must not depend on luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
