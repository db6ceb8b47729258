"""The files of ``config/`` that follow from the definitions of the keys."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic.json_schema import GenerateJsonSchema

from snacpack.config.configuration import Configuration
from snacpack.config.data import Detector
from snacpack.config.keys import Key, Section, default_of, keys_of, section_of
from snacpack.config.references import Reference
from snacpack.config.tables import TABLES, keys_table
from snacpack.config.wording import flow, plain

SEPARATE = {"references.NAME": Reference, "data.pythia.detector": Detector}
"""Sections that stand in the configuration only as far as a user names their keys."""

_WIDTH = 120
_COMMENT = 34
_MARKED = re.compile(r"<!-- (keys|table)( [\w.]+)?(?:: ([\w ]+))? -->\n(.*?)<!-- end -->\n", re.DOTALL)


def write_documents(folder: Path) -> None:
    """Write ``config.yaml``, ``config.schema.yaml`` and the tables of ``README.md`` in the folder ``config``."""
    for name, text in documents(folder).items():
        (folder / name).write_text(text)


def documents(folder: Path) -> dict[str, str]:
    """Return what the files of the folder ``config`` should hold, by their names.

    Raises
    ------
    ValueError
        If a key is in no table of ``README.md`` or in several, or a table names one that there is not.
    """
    return {
        "config.yaml": defaults_text(),
        "config.schema.yaml": schema_text(),
        "README.md": with_tables((folder / "README.md").read_text()),
    }


def defaults_text() -> str:
    """Return ``config.yaml``: all keys with their defaults, and words on each."""
    head = (
        "# The quick default: the whole pipeline in minutes on two cores. config/README.md explains every key.\n"
        "# `make config` writes this file from snacpack/config.\n"
    )
    return head + "\n".join(_lines_of(Configuration, "")) + "\n"


def _lines_of(kind: type[Section], indent: str) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        inner = section_of(field)
        if not indent and (inner or isinstance(default_of(field), Mapping)):
            yield ""
        words = plain(field.description or "")
        if inner:
            yield from _with_comment(f"{indent}{name}:", words)
            yield from _lines_of(inner, f"{indent}  ")
        else:
            first, *others = _value_lines(f"{indent}{name}:", default_of(field), indent)
            yield from _with_comment(first, words)
            yield from others


def _value_lines(start: str, value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a key: mappings and lists of lists are written out, other values stand in one line."""
    if isinstance(value, Mapping) and value:
        yield start
        for name, inner in value.items():
            yield from _value_lines(f"{indent}  {name}:", inner, f"{indent}  ")
    elif isinstance(value, list) and value and isinstance(value[0], list):
        yield start
        yield from (f"{indent}  - {flow(inner)}" for inner in value)
    else:
        yield f"{start} {flow(value)}"


def _with_comment(line: str, words: str) -> Iterator[str]:
    """Yield a line with its comment behind it, or before it where there is no room."""
    if not words:
        yield line
        return
    commented = f"{line.ljust(_COMMENT - 2)}  # {words}"
    if len(commented) <= _WIDTH:
        yield commented
        return
    indent = line[: len(line) - len(line.lstrip())]
    yield from textwrap.wrap(words, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    yield line


class _Schema(GenerateJsonSchema):
    """JSON schema without titles, which would repeat the names of the keys, and with all words on a key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out the titles of keys."""
        return False


def schema_text() -> str:
    """Return ``config.schema.yaml``, the allowed keys and values in the language that editors know."""
    head = (
        "# `make config` writes this file from snacpack/config. Editors can check and complete a configuration with "
        "it.\n# The workflow's own check knows more: the names of objectives, tasks, sources, backends and families, "
        "the options\n# of tasks and families, and what the keys must be together.\n"
    )
    schema = _tidy(Configuration.model_json_schema(schema_generator=_Schema))
    full = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return head + yaml.safe_dump(full, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _tidy(value: Any) -> Any:
    """Return a schema in which what :func:`snacpack.config.keys.key` adds to a key is part of its description."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {
        name: _tidy(item) for name, item in value.items() if name not in ("title", "more", "formerly") and item != ""
    }
    if "patternProperties" in value:
        tidy["additionalProperties"] = False
    if value.get("more"):
        tidy["description"] = f"{value['description']}. {value['more']}"
    return tidy


def with_tables(text: str) -> str:
    """Return ``README.md`` with a table between each pair of its marks.

    ``<!-- keys SECTION -->`` stands for all keys of a section that are in no other table,
    ``<!-- keys SECTION: one two -->`` for the keys that it names, and ``<!-- table NAME -->`` for one of
    :data:`snacpack.config.tables.TABLES`. ``<!-- end -->`` ends a table.
    """
    marks = [_Mark.of(match) for match in _MARKED.finditer(text)]
    tables = iter([keys_table(rows) if mark.of_keys else TABLES[mark.section]() for mark, rows in _rows(marks)])
    return _MARKED.sub(lambda match: f"{match[0].splitlines()[0]}\n\n{next(tables)}\n<!-- end -->\n", text)


class _Mark(NamedTuple):
    """A mark of a table: of a section's keys with the names of those that are in it, if not all; or another's name."""

    of_keys: bool
    section: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, match: re.Match[str]) -> "_Mark":
        return cls(match[1] == "keys", (match[2] or "").strip(), tuple((match[3] or "").split()))

    def full(self) -> list[str]:
        """Return the paths of the keys that it names."""
        return [f"{self.section}.{name}".removeprefix(".") for name in self.names]


def _rows(marks: Sequence[_Mark]) -> list[tuple[_Mark, list[tuple[str, Key]]]]:
    """Return the keys of each table, with the names that they have there."""
    every = {".".join(key.path): key for key in keys_of(Configuration)}
    for place, kind in SEPARATE.items():
        every |= {f"{place}.{'.'.join(key.path)}": key for key in keys_of(kind)}
    named = {path: mark for mark in marks for path in mark.full()}
    if named.keys() - every:
        raise ValueError(f"README.md names keys that there are not: {', '.join(sorted(named.keys() - every))}")
    whole = {mark.section: mark for mark in marks if mark.of_keys and not mark.names}
    rows: dict[_Mark, list[tuple[str, Key]]] = {mark: [] for mark in marks}
    for path, key in every.items():
        mark = named.get(path) or whole.get(_longest(path, whole))
        if mark is None:
            raise ValueError(f"README.md has no table for {path}")
        rows[mark].append((path.removeprefix(f"{mark.section}."), key))
    return list(rows.items())


def _longest(path: str, sections: Iterable[str]) -> str | None:
    return max((section for section in sections if path.startswith(f"{section}.")), key=len, default=None)
