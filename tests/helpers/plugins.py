"""Plugins as documents write them."""

import re

from helpers import ROOT
from helpers.backends import documented_backend
from helpers.objectives import documented_objectives


def documented_plugins() -> dict[str, str]:
    """Return the files of the documents' plugins, by their place in a folder of plugins."""
    files = {f"objectives/{name}": text for name, text in documented_objectives().items()}
    name, text = documented_backend()
    page = (ROOT / "docs" / "tasks.md").read_text()
    (task,) = re.findall(r"`mine/(tasks/\w+\.py)`", page)
    (content,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return {**files, f"backends/{name}": text, task: content}
