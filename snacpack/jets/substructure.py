"""Substructure of jets: N-subjettiness, and mass and energy correlations after grooming."""

from functools import lru_cache

import awkward as ak
import fastjet
import numpy as np

# The cut of soft drop without angular dependence, which is the modified mass-drop tagger.
_SYMMETRY_CUT = 0.1

SUBJETTINESS = tuple(f"tau{n}_b{beta}" for beta in (1, 2) for n in (1, 2, 3, 32))
"""Columns that :func:`n_subjettiness` fills."""

CORRELATIONS = (
    "c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1", "d2_a1_b2", "m2_b1", "m2_b2", "n2_b1",
    "n2_b2",
)  # fmt: skip
"""Names of the correlations of :func:`correlations`."""

HIGH_LEVEL = (*(f"{name}_mmdt" for name in CORRELATIONS), "mass_mmdt")
"""Columns that :func:`high_level_observables` fills."""


def n_subjettiness(momenta: np.ndarray) -> dict[str, np.ndarray]:
    """Compute N-subjettiness with one-pass kT axes, unnormalised, in GeV (arXiv:1108.2701).

    Parameters
    ----------
    momenta
        ``(n, constituents, 4)`` px, py, pz, E in GeV, zero padded.

    Returns
    -------
    dict
        ``(n,)`` of each name of :data:`SUBJETTINESS`.
    """
    sequence = _recluster(momenta, fastjet.kt_algorithm)
    taus: dict[str, np.ndarray] = {}
    for beta in (1, 2):
        values = sequence.njettiness("UnnormalizedMeasure", "OnePass_KT_Axes", njets=[1, 2, 3], beta=float(beta))
        taus.update({f"tau{n}_b{beta}": column for n, column in enumerate(ak.to_numpy(values).T, start=1)})
        taus[f"tau32_b{beta}"] = _ratio(taus[f"tau3_b{beta}"], taus[f"tau2_b{beta}"])
    return taus


def high_level_observables(momenta: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the groomed observables of the 16-feature jet benchmark (arXiv:1804.06913).

    Parameters
    ----------
    momenta
        ``(n, constituents, 4)`` px, py, pz, E in GeV, zero padded.

    Returns
    -------
    dict
        ``(n,)`` of each name of :data:`HIGH_LEVEL`.

    Notes
    -----
    Groomed by soft drop with a symmetry cut of 0.1 and no angular dependence,
    as read in the code that made the published files (trackObservables,
    ``anaSubstructure.cpp``). The other two of the 16, ``zlogz`` and
    ``multiplicity``, are of the whole jet and cost nothing.
    """
    sequence = _recluster(momenta, fastjet.cambridge_algorithm)
    groomed = sequence.exclusive_jets_softdrop_grooming(njets=1, beta=0.0, symmetry_cut=_SYMMETRY_CUT, R0=1.0)
    counts = ak.num(groomed.constituents, axis=1).to_numpy()
    flat = np.stack([ak.flatten(groomed.constituents[name]).to_numpy() for name in ("px", "py", "pz", "E")], axis=1)
    values = np.array([correlations(jet) for jet in np.split(flat, np.cumsum(counts)[:-1])])
    columns = {f"{name}_mmdt": values[:, place] for place, name in enumerate(CORRELATIONS)}
    return {**columns, "mass_mmdt": np.maximum(ak.to_numpy(groomed.msoftdrop), 0.0)}


def _recluster(momenta: np.ndarray, algorithm: int) -> fastjet.ClusterSequence:
    """Cluster each jet's constituents again, ending in one jet."""
    exists = momenta[:, :, 3] > 0
    fields = {name: momenta[:, :, i][exists] for i, name in enumerate(("px", "py", "pz", "E"))}
    particles = ak.unflatten(ak.zip(fields, with_name="Momentum4D"), exists.sum(axis=1))
    # A radius that no jet reaches leaves the distances' order alone.
    return fastjet.ClusterSequence(particles, fastjet.JetDefinition(algorithm, fastjet.JetDefinition.max_allowable_R))


def correlations(momenta: np.ndarray) -> np.ndarray:
    """Compute ratios of a jet's energy correlation functions.

    Parameters
    ----------
    momenta
        ``(constituents, 4)`` px, py, pz, E.

    Returns
    -------
    numpy.ndarray
        The values of :data:`CORRELATIONS`; a ratio whose denominator vanishes, as
        with a single constituent, is 0.

    Notes
    -----
    Transverse momenta and distances in rapidity and azimuth, as FastJet contrib's
    EnergyCorrelator with ``pt_R``: C (arXiv:1305.0007), D2 (arXiv:1409.6298;
    ``d2_a1_b2`` has three-point correlations of angular power 1 over two-point
    ones of power 2), M2 and N2 (arXiv:1609.07483).
    """
    fraction, distance = _fractions_and_distances(momenta)
    pairs = np.outer(fraction, fraction)
    e2 = {beta: ((pairs * distance**beta).sum() - (fraction**2).sum() * (beta == 0)) / 2 for beta in (0, 1, 2)}
    e3, e3_one, e3_two = _three_point(fraction, distance)
    values = {
        **{f"c1_b{beta}": e2[beta] for beta in e2},
        **{f"c2_b{beta}": _ratio(e3[beta], e2[beta] ** 2) for beta in e3},
        **{f"d2_b{beta}": _ratio(e3[beta], e2[beta] ** 3) for beta in e3},
        **{f"d2_a1_b{beta}": _ratio(e3[1], e2[beta] ** (3 / beta)) for beta in e3},
        **{f"m2_b{beta}": _ratio(e3_one[beta], e2[beta]) for beta in e3},
        **{f"n2_b{beta}": _ratio(e3_two[beta], e2[beta] ** 2) for beta in e3},
    }
    return np.array([values[name] for name in CORRELATIONS])


def _fractions_and_distances(momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shares of the scalar pT sum ``(n,)`` and distances in rapidity and azimuth ``(n, n)``."""
    px, py, pz, e = momenta.T
    pt = np.hypot(px, py)
    rapidity = np.arctanh(pz / e)
    phi = np.arctan2(py, px)
    apart = np.abs(phi[:, None] - phi)
    return pt / pt.sum(), np.hypot(rapidity[:, None] - rapidity, np.minimum(apart, 2 * np.pi - apart))


def _three_point(fraction: np.ndarray, distance: np.ndarray) -> tuple[dict[int, float], ...]:
    """Return sums over triples, by angular power, of all three sides' product, the shortest, and the two shortest's."""
    ij, ik, jk, i, j, k = _triples(len(fraction))
    # The files hold float32, and sums over up to half a million triples are what this costs.
    fraction, distance = fraction.astype(np.float32), distance.ravel().astype(np.float32)
    a, b, c = (distance.take(side) for side in (ij, ik, jk))
    weight = fraction.take(i) * fraction.take(j) * fraction.take(k)
    shorter, longer = np.minimum(a, b), np.maximum(a, b)
    shortest, middle = np.minimum(shorter, c), np.maximum(shorter, np.minimum(longer, c))
    two_shortest = shortest * middle
    angles = (two_shortest * np.maximum(longer, c), shortest, two_shortest)
    return tuple({1: float(weight @ angle), 2: float((weight * angle) @ angle)} for angle in angles)


@lru_cache(maxsize=32)
def _triples(n: int) -> tuple[np.ndarray, ...]:
    """Return all i < j < k below n, after the positions of ij, ik and jk in a flattened (n, n) array."""
    number = np.arange(n)
    i, j, k = np.nonzero((number[:, None, None] < number[:, None]) & (number[:, None] < number))
    return tuple(index.astype(np.int32) for index in (i * n + j, i * n + k, j * n + k, i, j, k))


def _ratio(numerator: np.ndarray | float, denominator: np.ndarray | float) -> np.ndarray:
    """Return the ratio, 0 where the denominator is."""
    return np.divide(numerator, denominator, where=np.asarray(denominator) > 0, out=np.zeros(np.shape(denominator)))
