"""The files of a compression's steps: everything that the next job needs."""

import io
import math
import pickle
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snacpack.compression.network import build_quantized_network
from snacpack.core.files import whole_file
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import MIXED, Precision, Scheme


@dataclass(frozen=True)
class Checkpoint:
    """A quantised network after warm-up (iteration 0), a pruning iteration, or as a finalist of a search.

    Parameters
    ----------
    architecture, precision
        The network that the weights belong to.
    scheme
        The name of the precision, such as ``w8a8``, or ``mixed``.
    iteration
        0 for the warm-up; of a search's finalists their number.
    state
        The Brevitas network's state dictionary.
    masks
        For each dense layer's name, (n_out, n_in) bool: False where a weight is pruned.
    validation_accuracy
        The score after the last epoch, as a fraction.
    history
        Per epoch, as :func:`snacpack.compression.qat.train_quantized` returns it.
    """

    architecture: Architecture
    precision: Precision
    scheme: str
    iteration: int
    state: dict[str, torch.Tensor]
    masks: dict[str, torch.Tensor]
    validation_accuracy: float
    history: list[dict[str, Any]]

    @property
    def densities(self) -> list[float]:
        """Fraction of weights left in each dense layer, from the input on."""
        return [mask.double().mean().item() for mask in self.masks.values()]

    @property
    def weights_left(self) -> int:
        """Weights that are not pruned."""
        return sum(int(mask.sum()) for mask in self.masks.values())

    @property
    def sparsity(self) -> float:
        """Fraction of all weights that are pruned."""
        n_weights = sum(mask.numel() for mask in self.masks.values())
        return (n_weights - self.weights_left) / n_weights

    def network(self) -> nn.Sequential:
        """Build the network with these weights, in evaluation mode."""
        network = build_quantized_network(self.architecture, self.precision)
        network.load_state_dict(self.state)
        return network.eval()

    def save(self, path: str | Path) -> None:
        """Write tensors, numbers and strings; the same checkpoint gives the same bytes."""
        fields = {
            **vars(self),
            "architecture": self.architecture.to_dict(),
            "precision": self.precision.to_dict(),
            "sparsity": self.sparsity,
        }
        # torch.save puts a file's name into the file, and the temporary one holds a process id.
        buffer = io.BytesIO()
        torch.save(fields, buffer)
        with whole_file(path) as temporary:
            temporary.write_bytes(buffer.getvalue())

    @classmethod
    def load(
        cls, path: str | Path, architecture: Architecture | None = None, scheme: str | None = None
    ) -> "Checkpoint":
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path
            ``warmup.pt``, ``prune_*.pt`` or ``refined.pt``.
        architecture, scheme
            Those that the file must be of, where given.

        Raises
        ------
        ValueError
            If the file is damaged, or of another architecture or scheme.
        """
        remedy = f"delete it and rerun rule {_rule(path)}"
        try:
            # Tensors, numbers and strings only: a pickle that would run code is refused unread.
            fields = torch.load(path, map_location="cpu", weights_only=True)
            _check_sums(path)
            fields.pop("sparsity")
            found = cls(**fields)
            found = replace(
                found,
                architecture=Architecture.from_dict(fields["architecture"]),
                precision=Precision.from_dict(fields["precision"]),
            )
            _check_tensors(found)
            found.network()
        except (FileNotFoundError, PermissionError):
            raise
        except (
            RuntimeError,
            OSError,
            EOFError,
            pickle.UnpicklingError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            ValueError,
            OverflowError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(
                f"{path} is damaged or no checkpoint of a quantised network ({_in_short(error)}); {remedy}"
            ) from error
        for kind, expected in (("architecture", architecture), ("scheme", scheme)):
            if expected is not None and getattr(found, kind) != expected:
                raise ValueError(f"{path} is of {kind} {getattr(found, kind)}, but {expected} is wanted; {remedy}")
        # A file that was renamed or edited: its name says one precision, its weights were trained at another.
        n_layers = len(found.architecture.graph.matrices)
        if found.scheme != MIXED and Scheme.parse(found.scheme).precision(n_layers) != found.precision:
            raise ValueError(f"{path} says {found.scheme}, but its weights are of {found.precision}; {remedy}")
        return found


def _check_sums(path: str | Path) -> None:
    # PyTorch writes a checksum of each tensor, and does not look at it.
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged:
        raise ValueError(f"the checksum of {damaged} is wrong")


def _check_tensors(found: Checkpoint) -> None:
    """Compare the masks with the architecture before a network of its size is built, whatever size the file says."""
    shapes = [(matrix.n_out, matrix.n_in) for matrix in found.architecture.graph.matrices]
    if [tuple(mask.shape) for mask in found.masks.values()] != shapes:
        raise ValueError(f"its masks are not those of {found.architecture.label}")
    if any(mask.dtype != torch.bool for mask in found.masks.values()):
        raise ValueError("its masks are no masks")
    if not all(torch.isfinite(tensor).all() for tensor in found.state.values()):
        raise ValueError("a weight is NaN or infinite")
    # R^2 of a regression may be far below zero.
    if not -math.inf < found.validation_accuracy <= 1:
        raise ValueError(f"its accuracy is {found.validation_accuracy}")


def _in_short(error: Exception) -> str:
    # PyTorch's own words advise to load it with all that it holds, code included.
    if isinstance(error, pickle.UnpicklingError):
        return "it holds other things than tensors, numbers and strings"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _rule(path: str | Path) -> str:
    rules = {"warmup": "warm_up_candidate", "refined": "refine_front", "compressed": "evaluate_compressed"}
    return rules.get(Path(path).stem.split("_")[0], "prune_candidate")
