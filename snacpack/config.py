"""Checking a configuration before the first job, with errors in the user's words."""

from collections.abc import Iterator, Mapping
from math import ceil, log
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from snacpack.architecture import Architecture
from snacpack.search.nsga2 import compression_rules, search_rules


class ConfigError(ValueError):
    """A configuration that cannot be run; the message lists every problem found."""


def validate_config(config: Mapping[str, Any], schema_path: str | Path) -> None:
    """Check a configuration against its schema, and what a schema cannot say.

    Parameters
    ----------
    config
        The whole configuration, defaults merged in.
    schema_path
        ``config/config.schema.yaml``.

    Raises
    ------
    ConfigError
        If anything is wrong; each line names the key and the fix.
    """
    problems = list(_schema_problems(config, yaml.safe_load(Path(schema_path).read_text())))
    # The rules between keys can only be read where the keys themselves are sound.
    problems = problems or list(_semantic_problems(config))
    if problems:
        raise ConfigError("the configuration has problems:\n  " + "\n  ".join(problems))


def _schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.absolute_path))):
        key = ".".join(map(str, error.absolute_path)) or "the configuration"
        yield f"{key}: {_explain(error)}"


def _explain(error: jsonschema.ValidationError) -> str:
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"unknown key {', '.join(map(repr, unknown))}; known are {', '.join(known)}"
    if error.instance is None and error.validator == "type":
        return "it is empty; fill it in, or take the line out for the default"
    if error.validator == "required":
        return f"{error.message}; see config/README.md"
    meaning = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    return f"{error.message}" + (f"; expected: {meaning}" if meaning else "")


def _semantic_problems(config: Mapping[str, Any]) -> Iterator[str]:
    yield from _data_problems(config["data"])
    yield from _search_problems(config)
    yield from _model_problems(config)
    yield from _sparsity_problems(config["compression"])
    yield from _compression_search_problems(config)
    yield from _tool_problems(config)


def _data_problems(data: Mapping[str, Any]) -> Iterator[str]:
    if data["source"] == "files":
        folder = data["files"]["folder"]
        if folder is None:
            yield "data.files.folder: needed where data.source is 'files'; give the folder with the HDF5 files"
        else:
            yield from _folder_problems(folder)
    if data["source"] == "pythia":
        yield from _detector_problems(data["pythia"]["detector"])


def _folder_problems(folder: str) -> Iterator[str]:
    from snacpack.jets.layout import find_samples

    try:
        find_samples(folder)
    except ValueError as error:
        yield str(error)


def _detector_problems(parameters: Mapping[str, float]) -> Iterator[str]:
    from snacpack.jets.detector import Detector

    try:
        Detector.from_config(parameters)
    except ValueError as error:
        yield str(error)


def _search_problems(config: Mapping[str, Any]) -> Iterator[str]:
    search = config["search"]
    try:
        size = search_rules(search, n_inputs=1, seed=0).space.size
    except ValueError as error:
        yield str(error)
        return
    yield from _size_problems("search", search, size)
    if "initiation_interval" in search["objectives"] and config["hardware"]["surrogate"]["weights"] != "v2-gnn":
        yield "search.objectives: only hardware.surrogate.weights 'v2-gnn' estimates the initiation_interval"


def _size_problems(section: str, search: Mapping[str, Any], size: int) -> Iterator[str]:
    trials, population = search["trials"], search["population"]
    if trials % population:
        below = max(population, trials - trials % population)
        yield f"{section}.trials: {trials} is not a multiple of {section}.population, {population}; take {below} trials"
    if trials > size:
        yield (
            f"{section}.trials: {trials} different networks are asked for, {section}.space has {size}; "
            "ask for fewer or add options"
        )
    if search["shards"] > population:
        yield f"{section}.shards: {search['shards']} jobs for the {population} networks of a generation; take fewer"


def _compression_search_problems(config: Mapping[str, Any]) -> Iterator[str]:
    section, search = "compression.search", config["compression"]["search"]
    try:
        # The fewest layers that a network can have leave the fewest compressions.
        size = compression_rules(search, Architecture(units=(1,)), seed=0).space.size
    except ValueError as error:
        yield str(error) if str(error).startswith(section) else f"{section}: {error}"
        return
    yield from _size_problems(section, search, size)
    if search["finalists"] > search["trials"]:
        yield f"{section}.finalists: {search['finalists']} of only {search['trials']} trials; take fewer"
    yield from _accuracy_problems(f"{section}.min_accuracy", search["min_accuracy"], config)
    yield from _scheme_problems(f"{section}.start", search["start"])


def _accuracy_problems(key: str, wanted: float | str, config: Mapping[str, Any]) -> Iterator[str]:
    references = [name for name, fields in config["references"].items() if fields is not None]
    if isinstance(wanted, str) and wanted not in references:
        yield f"{key}: {wanted!r} is neither a number nor a reference; references are {', '.join(references)}"


def _scheme_problems(key: str, scheme: str) -> Iterator[str]:
    from snacpack.compression.scheme import Scheme

    try:
        usual = str(Scheme.parse(scheme))
    except ValueError as error:
        yield f"{key}: {error}" if repr(scheme) in str(error) else f"{key} holds {scheme!r}: {error}"
        return
    if scheme != usual:
        yield f"{key}: write {scheme!r} as {usual!r}, so that one precision has one name"


def _model_problems(config: Mapping[str, Any]) -> Iterator[str]:
    references = {name: fields for name, fields in config["references"].items() if fields is not None}
    if not references:
        yield "references: all are null; keep one, which candidates are compared with"
    for name, fields in references.items():
        try:
            Architecture.from_dict(fields)
        except ValueError as error:
            yield f"references.{name}: {error}"
    yield from _accuracy_problems("selection.min_accuracy", config["selection"]["min_accuracy"], config)
    for scheme in config["compression"]["schemes"]:
        yield from _scheme_problems("compression.schemes", scheme)


def _sparsity_problems(compression: Mapping[str, Any]) -> Iterator[str]:
    pruned, iterations = compression["pruned_per_iteration"], compression["iterations"]
    reached, target = 1 - (1 - pruned) ** iterations, compression["target_sparsity"]
    # A little short of it is what the default is: three times 20% make 48.8%.
    if compression["max_accuracy_loss"] is None and reached < target - 0.05:
        needed = f"; {ceil(log(1 - target) / log(1 - pruned))} would reach it" if target < 1 else ""
        yield (
            f"compression.target_sparsity: {iterations} iterations of {pruned:.0%} leave only {reached:.1%} of the "
            f"weights zero, less than {target:.0%}{needed}"
        )


def _tool_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.hardware.surrogate import Surrogate
    from snacpack.synthesis.backends import choose_backend, missing_tool
    from snacpack.synthesis.parts import available_resources, yosys_family
    from snacpack.synthesis.timing import shortest_clock_period

    try:
        Surrogate(**config["hardware"]["surrogate"])
    except ValueError as error:
        yield str(error)
    synthesis = config["synthesis"]
    missing = missing_tool(synthesis["backend"])
    if missing:
        yield f"synthesis.backend: {missing}"
    try:
        available_resources(synthesis["part"], synthesis.get("available"))
        if not missing and choose_backend(synthesis["backend"]) == "open":
            yosys_family(synthesis["part"])
    except ValueError as error:
        yield str(error)
    shortest = shortest_clock_period(synthesis["part"])
    if synthesis["clock_period_ns"] < shortest:
        yield (
            f"synthesis.clock_period_ns: {synthesis['clock_period_ns']} is less than one addition takes on "
            f"{synthesis['part']}, {shortest} ns; take a slower clock"
        )
