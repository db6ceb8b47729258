"""Statistics of two samples of jets, with their noise by chance: distances and areas under ROC curves."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def kolmogorov_test(a: np.ndarray, b: np.ndarray, n_permutations: int, rng: np.random.Generator) -> dict[str, float]:
    """Compare two samples of a quantity, and say what samples of one distribution would give.

    Parameters
    ----------
    a, b
        ``(n,)`` and ``(m,)`` values; equal ones, as counts have, are allowed.
    n_permutations
        How often the values are dealt out anew to two samples of these sizes.
    rng
        Deals them out.

    Returns
    -------
    dict
        ``distance``, the largest difference of the cumulative distributions; ``noise``, its mean over the
        permutations, and ``noise_95``, what 5% of them exceed.

    Raises
    ------
    ValueError
        If a sample is empty.
    """
    if not (len(a) and len(b)):
        raise ValueError(f"samples of {len(a)} and {len(b)} values cannot be compared; give both some jets")
    order = np.argsort(np.concatenate([a, b]), kind="stable")
    values = np.concatenate([a, b])[order]
    # Between equal values the distributions are not defined.
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    steps = np.where(order < len(a), 1 / len(a), -1 / len(b))

    def distance(steps: np.ndarray) -> float:
        return float(np.abs(np.cumsum(steps)[ends]).max())

    noise = [distance(rng.permutation(steps)) for _ in range(n_permutations)]
    return {
        "distance": distance(steps),
        "noise": float(np.mean(noise)),
        "noise_95": float(np.quantile(noise, 0.95)),
    }


def auc_with_error(signal: np.ndarray, background: np.ndarray) -> tuple[float, float]:
    """Return the area under the ROC curve of two samples of scores and its standard error.

    Parameters
    ----------
    signal, background
        ``(n,)`` and ``(m,)`` scores, at least two of each; signal is expected to score higher.

    Raises
    ------
    ValueError
        If there are fewer than two scores of a kind.

    Notes
    -----
    The error is that of DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837, by ranks.
    """
    n, m = len(signal), len(background)
    if min(n, m) < 2:
        raise ValueError(f"the area needs two scores of each kind, got {n} and {m}; give more jets")
    ranks = rankdata(np.concatenate([signal, background]))
    # The share of the other sample that each score is above; equal scores count half.
    above_background = (ranks[:n] - rankdata(signal)) / m
    above_signal = (ranks[n:] - rankdata(background)) / n
    variance = np.var(above_background, ddof=1) / n + np.var(above_signal, ddof=1) / m
    return float(above_background.mean()), float(np.sqrt(variance))


def frechet_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """Return the squared Frechet distance of two normal distributions.

    Parameters
    ----------
    mean_a, mean_b
        ``(d,)``.
    covariance_a, covariance_b
        ``(d, d)``, symmetric and without negative eigenvalues, but for rounding.
    """
    root = _square_root(covariance_a)
    eigenvalues = np.linalg.eigvalsh(root @ covariance_b @ root)
    overlap = np.sqrt(np.maximum(eigenvalues, 0)).sum()
    difference = mean_a - mean_b
    return float(difference @ difference + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def cumulative_shares(counts: np.ndarray) -> np.ndarray:
    """Return the shares of a histogram, ``(bins,)``, that lie below each of its ``bins + 1`` edges."""
    return np.concatenate([[0.0], np.cumsum(counts) / np.sum(counts)])


def binned_quantiles(edges: np.ndarray, counts: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return quantiles of a histogram with positive edges; inside a bin the logarithm is spread evenly.

    Parameters
    ----------
    edges
        ``(bins + 1,)``, rising.
    counts
        ``(bins,)``, not all zero.
    shares
        Fractions in (0, 1).
    """
    below, places = cumulative_shares(counts), np.log(edges)
    bins = np.searchsorted(below, shares, side="left") - 1
    inside = (np.asarray(shares) - below[bins]) / np.diff(below)[bins]
    return np.exp(places[bins] + inside * np.diff(places)[bins])


def binned_distance(counts_a: np.ndarray, counts_b: np.ndarray) -> tuple[float, float]:
    """Return the Kolmogorov distance of two histograms of the same bins, and its mean if both are of one distribution.

    Notes
    -----
    The mean is that of the Kolmogorov distribution, ``sqrt(pi / 2) ln 2 / sqrt(n m / (n + m))``, of values that are
    not binned, so a little high.
    """
    distance = np.abs(cumulative_shares(counts_a) - cumulative_shares(counts_b)).max()
    n, m = float(np.sum(counts_a)), float(np.sum(counts_b))
    return float(distance), float(np.sqrt(np.pi / 2) * np.log(2) / np.sqrt(n * m / (n + m)))
