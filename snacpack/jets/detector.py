"""A parametric detector: tracks, ECAL cells and HCAL cells with their resolutions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

NEUTRINOS = (12, 14, 16)
PHOTONS = (22,)
ELECTRONS = (11,)
MUONS = (13,)
CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312, 3334)

TRACK, ECAL, HCAL = 0, 1, 2

# The least fraction of its value that a measured momentum fluctuates to, as in the published files' code.
SMALLEST_FRACTION = 1e-10


class Particles(NamedTuple):
    """Particles of several events in one table; every field has shape ``(n,)``.

    ``kind`` is the absolute PDG number of a generated particle, and
    :data:`TRACK`, :data:`ECAL` or :data:`HCAL` of a measured one. Momenta and
    energies are in GeV; ``event`` counts from 0.
    """

    px: np.ndarray
    py: np.ndarray
    pz: np.ndarray
    e: np.ndarray
    kind: np.ndarray
    event: np.ndarray

    def take(self, which: np.ndarray) -> "Particles":
        """Return the particles at these positions or of this mask."""
        return Particles(*(column[which] for column in self))


@dataclass(frozen=True)
class Detector:
    """Geometry and resolution of the detector.

    Photons are summed into ECAL cells; neutral hadrons, and charged ones too
    energetic to be tracked, into HCAL cells; other charged hadrons, electrons
    and muons are tracks. Neutrinos and what is outside the acceptance are not
    seen. A cell becomes a massless particle at its centre.

    Parameters
    ----------
    max_abs_eta
        The calorimeters' acceptance in pseudorapidity.
    max_track_abs_eta
        The tracks'; ``None`` is no limit.
    track_electrons
        Whether electrons are tracks; if not, the ECAL measures them.
    max_track_pt_gev
        Charged hadrons above it are measured by the HCAL.
    ecal_cell, hcal_cell
        Width of a cell in pseudorapidity; in azimuth the next larger width that
        divides the circle.
    track_constant, track_slope_per_gev
        Relative pT resolution ``sqrt(constant^2 + (slope pT)^2)`` of a track.
    ecal_stochastic, ecal_noise_gev, ecal_constant
        Relative energy resolution ``sqrt(stochastic^2 / E + (noise / E)^2 +
        constant^2)`` of an ECAL cell, E in GeV.
    hcal_stochastic, hcal_noise_gev, hcal_constant
        The same of an HCAL cell.

    Notes
    -----
    Read from the code that made the published files (trackObservables,
    ``processing/anaSubstructure.cpp``): the two grids begin at pseudorapidity
    -3 and azimuth 0, cells count by the direction and energy of what hits them,
    tracks and leptons have no limit in pseudorapidity, each momentum is scaled
    by a Gaussian factor that is cut off just above zero, and the resolutions
    are CMS' (Coleman et al., JINST 13 (2018) T01003, arXiv:1709.08705) with an
    allowance for the charged energy in the same cells: the ECAL's 2.7%/sqrt(E),
    0.15 GeV, 0.5% at 1/1.6 of the energy, the HCAL's 120%/sqrt(E), 5% at 1/7.

    Inferred from the published jets: cells of 0.005 and 0.010, which show in
    the differences of the constituents' directions, and half of all
    resolutions. The tag in the files' names speaks of 0.0175 and 0.022.
    """

    max_abs_eta: float = 3.0
    max_track_abs_eta: float | None = None
    track_electrons: bool = True
    max_track_pt_gev: float = 220.0
    ecal_cell: float = 0.005
    hcal_cell: float = 0.010
    track_constant: float = 0.0075
    track_slope_per_gev: float = 0.000125
    ecal_stochastic: float = 0.01708
    ecal_noise_gev: float = 0.12
    ecal_constant: float = 0.0025
    hcal_stochastic: float = 1.587
    hcal_noise_gev: float = 0.0
    hcal_constant: float = 0.025

    def measure(self, generated: Particles, rng: np.random.Generator) -> Particles:
        """Return what the detector sees of events, sorted by event.

        Parameters
        ----------
        generated
            Stable particles, ``kind`` their absolute PDG number.
        rng
            Source of the resolution's fluctuations.

        Notes
        -----
        With all resolution parameters zero, the energy of an event's particles
        inside the acceptance, neutrinos excepted, is conserved.
        """
        pt = np.hypot(generated.px, generated.py)
        momentum = np.sqrt(pt**2 + generated.pz**2)
        is_electron = np.isin(generated.kind, ELECTRONS)
        is_track = np.isin(generated.kind, CHARGED_HADRONS) & (pt <= self.max_track_pt_gev)
        is_track |= np.isin(generated.kind, MUONS) | (is_electron & self.track_electrons)
        is_ecal = (np.isin(generated.kind, PHOTONS) | is_electron) & ~is_track
        # |eta| < limit without the logarithm, which a particle along the beam would make infinite.
        cosine = np.abs(generated.pz) / np.where(momentum > 0, momentum, 1.0)
        track_limit = np.inf if self.max_track_abs_eta is None else self.max_track_abs_eta
        seen = cosine < np.where(is_track, np.tanh(track_limit), np.tanh(self.max_abs_eta))
        seen &= (generated.e > 0) & ~np.isin(generated.kind, NEUTRINOS)
        is_track &= seen
        is_ecal &= seen
        tracks = generated.take(is_track)
        parts = (
            _smear(tracks._replace(kind=np.full(len(tracks.e), TRACK)), self._track_resolution(pt[is_track]), rng),
            self._read_cells(generated.take(is_ecal), ECAL, rng),
            self._read_cells(generated.take(seen & ~is_track & ~is_ecal), HCAL, rng),
        )
        measured = Particles(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        return measured.take(np.argsort(measured.event, kind="stable"))

    def _track_resolution(self, pt: np.ndarray) -> np.ndarray:
        return np.hypot(self.track_constant, self.track_slope_per_gev * pt)

    def _read_cells(self, particles: Particles, kind: int, rng: np.random.Generator) -> Particles:
        width = self.ecal_cell if kind == ECAL else self.hcal_cell
        stochastic, noise, constant = (
            (self.ecal_stochastic, self.ecal_noise_gev, self.ecal_constant)
            if kind == ECAL
            else (self.hcal_stochastic, self.hcal_noise_gev, self.hcal_constant)
        )
        cells = sum_into_cells(particles, width, kind)
        return _smear(cells, np.sqrt(stochastic**2 / cells.e + (noise / cells.e) ** 2 + constant**2), rng)


def sum_into_cells(particles: Particles, width: float, kind: int) -> Particles:
    """Sum the energy of each event's particles in cells of pseudorapidity and azimuth.

    Parameters
    ----------
    particles
        With pT above zero.
    width
        Width of a cell; cells begin at pseudorapidity 0 and azimuth 0.
    kind
        Kind of the cells, :data:`ECAL` or :data:`HCAL`.

    Returns
    -------
    Particles
        One massless particle per cell with energy, at the cell's centre,
        sorted by event.
    """
    n_phi = max(1, int(2 * np.pi / width))
    eta = np.arcsinh(particles.pz / np.hypot(particles.px, particles.py))
    phi = np.arctan2(particles.py, particles.px) % (2 * np.pi)
    i_eta = np.floor(eta / width).astype(np.int64)
    i_phi = np.floor(phi / (2 * np.pi) * n_phi).astype(np.int64) % n_phi
    first, n_eta = (i_eta.min(), np.ptp(i_eta) + 1) if len(i_eta) else (0, 1)
    key = (particles.event * n_eta + i_eta - first) * n_phi + i_phi
    cells, cell_of = np.unique(key, return_inverse=True)
    energy = np.bincount(cell_of, weights=particles.e, minlength=len(cells))
    row, i_phi = np.divmod(cells, n_phi)
    event, i_eta = np.divmod(row, n_eta)
    eta = (i_eta + first + 0.5) * width
    phi = (i_phi + 0.5) * (2 * np.pi / n_phi)
    pt = energy / np.cosh(eta)
    return Particles(
        pt * np.cos(phi), pt * np.sin(phi), energy * np.tanh(eta), energy, np.full(len(cells), kind), event
    )


def _smear(particles: Particles, resolution: np.ndarray, rng: np.random.Generator) -> Particles:
    """Scale each momentum by a random Gaussian factor around one, cut off just above zero.

    If the resolution is worse than the energy itself, as the HCAL's for a soft hadron,
    the cut raises the mean; that is how the published jets were made.
    """
    factor = np.maximum(1 + resolution * rng.standard_normal(len(resolution)), SMALLEST_FRACTION)
    return particles._replace(**{name: getattr(particles, name) * factor for name in ("px", "py", "pz", "e")})
