"""Faults of the options of a task or of a family, each of which is described in JSON schema."""

from collections.abc import Mapping
from typing import Any

import jsonschema

from snacpack.config.problems import refused, unknown_keys


def option_problems(
    path: tuple[Any, ...],
    schemas: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Any],
    all_needed: bool = False,
) -> dict[tuple[Any, ...], str]:
    """Compare options with their description.

    Parameters
    ----------
    path
        The key of the options.
    schemas
        The JSON schema of each option that there is; ``description`` says in words which values it may have.
    options
        The options that the configuration has.
    all_needed
        Whether none may be left out.

    Returns
    -------
    dict
        A problem with its cure for each key that has one, by its path.
    """
    # JSON has one kind of number, so that the validator takes 16.0 for an integer by default. Python's range does not.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    )
    validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)
    problems = {}
    for name in options.keys() & schemas:
        for error in validator(schemas[name]).iter_errors(options[name]):
            expected = error.schema.get("description", error.message)
            problems[*path, name, *error.absolute_path] = refused(error.instance, expected)
    unknown = list(options.keys() - schemas)
    missing = sorted(schemas.keys() - options) if all_needed else []
    told = [f"{', '.join(missing)} must be given"] if missing else []
    told += [unknown_keys(unknown, schemas)] if unknown else []
    return problems | ({path: "; ".join(told)} if told else {})
