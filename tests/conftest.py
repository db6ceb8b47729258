"""Settings of the property tests."""

import os

from hypothesis import settings

# Exploring at random finds new counterexamples on a developer's machine; a merge must not depend on luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")
