"""rule4ml's estimate of a network's cost on an FPGA, before any synthesis.

Weights, features and categories are rule4ml's; its models are evaluated here, all networks at once and without
TensorFlow (see :mod:`snacpack.hardware.predictors`). Libraries that take time to import are loaded when an estimate
is asked for, not before.

References
----------
M. M. Rahimifar, H. Ezzaoui Rahali, A. C. Therrien, "rule4ml: an open-source tool
for resource utilization and latency estimation for ML models on FPGA", Mach.
Learn.: Sci. Technol. 6 (2025) 015009.
"""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from snacpack.networks.architecture import Architecture
from snacpack.synthesis.devices import board_resources

RESOURCES = ("bram", "dsp", "ff", "lut")
# The estimates of each kind of weights; cycles and interval have other names in rule4ml's files.
TARGETS = {"v1-mlp": (*RESOURCES, "clock_cycles"), "v2-gnn": (*RESOURCES, "clock_cycles", "initiation_interval")}
RULE4ML_NAMES = {"clock_cycles": "cycles", "initiation_interval": "interval"}


def estimated_by(weights: str) -> tuple[str, ...]:
    """Return the names of all that a kind of weights estimates, and of what follows from it."""
    return (*TARGETS[weights], "average_resources")


@dataclass(frozen=True)
class TrainingRange:
    """Range of the networks that rule4ml's models were trained on.

    Parameters
    ----------
    inputs
        Fewest and most features.
    layers
        Fewest and most dense layers.
    weights
        Most weights of a dense layer.
    square
        Most inputs and outputs of a dense layer whatever the number of its weights is; None where there is no such.
    reuse_factor
        The highest.
    bits
        Fewest and most bits of weights and activations.

    Notes
    -----
    The networks of v1-mlp are those that ``data_gen/nn_gen.py`` and ``nn_synth.py`` of rule4ml's repository make by
    default: 2 to 20 dense layers, each of at most 4,096 weights and biases (``parameter_limit``: what hls4ml unrolls),
    16 to 1,024 inputs, reuse factors 1 to 64, ``ap_fixed<2, 1>`` to ``ap_fixed<16, 6>``. A layer without biases has up
    to 4,096 weights. v2-gnn knows the boards and tools of the data set wa-hls4ml (arXiv:2511.05615), on which
    ``autoresearch/prepare.py`` of that repository trains: the same networks, and others with layers from 8 to 128
    inputs and units and reuse factors up to 4,093.
    """

    inputs: tuple[int, int]
    layers: tuple[int, int]
    weights: int
    square: int | None
    reuse_factor: int
    bits: tuple[int, int] = (2, 16)

    @property
    def words(self) -> str:
        """The range, to follow ``trained on``."""
        square = f" or up to {self.square} inputs and units" if self.square else ""
        return (
            f"networks of {self.layers[0]} to {self.layers[1]} dense layers with up to {self.weights:,} weights"
            f"{square} each, {self.inputs[0]} to {self.inputs[1]:,} inputs, {self.bits[0]} to {self.bits[1]} bits and "
            f"reuse factors up to {self.reuse_factor:,}"
        )

    def has_layer(self, n_in: int, n_out: int) -> bool:
        """Tell whether a dense layer is like those of the networks."""
        return n_in * n_out <= self.weights or (self.square is not None and max(n_in, n_out) <= self.square)


TRAINED_ON = {
    "v1-mlp": TrainingRange(inputs=(16, 1024), layers=(2, 20), weights=4096, square=None, reuse_factor=64),
    "v2-gnn": TrainingRange(inputs=(8, 1024), layers=(2, 20), weights=4096, square=128, reuse_factor=4093),
}


@dataclass(frozen=True)
class Surrogate:
    """rule4ml's models, and the hls4ml configuration that is asked about.

    Parameters
    ----------
    weights
        ``v1-mlp``, which the SNAC-Pack paper used, or ``v2-gnn``, whose
        estimates are averaged over the hls4ml and Vivado versions that it knows
        and which alone estimates the initiation interval.
    board
        A board of rule4ml; resources are in percent of it.
    precision
        Type of weights and activations, e.g. ``ap_fixed<8,3>``.
    strategy
        ``latency`` or ``resource``.
    reuse_factor
        Multiplications that share a multiplier.

    Raises
    ------
    ValueError
        If rule4ml has no such weights, board or strategy, or cannot read the precision.
    """

    weights: str = "v1-mlp"
    board: str = "alveo-u200"
    precision: str = "ap_fixed<8,3>"
    strategy: str = "latency"
    reuse_factor: int = 1

    def __post_init__(self) -> None:
        if self.weights not in TARGETS:
            raise ValueError(f"hardware.surrogate.weights is {self.weights!r}, not one of {', '.join(TARGETS)}")
        for key in ("board", "strategy"):
            known = _known_categories(self.weights)[key]
            if getattr(self, key) not in known:
                raise ValueError(
                    f"hardware.surrogate.{key} is {getattr(self, key)!r}; "
                    f"the weights {self.weights} know {', '.join(known)}"
                )
        # This module, alone in its package, needs nothing but the standard library.
        from rule4ml.parsers.utils import fixed_precision_to_bit_width

        try:
            fixed_precision_to_bit_width(self.precision)
        except ValueError:
            raise ValueError(
                f"hardware.surrogate.precision is {self.precision!r}; rule4ml knows signed types like ap_fixed<8,3>"
            ) from None

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of what is estimated."""
        return estimated_by(self.weights)

    @property
    def training_words(self) -> str:
        """The training range of the weights, in words."""
        return TRAINED_ON[self.weights].words

    def unlike_settings(self) -> list[str]:
        """Return what of the settings is outside of what the weights were trained on, in words; empty if nothing is."""
        from rule4ml.parsers.utils import fixed_precision_to_bit_width

        trained, (bits, _) = TRAINED_ON[self.weights], fixed_precision_to_bit_width(self.precision)
        return [
            *([f"the reuse factor {self.reuse_factor:,}"] if self.reuse_factor > trained.reuse_factor else []),
            *([] if trained.bits[0] <= bits <= trained.bits[1] else [f"the precision {self.precision}"]),
        ]

    def unlike(self, architecture: Architecture) -> list[str]:
        """Return what of a network is outside of what the weights were trained on, in words; empty if nothing is.

        The estimate of a network for which there is something is an extrapolation. v2-gnn, for example, gives a network
        of layers of 256 inputs and units a quarter of the LUTs that it gives one of 128.
        """
        trained, graph = TRAINED_ON[self.weights], architecture.graph
        fewest, most = trained.layers
        n_inputs, matrices = graph.n_inputs, graph.matrices
        n_layers = sum(matrix.uses for matrix in matrices)
        return [
            *([] if trained.inputs[0] <= n_inputs <= trained.inputs[1] else [f"{n_inputs} inputs"]),
            *([] if fewest <= n_layers <= most else [f"{n_layers} dense layers"]),
            *(
                f"a layer of {matrix.n_in} x {matrix.n_out} = {matrix.n_in * matrix.n_out:,} weights"
                for matrix in matrices
                if not trained.has_layer(matrix.n_in, matrix.n_out)
            ),
            *(
                f"a layer that {matrix.uses} vectors share, each of which counts as a layer of its own"
                for matrix in matrices
                if matrix.uses > 1
            ),
        ]

    def extrapolates(self, architecture: Architecture) -> bool:
        """Tell whether an architecture's estimate is asked for outside of what the weights were trained on."""
        return bool(self.unlike(architecture) or self.unlike_settings())

    def estimate(self, architectures: Sequence[Architecture]) -> list[dict[str, float]]:
        """Estimate each architecture's cost.

        Returns
        -------
        One record per architecture, in order: ``bram``, ``dsp``, ``ff``, ``lut`` in
        percent of the board, their mean ``average_resources``, ``clock_cycles``,
        and with v2 ``initiation_interval`` in cycles.

        Notes
        -----
        A record does not depend on the architectures beside it. It is what
        rule4ml's ``predict`` gives for the network alone, to its two decimals, and
        with v2 the mean over its versions.
        """
        if not architectures:
            return []
        # rule4ml's features need pandas.
        from snacpack.hardware.features import extract_features

        networks = [extract_features(architecture, self._hls_config()) for architecture in architectures]
        estimates = {target: predict(networks) for target, predict in _load_predictors(self.weights).items()}
        return [self._record({target: estimates[target][i] for target in estimates}) for i in range(len(networks))]

    def units(self, resource: str, percent: float) -> float:
        """Return how many of the board's units an estimate of a resource, in percent, stands for."""
        return percent / 100 * board_resources(self.board)[resource]

    def describe(self, architecture: Architecture) -> str:
        """Return in words all that the architecture's estimate follows from: the same words, the same estimate."""
        batch_norm = ", batch norm" if architecture.batch_norm else ""
        # The label names the widths of a network; those of other families may differ in more.
        own = {} if architecture.is_dense_chain else {architecture.family: dict(architecture.options)}
        family = f", {json.dumps(own, sort_keys=True)}" if own else ""
        return (
            f"{architecture.label}, {architecture.activation}{batch_norm}{family}, on {self.board} with "
            f"{self.precision}, {self.strategy}, reuse factor {self.reuse_factor}, by rule4ml {_version()} "
            f"{self.weights}"
        )

    def _hls_config(self) -> dict[str, Any]:
        model = {"strategy": self.strategy, "precision": self.precision, "reuse_factor": self.reuse_factor}
        return {"board": self.board, "model": model}

    def _record(self, estimates: Mapping[str, float]) -> dict[str, float]:
        # Rounded as rule4ml does by default.
        record = {target: round(float(value), 2) for target, value in estimates.items()}
        average = sum(record[name] for name in RESOURCES) / len(RESOURCES)
        return {**record, "average_resources": round(average, 4)}


@cache
def _known_categories(weights: str) -> dict[str, dict[str, int]]:
    return json.loads((_weights_folder(weights) / "LUT.config.json").read_text())["global_categorical_maps"]


def _weights_folder(weights: str) -> Path:
    # find_spec of the top-level package runs none of its code.
    package = Path(importlib.util.find_spec("rule4ml").origin).parent
    return package / "models" / "weights" / Path(*weights.split("-"))


@cache
def _load_predictors(weights: str) -> dict[str, Any]:
    from snacpack.hardware.predictors import load_predictor

    folder = _weights_folder(weights)
    return {
        target: load_predictor(folder, RULE4ML_NAMES.get(target, target).upper(), percent=target in RESOURCES)
        for target in TARGETS[weights]
    }


@cache
def _version() -> str:
    return version("rule4ml")
