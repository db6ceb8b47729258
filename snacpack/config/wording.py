"""Types of values, and values, in words."""

import re
from collections.abc import Iterable, Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from snacpack.config.keys import Entry, ListRule, Says

_BOUNDS = ("ge", "gt", "le", "lt")
_COUNTS = {1: "one", 2: "two"}


def alternatives(annotation: Any, rules: Iterable[Any] = ()) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the types that a value may have, each with its rules."""
    rules = [part for rule in rules for part in (rule.metadata if isinstance(rule, FieldInfo) else [rule])]
    if get_origin(annotation) is Annotated:
        inner, *others = get_args(annotation)
        yield from alternatives(inner, [*others, *rules])
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from alternatives(part)
    else:
        yield annotation, rules


def allowed(annotation: Any, rules: Iterable[Any] = ()) -> str:
    """Return in words which values a type allows."""
    rules = list(rules)
    if get_origin(annotation) is Annotated:
        inner, *others = get_args(annotation)
        return allowed(inner, [*others, *rules])
    for rule in rules:
        if isinstance(rule, Says):
            return rule.words
        if isinstance(rule, Entry):
            return rule.describe()
    if get_origin(annotation) in (Union, UnionType):
        parts = [allowed(part) for part in get_args(annotation)]
        return (", or " if any("," in part for part in parts) else " or ").join(parts)
    ((kind, rules),) = alternatives(annotation, rules)
    return _allowed_by_kind(kind, rules)


def _allowed_by_kind(kind: Any, rules: list[Any]) -> str:
    if get_origin(kind) is Literal:
        return listed(get_args(kind))
    if get_origin(kind) is list:
        return _list_words(kind, rules)
    if kind in (int, float):
        return _number_words("a whole number" if kind is int else "a number", rules)
    return {NoneType: "null", bool: "true or false", str: "text"}.get(kind, "a section")


def listed(values: Iterable[Any]) -> str:
    """Return values as a list in words, ``a, b or c``."""
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last


def _number_words(noun: str, rules: list[Any]) -> str:
    ge, gt, le, lt = (_bound(rules, name) for name in _BOUNDS)
    if ge is not None and le is not None:
        return f"{noun} from {ge} to {le}"
    if gt is not None and lt is not None:
        return f"{noun} between {gt} and {lt}, both excluded"
    words = [
        *([f"from {ge}"] if ge is not None else []),
        *([f"above {gt}"] if gt is not None else []),
        *([f"below {lt}"] if lt is not None else []),
        *([f"at most {le}"] if le is not None else []),
    ]
    return " ".join([noun, " and ".join(words)]).strip()


def _bound(rules: list[Any], name: str) -> Any:
    return next((getattr(rule, name) for rule in rules if hasattr(rule, name)), None)


def _list_words(kind: Any, rules: list[Any]) -> str:
    least, most = _bound(rules, "min_length"), _bound(rules, "max_length")
    size = f"{least} to {most} " if most else f"{_COUNTS.get(least, least)} or more " if least else ""
    different = "different " if any(isinstance(rule, ListRule) and rule.different for rule in rules) else ""
    (item,) = get_args(kind)
    return f"a list of {size}{different}values, each {allowed(item)}"


def plain(words: str) -> str:
    """Return words without links and the marks of code, for messages and comments."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", words).replace("`", "")


def flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("\n...\n").strip()
