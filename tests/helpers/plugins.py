"""Plugins as documents write them."""

import re

from helpers import ROOT
from helpers.backends import documented_backend
from helpers.objectives import documented_objectives


def documented_plugins() -> dict[str, str]:
    """Return the files of the documents' plugins, by their place in a folder of plugins."""
    files = {f"objectives/{name}": text for name, text in documented_objectives().items()}
    name, text = documented_backend()
    pages = {path: text for kind in ("sources", "tasks", "families") for path, text in _only_plugin(kind).items()}
    return {**files, f"backends/{name}": text, **pages}


def _only_plugin(kind: str) -> dict[str, str]:
    """Return the one plugin of a page that has the name of its kind."""
    page = (ROOT / "docs" / f"{kind}.md").read_text()
    (name,) = re.findall(rf"`mine/({kind}/\w+\.py)`", page)
    (content,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return {name: content}
