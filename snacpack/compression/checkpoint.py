"""The files of a compression's steps: everything that the next job needs."""

import io
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from snacpack.architecture import Architecture
from snacpack.compression.network import build_quantized_network
from snacpack.compression.scheme import Precision
from snacpack.files import whole_file


@dataclass(frozen=True)
class Checkpoint:
    """A quantised network after warm-up (iteration 0), a pruning iteration, or as a finalist of a search.

    Parameters
    ----------
    architecture, precision
        What the weights belong to.
    scheme
        The name of the precision, such as ``w8a8``, or ``mixed``.
    iteration
        0 for the warm-up; of a search's finalists their number.
    state
        The Brevitas network's state dictionary.
    masks
        For each dense layer's name, (n_out, n_in) bool: False where a weight is pruned.
    validation_accuracy
        After the last epoch, as a fraction.
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
        """Weights that are not pruned, each one multiply-accumulate."""
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
            What the file must be of, where given.

        Raises
        ------
        ValueError
            If the file is damaged, or of another architecture or scheme.
        """
        remedy = f"delete it and rerun rule {_rule(path)}"
        try:
            fields = torch.load(path, weights_only=True)
            fields.pop("sparsity")
            found = cls(**fields)
            found = replace(
                found,
                architecture=Architecture.from_dict(fields["architecture"]),
                precision=Precision.from_dict(fields["precision"]),
            )
            found.network()
        except (FileNotFoundError, PermissionError):
            raise
        except (
            RuntimeError,
            OSError,
            EOFError,
            pickle.UnpicklingError,
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
        ) as error:
            raise ValueError(f"{path} is damaged or no checkpoint of a quantised network; {remedy}") from error
        for kind, expected in (("architecture", architecture), ("scheme", scheme)):
            if expected is not None and getattr(found, kind) != expected:
                raise ValueError(f"{path} is of {kind} {getattr(found, kind)}, but {expected} is wanted; {remedy}")
        return found


def _rule(path: str | Path) -> str:
    rules = {"warmup": "warm_up_candidate", "refined": "refine_front", "compressed": "evaluate_compressed"}
    return rules.get(Path(path).stem.split("_")[0], "prune_candidate")
