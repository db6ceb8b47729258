"""The configuration's section ``compression``: bits and sparsity of the chosen networks."""

from typing import Annotated, Literal

from pydantic import Field

from snacpack.config.keys import EACH_ONCE, Section, contains, key, section
from snacpack.config.search import POPULATION, TRIALS, Evolution, Population, Trials, objectives_of
from snacpack.config.types import BatchSize, Epochs, Fraction, OpenFraction, Positive, Scheme, Score, Share
from snacpack.networks.scheme import BITS

Method = Literal["magnitude", "search"]
Bits = Annotated[list[Annotated[int, Field(ge=BITS.start, le=BITS.stop - 1)]], Field(min_length=1), EACH_ONCE]


class CompressionSpace(Section):
    """The options of every decision on a compression."""

    weight_bits: Bits = key([2, 3, 4, 5, 6, 7, 8], "bits of each layer's weights")
    activation_bits: Bits = key([2, 3, 4, 5, 6, 7, 8], "bits of each hidden layer's activations")
    input_bits: Bits = key(
        [4, 5, 6, 7, 8], "bits of the inputs", "A weight and its factor have at most 20 bits together."
    )
    sparsity: Annotated[list[Share], Field(min_length=1), EACH_ONCE] = key(
        [0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.83, 0.86, 0.88, 0.9, 0.92, 0.95], "share of all weights that is pruned"
    )


class CompressionSearch(Evolution):
    """The search over compressions of each candidate."""

    trials: Trials = key(96, TRIALS)
    population: Population = key(24, POPULATION)
    objectives: Annotated[
        list[Annotated[str, objectives_of("compressions")]], Field(min_length=2), EACH_ONCE, contains("accuracy")
    ] = key(
        ["accuracy", "lut"],
        "accuracy and at least one other; the first cost among them decides between finalists",
        "The [objectives](#objectives) are those of the search over compressions; da4ml estimates the circuit for "
        "`synthesis.part` and `synthesis.clock_period_ns`. The finalist that is best in the first cost is "
        "synthesised, or in LUTs if there is no cost.",
    )
    space: CompressionSpace = section(CompressionSpace, "options of every decision")
    start: Scheme = key("w8a8", "precision of the warm-up, from which all trials of a network start")
    warmup_epochs: Epochs = key(10, "epochs of the warm-up")
    epochs: Epochs = key(
        12,
        "epochs of a trial",
        "Its weights are pruned gradually over the first part, and the learning rate falls to zero.",
    )
    finalists: Positive = key(
        12,
        "trials of the front that are trained again from the warm-up, at most `trials`",
        "Three quarters of them are cheaper than the trials that reach `min_score` in a short training.",
    )
    final_epochs: Epochs = key(60, "epochs of a finalist")
    references: bool = key(
        False,
        "whether the references have searches too",
        "They take as long as a candidate's or longer. If `method` is `search` alone, references have searches in any "
        "case.",
    )
    min_score: Score | None = key(
        None,
        "least validation score of the synthesised network, as a fraction or a reference's; null is "
        "`selection.min_score`",
        "A reference's is its score in floating point. A lower value gives smaller circuits. If no finalist reaches "
        "it, the most accurate one is synthesised, and the report says so.",
        formerly="min_accuracy",
    )


class Compression(Section):
    """Both ways to compress a network."""

    method: Method | Annotated[list[Method], Field(min_length=1), EACH_ONCE] = key(
        ["magnitude", "search"],
        "`magnitude` (the paper's pruning at one precision), `search` (each layer its own bits), or a list of both",
        "With both, table 3 and the report show the models of both ways side by side.",
    )
    schemes: Annotated[list[Scheme], Field(min_length=1), EACH_ONCE] = key(
        ["w8a8"],
        "precisions, each of which is compressed and synthesised",
        "`w6a8` has 6-bit weights and 8-bit activations and inputs, `w6a8i10` 10-bit inputs.",
    )
    warmup_epochs: Epochs = key(5, "epochs of the warm-up, at the scheme's precision")
    iterations: Annotated[int, Field(ge=0, le=99)] = key(
        3,
        "rounds of pruning, one job each",
        "Each round starts again from the weights after the warm-up.",
    )
    epochs_per_iteration: Epochs = key(2, "epochs of training after each round")
    pruned_per_iteration: OpenFraction = key(0.2, "share of the remaining weights that a round prunes")
    batch_size: BatchSize = key(256, "examples of a training step in both ways; the paper has 128")
    target_sparsity: Fraction = key(
        0.5,
        "sparsity wanted: the round nearest to it is synthesised",
        "n rounds of p reach 1 - (1 - p)^n, which is 48.8% for the default.",
    )
    max_accuracy_loss: Fraction | None = key(
        None,
        "if set, the sparsest round whose validation accuracy is at most this much below the warm-up's is synthesised "
        "instead",
    )
    search: CompressionSearch = section(CompressionSearch, "each layer its own bits, for the smallest circuit")
