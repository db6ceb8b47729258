"""Magnitude pruning: which weights are removed next."""

from collections.abc import Sequence

import torch


def shrink_masks(
    weights: Sequence[torch.Tensor], masks: Sequence[torch.Tensor], weights_left: int
) -> list[torch.Tensor]:
    """Mask the smallest remaining weights of all layers together, until ``weights_left`` are left.

    A layer always keeps its largest weight, so that no layer cuts the network in two. The last of
    weights of the same magnitude are removed first.

    Parameters
    ----------
    weights
        Weights of each layer, (n_out, n_in) float32.
    masks
        Mask of each layer, (n_out, n_in) bool, False where a weight is pruned already; such weights stay pruned.
    weights_left
        How many are left afterwards; at least one a layer.
    """
    magnitudes = []
    for weight, mask in zip(weights, masks, strict=True):
        magnitude = torch.where(mask, weight.abs(), -torch.inf).flatten()
        if mask.any():
            magnitude[magnitude.argmax()] = torch.inf
        magnitudes.append(magnitude)
    everything = torch.cat(magnitudes)
    weights_left = min(max(weights_left, len(masks)), sum(int(mask.sum()) for mask in masks))
    if not weights_left:
        return [mask.clone() for mask in masks]
    # Sorting all weights would take as long as some dozen steps of training.
    least = everything.kthvalue(len(everything) - weights_left + 1).values
    kept = everything > least
    ties = (everything == least).nonzero()[:, 0]
    kept[ties[: weights_left - int(kept.sum())]] = True
    parts = kept.split([len(magnitude) for magnitude in magnitudes])
    return [part.view_as(mask) for part, mask in zip(parts, masks, strict=True)]


def gradual_target(first: int, last: int, progress: float) -> int:
    """Return how many weights are left of ``first`` on the way to ``last``: fast at the start, slow at the end.

    Parameters
    ----------
    first, last
        Weights before pruning and after it.
    progress
        How much of the way is gone, a fraction; 1 and more give ``last``.

    References
    ----------
    M. Zhu, S. Gupta, "To prune, or not to prune", arXiv:1710.01878, equation 1.
    """
    return round(last + (first - last) * (1 - min(progress, 1.0)) ** 3)
