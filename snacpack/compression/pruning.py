"""Iterative magnitude pruning with rewinding: the lottery-ticket procedure.

Frankle and Carbin, "The Lottery Ticket Hypothesis", ICLR 2019, arXiv:1803.03635:
train, remove the smallest weights, rewind the others, repeat. Frankle et al.,
"Stabilizing the Lottery Ticket Hypothesis", arXiv:1903.01611: rewind to the weights
after a short training (here the warm-up) rather than to the initial ones.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch

from snacpack.compression.calibration import equalise, quantize
from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import build_quantized_network, fold_batch_norm, tensors_of
from snacpack.compression.qat import train_quantized
from snacpack.core.seeds import derive_seed
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Precision
from snacpack.training.fine_tuning import FineTuning
from snacpack.training.fit import Jets, evaluate
from snacpack.training.pruning import shrink_masks
from snacpack.training.recipe import CPU, Machine, Recipe
from snacpack.training.trials import train

Masks = dict[str, torch.Tensor]


def warm_up(
    architecture: Architecture,
    precision: Precision,
    scheme: str,
    jets: Mapping[str, Jets],
    recipe: Recipe,
    seed: int,
    candidate: str,
    machine: Machine = CPU,
) -> Checkpoint:
    """Train a quantised network from scratch: what every pruning iteration rewinds to and every trial starts from.

    The first half of the epochs (the only one of one) is in floating point. Then batch
    normalisation, where the architecture has it, is folded into the weights, the
    quantisers get their ranges, and the rest of the epochs trains the network as the
    circuit will compute it.

    Parameters
    ----------
    architecture, precision
        The network that is trained.
    scheme
        The precision's name.
    jets
        ``train`` and ``val``, as :func:`snacpack.compression.qat.train_quantized` wants them.
    recipe, machine
        Length and loss of the training, and its processors.
    seed
        Decides the initial weights, the order of jets and dropout.
    candidate
        The network's name, for errors.

    Raises
    ------
    RuntimeError
        If the training diverges.
    """
    label = f"{candidate}, scheme {scheme}, iteration 0 (warm-up)"
    float_epochs = (recipe.epochs + 1) // 2
    in_float = replace(recipe, epochs=float_epochs)
    (start,) = train([architecture], [seed], jets["train"], jets["val"], in_float, machine)
    if start.failure:
        raise RuntimeError(
            f"the warm-up of {label} failed in floating point: {start.failure} (search.space.learning_rate, or "
            "references.<name>.learning_rate)"
        )
    layers = fold_batch_norm(start.network)
    if architecture.batch_norm and architecture.activation == "relu":
        layers = equalise(layers)
    network = quantize(architecture, precision, layers, jets["train"][0])
    history, later = [dict(record) for record in start.history], recipe.epochs - float_epochs
    if later:
        task = FineTuning(tensors_of(network), architecture, derive_seed(seed, "quantized"))
        trained = train_quantized(task, jets, replace(recipe, epochs=later), label, machine)
        history += [{**record, "epoch": float_epochs + record["epoch"]} for record in trained]
    _, accuracy = evaluate(network, *jets["val"], loss=recipe.loss)
    masks = {
        name.removesuffix(".weight"): torch.ones_like(value, dtype=torch.bool)
        for name, value in network.state_dict().items()
        if name.endswith(".weight")
    }
    return Checkpoint(architecture, precision, scheme, 0, state_of(network), masks, accuracy, history)


def state_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a network's state dictionary."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def prune(
    warmed_up: Checkpoint,
    previous: Checkpoint,
    jets: Mapping[str, Jets],
    pruned_per_iteration: float,
    recipe: Recipe,
    seed: int,
    candidate: str,
    machine: Machine = CPU,
) -> Checkpoint:
    """Remove the smallest of the remaining weights, rewind the others, train again.

    Parameters
    ----------
    warmed_up
        The weights that pruning rewinds to.
    previous
        The last iteration (or the warm-up itself), whose trained weights are compared.
    jets, recipe, seed, candidate, machine
        As for :func:`warm_up`.
    pruned_per_iteration
        Fraction of the remaining weights that is removed.

    Raises
    ------
    ValueError
        If the two checkpoints are not of the same architecture and scheme.
    RuntimeError
        If the training diverges.
    """
    if (warmed_up.architecture, warmed_up.precision) != (previous.architecture, previous.precision):
        raise ValueError(
            f"iteration {previous.iteration} of {candidate} is of {previous.architecture} at {previous.precision}, but "
            f"its warm-up is of {warmed_up.architecture} at {warmed_up.precision}; delete both files and rerun rule "
            "warm_up_candidate"
        )
    iteration = previous.iteration + 1
    n_weights = sum(mask.numel() for mask in previous.masks.values())
    weights_left = round(n_weights * (1 - pruned_per_iteration) ** iteration)
    weights = [previous.state[f"{name}.weight"] for name in previous.masks]
    shrunk = shrink_masks(weights, list(previous.masks.values()), weights_left)
    masks = dict(zip(previous.masks, shrunk, strict=True))
    network = build_quantized_network(previous.architecture, previous.precision)
    network.load_state_dict(rewind(warmed_up.state, masks))
    label = f"{candidate}, scheme {previous.scheme}, iteration {iteration}"
    task = FineTuning(tensors_of(network, masks), previous.architecture, seed)
    history = train_quantized(task, jets, recipe, label, machine)
    accuracy = history[-1]["validation_accuracy"]
    return replace(
        previous,
        iteration=iteration,
        state=state_of(network),
        masks=masks,
        validation_accuracy=accuracy,
        history=history,
    )


def rewind(state: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the warmed-up ``state`` with pruned weights at zero and everything else as it was."""
    rewound = dict(state)
    for name, mask in masks.items():
        rewound[f"{name}.weight"] = state[f"{name}.weight"] * mask
    return rewound
