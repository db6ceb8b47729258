"""Imported by each Python that starts with this folder on its path: blocked packages are not there.

BLOCKED_MODULES names their modules, BLOCKED_PACKAGES the packages themselves, whose versions libraries ask for.
"""

import os
import re
import sys
from pathlib import Path

BLOCKED = frozenset(os.environ["BLOCKED_MODULES"].split(","))
BLOCKED_PACKAGES = frozenset(os.environ["BLOCKED_PACKAGES"].split(","))


class Without:
    """A finder of modules that does not find the blocked ones, as if they were not installed.

    It raises nothing itself, because libraries ask with ``importlib.util.find_spec`` what is installed.
    """

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name):
        found = getattr(self._finder, name)
        if name != "find_distributions":
            return found
        return lambda *arguments: (about for about in found(*arguments) if normal(about.name) not in BLOCKED_PACKAGES)


def normal(name):
    return re.sub(r"[-_.]+", "-", name or "").lower()


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
# Snakemake starts a script as `python .../tmp1234.name_of_the_script.py`.
for argument in sys.orig_argv[1:]:
    if argument.endswith(".py"):
        (Path(os.environ["BLOCKED_SEEN"]) / Path(argument).name).touch()
        break
