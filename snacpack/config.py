"""Checking a configuration before the first job, with errors in the user's words."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import pairwise
from math import ceil, isfinite, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from snacpack.architecture import Architecture
from snacpack.data.sources import REGISTRY as SOURCES
from snacpack.data.sources import describe_source, find_source, source_faults
from snacpack.tasks.registry import REGISTRY as TASKS
from snacpack.tasks.registry import find_task, try_task

# Every job reads the configuration with this module: it imports what only the check needs when the check runs.
if TYPE_CHECKING:
    import jsonschema

_LONGEST_MESSAGE = 400
# Checks of what does not depend on the data need some numbers of inputs and outputs all the same.
_ANY_SIZES = {"n_inputs": 1, "n_outputs": 2}
_SUCCESSORS = {
    "selection.min_accuracy": "selection.min_score",
    "compression.search.min_accuracy": "compression.search.min_score",
}
"""Keys of former versions, each with the key that has taken its place."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message lists every problem found."""


def validate_config(config: Mapping[str, Any], schema_path: str | Path, files: Iterable[str | Path] = ()) -> None:
    """Check a configuration against its schema, and what a schema cannot say.

    From then on, this process knows the entries of the configuration's plugins.

    Parameters
    ----------
    config
        The whole configuration, defaults merged in.
    schema_path
        ``config/config.schema.yaml``.
    files
        The files that it was read from. A key that stands twice in one of them is a problem: the first
        would be ignored without a word.

    Raises
    ------
    ConfigError
        If anything is wrong; each line names the key and the fix.
    """
    problems = [problem for path in files for problem in _repeated_keys(path)]
    problems += _renamed_keys(config)
    problems += _value_problems(config)
    plugins, schema = list(_plugin_problems(config)), _read_schema(Path(schema_path))
    # Without its plugins, a configuration's names of entries are neither known nor unknown.
    problems += [*plugins, *_schema_problems(config, schema if plugins else _with_entries(schema, config))]
    # The rules between keys can only be read where the keys themselves are sound.
    problems = problems or list(_semantic_problems(config))
    if problems:
        raise ConfigError("the configuration has problems:\n  " + "\n  ".join(problems))


def complete_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in every optional key of a checked configuration, so that each reader finds a complete record.

    The schema requires all other keys, and ``config/config.yaml`` gives their defaults.

    Parameters
    ----------
    config
        A configuration that :func:`validate_config` accepts. It is not changed.

    Returns
    -------
    A copy in which every reference has all fields of an architecture, the references that are null are left out, the
    task has all its options, and ``synthesis.available`` is null where it was not given.
    """
    references = {
        name: complete_reference(fields) for name, fields in config["references"].items() if fields is not None
    }
    task = {**config["task"], "options": find_task(config["task"]["name"]).complete(config["task"]["options"])}
    return {**config, "references": references, "task": task, "synthesis": {"available": None, **config["synthesis"]}}


def complete_reference(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a reference that the configuration may set, with the defaults of an architecture."""
    settable = ("units", "activation", "batch_norm", "learning_rate", "l1", "dropout")
    complete = Architecture.from_dict({**fields, **_ANY_SIZES}).to_dict()
    return {name: complete[name] for name in settable}


def configuration_warnings(config: Mapping[str, Any]) -> list[str]:
    """Return what a valid configuration may not mean, a sentence with its key for each; it runs all the same.

    Parameters
    ----------
    config
        A configuration that :func:`validate_config` has nothing against.
    """
    return [*_extrapolation_warnings(config), *_reuse_warnings(config)]


def _extrapolation_warnings(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.hardware.surrogate import Surrogate

    surrogate, settings = Surrogate(**config["hardware"]["surrogate"]), config["hardware"]["surrogate"]
    unlike = [f"hardware.surrogate: {what}" for what in surrogate.unlike_settings()]
    for name, architecture in _references(config).items():
        unlike += [f"references.{name}: {what}" for what in surrogate.unlike(architecture)[:1]]
    widest = _widest(config)
    unlike += [f"search.space: networks with {what}" for what in surrogate.unlike(widest)]
    if unlike:
        yield (
            f"rule4ml's {settings['weights']} weights (hardware.surrogate.weights) were not trained on such networks, "
            f"and a large one can look cheap (docs/hardware.md): {'; '.join(unlike)}"
        )


def _reuse_warnings(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.hardware.reuse import closest_reuse_factor

    synthesis = config["synthesis"]
    asked = synthesis["reuse_factor"]
    if synthesis["strategy"] != "resource":
        return
    for name, architecture in _references(config).items():
        written = [closest_reuse_factor(*sizes, asked) for sizes in pairwise(architecture.layer_widths)]
        if set(written) != {asked}:
            yield (
                f"synthesis.reuse_factor: {asked} does not fit every layer of references.{name}, so that hls4ml will "
                f"write {', '.join(map(str, written))} for its layers. A factor fits a layer if it divides the layer's "
                "inputs, or is the number of its inputs times a divisor of its units"
            )


def _references(config: Mapping[str, Any]) -> dict[str, Architecture]:
    sizes = _sizes(config)
    references = {name: fields for name, fields in config["references"].items() if fields is not None}
    return {name: Architecture.from_dict({**fields, **sizes}) for name, fields in references.items()}


def _widest(config: Mapping[str, Any]) -> Architecture:
    """The network of the search space with the most layers and the most units in each."""
    space = config["search"]["space"]
    units = [max(options) for options in space["units"][: max(space["n_layers"])]]
    return Architecture(units, **_sizes(config))


def _sizes(config: Mapping[str, Any]) -> dict[str, int]:
    return find_task(config["task"]["name"]).sizes(describe_source(config))


@cache
def _read_schema(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def _plugin_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.plugins import PluginError, use_plugins

    folders = config.get("plugins")
    # The schema tells of anything that is no list of names.
    sound = isinstance(folders, list) and all(isinstance(folder, str) and folder for folder in folders)
    try:
        use_plugins(folders if sound else [])
    except PluginError as error:
        yield from (f"plugins: {problem}" for problem in error.problems)


def _function_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Try the plugins' functions: a fault in one would else show in the middle of a run."""
    from snacpack.costs.objective import FloatNetwork
    from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, try_plugins

    if not config["plugins"]:
        return
    from snacpack.costs.example import example_network

    # Data and references that cannot be used are problems of their own.
    with suppress(ValueError):
        networks = [FloatNetwork(network, config["hardware"]["bit_width"]) for network in _references(config).values()]
        yield from (f"plugins: {problem}" for problem in try_plugins(ARCHITECTURES, networks))
    yield from (f"plugins: {problem}" for problem in try_plugins(COMPRESSIONS, [example_network()]))


def _with_entries(schema: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with the names of all entries that this process knows, and the options of the task."""
    from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, measures_of
    from snacpack.data.sources import describe_choices as describe_sources
    from snacpack.synthesis.registry import AUTO, all_backends, describe_choices

    definitions = dict(schema["$defs"])
    for search in (ARCHITECTURES, COMPRESSIONS):
        name = f"objective_of_{search}"
        definitions[name] = {**definitions[name], "enum": list(measures_of(search))}
    definitions["source"] = {"description": describe_sources(), "enum": list(SOURCES.known())}
    definitions["backend"] = {"description": describe_choices(), "enum": [AUTO, *all_backends()]}
    tasks, section = TASKS.known(), config.get("task")
    definitions["task"] = {**definitions["task"], "enum": list(tasks)}
    name = section.get("name") if isinstance(section, Mapping) else None
    if isinstance(name, str) and name in tasks:
        definitions["task_options"] = tasks[name].options_schema
    return {**schema, "$defs": definitions}


def _repeated_keys(path: str | Path) -> Iterator[str]:
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

    # What cannot be read stopped Snakemake before.
    with suppress(yaml.YAMLError, OSError, UnicodeError), Path(path).open() as file:
        yield from walk(yaml.compose(file, Loader=yaml.SafeLoader), ())


def _renamed_keys(config: Mapping[str, Any]) -> Iterator[str]:
    for former, successor in _SUCCESSORS.items():
        *sections, name = former.split(".")
        section: Any = config
        for key in sections:
            section = section.get(key) if isinstance(section, Mapping) else None
        if isinstance(section, Mapping) and name in section:
            yield f"{former}: this key is now {successor}; rename it"


def _value_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Find what no key may hold, and what the schema's language has no words for."""
    # An anchor of YAML can stand in many places, itself included: each is looked into once.
    seen: set[int] = set()

    def walk(value: Any, *path: Any) -> Iterator[str]:
        key = ".".join(map(str, path)) or "the configuration"
        if isinstance(value, float) and not isfinite(value):
            yield f"{key}: {value} is not a finite number; write one"
        if isinstance(value, str):
            yield from _text_problems(key, value)
        if id(value) in seen or not isinstance(value, Mapping | list):
            return
        seen.add(id(value))
        for name, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(value, Mapping) and not isinstance(name, str):
                yield f"{key}: the name {name!r} is not text; put it in quotes"
            elif isinstance(name, str) and not name.isprintable():
                yield f"{key}: the name {name!r} holds a control character; take it out"
            yield from walk(item, *path, name)

    return walk(config)


def _text_problems(key: str, text: str) -> Iterator[str]:
    if not text.isprintable():
        yield f"{key}: {text!r} holds a line break or another control character; take it out"
    if set(text) & set("{}"):
        yield (
            f"{key}: {text!r} holds a brace, which Snakemake reads as a wildcard; rename it, or link to it "
            "under another name"
        )


def _schema_problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    import jsonschema

    # JSON has one kind of number, so that the validator takes 16.0 for an integer by default. Python's range does not.
    types = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda checker, value: isinstance(value, int) and not isinstance(value, bool)
    )
    validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=types)(schema)
    for error in sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.absolute_path))):
        key = ".".join(map(str, error.absolute_path)) or "the configuration"
        message = _explain(error, {name.rpartition(".")[2] for name in _SUCCESSORS if name.startswith(f"{key}.")})
        if message is None:
            continue
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[: _LONGEST_MESSAGE // 2]} ... {message[-_LONGEST_MESSAGE // 2 :]}"
        yield f"{key}: {message}"


def _explain(error: "jsonschema.ValidationError", renamed: Collection[str]) -> str | None:
    """Say what an error means; None where it is about renamed keys alone, which are problems of their own."""
    known = sorted(error.schema.get("properties", {})) if isinstance(error.schema, Mapping) else []
    meaning = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    if error.validator == "additionalProperties":
        unknown = sorted(map(repr, set(error.instance) - set(known) - set(renamed)))
        return f"unknown key {', '.join(unknown)}; known are {', '.join(known)}" if unknown else None
    if error.instance is None and error.validator == "type":
        return "it is empty; give a value, or remove the line to use the default"
    if error.validator == "required":
        return f"{error.message}; see config/README.md"
    if error.validator == "pattern":
        return f"{error.instance!r} is not allowed; expected: {meaning}"
    if error.validator == "type" and known:
        return f"{error.instance!r} is not a section; write a section with some of these keys: {', '.join(known)}"
    return f"{error.message}" + (f"; expected: {meaning}" if meaning else "")


def _semantic_problems(config: Mapping[str, Any]) -> Iterator[str]:
    yield from source_faults(config)
    yield from _task_problems(config)
    yield from _objective_problems(config)
    yield from _search_problems(config)
    yield from _model_problems(config)
    yield from _sparsity_problems(config["compression"])
    yield from _compression_search_problems(config)
    yield from _tool_problems(config)
    yield from _function_problems(config)


def _task_problems(config: Mapping[str, Any]) -> Iterator[str]:
    task, source = find_task(config["task"]["name"]), find_source(config["data"]["source"])
    if task.targets not in source.targets:
        fit = [name for name, other in SOURCES.known().items() if task.targets in other.targets]
        yield (
            f"task.name: a {task.words} takes {task.targets}, which data.source {source.name!r} does not have; set "
            f"data.source to {' or '.join(fit)}, or choose another task"
        )
        return
    try:
        info = describe_source(config)
    except ValueError:
        # Data that cannot be used are a problem of their own.
        return
    options = task.complete(config["task"]["options"])
    try:
        yield from task.check(info, options)
        if task.name in TASKS.plugins:
            yield from (f"task.name: {problem}" for problem in try_task(task, info, options))
    # A plugin's function may fail as it likes.
    except Exception as error:
        yield f"task.name: the check of {task.name} fails with {type(error).__name__}: {error}; mend it"


def _objective_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, validated

    task = find_task(config["task"]["name"])
    has = [metric.name for metric in task.metrics]
    sections = {"search": config["search"], "compression.search": config["compression"]["search"]}
    for (key, section), search in zip(sections.items(), (ARCHITECTURES, COMPRESSIONS), strict=True):
        for name in validated(search, section["objectives"]):
            if name not in has:
                yield f"{key}.objectives: {name} is no metric of the {task.words}; it has {', '.join(has)}"


def _search_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.problems.architectures import architecture_search

    search = config["search"]
    try:
        size = architecture_search(search, _ANY_SIZES, seed=0).space.size
    except ValueError as error:
        yield str(error)
        return
    yield from _size_problems("search", search, size)
    yield from _estimate_problems(search["objectives"], config["hardware"]["surrogate"]["weights"])


def _estimate_problems(objectives: Iterable[str], weights: str) -> Iterator[str]:
    from snacpack.costs.objective import RULE4ML
    from snacpack.costs.registry import ARCHITECTURES, find_measure
    from snacpack.hardware.surrogate import TARGETS, estimated_by

    for name in objectives:
        if find_measure(ARCHITECTURES, name).by == RULE4ML and name not in estimated_by(weights):
            able = " or ".join(repr(kind) for kind in TARGETS if name in estimated_by(kind))
            yield f"search.objectives: only hardware.surrogate.weights {able} estimates the {name}"


def _size_problems(section: str, search: Mapping[str, Any], size: int) -> Iterator[str]:
    trials, population = search["trials"], search["population"]
    if trials % population:
        below = max(population, trials - trials % population)
        smaller = " or a smaller population" if trials < population else ""
        yield (
            f"{section}.trials: {trials} is not a multiple of {section}.population, {population}; "
            f"take {below} trials{smaller}"
        )
    if trials > size:
        yield (
            f"{section}.trials: {trials} different networks are wanted, but {section}.space has {size}; "
            "choose fewer or add options"
        )
    if search["shards"] > population:
        yield (
            f"{section}.shards: {search['shards']} jobs are more than the {population} networks of a "
            "generation; choose fewer"
        )


def _compression_search_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.problems.compressions import compression_search

    section, search = "compression.search", config["compression"]["search"]
    try:
        # The fewest layers that a network can have leave the fewest compressions.
        size = compression_search(search, Architecture(units=(1,), **_ANY_SIZES), seed=0).space.size
    except ValueError as error:
        # Rules that both searches have call the section by its short name.
        yield str(error) if str(error).startswith(section) else f"compression.{error}"
        return
    yield from _size_problems(section, search, size)
    if search["finalists"] > search["trials"]:
        yield (
            f"{section}.finalists: {search['finalists']} finalists are more than the {search['trials']} "
            "trials; choose fewer"
        )
    yield from _score_problems(f"{section}.min_score", search["min_score"], config)
    yield from _scheme_problems(f"{section}.start", search["start"])


def _score_problems(key: str, wanted: float | str, config: Mapping[str, Any]) -> Iterator[str]:
    references = [name for name, fields in config["references"].items() if fields is not None]
    if isinstance(wanted, str) and wanted not in references:
        known = f"references are {', '.join(references)}" if references else "there are no references"
        yield f"{key}: {wanted!r} is neither a number nor a reference; {known}"


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
        yield "references: all are null, but candidates are compared with a reference; keep one"
    for name, fields in references.items():
        try:
            Architecture.from_dict({**fields, **_ANY_SIZES})
        except ValueError as error:
            yield f"references.{name}: {error}"
    yield from _score_problems("selection.min_score", config["selection"]["min_score"], config)
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
    from snacpack.synthesis.devices import available_resources
    from snacpack.synthesis.registry import missing_tool
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
        shortest = shortest_clock_period(synthesis["part"])
    except ValueError as error:
        yield str(error)
        return
    if synthesis["clock_period_ns"] < shortest:
        yield (
            f"synthesis.clock_period_ns: {synthesis['clock_period_ns']} is less than one addition takes on "
            f"{synthesis['part']}, {shortest} ns; take a slower clock"
        )
