"""Find jets among measured particles."""

import awkward as ak
import fastjet
import numpy as np

from snacpack.jets.detector import Particles

# A jet of a TeV has particles far above it, and what is farther from all of these than a few radii reaches no such jet.
_SEED_PT_GEV = 50.0
_REACH = 2
_MAX_ABS_RAPIDITY = 10.0


def find_jets(
    particles: Particles, n_events: int, radius: float, min_pt_gev: float, n_leading: int
) -> tuple[Particles, np.ndarray]:
    """Find the anti-kT jets above a pT, at least the leading ones.

    Parameters
    ----------
    particles
        Sorted by event.
    n_events
        Events, those without particles included.
    radius
        Radius of the jets.
    min_pt_gev
        Jets below it are left out.
    n_leading
        So many leading jets of each event are exact; other jets may miss
        particles, or be missing.

    Returns
    -------
    constituents
        The particles of all jets, jet by jet.
    jet_of
        ``(constituents,)`` the jet each belongs to, counted over all events.

    Notes
    -----
    Only particles near energetic ones are clustered, in a third of the time.
    An event whose leading jets are not harder than all others of its particles
    together, which could then hide a harder one, is clustered as a whole.
    """
    near = _near_seeds(particles, n_events, radius)
    constituents, jet_of = cluster(particles.take(near), n_events, radius, min_pt_gev)
    pt_left_out = np.bincount(
        particles.event[~near], weights=np.hypot(particles.px, particles.py)[~near], minlength=n_events
    )
    uncertain = _leading_pt(constituents, jet_of, n_events, n_leading) <= pt_left_out
    if uncertain.any():
        return cluster(particles.take(near | uncertain[particles.event]), n_events, radius, min_pt_gev)
    return constituents, jet_of


def cluster(particles: Particles, n_events: int, radius: float, min_pt_gev: float) -> tuple[Particles, np.ndarray]:
    """Find the anti-kT jets above a pT among all particles; as :func:`find_jets`."""
    n_particles = np.bincount(particles.event, minlength=n_events)
    sequence = fastjet.ClusterSequence(
        as_vectors(particles, n_particles), fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    )
    index = sequence.constituent_index(min_pt=min_pt_gev)
    # FastJet counts the particles of each event from 0.
    first_particle = np.cumsum(n_particles) - n_particles
    position = ak.flatten(index + first_particle, axis=None).to_numpy()
    n_constituents = ak.flatten(ak.num(index, axis=2)).to_numpy()
    return particles.take(position), np.repeat(np.arange(len(n_constituents)), n_constituents)


def as_vectors(particles: Particles, counts: np.ndarray) -> ak.Array:
    """Return particles as FastJet takes them, ``counts`` of them at a time."""
    momenta = {"px": particles.px, "py": particles.py, "pz": particles.pz, "E": particles.e}
    return ak.unflatten(ak.zip(momenta, with_name="Momentum4D"), counts)


def _near_seeds(particles: Particles, n_events: int, radius: float) -> np.ndarray:
    """Return which particles lie within a few radii of an energetic one, ``(particles,)`` bool."""
    pt2 = particles.px**2 + particles.py**2
    n_phi = max(1, int(2 * np.pi / radius))
    n_y = 2 * int(np.ceil(_MAX_ABS_RAPIDITY / radius))
    # FastJet measures in rapidity.
    transverse = np.sqrt(np.maximum(particles.e**2 - particles.pz**2, np.maximum(pt2, np.finfo(float).tiny)))
    y = np.arcsinh(np.clip(particles.pz / transverse, -1e9, 1e9))
    i_y = np.clip(y / radius + n_y / 2, 0, n_y - 1).astype(np.int64)
    i_phi = (np.arctan2(particles.py, particles.px) / (2 * np.pi) % 1 * n_phi).astype(np.int64) % n_phi
    grid = np.zeros((n_events, n_y + 2 * _REACH, n_phi), dtype=bool)
    is_seed = pt2 > _SEED_PT_GEV**2
    grid[particles.event[is_seed], i_y[is_seed] + _REACH, i_phi[is_seed]] = True
    shifts = range(-_REACH, _REACH + 1)
    grid = np.logical_or.reduce([np.roll(grid, shift, axis=1) for shift in shifts])
    grid = np.logical_or.reduce([np.roll(grid, shift, axis=2) for shift in shifts])
    return grid[particles.event, i_y + _REACH, i_phi]


def _leading_pt(constituents: Particles, jet_of: np.ndarray, n_events: int, n_leading: int) -> np.ndarray:
    """Return the pT of the last of each event's leading jets, ``(n_events,)``; 0 where it has fewer."""
    first = np.flatnonzero(np.diff(jet_of, prepend=-1))
    if not len(first):
        return np.zeros(n_events)
    pt = np.hypot(*(np.add.reduceat(component, first) for component in (constituents.px, constituents.py)))
    event = constituents.event[first]
    order = np.lexsort((-pt, event))
    event, pt = event[order], pt[order]
    rank = np.arange(len(event)) - np.searchsorted(event, event)
    leading = np.zeros(n_events)
    leading[event[rank == n_leading - 1]] = pt[rank == n_leading - 1]
    return leading
