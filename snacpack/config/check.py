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
    """Return the problems of the options of a task, by the path of the key."""
    from snacpack.config.keys import fill
    from snacpack.config.task import Task
    from snacpack.tasks.registry import REGISTRY

    section = config.get("task", {})
    name, options = fill(Task, section if isinstance(section, Mapping) else {}).values()
    if not isinstance(name, str) or name not in REGISTRY.known() or not isinstance(options, Mapping) or not options:
        return {}
    # The validator takes a while to import, which most configurations need not wait for.
    from snacpack.config.options import option_problems

    return option_problems(REGISTRY.find(name), options)


def _plugin_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.plugins import PluginError, use_plugins

    folders = config.get("plugins", [])
    # The definition of the key tells of anything that is no list of names.
    sound = isinstance(folders, list) and all(isinstance(folder, str) and folder for folder in folders)
    try:
        use_plugins(folders if sound else [])
    except PluginError as error:
        yield from error.problems
