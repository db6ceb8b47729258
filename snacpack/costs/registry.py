"""All objectives that a configuration can name: those of :mod:`snacpack.costs.objectives`, and those of plugins.

Columns of tables, axes, hover texts, notes and the values that the configuration may have follow from here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from snacpack.core.plugins import Registry
from snacpack.costs.objective import TRAINING, VALIDATION, Measure, Objective, is_finite
from snacpack.tasks.registry import score_word, titled

ARCHITECTURES = "architectures"
COMPRESSIONS = "compressions"

NAC_OBJECTIVES = {"accuracy", "bops"}
"""The objectives of NAC, the paper's comparison."""

RESERVED = frozenset(
    (
        *("trial", "generation", "architecture", "n_layers", "units", "activation", "batch_norm", "learning_rate"),
        *("l1", "dropout", "genome", "loss", "epochs", "seed", "seconds", "failure", "pareto", "extrapolated"),
        *("estimate_of", "precision", "weight_bits", "activation_bits", "input_bits", "sparsity", "iteration"),
        *("validation_accuracy", "macs_left", "model", "kind", "accuracy_percent", "accuracy_low", "accuracy_high"),
        *("score_percent", "score_low", "score_high"),
    )
)
"""Columns of the tables beside objectives, whose names no objective may have."""


def _unmeasured(objective: Objective) -> Iterator[str]:
    """Say which measures take a number from where the workflow has none of a plugin's name."""
    for search in (ARCHITECTURES, COMPRESSIONS):
        measure = getattr(objective, search)
        if measure is not None and not callable(measure.by):
            yield f"by of its {search} is {measure.by!r}; `by` must be a function in a plugin: give one of the network"


def _owner(name: str) -> str:
    return "a column of the tables" if name in RESERVED or name in _reference_columns() else ""


def _reference_columns() -> set[str]:
    measures = [objective.architectures for objective in REGISTRY.built_in.values()]
    return {measure.reference_column for measure in measures if measure is not None}


REGISTRY = Registry("objectives", Objective, "snacpack.costs.objectives", _unmeasured, _owner)
find_objective = REGISTRY.find


def plugin_digests(search: str, trust: bool = False) -> dict[str, str]:
    """Return the SHA-256 of the plugins' files whose objectives a search measures, by the objective's name.

    Parameters
    ----------
    search
        :data:`ARCHITECTURES` or :data:`COMPRESSIONS`.
    trust
        As :func:`snacpack.core.inputs.file_digests`: a job takes over what the process that started it has found.
    """
    return REGISTRY.digests(lambda objective: getattr(objective, search) is not None, trust)


def find_measure(search: str, name: str) -> Measure:
    """Return how a search measures an objective.

    Raises
    ------
    ValueError
        If the search has no such objective; the message lists all that it has.
    """
    measures = measures_of(search)
    if name not in measures:
        raise ValueError(f"{name} is no objective of the search over {search}; there are {', '.join(measures)}")
    return measures[name]


def measures_of(search: str) -> dict[str, Measure]:
    """Return all objectives of a search, by name, in the order of their columns."""
    measures = {name: getattr(objective, search) for name, objective in REGISTRY.known().items()}
    measures["accuracy"] = _score_measure(measures["accuracy"])
    there = {name: measure for name, measure in measures.items() if measure is not None}

    def place(name: str) -> tuple[float, str]:
        column = there[name].column
        return (inf if column is None else column, name)

    return {name: there[name] for name in sorted(there, key=place)}


def _score_measure(measure: Measure) -> Measure:
    """Return how the score is measured, in the words of this process's task."""
    words = f"validation {score_word()}"
    return measure if words == measure.words else replace(measure, words=words, axis=titled(words))


def costs_of(search: str, appended: bool | None = None) -> list[str]:
    """Return the names of the objectives that a network costs, not those that it reaches, in the order of columns.

    Parameters
    ----------
    search
        :data:`ARCHITECTURES` or :data:`COMPRESSIONS`.
    appended
        Whether their columns stand behind all others of a table; None for all.
    """
    return [
        name
        for name, measure in measures_of(search).items()
        if measure.by not in (TRAINING, VALIDATION) and appended in (None, measure.column is None)
    ]


def validated(search: str, objectives: Iterable[str]) -> list[str]:
    """Return those of a search's objectives that the task measures on validation examples, in the order given."""
    measures = measures_of(search)
    return [name for name in objectives if name in measures and measures[name].by == VALIDATION]


def deciding_cost(objectives: Iterable[str]) -> str:
    """Return the cost that decides between finalists of a search over compressions: its first, or LUTs without one."""
    return next((name for name in objectives if name in costs_of(COMPRESSIONS)), "lut")


def shown_costs(search: str, objectives: Sequence[str] = ()) -> list[str]:
    """Return the costs that a report shows: those that it always shows, and then the others that were optimised."""
    return [*(name for name, measure in measures_of(search).items() if measure.shown), *extra_costs(search, objectives)]


def extra_costs(search: str, objectives: Sequence[str]) -> list[str]:
    """Return those of a search's objectives that a report does not show in any case."""
    measures = measures_of(search)
    reached = (TRAINING, VALIDATION)
    return [name for name in objectives if not measures[name].shown and measures[name].by not in reached]


def compute(search: str, network: Any) -> dict[str, float]:
    """Return what a search's objectives that are functions of the network give for it, by name.

    Parameters
    ----------
    search
        :data:`ARCHITECTURES` or :data:`COMPRESSIONS`.
    network
        A :class:`snacpack.costs.objective.FloatNetwork` or
        :class:`snacpack.costs.objective.CompressedNetwork`.

    Raises
    ------
    RuntimeError
        If a function fails, or gives something else than a finite number.
    """
    computed = {}
    for name, measure in measures_of(search).items():
        if callable(measure.by):
            try:
                computed[name] = _call(measure, network)
            except RuntimeError as error:
                owner = f" ({REGISTRY.plugins[name][1]})" if name in REGISTRY.plugins else ""
                raise RuntimeError(f"the objective {name}{owner} {error}") from error.__cause__
    return computed


def try_plugins(search: str, networks: Iterable[Any]) -> list[str]:
    """Call the functions of a search's plugins, and return a sentence for each that fails, which names its file.

    Parameters
    ----------
    search, networks
        As :func:`compute` has them; a function that fails for one network is not called for the next.
    """
    networks, problems = list(networks), []
    for objective, path in REGISTRY.plugins.values():
        measure = getattr(objective, search)
        try:
            for network in networks if measure is not None else []:
                _call(measure, network)
        except RuntimeError as error:
            problems.append(f"{path}: the function of {search} {error}")
    return problems


def _call(measure: Measure, network: Any) -> float:
    try:
        value = measure.by(network)
    # A function that ends the process is at fault too.
    except (Exception, SystemExit) as error:
        raise RuntimeError(f"fails for {network} with {type(error).__name__}: {error}; mend it") from error
    if not is_finite(value):
        raise RuntimeError(f"gives {value!r} for {network}; let it return a finite number")
    # JSON does not know NumPy's numbers.
    return value.item() if hasattr(value, "item") else value
