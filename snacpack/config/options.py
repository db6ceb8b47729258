"""What is wrong with the options of a task, each of which is described in JSON schema."""

from collections.abc import Mapping
from typing import Any

import jsonschema

from snacpack.config.problems import refused, unknown_keys
from snacpack.tasks.task import Task


def option_problems(task: Task, options: Mapping[str, Any]) -> dict[tuple[Any, ...], str]:
    """Return a problem with its cure for each option of a task that has one, by the path of its key."""
    # JSON has one kind of number, so that the validator takes 16.0 for an integer by default. Python's range does not.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    )
    validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    schemas = {option.name: option.schema for option in task.options}
    problems = {}
    for name in options.keys() & schemas:
        for error in validator(schemas[name]).iter_errors(options[name]):
            path = ("task", "options", name, *error.absolute_path)
            problems[path] = refused(error.instance, error.schema.get("description", error.message))
    unknown = list(options.keys() - schemas)
    return problems | ({("task", "options"): unknown_keys(unknown, schemas)} if unknown else {})
