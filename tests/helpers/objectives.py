"""Objectives as documents write them."""

import re

from helpers import ROOT
from snacpack.config.tables import objectives_table
from snacpack.core.plugins import use_plugins


def table_of_objectives() -> str:
    """Return the table of config/README.md: every objective of the workflow itself."""
    use_plugins([])
    return objectives_table()


def documented_objectives() -> dict[str, str]:
    """Return the files of the examples of docs/objectives.md by their names."""
    text = (ROOT / "docs" / "objectives.md").read_text()
    names = re.findall(r"`mine/objectives/(\w+\.py)`", text)
    return dict(zip(names, re.findall(r"```python\n(.*?)```", text, re.DOTALL), strict=True))
