"""rule4ml's trained models, evaluated for many networks at once.

The weights, categories and units are read from rule4ml's files; the models are small enough for NumPy. Through rule4ml
itself a prediction waits seconds for TensorFlow and PyTorch Geometric to be imported, and then spends its time on
every network anew. In double precision an estimate's two decimals depend neither on the networks beside it nor on the
processor.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np

from snacpack.hardware.features import Features

PERCENT_SCALER = "BoardPercentScaler"


class MLP:
    """A multilayer perceptron on the features of the whole network: rule4ml's ``KerasMLP``.

    Parameters
    ----------
    config
        The content of the model's ``.config.json``.
    weights
        Its ``.weights.h5``.
    """

    def __init__(self, config: Mapping[str, Any], weights: Path) -> None:
        import h5py

        with h5py.File(weights) as file:
            embeddings = _keras_layers(file["layers"], "embedding")
            dense = _keras_layers(file["layers"], "dense")
        n_numerical = len(config["model_config"]["settings"]["numerical_dense_layers"])
        self._config = config
        self._embeddings = [table for (table,) in embeddings]
        self._numerical = [weight for (weight,) in dense[:n_numerical]]
        self._dense = dense[n_numerical:]

    def __call__(self, networks: Sequence[Features]) -> np.ndarray:
        """Return the mean over tool versions for each network, all of one board and strategy; shape (networks,)."""
        numbers = _network_numbers(self._config, networks)
        for weight in self._numerical:
            numbers = numbers @ weight
        x = _join_versions(_embed(self._config, networks[0], self._embeddings), numbers)
        for weight, bias in self._dense:
            x = np.maximum(x @ weight + bias, 0)
        return x[..., 0].mean(axis=1)


class GNN:
    """A graph network on the chain of layers: rule4ml's ``TorchGNN``.

    Parameters
    ----------
    config
        The content of the model's ``.config.json``.
    weights
        Its ``.weights.pt``.

    Notes
    -----
    rule4ml normalises a layer's features over all networks of one call, so that its
    estimate of a network changes with the networks beside it. Here each is
    normalised by itself, which is what rule4ml gives for a network alone.
    """

    def __init__(self, config: Mapping[str, Any], weights: Path) -> None:
        import torch

        tensors = torch.load(weights, map_location="cpu", weights_only=True)
        settings = config["model_config"]["settings"]
        self._config = config
        self._weights = {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}
        self._n_numerical = len(settings["numerical_dense_layers"])
        self._n_convolutions = len(settings["gconv_layers"])
        self._n_dense = len(settings["dense_layers"])

    def __call__(self, networks: Sequence[Features]) -> np.ndarray:
        """Return the mean over tool versions for each network, all of one board and strategy; shape (networks,)."""
        estimates = np.empty(len(networks))
        order = sorted(range(len(networks)), key=lambda i: len(networks[i].layers))
        for _, group in groupby(order, key=lambda i: len(networks[i].layers)):
            same_length = list(group)
            estimates[same_length] = self._evaluate([networks[i] for i in same_length])
        return estimates

    def _evaluate(self, networks: Sequence[Features]) -> np.ndarray:
        """Evaluate networks that have the same number of layers."""
        numbers = _network_numbers(self._config, networks)
        first = len(self._config["global_categorical_maps"])
        for i in range(first, first + self._n_numerical):
            numbers = self._linear(numbers, f"numerical_layers.g{i}_numerical_layer")
        embedded = _embed(self._config, networks[0], self._tables("global"))
        x = _join_versions(embedded, np.concatenate([numbers, self._pool(self._convolve(networks))], axis=1))
        for i in range(self._n_dense):
            x = np.maximum(self._linear(x, f"dense_layers.{i}"), 0)
        return np.logaddexp(self._linear(x, "output_layer"), 0)[..., 0].mean(axis=1)

    def _convolve(self, networks: Sequence[Features]) -> np.ndarray:
        """Return every convolution's output side by side, of shape (networks, layers, features)."""
        x = self._layer_features(networks)
        outputs = []
        for i in range(self._n_convolutions):
            padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
            # rule4ml's chain links each layer to itself too, beside the convolution's own term for it.
            x = (2 + self._weights[f"gconvs.{i}.eps"]) * x + padded[:, :-2] + padded[:, 2:]
            x = np.maximum(self._linear(x, f"gconvs.{i}.nn.0"), 0)
            x = np.maximum(self._normalise(self._linear(x, f"gconvs.{i}.nn.2"), f"norms.{i}"), 0)
            outputs.append(x)
        return np.concatenate(outputs, axis=2)

    def _layer_features(self, networks: Sequence[Features]) -> np.ndarray:
        labels, maps = self._config["sequential_numerical_labels"], self._config["sequential_categorical_maps"]
        numbers = np.array([[[layer[label] for label in labels] for layer in n.layers] for n in networks])
        kinds = np.array([[[known[layer[key]] for key, known in maps.items()] for layer in n.layers] for n in networks])
        embedded = [table[kinds[..., i]] for i, table in enumerate(self._tables("sequential"))]
        return np.concatenate([*embedded, numbers], axis=2)

    def _normalise(self, x: np.ndarray, name: str) -> np.ndarray:
        """Normalise each feature over the layers of a network: PyTorch Geometric's ``GraphNorm``."""
        centred = x - x.mean(axis=1, keepdims=True) * self._weights[f"{name}.mean_scale"]
        scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        return centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _pool(self, x: np.ndarray) -> np.ndarray:
        """Return the mean over each network's layers, weighted by attention."""
        gate = self._linear(x, "attention_pool.gate_nn.0")
        attention = np.exp(gate - gate.max(axis=1, keepdims=True))
        return (attention * x).sum(axis=1) / attention.sum(axis=1)

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        return x @ self._weights[f"{name}.weight"].T + self._weights.get(f"{name}.bias", 0)

    def _tables(self, kind: str) -> list[np.ndarray]:
        maps = self._config[f"{kind}_categorical_maps"]
        return [self._weights[f"{kind}_embeddings.{kind[0]}{i}_{key}_embedding.weight"] for i, key in enumerate(maps)]


def load_predictor(folder: Path, target: str, percent: bool) -> MLP | GNN:
    """Load the model of one target, e.g. ``LUT``.

    Parameters
    ----------
    folder
        The folder in which rule4ml keeps the weights of one kind.
    target
        The name of the model's files.
    percent
        Whether its estimates should be in percent of the board.

    Raises
    ------
    ValueError
        If the model is of another kind than this module knows, or has another unit.
    """
    path = folder / f"{target}.config.json"
    config = json.loads(path.read_text())
    kind, scaler = config["model_class"], config.get("scaler_class")
    if kind not in ("KerasMLP", "TorchGNN") or scaler != (PERCENT_SCALER if percent else None):
        raise ValueError(f"{path}: {kind} with {scaler} is unknown here; install the rule4ml of requirements.lock")
    if kind == "KerasMLP":
        return MLP(config, folder / f"{target}.weights.h5")
    return GNN(config, folder / f"{target}.weights.pt")


def _keras_layers(layers: Mapping[str, Any], kind: str) -> list[list[np.ndarray]]:
    """Return the weights of the layers of a kind, which Keras numbers in order: dense, dense_1, ..."""
    numbers = {name: re.fullmatch(rf"{kind}_?(\d*)", name) for name in layers}
    names = sorted((name for name in layers if numbers[name]), key=lambda name: int(numbers[name][1] or 0))
    return [
        [values[key][:].astype(np.float64) for key in sorted(values)] for values in (layers[n]["vars"] for n in names)
    ]


def _network_numbers(config: Mapping[str, Any], networks: Sequence[Features]) -> np.ndarray:
    labels = config["global_numerical_labels"]
    numbers = [[network.network[label] for label in labels] for network in networks]
    # rule4ml's models take single precision: means are rounded as there.
    return np.array(numbers, np.float32).astype(np.float64)


def _embed(config: Mapping[str, Any], network: Features, tables: Sequence[np.ndarray]) -> np.ndarray:
    """Return what the models know of strategy and board, a row for each pair of versions of the tools."""
    codes = [
        list(known.values()) if key.endswith("_version") else [known[network.network[key]]]
        for key, known in config["global_categorical_maps"].items()
    ]
    return np.array(
        [np.concatenate([table[i] for table, i in zip(tables, row, strict=True)]) for row in product(*codes)]
    )


def _join_versions(embedded: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Pair every version with every network: (versions, a) and (networks, b) give (networks, versions, a + b)."""
    shape = (len(numbers), len(embedded))
    return np.concatenate(
        [
            np.broadcast_to(embedded, (*shape, embedded.shape[1])),
            np.broadcast_to(numbers[:, None], (*shape, numbers.shape[1])),
        ],
        axis=2,
    )
