"""Quantisation-aware training of Brevitas networks, with pruned weights held at zero."""

from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from snacpack.training.fine_tuning import FineTuning, fine_tune
from snacpack.training.fit import Jets
from snacpack.training.recipe import CPU, Machine, Recipe, Watch


def train_quantized(
    task: FineTuning, jets: Mapping[str, Jets], recipe: Recipe, label: str, machine: Machine = CPU
) -> list[dict[str, Any]]:
    """Train a quantised network in place: Adam on a loss, L1 on the weights.

    Parameters
    ----------
    task
        The network with its masks, and what it is trained with.
    jets
        ``train`` and ``val``, each as :data:`snacpack.training.fit.Jets` has them.
    recipe, machine
        Length and loss of the training, and its processors.
    label
        The network in words, for the progress bar and errors.

    Returns
    -------
    list of dict
        Per epoch ``epoch`` (from 1), ``train_loss`` and ``validation_loss``
        (without L1) and ``validation_accuracy``, the score.

    Raises
    ------
    RuntimeError
        If the loss is no longer finite.
    """
    with tqdm(desc=label, total=recipe.epochs, unit="epoch") as bar:
        watch = Watch(on_epoch=lambda *_: bar.update())
        (result,) = fine_tune([task], jets["train"], jets["val"], recipe, machine, watch)
    if result.failure:
        raise RuntimeError(
            f"quantisation-aware training of {label} failed: {result.failure}. Lower this network's learning rate "
            "(search.space.learning_rate, or references.<name>.learning_rate), raise compression.batch_size, or "
            "give the scheme more bits"
        )
    return result.history
