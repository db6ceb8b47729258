"""The tables of ``config/README.md``: keys, and the entries that they may name."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from snacpack.config.keys import Key, default_of
from snacpack.config.wording import allowed, flow
from snacpack.costs.objective import MAXIMISED, Measure
from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, find_objective, measures_of
from snacpack.networks.registry import REGISTRY as FAMILIES
from snacpack.synthesis.registry import all_backends
from snacpack.tasks.registry import REGISTRY as TASKS

_LONGEST_DEFAULT = 60


def keys_table(rows: Iterable[tuple[str, Key]]) -> str:
    """Return the table of keys, each with the name that it has there."""
    return _table(
        ("key", "default", "allowed", "meaning"),
        (
            (
                f"`{name}`",
                "" if key.field.is_required() else _default(default_of(key.field)),
                _cell(allowed(key.field.annotation, key.field.metadata)),
                f"{key.words}. {key.more}".removesuffix(".") if key.more else key.words,
            )
            for name, key in rows
        ),
    )


def options_table() -> str:
    """Return the table of the options of all tasks."""
    return _table(
        ("task", "key under `options`", "default", "allowed", "meaning"),
        (
            (
                f"`{task.name}`",
                f"`{option.name}`",
                _default(option.default),
                _cell(option.schema["description"]),
                option.meaning,
            )
            for task in TASKS.known().values()
            for option in task.options
        ),
    )


def objectives_table() -> str:
    """Return the table of the objectives of both searches."""
    names = dict.fromkeys([*measures_of(ARCHITECTURES), *measures_of(COMPRESSIONS)])
    return _table(
        ("objective", "direction", "search over architectures", "search over compressions"),
        (
            (
                f"`{objective.name}`",
                "maximised" if objective.direction == MAXIMISED else "minimised",
                _measure(objective.architectures),
                _measure(objective.compressions),
            )
            for objective in map(find_objective, names)
        ),
    )


def _measure(measure: Measure | None) -> str:
    if measure is None:
        return "\N{EN DASH}"
    unit = f", {measure.unit}" if measure.unit else ""
    if callable(measure.by):
        return f"{measure.define('`hardware.bit_width`')} (counted)"
    return f"{measure.words}{unit} ({measure.by})"


def backends_table() -> str:
    """Return the table of the backends."""
    return _table(
        ("backend", "tools", "needs on PATH", "circuit"),
        (
            (
                f"`{backend.name}`",
                backend.words,
                " or ".join(f"`{name}`" for name in backend.programs) or "nothing",
                f"hls4ml's project ({backend.hls4ml})" if backend.vendor else "da4ml's Verilog",
            )
            for backend in all_backends().values()
        ),
    )


def families_table() -> str:
    """Return the table of the families of networks and their options, all of which are needed."""
    return _table(
        ("family", "networks", "options"),
        (
            (
                f"`{family.name}`",
                family.words,
                "; ".join(f"`{name}`: {schema['description']}" for name, schema in family.options.items()) or "none",
            )
            for family in FAMILIES.known().values()
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "options": options_table,
    "objectives": objectives_table,
    "backends": backends_table,
    "families": families_table,
}
"""Tables of entries, by the names that the marks in ``config/README.md`` have."""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _default(value: Any) -> str:
    written = flow(value)
    return f"`{written}`" if len(written) <= _LONGEST_DEFAULT else "see `config.yaml`"


def _cell(text: str) -> str:
    return re.sub(r"([<>|*])", r"\\\1", text)
