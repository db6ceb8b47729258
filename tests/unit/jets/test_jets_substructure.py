"""Energy correlations against their definitions, and grooming against what it is for."""

from itertools import combinations

import numpy as np
import pytest

from snacpack.jets.substructure import CORRELATIONS, HIGH_LEVEL, correlations, high_level_observables

RNG = np.random.default_rng(8)


def massless(pt, y, phi):
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(y), pt * np.cosh(y)], axis=1)


def by_definition(pt, y, phi):
    """The correlations of a jet by their papers' sums over pairs and triples."""
    z = pt / pt.sum()

    def apart(i, j):
        return np.hypot(y[i] - y[j], (phi[i] - phi[j] + np.pi) % (2 * np.pi) - np.pi)

    def e2(beta):
        return sum(z[i] * z[j] * apart(i, j) ** beta for i, j in combinations(range(len(z)), 2))

    def e3(n_angles, beta):
        total = 0.0
        for i, j, k in combinations(range(len(z)), 3):
            angles = sorted([apart(i, j), apart(i, k), apart(j, k)])[:n_angles]
            total += z[i] * z[j] * z[k] * np.prod(angles) ** beta
        return total

    return {
        "c1_b0": e2(0), "c1_b1": e2(1), "c1_b2": e2(2),
        "c2_b1": e3(3, 1) / e2(1) ** 2, "c2_b2": e3(3, 2) / e2(2) ** 2,
        "d2_b1": e3(3, 1) / e2(1) ** 3, "d2_b2": e3(3, 2) / e2(2) ** 3,
        "d2_a1_b1": e3(3, 1) / e2(1) ** 3, "d2_a1_b2": e3(3, 1) / e2(2) ** 1.5,
        "m2_b1": e3(1, 1) / e2(1), "m2_b2": e3(1, 2) / e2(2),
        "n2_b1": e3(2, 1) / e2(1) ** 2, "n2_b2": e3(2, 2) / e2(2) ** 2,
    }  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 7, 20])
@pytest.mark.parametrize("azimuth", [0.0, np.pi])
def test_correlations_are_their_definitions(n, azimuth):
    pt, y, phi = RNG.exponential(30, n) + 1, RNG.normal(0.5, 0.2, n), azimuth + RNG.normal(0, 0.2, n)
    expected = by_definition(pt, y, phi)
    found = dict(zip(CORRELATIONS, correlations(massless(pt, y, phi)), strict=True))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_single_constituent_correlates_with_nothing():
    assert not correlations(massless(np.array([50.0]), np.array([0.1]), np.array([0.2]))).any()


def test_grooming_takes_soft_wide_particles_away():
    """Two hard prongs 0.2 apart and one soft particle 0.35 away: mass and correlations are the prongs'."""
    pt, y, phi = np.array([600.0, 400.0, 20.0]), np.array([0.0, 0.2, -0.35]), np.array([1.0, 1.0, 1.0])
    jet = np.zeros((1, 150, 4))
    jet[0, :3] = massless(pt, y, phi)
    found = high_level_observables(jet)
    assert set(found) == set(HIGH_LEVEL)
    prongs = jet[0, :2].sum(axis=0)
    assert found["mass_mmdt"][0] == pytest.approx(np.sqrt(prongs[3] ** 2 - (prongs[:3] ** 2).sum()))
    assert found["c1_b1_mmdt"][0] == pytest.approx(0.6 * 0.4 * 0.2, rel=1e-5)
    assert found["c1_b0_mmdt"][0] == pytest.approx(0.6 * 0.4, rel=1e-5)
    assert found["d2_b1_mmdt"][0] == 0
    # A prong of a tenth and more is kept.
    jet[0, 2, :] *= 10
    assert high_level_observables(jet)["mass_mmdt"][0] > 1.5 * found["mass_mmdt"][0]
