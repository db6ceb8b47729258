"""How a key of the configuration is defined: once, with its type and range, its default, and words on it.

The checks before the first job, ``config/config.schema.yaml``, the comments of ``config/config.yaml`` and the tables of
``config/README.md`` all follow from these definitions.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError, core_schema


class Section(BaseModel):
    """A section of the configuration: its fields are the keys, and no others are allowed."""

    # Strict, so that 16.0 and True are no whole numbers. Without a built validator, an import costs little.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True, regex_engine="python-re")


def key(default: Any, words: str, more: str = "", formerly: str = "") -> Any:
    """Define a key.

    Parameters
    ----------
    default
        Its value where the configuration has none; ``...`` if it must have one.
    words
        Its meaning in a phrase, without its range, which follows from its type. Code stands in backticks.
    more
        Further sentences for ``config/README.md``.
    formerly
        Name of the key in former versions.
    """
    return Field(default, description=words, json_schema_extra={"more": more, "formerly": formerly})


def section(kind: type[Section], words: str = "") -> Any:
    """Define a key that is a section, whose defaults are those of its keys."""
    return Field(default_factory=kind, description=words, json_schema_extra={"more": "", "formerly": ""})


@dataclass(frozen=True)
class Says:
    """The values that a type allows, in words; without it they follow from the type."""

    words: str


@dataclass(frozen=True, eq=False)
class ListRule:
    """A rule of a list.

    Parameters
    ----------
    holds
        A function of the list.
    schema
        The rule in JSON schema.
    different
        Whether it wants different values.
    """

    holds: Callable[[list[Any]], bool]
    schema: Mapping[str, Any]
    different: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), **self.schema}

    def _check(self, values: list[Any]) -> list[Any]:
        if not self.holds(values):
            raise PydanticCustomError("list_rule", "the list breaks a rule")
        return values


EACH_ONCE = ListRule(
    lambda values: not any(value in values[:place] for place, value in enumerate(values)), {"uniqueItems": True}, True
)


def contains(value: str) -> ListRule:
    """Return the rule of a list that a value stands in it."""
    return ListRule(lambda values: value in values, {"contains": {"const": value}})


@dataclass(frozen=True)
class Entry:
    """A rule of names: they are entries of a registry, which is complete once the plugins are known.

    Parameters
    ----------
    names
        A function that returns the names.
    describe
        A function that returns what they are in words.
    """

    names: Callable[[], Iterable[str]]
    describe: Callable[[], str]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def _check(self, name: str, info: ValidationInfo) -> str:
        if (info.context or {}).get("entries", True) and name not in self.names():
            raise PydanticCustomError("entry", "there is no such entry")
        return name


class Key(NamedTuple):
    """A key that is no section: its path, and its definition."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def words(self) -> str:
        """Its meaning in a phrase."""
        return self.field.description or ""

    @property
    def more(self) -> str:
        """Further sentences on it."""
        return extra(self.field, "more")


def extra(field: FieldInfo, name: str) -> str:
    """Return ``more`` or ``formerly`` of a key."""
    return (field.json_schema_extra or {}).get(name, "")


def keys_of(kind: type[Section], path: tuple[str, ...] = ()) -> Iterator[Key]:
    """Yield all keys of a section and of the sections in it, in their order."""
    for name, field in kind.model_fields.items():
        if section_of(field):
            yield from keys_of(section_of(field), (*path, name))
        else:
            yield Key((*path, name), field)


def former_keys(kind: type[Section]) -> dict[str, str]:
    """Return the paths of keys of former versions, each with the key that has taken its place."""
    found = {".".join((*key.path[:-1], extra(key.field, "formerly"))): ".".join(key.path) for key in keys_of(kind)}
    return {former: path for former, path in found.items() if former and not former.endswith(".")}


def is_section(annotation: Any) -> bool:
    """Tell whether a type is a section, and nothing else."""
    return isinstance(annotation, type) and issubclass(annotation, Section)


def section_of(field: FieldInfo) -> type[Section] | None:
    """Return the section that a key is, of which each key has a default of its own; None for other keys."""
    return field.default_factory


def default_of(field: FieldInfo) -> Any:
    """Return a new copy of a key's default; of a section, the defaults of its keys."""
    if section_of(field):
        return fill(section_of(field), {})
    return deepcopy(field.default)


def fill(kind: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section with the defaults of all keys that it lacks; what is given stays as it is."""
    filled = {}
    for name, field in kind.model_fields.items():
        if name not in values:
            filled[name] = default_of(field)
        elif section_of(field):
            filled[name] = fill(section_of(field), values[name])
        else:
            filled[name] = values[name]
    return filled
