"""What a network would cost on an FPGA, estimated by rule4ml before any synthesis.

rule4ml brings TensorFlow, which takes seconds to import: it and PyTorch are loaded
when an estimate is asked for, not before.

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
from itertools import groupby
from pathlib import Path
from typing import Any

from snacpack.architecture import Architecture

RESOURCES = ("bram", "dsp", "ff", "lut")
WEIGHTS = ("v1-mlp", "v2-gnn")


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
        Of weights and activations, e.g. ``ap_fixed<8,3>``.
    strategy
        ``latency`` or ``resource``.
    reuse_factor
        Multiplications that share a multiplier.

    Raises
    ------
    ValueError
        If rule4ml has no such weights or board.
    """

    weights: str = "v1-mlp"
    board: str = "alveo-u200"
    precision: str = "ap_fixed<8,3>"
    strategy: str = "latency"
    reuse_factor: int = 1

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise ValueError(f"hardware.surrogate.weights is {self.weights!r}, not one of {', '.join(WEIGHTS)}")
        if self.board not in known_boards(self.weights):
            raise ValueError(
                f"hardware.surrogate.board is {self.board!r}; "
                f"the weights {self.weights} know {', '.join(known_boards(self.weights))}"
            )

    def estimate(self, architectures: Sequence[Architecture]) -> list[dict[str, float]]:
        """Estimate each architecture's cost.

        Returns
        -------
        One record per architecture, in order: ``bram``, ``dsp``, ``ff``, ``lut`` in
        percent of the board, their mean ``average_resources``, ``clock_cycles``,
        and with v2 ``initiation_interval`` in cycles.
        """
        if not architectures:
            return []
        models = [_surrogate_input(architecture, f"{i}") for i, architecture in enumerate(architectures)]
        wrapper = _load_wrapper(self.weights)
        records = {}
        # The v2 networks see zero padding as layers, so that an estimate would depend on the deepest network
        # beside it: networks of one length go together.
        for _, batch in groupby(sorted(models, key=len), key=len):
            table = wrapper.predict(list(batch), hls_configs=self._hls_config(), round_digits=6)
            means = table.groupby("Model").mean(numeric_only=True)
            records.update({name: self._record(row) for name, row in means.iterrows()})
        return [records[model.name] for model in models]

    def _hls_config(self) -> dict[str, Any]:
        model = {"strategy": self.strategy, "precision": self.precision, "reuse_factor": self.reuse_factor}
        return {"board": self.board, "model": model}

    def _record(self, row: Mapping[str, float]) -> dict[str, float]:
        # Rounded as rule4ml does by default: the digits beyond depend on the processor.
        record = {name: round(float(row[f"{name.upper()} (%)"]), 2) for name in RESOURCES}
        record["average_resources"] = round(sum(record.values()) / len(RESOURCES), 4)
        record["clock_cycles"] = round(float(row["CYCLES"]), 2)
        if "INTERVAL" in row:
            record["initiation_interval"] = round(float(row["INTERVAL"]), 2)
        return record


def known_boards(weights: str) -> list[str]:
    """Return the boards that the weights were trained for, without importing rule4ml."""
    config = json.loads((_weights_folder(weights) / "LUT.config.json").read_text())
    return list(config["global_categorical_maps"]["board"])


def _weights_folder(weights: str) -> Path:
    # find_spec of the top-level package runs none of its code.
    package = Path(importlib.util.find_spec("rule4ml").origin).parent
    return package / "models" / "weights" / Path(*weights.split("-"))


@cache
def _load_wrapper(weights: str) -> Any:
    from rule4ml.models.wrappers import KerasModelWrapper, MultiModelWrapper

    wrapper = MultiModelWrapper()
    if weights == "v2-gnn":
        wrapper.load_default_models()
        return wrapper
    folder = _weights_folder(weights)
    for target in (*RESOURCES, "cycles"):
        model = KerasModelWrapper()
        model.load(str(folder / f"{target.upper()}.config.json"), str(folder / f"{target.upper()}.weights.h5"))
        wrapper.add_model_wrapper(model)
    return wrapper


def _surrogate_input(architecture: Architecture, name: str) -> Any:
    """Return the network as rule4ml's models were trained to see it: no dropout, a softmax at the end."""
    from torch import nn

    from snacpack.training.network import build_network

    modules = [module for module in build_network(architecture) if not isinstance(module, nn.Dropout)]
    network = nn.Sequential(*modules, nn.Softmax(dim=1))
    network.name = name
    return network
