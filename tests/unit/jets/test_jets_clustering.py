"""Jets are found among few particles as among all."""

import numpy as np
import pytest

from snacpack.jets.clustering import cluster, find_jets
from snacpack.jets.collisions import Collisions
from snacpack.jets.detector import Particles
from snacpack.jets.layout import CLASSES
from snacpack.jets.recipe import Recipe
from snacpack.jets.simulation import _final_particles


def leading(constituents, jet_of, n_events):
    """Return the constituents' energies of each event's leading jet."""
    found = {}
    for jet in np.unique(jet_of):
        own = constituents.take(jet_of == jet)
        pt = np.hypot(own.px.sum(), own.py.sum())
        if pt > found.get(own.event[0], (0, None))[0]:
            found[own.event[0]] = (pt, np.sort(own.e))
    return [found.get(event, (0, np.zeros(0)))[1] for event in range(n_events)]


@pytest.mark.parametrize("jet_class", ["g", *(pytest.param(c, marks=pytest.mark.thorough) for c in CLASSES[1:])])
@pytest.mark.parametrize("radius", [0.4, pytest.param(0.8, marks=pytest.mark.thorough)])
def test_leading_jets_are_those_of_all_particles(jet_class, radius):
    recipe, n_events = Recipe(), 40
    events = Collisions(jet_class, 2, recipe).next_batch(n_events)
    measured = recipe.detector.measure(_final_particles(events), np.random.default_rng(0))
    few = leading(*find_jets(measured, n_events, radius, 100, 1), n_events)
    for one, other in zip(few, leading(*cluster(measured, n_events, radius, 100), n_events), strict=True):
        np.testing.assert_array_equal(one, other)


def massless(rows):
    """Particles of (pT, rapidity, azimuth, event)."""
    pt, y, phi, event = np.array(rows).T
    return Particles(
        pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(y), pt * np.cosh(y), np.zeros(len(pt)), event.astype(int)
    )


def test_a_jet_of_soft_particles_is_found():
    """Eighty particles of 5 GeV make the leading jet, far from the one of 200 GeV that stands out."""
    rng = np.random.default_rng(3)
    rows = [(200.0, 0.0, 0.0, 0), *((5.0, *(np.array([1.5, 3.0]) + rng.normal(0, 0.05, 2)), 0) for _ in range(80))]
    rows += [(300.0, 0.5, 1.0, 1)]
    jets = leading(*find_jets(massless(rows), 3, 0.4, 100, 1), 3)
    assert [len(jet) for jet in jets] == [80, 1, 0]


def test_second_jets_are_found_where_they_are_wanted():
    rows = [(500.0, 0.0, 0.0, 0), *((3.0, 1.5 + 0.002 * i, 3.0, 0) for i in range(60)), (120.0, -2.0, 1.0, 0)]
    for n_leading in (1, 2):
        _, jet_of = find_jets(massless(rows), 1, 0.4, 100, n_leading)
        assert jet_of.max() + 1 == n_leading + 1 or n_leading == 1
    assert sorted(np.bincount(jet_of)) == [1, 1, 60]
