"""The rules between the keys of a configuration, and what a registry's entries ask of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import ceil, log
from typing import Any

from snacpack.config.completion import fill_in
from snacpack.config.networks import ANY_SIZES, references_of, sizes_for
from snacpack.data.sources import REGISTRY as SOURCES
from snacpack.data.sources import describe_source, find_source, source_faults
from snacpack.data.weights import class_weight_faults
from snacpack.networks.architecture import Architecture
from snacpack.tasks.registry import REGISTRY as TASKS
from snacpack.tasks.registry import find_task, try_task
from snacpack.tasks.task import CLASSES


def relation_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence with key and cure for each fault of a configuration whose keys are sound by themselves."""
    config = fill_in(config)
    yield from source_faults(config)
    yield from _task_problems(config)
    yield from _objective_problems(config)
    yield from _search_problems(config)
    yield from _reference_problems(config)
    yield from _sparsity_problems(config["compression"])
    yield from _compression_search_problems(config)
    yield from _tool_problems(config)
    yield from _function_problems(config)


def _task_problems(config: Mapping[str, Any]) -> Iterator[str]:
    task, source = find_task(config["task"]["name"]), find_source(config["data"]["source"])
    if task.targets not in source.targets:
        fit = [name for name, other in SOURCES.known().items() if task.targets in other.targets]
        yield (
            f"task.name: {task.name} takes {task.targets}, which data.source {source.name!r} does not have; set "
            f"data.source to {' or '.join(fit)}, or choose another task"
        )
        return
    try:
        info = describe_source(config)
    except ValueError:
        # Data that cannot be used are a problem of their own.
        return
    options = task.complete(config["task"]["options"])
    class_weights = config["training"]["class_weights"]
    if class_weights is not None and task.targets != CLASSES:
        yield f"training.class_weights: the task {task.name} has no classes to weigh; leave it out"
    else:
        yield from class_weight_faults(class_weights, info.classes, info.name)
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
    missing: list[str] = []
    # Data that cannot be used are problems of their own.
    with suppress(ValueError):
        info = describe_source(config)
        missing = [name for name in info.signals if info.counts and not info.counts["val"].get(name)]
    sections = {"search": config["search"], "compression.search": config["compression"]["search"]}
    for (key, section), search in zip(sections.items(), (ARCHITECTURES, COMPRESSIONS), strict=True):
        for name in validated(search, section["objectives"]):
            if name not in has:
                yield f"{key}.objectives: {name} is no metric of the {task.words}; it has {', '.join(has)}"
            elif missing and name != task.score:
                yield (
                    f"{key}.objectives: {name} is measured on validation examples, and there are none of the signals "
                    f"{', '.join(missing)}; give some, or take the objective out"
                )


def _search_problems(config: Mapping[str, Any]) -> Iterator[str]:
    from snacpack.problems.architectures import architecture_search

    search = config["search"]
    sizes = sizes_for(config, search["space"]["family"])
    if sizes is None:
        return
    try:
        size = architecture_search(search, sizes, seed=0).space.size
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
        size = compression_search(search, Architecture(units=(1,), **ANY_SIZES), seed=0).space.size
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
    references = config["references"]
    if isinstance(wanted, str) and wanted not in references:
        known = f"references are {', '.join(references)}" if references else "there are no references"
        yield f"{key}: {wanted!r} is neither a number nor a reference; {known}"


def _scheme_problems(key: str, scheme: str) -> Iterator[str]:
    from snacpack.networks.scheme import Scheme

    try:
        usual = str(Scheme.parse(scheme))
    except ValueError as error:
        yield f"{key}: {error}" if repr(scheme) in str(error) else f"{key} holds {scheme!r}: {error}"
        return
    if scheme != usual:
        yield f"{key}: write {scheme!r} as {usual!r}, so that one precision has one name"


def _reference_problems(config: Mapping[str, Any]) -> Iterator[str]:
    if not config["references"]:
        yield "references: all are null, but candidates are compared with a reference; keep one"
    # Data that cannot be used are problems of their own.
    with suppress(ValueError):
        sizes = find_task(config["task"]["name"]).sizes(describe_source(config))
        for name, fields in config["references"].items():
            try:
                Architecture.from_dict({**fields, **sizes})
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
        available_resources(synthesis["part"], synthesis["available"])
        shortest = shortest_clock_period(synthesis["part"])
    except ValueError as error:
        yield str(error)
        return
    if synthesis["clock_period_ns"] < shortest:
        yield (
            f"synthesis.clock_period_ns: {synthesis['clock_period_ns']} is less than one addition takes on "
            f"{synthesis['part']}, {shortest} ns; take a slower clock"
        )


def _function_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Try the plugins' functions: a fault in one would else show in the middle of a run."""
    from snacpack.costs.objective import FloatNetwork
    from snacpack.costs.registry import ARCHITECTURES, COMPRESSIONS, try_plugins

    if not config["plugins"]:
        return
    from snacpack.costs.example import example_network

    # Data and references that cannot be used are problems of their own.
    with suppress(ValueError):
        networks = [
            FloatNetwork(network, config["hardware"]["bit_width"]) for network in references_of(config).values()
        ]
        yield from (f"plugins: {problem}" for problem in try_plugins(ARCHITECTURES, networks))
    yield from (f"plugins: {problem}" for problem in try_plugins(COMPRESSIONS, [example_network()]))
