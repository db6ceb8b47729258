"""Quantities of jets that need no more than pT and direction of their leading constituents."""

import numpy as np

N_LEADING = 32
MIN_PT_GEV = 2.0


def jet_quantities(x: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the quantities in which simulated and published jets are compared.

    Parameters
    ----------
    x
        ``(n, 32, 3)`` pT in GeV, and pseudorapidity and azimuth relative to the jet, of the leading constituents
        above 2 GeV, in falling pT, zero padded. Every jet has a constituent.

    Returns
    -------
    dict
        ``(n,)`` each: 22 quantities by name. Constituents count as massless.
    """
    pt, eta, phi = np.moveaxis(x.astype(np.float64), 2, 0)
    exists = pt > 0
    px, py, pz, e = (pt * f for f in (np.cos(phi), np.sin(phi), np.sinh(eta), np.cosh(eta)))
    total = np.stack([component.sum(axis=1) for component in (px, py, pz, e)])
    jet_pt = np.hypot(total[0], total[1])
    share = pt / pt.sum(axis=1, keepdims=True)
    distance = np.hypot(eta, phi)
    major, minor = _axes(share, eta, phi)
    mass = np.sqrt(np.maximum(total[3] ** 2 - (total[:3] ** 2).sum(axis=0), 0))
    return {
        "pT of the sum": jet_pt,
        "multiplicity": exists.sum(axis=1),
        "mass": mass,
        "mass / pT": mass / jet_pt,
        **{f"pT of constituent {i}": pt[:, i - 1] for i in (1, 2, 4, 8, 16)},
        "median pT": np.nanmedian(np.where(exists, pt, np.nan), axis=1),
        "share of constituent 1": share[:, 0],
        "share of 8 constituents": share[:, :8].sum(axis=1),
        "pT dispersion": np.sqrt((share**2).sum(axis=1)),
        "sum of z log z": (share * np.log(np.where(exists, share, 1))).sum(axis=1),
        "width": (share * distance).sum(axis=1),
        "major axis": major,
        "minor axis": minor,
        "two-point correlator": _two_point(share, eta, phi),
        "angle of constituent 1": distance[:, 0],
        "angle of constituent 2": distance[:, 1],
        "largest angle": distance.max(axis=1),
        "smallest gap": _smallest_gap(exists, eta, phi),
    }


def _axes(share: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the spreads of the pT along the two main axes of a jet."""
    ee, ep, pp = ((share * product).sum(axis=1) for product in (eta * eta, eta * phi, phi * phi))
    mean, half = (ee + pp) / 2, np.hypot((ee - pp) / 2, ep)
    return np.sqrt(mean + half), np.sqrt(np.maximum(mean - half, 0))


def _two_point(share: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    return sum((share[:, [i]] * share[:, i + 1 :] * _gaps(eta, phi, i)).sum(axis=1) for i in range(share.shape[1] - 1))


def _smallest_gap(exists: np.ndarray, eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Return the smallest angle between two of the 8 leading constituents: cells and tracks show in it; 1 if alone.

    It is rounded to 0.00001. Between centres of cells it takes few values, around which rounding of the stored
    directions, float32 in the published files and float64 until they are written in ours, spreads them by 0.0000003:
    trees would see that and nothing else.
    """
    gaps = [
        np.where(exists[:, i + 1 : 8], _gaps(eta[:, :8], phi[:, :8], i), 1.0).min(axis=1, initial=1.0) for i in range(7)
    ]
    return np.round(np.min(gaps, axis=0), 5)


def _gaps(eta: np.ndarray, phi: np.ndarray, i: int) -> np.ndarray:
    return np.hypot(eta[:, [i]] - eta[:, i + 1 :], phi[:, [i]] - phi[:, i + 1 :])
