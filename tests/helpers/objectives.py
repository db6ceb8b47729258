"""Objectives as documents write them."""

import re

from helpers import ROOT
from snacpack.costs.objective import MAXIMISED, Measure
from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, find_objective, measures_of
from snacpack.plugins import use_plugins


def table_of_objectives() -> str:
    """Return the table of config/README.md: every objective of the workflow itself."""
    use_plugins([])
    lines = [
        "| objective | direction | search over architectures | search over compressions |",
        "| --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys([*measures_of(ARCHITECTURES), *measures_of(COMPRESSIONS)]):
        objective = find_objective(name)
        direction = "maximised" if objective.direction == MAXIMISED else "minimised"
        lines.append(f"| `{name}` | {direction} | {_cell(objective.architectures)} | {_cell(objective.compressions)} |")
    return "\n".join(lines) + "\n"


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return "\N{EN DASH}"
    unit = f", {measure.unit}" if measure.unit else ""
    if callable(measure.by):
        return f"{measure.define('`hardware.bit_width`')} (counted)"
    return f"{measure.words}{unit} ({measure.by})"


def documented_objectives() -> dict[str, str]:
    """Return the files of the examples of docs/objectives.md by their names."""
    text = (ROOT / "docs" / "objectives.md").read_text()
    names = re.findall(r"`mine/objectives/(\w+\.py)`", text)
    return dict(zip(names, re.findall(r"```python\n(.*?)```", text, re.DOTALL), strict=True))
