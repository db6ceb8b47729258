"""Faults of single keys of a configuration, in the user's words."""

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path as FilePath
from typing import Any, Literal, NamedTuple, get_args, get_origin

import yaml
from pydantic import ValidationError

from snacpack.config.keys import Entry, Section, former_keys, is_section
from snacpack.config.wording import allowed, alternatives, flow, plain

Path = tuple[Any, ...]

_SHORTENED = reprlib.Repr()
_SHORTENED.maxlevel, _SHORTENED.maxstring, _SHORTENED.maxother = 3, 120, 120
_UNKNOWN = ("extra_forbidden", "invalid_key")
_LONGEST_MESSAGE = 500


class _Place(NamedTuple):
    """A place of a configuration: its path, its value there, and the definition of the key, or of an item of its."""

    path: Path
    value: Any
    words: str
    annotation: Any
    rules: list[Any]


def name_of(path: Path) -> str:
    """Return the path of a key as messages have it."""
    return ".".join(map(str, path)) or "the configuration"


def key_problems(kind: type[Section], values: Mapping[str, Any], entries: bool = True) -> dict[Path, str]:
    """Compare a section with its definition.

    Parameters
    ----------
    kind, values
        The definition, and what the configuration has.
    entries
        Whether names are entries that this process knows: without a configuration's plugins, they are not.

    Returns
    -------
    dict
        A problem with its cure for each key that has one, by its path.
    """
    try:
        kind.model_validate(values, context={"entries": entries})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        return _explain(kind, values, faults)
    return {}


def _explain(kind: type[Section], values: Mapping[str, Any], faults: Iterable[Mapping[str, Any]]) -> dict[Path, str]:
    unknown: dict[Path, tuple[_Place, list[Any]]] = {}
    missing: dict[Path, list[str]] = {}
    wrong: dict[Path, tuple[_Place, set[str]]] = {}
    for fault in faults:
        *above, name = fault["loc"] or (None,)
        if fault["type"] in _UNKNOWN:
            place = _find(kind, values, above)
            unknown.setdefault(place.path, (place, []))[1].append(name)
        elif fault["type"] == "missing":
            missing.setdefault(_find(kind, values, above).path, []).append(name)
        else:
            place = _find(kind, values, fault["loc"])
            wrong.setdefault(place.path, (place, set()))[1].add(fault["type"])
    problems = {}
    for path, (place, types) in wrong.items():
        # A value that may have several types fails as each of them: the deepest faults are about the one meant.
        deeper = [*unknown, *missing, *(other for other in wrong if len(other) > len(path))]
        if not any(other[: len(path)] == path for other in deeper):
            problems[path] = _describe(place, types)
    for path, names in missing.items():
        are, each = ("is", "it") if len(names) == 1 else ("are", "each")
        problems[path] = f"{', '.join(names)} {are} missing; give {each} a value, see config/README.md"
    for path, (place, names) in unknown.items():
        told = unknown_keys(names, _known_keys(place))
        problems[path] = f"{problems[path]}; {told}" if path in missing else told
    return problems


def unknown_keys(names: Iterable[Any], known: Iterable[str]) -> str:
    """Say that a section has no such keys."""
    there = ", ".join(sorted(known))
    return f"unknown key {', '.join(sorted(map(repr, names)))}; {f'known are {there}' if there else 'there are none'}"


def refused(value: Any, expected: str) -> str:
    """Say that a value is not allowed, and what is expected."""
    if value is None:
        return "it is empty; give a value, or remove the line to use the default"
    return _shorten(f"{_SHORTENED.repr(value)} is not allowed; expected: {expected}")


def _find(kind: type[Section], values: Any, loc: Iterable[Any]) -> _Place:
    """Return the place of a fault; parts of its location that lead nowhere name a type that the value may have."""
    places = [_Place((), values, "", kind, [])]
    for part in loc:
        if part == "[key]":
            section, (*_, name) = places[-2], places[-1].path
            (key_type, _), *_ = [get_args(found) for found, _ in alternatives(section.annotation) if get_args(found)]
            return section._replace(value=name, annotation=key_type, rules=[])
        inner = _step(places[-1], part)
        places += [inner] if inner else []
    return places[-1]


def _step(place: _Place, part: Any) -> _Place | None:
    path = (*place.path, part)
    for found, _ in alternatives(place.annotation, place.rules):
        if isinstance(place.value, Mapping) and is_section(found) and part in found.model_fields:
            field = found.model_fields[part]
            return _Place(path, place.value.get(part), field.description or "", field.annotation, field.metadata)
        if isinstance(place.value, Mapping) and get_origin(found) is dict and part in place.value:
            return _Place(path, place.value[part], place.words, get_args(found)[1], [])
        if isinstance(place.value, list) and get_origin(found) is list and isinstance(part, int):
            return _Place(path, place.value[part], place.words, get_args(found)[0], [])
    return None


def _known_keys(place: _Place) -> list[str]:
    kinds = (found for found, _ in alternatives(place.annotation, place.rules))
    return [name for kind in kinds if is_section(kind) for name in kind.model_fields]


def _describe(place: _Place, types: set[str]) -> str:
    """Return what is wrong with a value, and which ones would be right."""
    possible, shown = list(alternatives(place.annotation, place.rules)), _SHORTENED.repr(place.value)
    if place.value is not None and types == {"model_type"}:
        keys = ", ".join(sorted(_known_keys(place)))
        return f"{shown} is not a section; write a section with some of these keys: {keys}"
    # The values of a list of words are told without their type.
    kinds = [] if types == {"literal_error"} else [allowed(place.annotation, place.rules)]
    expected = "; ".join(plain(words) for words in [place.words, *kinds] if words)
    if place.value is not None and types <= {"literal_error", "entry"}:
        names = ", ".join(map(repr, _names(possible)))
        return _shorten(f"{shown} is not one of {names}; expected: {expected}")
    number = _number(place.value, {kind for kind, _ in possible})
    if number is not None:
        return _shorten(f"{shown} is text to YAML, write {flow(number)}; expected: {expected}")
    return refused(place.value, expected)


def _names(possible: Iterable[tuple[Any, list[Any]]]) -> list[Any]:
    found = []
    for kind, rules in possible:
        found += get_args(kind) if get_origin(kind) is Literal else []
        found += [name for rule in rules if isinstance(rule, Entry) for name in rule.names()]
    return found


def _number(value: Any, kinds: set[Any]) -> float | None:
    """Return the number that a text such as 1e-5 is, which YAML takes for text, if a number is wanted and it is one."""
    for kind in (int, float):
        with suppress(ValueError):
            if kind in kinds and isinstance(value, str) and isfinite(kind(value)):
                return kind(value)
    return None


def _shorten(message: str) -> str:
    half = _LONGEST_MESSAGE // 2
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:half]} ... {message[-half:]}"


def repeated_keys(path: str | FilePath) -> Iterator[str]:
    """Yield the keys that stand twice in a file: the first would be ignored without a word."""
    seen: set[int] = set()

    def walk(node: yaml.Node, names: tuple[str, ...]) -> Iterator[str]:
        if id(node) in seen or not isinstance(node, yaml.MappingNode):
            return
        seen.add(id(node))
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                where = ".".join((*names, name))
                yield f"{where}: is given twice in {path}, in lines {lines[name]} and {line}; remove one of them"
            lines[name] = line
            yield from walk(value, (*names, name))

    # A file that cannot be read stopped Snakemake before.
    with suppress(yaml.YAMLError, OSError, UnicodeError), FilePath(path).open() as file:
        yield from walk(yaml.compose(file, Loader=yaml.SafeLoader), ())


def without_former_keys(kind: type[Section], config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a configuration without keys of former versions, and a problem for each that it has."""
    config, problems = dict(config), []
    for former, successor in former_keys(kind).items():
        *sections, name = former.split(".")
        section: Any = config
        for part in sections:
            inner = section.get(part) if isinstance(section, Mapping) else None
            if isinstance(inner, Mapping):
                inner = section[part] = dict(inner)
            section = inner
        if isinstance(section, Mapping) and name in section:
            del section[name]
            problems.append(f"{former}: this key is now {successor}; rename it")
    return config, problems


def content_problems(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield what no key may hold, with the key's path: no number, text that Snakemake or a terminal would trip over."""
    # An anchor of YAML can stand in many places, itself included: each is looked into once.
    seen: set[int] = set()

    def walk(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
        if isinstance(value, float) and not isfinite(value):
            yield path, f"{value} is not a finite number; write one"
        if isinstance(value, str):
            yield from ((path, problem) for problem in _text_problems(value))
        if id(value) in seen or not isinstance(value, Mapping | list):
            return
        seen.add(id(value))
        for name, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(value, Mapping) and not isinstance(name, str):
                yield path, f"the name {name!r} is not text; put it in quotes"
            elif isinstance(name, str) and not name.isprintable():
                yield path, f"the name {name!r} holds a control character; take it out"
            yield from walk(item, (*path, name))

    return walk(config, ())


def _text_problems(text: str) -> Iterator[str]:
    if not text.isprintable():
        yield f"{text!r} holds a line break or another control character; take it out"
    if set(text) & set("{}"):
        yield (
            f"{text!r} holds a brace, which Snakemake reads as a wildcard; rename it, or link to it under another name"
        )
