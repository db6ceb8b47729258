"""Collisions: what is in the hard process, how W, Z and top decay, and that the faster shower is Pythia's."""

import awkward as ak
import numpy as np
import pytest
from scipy.stats import ks_2samp

from snacpack.jets.collisions import Collisions, check_settings
from snacpack.jets.recipe import Recipe

# Pythia's masses in GeV.
MASSES = {24: 80.385, 23: 91.1876, 6: 173.0}
NUMBERS = {"w": 24, "z": 23, "t": 6}


def decays(jet_class, recipe, n_events=60):
    """Return resonances as they decay, and the two products of each, as arrays of records."""
    parents, products = [], []
    for particles in Collisions(jet_class, 5, recipe).next_batch(n_events).prt:
        last = (abs(particles.id) == NUMBERS[jet_class]) & (particles.daughter2 > particles.daughter1)
        last = last & (particles.status < 0) & (particles.status != -21)
        for parent in particles[last]:
            pair = particles[[parent.daughter1, parent.daughter2]]
            # A particle that radiates is its own product.
            if ak.all(abs(pair.id) <= 24) and not ak.any(abs(pair.id) == NUMBERS[jet_class]):
                parents.append(parent)
                products.append(pair)
    return parents, products


def cosine(parent, product):
    """Cosine between a decay product, in its parent's rest frame, and the parent's direction."""
    p, k = (np.array([v.p.px, v.p.py, v.p.pz]) for v in (parent, product))
    along = k @ p / np.linalg.norm(p)
    gamma, beta = parent.p.e / parent.m, np.linalg.norm(p) / parent.p.e
    along = gamma * (along - beta * product.p.e)
    across = np.linalg.norm(np.cross(k, p)) / np.linalg.norm(p)
    return along / np.hypot(along, across)


@pytest.fixture(scope="module", params=["w", *(pytest.param(c, marks=pytest.mark.thorough) for c in ("z", "t"))])
def decayed(request):
    return request.param, *decays(request.param, Recipe())


def test_resonances_are_on_shell_and_decay_to_quarks(decayed):
    jet_class, parents, products = decayed
    assert len(parents) > 100
    masses = [parent.m for parent in parents]
    np.testing.assert_allclose(masses, MASSES[NUMBERS[jet_class]], rtol=1e-3)
    # A file of events holds one mass, not a spectrum.
    assert np.ptp(masses) < 1e-3
    kinds = {abs(int(number)) for pair in products for number in pair.id}
    assert kinds <= {"w": {1, 2, 3, 4, 5}, "z": {1, 2, 3, 4}, "t": {1, 3, 5, 24}}[jet_class]


def test_decays_of_bosons_are_isotropic(decayed):
    """Transverse or longitudinal bosons would have 2/5 or 1/5 as the mean square of the cosine, not 1/3."""
    jet_class, parents, products = decayed
    if jet_class != "t":
        squares = [cosine(parent, pair[0]) ** 2 for parent, pair in zip(parents, products, strict=True)]
        assert np.mean(squares) == pytest.approx(1 / 3, abs=4 * 0.3 / np.sqrt(len(squares)))


def test_resonances_can_have_widths():
    parents, _ = decays("w", Recipe(resonances="correlated"), 30)
    assert np.ptp([parent.m for parent in parents]) > 1


@pytest.mark.parametrize(("jet_class", "is_limited"), [("q", True), ("g", False)])
def test_hard_process_has_its_transverse_momentum(jet_class, is_limited):
    particles = Collisions(jet_class, 5, Recipe()).next_batch(60).prt
    outgoing = particles[particles.status == -23].p
    pt = ak.to_numpy(ak.flatten(np.hypot(outgoing.px, outgoing.py)))
    assert (pt > 999).all()
    assert (pt < 1011).all() == is_limited
    lower = Collisions(jet_class, 5, Recipe(min_parton_pt_gev=500, max_parton_pt_gev=dict.fromkeys("gqwzt", 510)))
    particles = lower.next_batch(10).prt
    outgoing = particles[particles.status == -23].p
    assert ak.all(abs(np.hypot(outgoing.px, outgoing.py) - 505) < 6)


@pytest.mark.thorough
@pytest.mark.parametrize("jet_class", ["q", "w"])
def test_faster_shower_is_the_usual_one(jet_class):
    """Any setting of the user's, even one that changes nothing, leaves the showers to Pythia."""

    def quantities(recipe):
        batch = Collisions(jet_class, 7, recipe).next_batch(250).prt
        final = batch.status > 0
        pt = np.hypot(batch.p.px, batch.p.py)
        counts = [ak.sum(abs(batch.status) == status, axis=1) for status in (51, 43, 33)]
        return {
            "particles": ak.to_numpy(ak.sum(final, axis=1)),
            "hard particles": ak.to_numpy(ak.sum(final & (pt > 2), axis=1)),
            "hardest": ak.to_numpy(ak.max(pt[final], axis=1)),
            **dict(zip(("final-state", "initial-state", "interactions"), map(ak.to_numpy, counts), strict=True)),
        }

    fast, usual = quantities(Recipe()), quantities(Recipe(pythia_settings=("Next:numberCount = 0",)))
    assert not np.array_equal(fast["particles"], usual["particles"])
    for name in fast:
        assert ks_2samp(fast[name], usual[name]).pvalue > 1e-3, name


def test_settings_that_pythia_does_not_take_are_found():
    check_settings(())
    check_settings(("PartonLevel:MPI = off",))
    with pytest.raises(ValueError, match="Pythia does not take 'PartonLevel:MPI'"):
        check_settings(("PartonLevel:MPI",))
    with pytest.raises(ValueError, match="'No:such = 1'"):
        check_settings(("No:such = 1",))
