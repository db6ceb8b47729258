"""Trials of a compression search: short fine-tunings of one warmed-up network, each with its own bits and sparsity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from snacpack.compression.calibration import quantize
from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import freeze, tensors_of
from snacpack.compression.pruning import state_of
from snacpack.core.seeds import derive_seed
from snacpack.costs.objective import CompressedNetwork
from snacpack.costs.registry import COMPRESSIONS, compute
from snacpack.hardware.circuit import estimate_circuits
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.scheme import MIXED, Compression
from snacpack.training.fine_tuning import FineTuned, FineTuning, fine_tune
from snacpack.training.fit import Jets
from snacpack.training.recipe import CPU, UNWATCHED, Machine, Recipe, Watch


def trial_seed(seed: int, candidate: str, trial: int) -> int:
    """Return the seed that a trial is fine-tuned with."""
    return derive_seed(seed, "compress", candidate, trial)


def refinement_seed(seed: int, candidate: str, trial: int) -> int:
    """Return the seed that a trial is fine-tuned with as a finalist."""
    return derive_seed(seed, "refine", candidate, trial)


@dataclass
class Compressed:
    """A network after its fine-tuning: what was asked for, the Brevitas network, its masks and how it did."""

    architecture: Architecture
    compression: Compression
    seed: int
    network: nn.Sequential
    masks: dict[str, torch.Tensor]
    result: FineTuned

    @property
    def fixed_point(self) -> FixedPointNetwork:
        """The network in integers."""
        return freeze(self.network)

    def checkpoint(self, start: Checkpoint, number: int) -> Checkpoint:
        """Return the file's content of finalist ``number``."""
        return replace(
            start,
            precision=self.compression.precision,
            scheme=MIXED,
            iteration=number,
            state=state_of(self.network),
            masks=self.masks,
            validation_accuracy=self.result.accuracy,
            history=self.result.history,
        )


def compress(
    start: Checkpoint,
    compressions: Sequence[Compression],
    seeds: Sequence[int],
    jets: Mapping[str, Jets],
    recipe: Recipe,
    machine: Machine = CPU,
    watch: Watch = UNWATCHED,
) -> list[Compressed]:
    """Fine-tune a warmed-up network once for each compression.

    Each gets the quantisers' ranges anew. Its smallest weights are pruned gradually over the
    first part of the training, while the learning rate falls to zero along a cosine.

    Parameters
    ----------
    start
        The warmed-up network, whose weights all begin with.
    compressions, seeds
        Bits and sparsity of each; its seed decides the order of its jets and its dropout.
    jets
        ``train`` and ``val``, each as :data:`snacpack.training.fit.Jets` has them.
    recipe, machine, watch
        As for :func:`snacpack.training.trials.train`.

    Returns
    -------
    In the order given; a training that fails says why in ``result.failure``.
    """
    names = list(start.masks)
    layers = [(start.state[f"{name}.weight"], start.state[f"{name}.bias"]) for name in names]
    n_weights = sum(weight.numel() for weight, _ in layers)
    networks, tasks = [], []
    for compression, seed in zip(compressions, seeds, strict=True):
        network = quantize(start.architecture, compression.precision, layers, jets["train"][0])
        left = round(n_weights * (1 - compression.sparsity)) if compression.sparsity else None
        networks.append(network)
        tasks.append(FineTuning(tensors_of(network), start.architecture, seed, weights_left=left, decay=True))
    results = fine_tune(tasks, jets["train"], jets["val"], recipe, machine, watch)
    return [
        Compressed(
            start.architecture, compression, task.seed, network, dict(zip(names, _masks(task), strict=True)), result
        )
        for compression, network, task, result in zip(compressions, networks, tasks, results, strict=True)
    ]


def _masks(task: FineTuning) -> list[torch.Tensor]:
    return [layer.mask for layer in task.network.layers]


def circuit_costs(
    compressed: Sequence[Compressed], clock_period_ns: float, part: str, threads: int = 1
) -> list[dict[str, Any]]:
    """Return what the circuit of each network costs: the hardware objectives of a compression search.

    Returns
    -------
    For each ``lut``, ``ff`` and ``clock_cycles`` as da4ml estimates its own circuit, or ``failure``, why there is no
    circuit, and every objective that is a function of the compressed network.
    """
    succeeded = [entry for entry in compressed if not entry.result.failure]
    networks = [entry.fixed_point for entry in succeeded]
    circuits = iter(estimate_circuits(networks, clock_period_ns, part, threads))
    return [_costs(entry, next(circuits)) if not entry.result.failure else {} for entry in compressed]


def _costs(entry: Compressed, circuit: Mapping[str, Any]) -> dict[str, Any]:
    densities = tuple(mask.double().mean().item() for mask in entry.masks.values())
    network = CompressedNetwork(entry.fixed_point, entry.compression.precision, densities)
    return {**circuit, **compute(COMPRESSIONS, network)}
