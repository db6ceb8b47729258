"""Iterative magnitude pruning with rewinding: the lottery-ticket procedure.

Frankle and Carbin, "The Lottery Ticket Hypothesis", ICLR 2019, arXiv:1803.03635:
train, remove the smallest weights, rewind the others, repeat. Frankle et al.,
"Stabilizing the Lottery Ticket Hypothesis", arXiv:1903.01611: rewind to the weights
after a short training (here the warm-up) rather than to the initial ones.
"""

import math
from collections.abc import Mapping

import torch

from snacpack.architecture import Architecture
from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import build_quantized_network, fold_batch_norm
from snacpack.compression.qat import train_quantized
from snacpack.compression.scheme import Scheme
from snacpack.seeds import derive_seed
from snacpack.training.fit import Jets, evaluate

Masks = dict[str, torch.Tensor]


def warm_up(
    architecture: Architecture,
    scheme: Scheme,
    jets: Mapping[str, Jets],
    epochs: int,
    batch_size: int,
    seed: int,
    candidate: str,
) -> Checkpoint:
    """Train a quantised network from scratch: the state that every pruning iteration rewinds to.

    Batch normalisation, where the architecture has it, is folded before the last of
    several epochs, which then trains the weights on their final grid; after the only one.

    Parameters
    ----------
    architecture, scheme
        What to train.
    jets
        ``train`` and ``val``, as :func:`snacpack.compression.qat.train_quantized` wants them.
    epochs, batch_size
        Length of the training.
    seed
        Of the initial weights, the order of jets and dropout.
    candidate
        The network's name, for errors.

    Raises
    ------
    RuntimeError
        If the training diverges.
    """
    steps = math.ceil(len(jets["train"][0]) / batch_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "weights"))
        # The ranges of an untrained network would be too small for the learned scales, which move by little more
        # than the learning rate a step; within the first epoch they settle.
        statistics_steps = max(1, min(steps, steps * epochs // 2))
        network = build_quantized_network(architecture, scheme, architecture.batch_norm, statistics_steps)
    label = f"{candidate}, scheme {scheme}, iteration 0 (warm-up)"
    unfolded_epochs = max(1, epochs - 1) if architecture.batch_norm else epochs
    history = train_quantized(network, architecture, jets, unfolded_epochs, batch_size, seed, label)
    accuracy = history[-1]["validation_accuracy"]
    if architecture.batch_norm:
        network = fold_batch_norm(network, architecture, scheme)
        if epochs > unfolded_epochs:
            last = train_quantized(network, architecture, jets, 1, batch_size, derive_seed(seed, "folded"), label)
            history += [{**record, "epoch": epochs} for record in last]
        _, accuracy = evaluate(network, *jets["val"])
    masks = {
        name.removesuffix(".weight"): torch.ones_like(value, dtype=torch.bool)
        for name, value in network.state_dict().items()
        if name.endswith(".weight")
    }
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return Checkpoint(architecture, scheme, 0, state, masks, accuracy, history)


def prune(
    warmed_up: Checkpoint,
    previous: Checkpoint,
    jets: Mapping[str, Jets],
    pruned_per_iteration: float,
    epochs: int,
    batch_size: int,
    seed: int,
    candidate: str,
) -> Checkpoint:
    """Remove the smallest of the remaining weights, rewind the others, train again.

    Parameters
    ----------
    warmed_up
        What to rewind to.
    previous
        The last iteration (or the warm-up itself), whose trained weights are compared.
    jets, epochs, batch_size, seed, candidate
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
    if (warmed_up.architecture, warmed_up.scheme) != (previous.architecture, previous.scheme):
        raise ValueError(
            f"iteration {previous.iteration} of {candidate} is of {previous.architecture} at {previous.scheme}, but "
            f"its warm-up is of {warmed_up.architecture} at {warmed_up.scheme}; delete both files and rerun rule "
            "warm_up_candidate"
        )
    iteration = previous.iteration + 1
    n_weights = sum(mask.numel() for mask in previous.masks.values())
    weights_left = round(n_weights * (1 - pruned_per_iteration) ** iteration)
    masks = shrink_masks(previous.state, previous.masks, weights_left)
    network = build_quantized_network(previous.architecture, previous.scheme, batch_norm=False)
    network.load_state_dict(rewind(warmed_up.state, masks))
    label = f"{candidate}, scheme {previous.scheme}, iteration {iteration}"
    history = train_quantized(network, previous.architecture, jets, epochs, batch_size, seed, label, masks)
    accuracy = history[-1]["validation_accuracy"]
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return Checkpoint(previous.architecture, previous.scheme, iteration, state, masks, accuracy, history)


def shrink_masks(state: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor], weights_left: int) -> Masks:
    """Mask the smallest remaining weights of all layers together, until ``weights_left`` are left.

    A layer always keeps its largest weight, so that no layer cuts the network in two.

    Parameters
    ----------
    state
        Holds ``<layer>.weight``, (n_out, n_in), for each layer of ``masks``.
    masks
        (n_out, n_in) bool, False where a weight is pruned already; such weights stay pruned.
    weights_left
        How many are left afterwards; at least one a layer.
    """
    magnitudes = {}
    for name, mask in masks.items():
        magnitude = torch.where(mask, state[f"{name}.weight"].abs(), -torch.inf).flatten()
        magnitude[magnitude.argmax()] = torch.inf
        magnitudes[name] = magnitude
    order = torch.cat(list(magnitudes.values())).argsort(descending=True, stable=True)
    weights_left = min(max(weights_left, len(masks)), sum(int(mask.sum()) for mask in masks.values()))
    kept = torch.zeros(len(order), dtype=torch.bool)
    kept[order[:weights_left]] = True
    parts = kept.split([len(magnitude) for magnitude in magnitudes.values()])
    return {name: part.view_as(masks[name]) for name, part in zip(masks, parts, strict=True)}


def rewind(state: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the warmed-up ``state`` with pruned weights at zero and everything else as it was."""
    rewound = dict(state)
    for name, mask in masks.items():
        rewound[f"{name}.weight"] = state[f"{name}.weight"] * mask
    return rewound
