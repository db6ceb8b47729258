"""How a task is described, and what its metrics give for the outputs of a network."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.core.plugins import check_name
from snacpack.core.seeds import derive_seed
from snacpack.data.info import DataInfo
from snacpack.tasks.intervals import bootstrap_intervals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = "classes"
"""Targets that are class numbers, (n,) int64."""

NUMBERS = "numbers"
"""Targets that are numbers, (n, n_outputs) float32."""

RECONSTRUCTION = "reconstruction"
"""Targets that are the network's own inputs, (n, n_inputs) float32, of background alone; metrics get class numbers."""

Weights = np.ndarray
"""How much each example counts, (n,) float64."""


@dataclass(frozen=True)
class Examples:
    """Examples of a data set with what a network gives for them.

    Parameters
    ----------
    outputs
        ``(n, n_outputs)`` float64, the network's last sums: logits where the targets are classes.
    targets
        ``(n,)`` int64 classes, or ``(n, n_outputs)`` numbers as networks are trained on them, normalised.
    info
        The data set's description.
    options
        All options of the task.
    inputs
        ``(n, n_inputs)`` float32, normalised, as the network is given them.
    weights
        ``(n,)`` positive numbers, how much each example counts; None where all count the same.

    Raises
    ------
    ValueError
        If outputs, targets, inputs and weights are of different numbers of examples.
    """

    outputs: np.ndarray
    targets: np.ndarray
    info: DataInfo
    options: Mapping[str, Any]
    inputs: np.ndarray | None = None
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "outputs", np.asarray(self.outputs, dtype=np.float64))
        object.__setattr__(self, "targets", np.asarray(self.targets))
        if len(self.outputs) != len(self.targets):
            raise ValueError(f"there are {len(self.outputs)} outputs for {len(self.targets)} targets")
        if self.inputs is not None and len(self.inputs) != len(self.targets):
            raise ValueError(f"there are {len(self.inputs)} inputs for {len(self.targets)} targets")
        if self.weights is not None and len(self.weights) != len(self.targets):
            raise ValueError(f"there are {len(self.weights)} weights for {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def counting(self) -> Weights:
        """How much each example counts, (n,) float64: its weight, or one."""
        return np.ones(len(self)) if self.weights is None else np.asarray(self.weights, dtype=np.float64)


@dataclass(frozen=True)
class Option:
    """A key of ``task.options``.

    Parameters
    ----------
    name
        The key.
    default
        Its value where the configuration has none.
    schema
        The values that it may have, as a JSON schema; ``description`` says them in words.
    meaning
        Its effect, for the table in ``config/README.md``.
    """

    name: str
    default: Any
    schema: Mapping[str, Any]
    meaning: str


@dataclass(frozen=True)
class Metric:
    """Something that is measured on the test examples once, and on validation examples where a search optimises it.

    Parameters
    ----------
    name
        Its name in files, and of the objective if there is one.
    heading
        The metric above a column, without its unit.
    note
        Its definition below a table, a phrase without a full stop; an option's name in braces stands for its value.
    prepare
        A function of :class:`Examples` that returns a function of their :data:`Weights`, which returns the values: by
        class or target, and under the empty name what holds for all of them. A value that cannot be told, such as the
        share of no example, is not a number.
    unit
        The unit; ``%`` is a fraction that is shown in percent.
    digits
        Decimals in tables; None for four significant digits, where the size of the values is not known.
    interval
        A function of :class:`Examples` that returns the ends of the 68.27% interval of each value; None where there
        is no formula, for draws of the examples.
    """

    name: str
    heading: str
    note: str
    prepare: Callable[[Examples], Callable[[Weights], dict[str, float]]]
    unit: str = ""
    digits: int | None = 4
    interval: Callable[[Examples], dict[str, tuple[float, float]]] | None = None

    def title(self, of: str = "") -> str:
        """Return the heading with a class or target and the unit, such as ``Accuracy [%]`` or ``AUC, top``."""
        named = f"{self.heading}, {of}" if of else self.heading
        return f"{named} [{self.unit}]" if self.unit else named

    def write(self, value: float | None) -> str:
        """Return a value as tables have it, without its unit; nothing where there is none."""
        if value is None:
            return ""
        shown = 100 * value if self.unit == "%" else value
        return f"{shown:.4g}" if self.digits is None else f"{shown:,.{self.digits}f}"


@dataclass(frozen=True)
class Picture:
    """A figure of one network.

    Parameters
    ----------
    name
        First part of its file's name.
    heading
        Heading of its section in the report.
    caption
        Sentences below the heading; ``{examples}`` stands for the word for examples.
    draw
        A function of :class:`Examples` and the network's name in words that returns the figure.
    """

    name: str
    heading: str
    caption: str
    draw: Callable[[Examples, str], "Figure"]


def _cross_entropy(options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def _no_problems(info: DataInfo, options: Mapping[str, Any]) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Task:
    """A purpose of networks: everything that the workflow knows of it.

    Parameters
    ----------
    name
        The entry of ``task.name``, and the name of the file that holds it: small letters, digits and underscores.
    words
        The task in a sentence, such as ``classification``.
    targets
        The kind of targets that it takes, :data:`CLASSES`, :data:`NUMBERS` or :data:`RECONSTRUCTION`.
    n_outputs
        A function of the data set's description that returns how many outputs a network has.
    score
        The metric that is the score that counts, a fraction, higher for better. The trainers tell it of every epoch.
        The objective ``accuracy`` and the records of that name are this score.
    score_words
        The score in a sentence, and in the plural: ``accuracy`` and ``accuracies``.
    guess
        A function of the number of outputs that returns the score of a guess.
    metrics
        The metrics that are measured, in the order of columns.
    pictures
        Figures of each compressed network.
    options
        Keys of ``task.options``.
    check
        A function of the data set's description and all options that returns a sentence for each fault, which begins
        with the key.
    loss
        A function of all options that returns what differs from the defaults of
        :class:`snacpack.training.losses.Loss`.

    Raises
    ------
    ValueError
        If a name is unfit, stands twice, or the kind of targets is unknown.
    """

    name: str
    words: str
    targets: str
    n_outputs: Callable[[DataInfo], int]
    score: str
    score_words: tuple[str, str]
    guess: Callable[[int], float]
    metrics: tuple[Metric, ...]
    pictures: tuple[Picture, ...] = ()
    options: tuple[Option, ...] = ()
    check: Callable[[DataInfo, Mapping[str, Any]], Iterable[str]] = _no_problems
    loss: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _cross_entropy

    def __post_init__(self) -> None:
        for kind in ("metrics", "pictures", "options"):
            names = [entry.name for entry in getattr(self, kind)]
            if len(set(names)) < len(names):
                raise ValueError(f"{kind} of {self.name} have a name twice: {', '.join(names)}; rename one")
        for name in (self.name, *(entry.name for entry in (*self.metrics, *self.pictures, *self.options))):
            check_name(name)
        if self.targets not in (CLASSES, NUMBERS, RECONSTRUCTION):
            raise ValueError(f"targets is {self.targets!r}; write CLASSES, NUMBERS or RECONSTRUCTION")

    def sizes(self, info: DataInfo) -> dict[str, int]:
        """Return ``n_inputs`` and ``n_outputs``, as networks and search spaces take them."""
        return {"n_inputs": info.n_inputs, "n_outputs": self.n_outputs(info)}

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options, with the defaults of those that are not given."""
        return {option.name: option.default for option in self.options} | dict(options)

    @property
    def options_schema(self) -> dict[str, Any]:
        """The JSON schema of ``task.options``."""
        return {
            "description": f"a section with options of the {self.words}, {{}} for the defaults",
            "type": "object",
            "additionalProperties": False,
            "properties": {option.name: dict(option.schema) for option in self.options},
        }


def measure(task: Task, examples: Examples, seed: int) -> list[dict[str, Any]]:
    """Measure all metrics of a task with their 68.27% intervals.

    Parameters
    ----------
    task, examples
        The task, and test examples with a network's outputs.
    seed
        Decides the draws behind intervals without a formula.

    Returns
    -------
    list of dict
        For JSON: ``metric``, ``of`` (the class or target, empty for all), ``value``, ``low`` and ``high``, None where
        there is no such number.
    """
    rows = []
    for metric in task.metrics:
        values_of = metric.prepare(examples)
        if metric.interval is None:
            intervals = bootstrap_intervals(
                lambda drawn, values_of=values_of: values_of(drawn * examples.counting),
                len(examples),
                derive_seed(seed, metric.name),
            )
        else:
            intervals = metric.interval(examples)
        for of, value in values_of(examples.counting).items():
            known = bool(np.isfinite(value))
            low, high = intervals.get(of, (None, None)) if known else (None, None)
            rows.append({"metric": metric.name, "of": of, "value": float(value) if known else None})
            rows[-1] |= {"low": low, "high": high}
    return rows


def values_over_all(task: Task, examples: Examples, names: Sequence[str]) -> dict[str, float]:
    """Return the values of some metrics that hold for all classes or targets, by the metric's name.

    Raises
    ------
    ValueError
        If the task has no such metric, or it cannot be told of these examples.
    """
    metrics = {metric.name: metric for metric in task.metrics}
    values = {}
    for name in names:
        if name not in metrics:
            raise ValueError(f"{name} is no metric of the {task.words}; it has {', '.join(metrics)}")
        value = float(metrics[name].prepare(examples)(examples.counting)[""])
        if not np.isfinite(value):
            raise ValueError(
                f"{name} cannot be told of {len(examples)} {examples.info.examples}: a class has none of them; give "
                "more, or take it out of the objectives"
            )
        values[name] = value
    return values


@dataclass(frozen=True)
class Validation:
    """Metrics that a search measures of its trials beside the score, on validation examples.

    Parameters
    ----------
    task
        The task of the networks.
    names
        Metrics of it; none for a search that optimises none.
    info, options
        The data set's description, and the task's options.
    targets, inputs, weights
        Targets of the validation examples, their inputs, and their weights, if any.
    """

    task: Task
    names: Sequence[str]
    info: DataInfo
    options: Mapping[str, Any]
    targets: np.ndarray
    inputs: np.ndarray | None = None
    weights: np.ndarray | None = None

    def values(self, outputs: Callable[[], np.ndarray]) -> dict[str, float]:
        """Return the metrics by name, from a function that gives the outputs, ``(n, n_outputs)``, if there are any."""
        if not self.names:
            return {}
        examples = Examples(outputs(), self.targets, self.info, self.options, self.inputs, self.weights)
        return values_over_all(self.task, examples, self.names)
