"""The configuration's section ``search``: the search over architectures, and what the other search shares with it."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from snacpack.config.keys import EACH_ONCE, Entry, Says, Section, key, section
from snacpack.config.references import L1, MOST_LAYERS, Activation, Family, LearningRate, Width
from snacpack.config.types import Fraction, Positive, Share
from snacpack.networks.architecture import Architecture

Trials = Annotated[int, Field(ge=1, le=1_000_000)]
Population = Annotated[int, Field(ge=4, le=100_000)]
TRIALS = "number of trials, all different; a multiple of `population`"
POPULATION = "trials of a generation; a multiple of four, as NSGA-II's tournament needs"


def objectives_of(search: str) -> Entry:
    """Return the rule of names of a search's objectives, ``architectures`` or ``compressions``."""

    def names() -> Iterable[str]:
        from snacpack.costs.registry import measures_of

        return measures_of(search)

    return Entry(names, lambda: f"an objective of the search over {search}")


class Evolution(Section):
    """Keys of both searches."""

    method: Literal["nsga2", "random"] = key(
        "nsga2",
        "proposal of a generation: `nsga2` starts from the best so far, `random` draws from the space",
        "The second shows the gain from NSGA-II.",
    )
    trials: Trials = key(256, TRIALS)
    population: Population = key(16, POPULATION)
    shards: Annotated[int, Field(ge=1, le=100)] = key(
        1,
        "training jobs of a generation, each of which uses all cores that it gets",
        "A job trains one network per core, so one job fills one machine; on a cluster, choose the number of "
        "machines. A change alters no result, but trains all networks again.",
    )
    crossover_probability: Fraction = key(0.9, "probability that two parents exchange genes")
    mutation_probability: Fraction | None = key(
        None, "probability that a gene is drawn anew; null is one over the number of genes"
    )


class Space(Section):
    """The options of every decision on an architecture."""

    family: Family = key(
        Architecture.family, "family of networks", "It has [options](#families) besides the keys that follow."
    )
    options: Annotated[dict[str, Any], Says("a section with options of the family")] = key(
        {},
        "for each option of the family a list to choose from",
        "Hidden units have a section with `n_layers` and `units` like those that follow.",
    )
    n_layers: Annotated[list[Positive], Field(min_length=1), EACH_ONCE] = key(
        [4, 5, 6, 7, 8], "numbers of hidden layers"
    )
    units: Annotated[
        list[Annotated[list[Width], Field(min_length=1), EACH_ONCE]], Field(min_length=1, max_length=MOST_LAYERS)
    ] = key(
        [
            [64, 120, 128],
            [32, 60, 64],
            [16, 32],
            [32, 64],
            [32, 64],
            [32, 64],
            [16, 32],
            [32, 44, 64],
        ],
        "widths to choose from, for the first, second, ... layer",
    )
    activation: Annotated[list[Activation], Field(min_length=1), EACH_ONCE] = key(
        ["relu", "tanh", "sigmoid"], "activations of all hidden layers"
    )
    batch_norm: Annotated[list[bool], Field(min_length=1), EACH_ONCE] = key(
        [True, False], "whether hidden layers are batch normalised"
    )
    learning_rate: Annotated[list[LearningRate], Field(min_length=1), EACH_ONCE] = key(
        [0.001, 0.0015, 0.002], "step sizes of Adam"
    )
    l1: Annotated[list[L1], Field(min_length=1), EACH_ONCE] = key(
        [0.0, 1.0e-6, 1.0e-5, 1.0e-4], "weights of the sum of absolute weights in the loss"
    )
    dropout: Annotated[list[Share], Field(min_length=1), EACH_ONCE] = key(
        [0.0, 0.05, 0.1], "probabilities that a hidden unit is dropped in training"
    )


class Search(Evolution):
    """The search over architectures."""

    objectives: Annotated[list[Annotated[str, objectives_of("architectures")]], Field(min_length=1), EACH_ONCE] = key(
        ["accuracy", "average_resources", "clock_cycles"],
        "numbers that the search optimises",
        "The [objectives](#objectives) are listed below (`initiation_interval` only with `v2-gnn`).",
    )
    space: Space = section(Space, "options of every decision; the defaults are Table 1 of the paper")
