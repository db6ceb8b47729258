"""The losses that trainings make small, with their derivatives and the score that is told beside them."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

LOSSES = ("cross_entropy", "squared", "huber")


@dataclass(frozen=True)
class Loss:
    """A loss: the mean over a batch of what each example's outputs cost.

    Cross-entropy is of classes. The others are of numbers, and average over the outputs too: the squared
    difference d^2, and Huber's loss as PyTorch defines it, d^2 / 2 up to ``delta`` and
    ``delta (|d| - delta / 2)`` beyond. Weights of examples make a weighted mean of it, sum(w l) / sum(w).

    Parameters
    ----------
    kind
        ``cross_entropy``, ``squared`` or ``huber``.
    delta
        Difference from which Huber's loss grows linearly, in the unit of the targets; the others have none.
    pooled
        Whether the score of numbers is one R^2 of all outputs together, and not the mean of each output's.

    Raises
    ------
    ValueError
        If there is no such loss, or delta is not positive and finite.
    """

    kind: str = "cross_entropy"
    delta: float = 1.0
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.kind not in LOSSES:
            raise ValueError(f"loss {self.kind!r} is not one of {', '.join(LOSSES)}")
        if not 0 < self.delta < math.inf:
            raise ValueError(f"delta of the loss must be positive and finite, got {self.delta}")

    @property
    def of_classes(self) -> bool:
        """Whether targets are classes, (n,) int64, or else numbers, (n, n_outputs) float32."""
        return self.kind == "cross_entropy"

    @property
    def limit(self) -> float:
        """Largest slope: with c, the difference d put within it, the loss of a number is factor c (d - c / 2)."""
        return self.delta if self.kind == "huber" else math.inf

    @property
    def factor(self) -> float:
        """Factor of that formula."""
        return 1.0 if self.kind == "huber" else 2.0

    def targets(self, y: np.ndarray | torch.Tensor, n_examples: int) -> torch.Tensor:
        """Return targets as a contiguous tensor on the CPU, of the type that the loss is of.

        Raises
        ------
        ValueError
            If they are not one class or one row of finite numbers for each example.
        """
        y = torch.as_tensor(y)
        if self.of_classes:
            if y.shape != (n_examples,) or y.is_floating_point():
                raise ValueError(
                    f"the loss {self.kind} is of {n_examples} classes, whole numbers; "
                    f"got {y.dtype} of shape {(*y.shape,)}"
                )
            return y.to("cpu", torch.int64).contiguous()
        if y.ndim != 2 or len(y) != n_examples or not y.shape[1] or not y.is_floating_point():
            raise ValueError(
                f"the loss {self.kind} is of numbers, floats of shape ({n_examples}, n_outputs); "
                f"got {y.dtype} of shape {(*y.shape,)}"
            )
        y = y.to("cpu", torch.float32).contiguous()
        if not torch.isfinite(y).all():
            raise ValueError("a target of the examples is not a finite number; prepare the data set again")
        return y

    def mean(self, outputs: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch, which autograd differentiates.

        Parameters
        ----------
        outputs
            (n, n_outputs).
        y
            (n,) int64 classes or (n, n_outputs) numbers.
        weights
            (n,), or None for equal ones.
        """
        if weights is None and self.of_classes:
            return cross_entropy(outputs, y)
        losses = self.differentiate(outputs, y)[0]
        return losses.mean() if weights is None else (losses * weights).sum() / weights.sum()

    def differentiate(self, outputs: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each example, (..., n), and its gradients, (..., n, n_outputs).

        Parameters
        ----------
        outputs
            (..., n, n_outputs).
        y
            (..., n) int64 classes or (..., n, n_outputs) numbers.
        """
        if self.of_classes:
            log_probability = torch.log_softmax(outputs, dim=-1)
            losses = -log_probability.gather(-1, y[..., None])[..., 0]
            truth = torch.zeros_like(outputs).scatter_(-1, y[..., None], 1.0)
            return losses, log_probability.exp() - truth
        difference = outputs - y
        clipped = difference.clamp(-self.limit, self.limit)
        losses = self.factor * (clipped * (difference - clipped / 2)).mean(dim=-1)
        return losses, clipped * (self.factor / outputs.shape[-1])

    def n_sums(self, n_outputs: int) -> int:
        """Return how many sums over examples the score is made of."""
        return 1 if self.of_classes else n_outputs

    def sums(self, outputs: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Return the sums over some examples that :meth:`score` is made of, (..., n_sums) float64.

        They are the weight of the examples whose largest output is that of their class, or each output's squared
        differences; the arguments are those of :meth:`differentiate`, with weights (n,) or None for ones.
        """
        if self.of_classes:
            values = (outputs.argmax(dim=-1) == y).double()[..., None]
        else:
            values = (outputs - y).double().square()
        return (values if weights is None else values * weights.double()[:, None]).sum(dim=-2)

    def score(self, sums: np.ndarray, y: torch.Tensor, weights: torch.Tensor | None = None) -> np.ndarray:
        """Return the accuracy, a fraction, or the coefficient of determination R^2; higher is better.

        R^2 is 1 - sum (p - y)^2 / sum (y - mean y)^2, its mean over the outputs, or, pooled, with both sums over
        the outputs too. An output whose targets are all the same has an R^2 of 1 if it is exact and else of 0.

        Parameters
        ----------
        sums
            (..., n_sums) float64, of all examples.
        y, weights
            Targets of all examples, and their weights or None.

        Returns
        -------
        (...,) float64
        """
        # NumPy adds in an order that does not depend on the processor.
        w = None if weights is None else weights.cpu().numpy().astype(np.float64)
        if self.of_classes:
            return sums[..., 0] / total_weight(y, weights)
        values = y.cpu().numpy().astype(np.float64)
        spread = np.square(values - np.average(values, axis=0, weights=w))
        spread = (spread if w is None else spread * w[:, None]).sum(axis=0)
        if self.pooled:
            sums, spread = sums.sum(axis=-1, keepdims=True), spread.sum(keepdims=True)
        varies = spread > 0
        return np.where(varies, 1 - sums / np.where(varies, spread, 1), sums == 0).mean(axis=-1)


CROSS_ENTROPY = Loss()
"""The loss of classes, which every trainer takes unless it is told another."""


def total_weight(y: torch.Tensor, weights: torch.Tensor | None) -> float:
    """Return the sum of the examples' weights, their number if all are equal."""
    return len(y) if weights is None else float(weights.cpu().numpy().astype(np.float64).sum())


def check_weights(weights: np.ndarray | torch.Tensor | None, n_examples: int) -> torch.Tensor | None:
    """Return weights of examples as a contiguous float32 tensor on the CPU, or None for equal ones.

    Raises
    ------
    ValueError
        If they are not one for each example, or one is not positive and finite.
    """
    if weights is None:
        return None
    weights = torch.as_tensor(weights, dtype=torch.float32, device="cpu").contiguous()
    if weights.shape != (n_examples,):
        raise ValueError(f"{n_examples} examples need as many weights; got {(*weights.shape,)}")
    if not (torch.isfinite(weights) & (weights > 0)).all():
        raise ValueError("a weight of the examples is not positive and finite; leave out what shall not count")
    return weights
