"""Imported by each Python that starts with this folder on its path: what is named in BLOCKED_MODULES is not there."""

import os
import sys
from pathlib import Path

BLOCKED = frozenset(os.environ["BLOCKED_MODULES"].split(","))


class Blocker:
    """Refuses modules before any other finder is asked."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked: no run may need it", name=name)


sys.meta_path.insert(0, Blocker)
# Snakemake starts a script as `python .../tmp1234.name_of_the_script.py`.
for argument in sys.orig_argv[1:]:
    if argument.endswith(".py"):
        (Path(os.environ["BLOCKED_SEEN"]) / Path(argument).name).touch()
        break
