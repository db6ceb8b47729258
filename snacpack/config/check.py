"""Checking a configuration before the first job, with errors in the user's words."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from snacpack.config.errors import ConfigError


def validate_config(config: Mapping[str, Any], files: Iterable[str | Path] = ()) -> None:
    """Check every key of a configuration by itself, and then what the keys must be together.

    From then on, this process knows the entries of the configuration's plugins.

    Parameters
    ----------
    config
        The whole configuration; a key that it lacks has its default.
    files
        The files that it was read from. A key that stands twice in one of them is a problem: the first
        would be ignored without a word.

    Raises
    ------
    ConfigError
        If anything is wrong; each line names the key and the fix.
    """
    from snacpack.config.problems import repeated_keys
    from snacpack.config.relations import relation_problems

    problems = [problem for path in files for problem in repeated_keys(path)]
    problems += _single_problems(config)
    # The rules between keys can only be read where the keys themselves are sound.
    problems = problems or list(relation_problems(config))
    if problems:
        raise ConfigError("the configuration has problems:\n  " + "\n  ".join(problems))


def _single_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of keys by themselves."""
    from snacpack.config.configuration import Configuration
    from snacpack.config.problems import content_problems, key_problems, name_of, without_former_keys

    known, renamed = without_former_keys(Configuration, config)
    yield from renamed
    contents = list(content_problems(config))
    yield from (f"{name_of(path)}: {problem}" for path, problem in contents)
    plugins = list(_plugin_problems(config))
    yield from (f"plugins: {problem}" for problem in plugins)
    # Without its plugins, a configuration's names of entries are neither known nor unknown.
    problems = key_problems(Configuration, known, entries=not plugins)
    problems |= {} if plugins else _option_problems(known)
    told = {path for path, _ in contents}
    for path in sorted(problems, key=name_of):
        if path not in told or not path:
            yield f"{name_of(path)}: {problems[path]}"


def _option_problems(config: Mapping[str, Any]) -> dict[tuple[Any, ...], str]:
    """Return the problems of the options of source, task and networks' families, by the path of the key."""
    from snacpack.config.data import Data
    from snacpack.config.keys import fill
    from snacpack.config.references import Reference
    from snacpack.config.search import Space
    from snacpack.config.task import Task
    from snacpack.data.sources import REGISTRY as SOURCES
    from snacpack.networks.registry import REGISTRY as FAMILIES
    from snacpack.tasks.registry import REGISTRY as TASKS

    def section(values: Any) -> Mapping[str, Any]:
        return values if isinstance(values, Mapping) else {}

    asked = []
    data = section(config.get("data"))
    source = data.get("source", Data.model_fields["source"].default)
    if isinstance(source, str) and source in SOURCES.known():
        schemas = {option.name: option.schema for option in SOURCES.find(source).options}
        asked.append((("data", "options"), schemas, data.get("options", {}), False))
    task = fill(Task, section(config.get("task")))
    if isinstance(task["name"], str) and task["name"] in TASKS.known():
        schemas = {option.name: option.schema for option in TASKS.find(task["name"]).options}
        asked.append((("task", "options"), schemas, task["options"], False))
    for name, fields in section(config.get("references")).items():
        reference = fill(Reference, section(fields))
        if isinstance(reference["family"], str) and reference["family"] in FAMILIES.known():
            schemas = {key: option.schema for key, option in FAMILIES.find(reference["family"]).options.items()}
            asked.append((("references", name, "options"), schemas, reference["options"], True))
    space = fill(Space, section(section(config.get("search")).get("space")))
    if isinstance(space["family"], str) and space["family"] in FAMILIES.known():
        schemas = {name: option.search_schema for name, option in FAMILIES.find(space["family"]).options.items()}
        asked.append((("search", "space", "options"), schemas, space["options"], True))
    problems = {}
    for path, schemas, options, all_needed in asked:
        if isinstance(options, Mapping) and (options or (all_needed and schemas)):
            # The validator takes a while to import, which most configurations need not wait for.
            from snacpack.config.options import option_problems

            problems |= option_problems(path, schemas, options, all_needed)
    return problems


def _plugin_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.core.plugins import PluginError, use_plugins

    folders = config.get("plugins", [])
    # The definition of the key tells of anything that is no list of names.
    sound = isinstance(folders, list) and all(isinstance(folder, str) and folder for folder in folders)
    try:
        use_plugins(folders if sound else [])
    except PluginError as error:
        yield from error.problems
