"""The columns of the data set: constituents relative to their jet, and jet observables."""

from collections.abc import Mapping

import numpy as np

from snacpack.jets.layout import CLASSES, CONSTITUENT_COLUMNS, JET_COLUMNS

COMPUTED = ("ptfrac", "pt", "eta", "mass", "zlogz", "multiplicity")
"""The jet observables that :func:`jet_columns` always fills."""


def wrap_azimuth(phi: np.ndarray) -> np.ndarray:
    """Return angles in [-pi, pi)."""
    return (phi + np.pi) % (2 * np.pi) - np.pi


def constituent_columns(momenta: np.ndarray, jets: np.ndarray) -> np.ndarray:
    """Compute the 16 constituent columns.

    Parameters
    ----------
    momenta
        ``(n, 150, 4)`` px, py, pz, E of the constituents in GeV, in falling pT,
        zero padded.
    jets
        ``(n, 4)`` the same of the jets.

    Returns
    -------
    numpy.ndarray
        ``(n, 150, 16)`` in the order of :data:`CONSTITUENT_COLUMNS`, zero where
        there is no constituent.

    Notes
    -----
    ``etarot`` and ``phirot`` are the directions after the hardest constituent
    is moved to the origin, the hardest at more than 0.1 from it is rotated to
    negative azimuth, and the side with more pT to positive pseudorapidity
    (arXiv:1704.02124). The published files' exact convention is not documented.
    """
    px, py, pz, e = np.moveaxis(momenta, 2, 0)
    jet_px, jet_py, jet_pz, jet_e = (jets[:, [i]] for i in range(4))
    jet_pt = np.hypot(jet_px, jet_py)
    exists = e > 0
    pt = np.hypot(px, py)
    eta = np.arcsinh(np.divide(pz, pt, out=np.zeros_like(pz), where=exists))
    phi = np.arctan2(py, px)
    eta_rel = eta - np.arcsinh(jet_pz / jet_pt)
    phi_rel = wrap_azimuth(phi - np.arctan2(jet_py, jet_px))
    eta_rot, phi_rot = _rotate(pt, wrap_azimuth(phi - phi[:, :1]), eta - eta[:, :1], exists)
    momentum = np.where(exists, np.hypot(pt, pz), 1.0)
    jet_momentum = np.hypot(jet_pt, jet_pz)
    columns = {
        "px": px, "py": py, "pz": pz, "e": e, "erel": e / jet_e, "pt": pt, "ptrel": pt / jet_pt,
        "eta": eta, "etarel": eta_rel, "etarot": eta_rot, "phi": phi, "phirel": phi_rel, "phirot": phi_rot,
        "deltaR": np.hypot(eta_rel, phi_rel),
        "costheta": pz / momentum,
        "costhetarel": (px * jet_px + py * jet_py + pz * jet_pz) / (momentum * jet_momentum),
    }  # fmt: skip
    stacked = np.stack([columns[name] for name in CONSTITUENT_COLUMNS], axis=2)
    return np.where(exists[:, :, None], stacked, 0.0)


def _rotate(pt: np.ndarray, phi: np.ndarray, eta: np.ndarray, exists: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    away = exists & (np.hypot(eta, phi) > 0.1)
    second = np.argmax(away, axis=1)[:, None]
    angle = np.arctan2(np.take_along_axis(py, second, 1), np.take_along_axis(pz, second, 1)) + np.pi / 2
    angle = np.where(away.any(axis=1, keepdims=True), angle, 0.0)
    py, pz = np.cos(angle) * py - np.sin(angle) * pz, np.sin(angle) * py + np.cos(angle) * pz
    phi = np.arctan2(py, px)
    eta = np.arcsinh(np.divide(pz, np.hypot(px, py), out=np.zeros_like(pz), where=exists))
    side = np.where((np.sign(eta) * pt).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return side * eta, phi


def jet_columns(
    momenta: np.ndarray,
    jets: np.ndarray,
    multiplicity: np.ndarray,
    jet_class: str,
    extra: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Compute the 59 jet columns.

    Parameters
    ----------
    momenta
        ``(n, 150, 4)`` px, py, pz, E of the constituents in GeV, zero padded.
    jets
        ``(n, 4)`` the same of the jets.
    multiplicity
        ``(n,)`` constituents of each jet, those beyond 150 included.
    jet_class
        One of :data:`CLASSES`, the same for all.
    extra
        Further observables by name, each ``(n,)``.

    Returns
    -------
    numpy.ndarray
        ``(n, 59)`` in the order of :data:`JET_COLUMNS`. Observables that are
        neither in :data:`COMPUTED` nor in ``extra`` are 0: nothing reads them.
    """
    px, py, pz, e = jets.T
    pt = np.hypot(px, py)
    fraction = momenta[:, :, 3] / e[:, None]
    logarithm = np.log(np.where(fraction > 0, fraction, 1.0))
    values = {
        "ptfrac": np.ones(len(jets)),
        "pt": pt,
        "eta": np.arcsinh(pz / pt),
        "mass": np.sqrt(np.maximum(e**2 - pt**2 - pz**2, 0.0)),
        "zlogz": (fraction * logarithm).sum(axis=1),
        "multiplicity": multiplicity,
        **(extra or {}),
    }
    columns = np.zeros((len(jets), len(JET_COLUMNS)))
    for name, value in values.items():
        columns[:, JET_COLUMNS.index(name)] = value
    columns[:, JET_COLUMNS.index("undef") - len(CLASSES) + CLASSES.index(jet_class)] = 1
    return columns
