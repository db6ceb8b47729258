"""The detector: what is seen, in which cells, with how much energy."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snacpack.jets.detector import ECAL, HCAL, TRACK, Detector, Particles, sum_into_cells

EXACT = Detector(
    track_constant=0, track_slope_per_gev=0, ecal_stochastic=0, ecal_noise_gev=0, ecal_constant=0,
    hcal_stochastic=0, hcal_noise_gev=0, hcal_constant=0,
)  # fmt: skip
GENERATED = (11, 12, 13, 14, 16, 22, 130, 211, 310, 321, 2112, 2212, 3122, 3112)

particle = st.tuples(
    st.floats(0.01, 1500),
    # At the acceptance's edge itself rounding decides, which is nobody's business.
    st.floats(-4, 4).filter(lambda eta: abs(abs(eta) - 3) > 1e-6),
    st.floats(-math.pi, math.pi),
    st.sampled_from(GENERATED),
    st.integers(0, 3),
)


def table(rows: list[tuple[float, float, float, int, int]]) -> Particles:
    pt, eta, phi, kind, event = (np.array(column) for column in zip(*rows, strict=True))
    pz = pt * np.sinh(eta)
    return Particles(pt * np.cos(phi), pt * np.sin(phi), pz, np.sqrt(pt**2 + pz**2 + 0.14**2), kind, event)


@given(st.lists(particle, min_size=1, max_size=60))
@settings(deadline=None)
def test_energy_is_conserved_without_resolution(rows):
    generated = table(rows)
    measured = EXACT.measure(generated, np.random.default_rng(0))
    eta = np.arctanh(generated.pz / np.sqrt(generated.px**2 + generated.py**2 + generated.pz**2))
    is_track = np.isin(generated.kind, (11, 13, 211, 321, 2212, 3112))
    is_track &= (np.hypot(generated.px, generated.py) <= 220) | np.isin(generated.kind, (11, 13))
    visible = ((np.abs(eta) < 3) | is_track) & ~np.isin(generated.kind, (12, 14, 16))
    for event in range(4):
        expected = generated.e[visible & (generated.event == event)].sum()
        assert measured.e[measured.event == event].sum() == pytest.approx(expected, rel=1e-12)
    assert (np.diff(measured.event) >= 0).all()


@given(st.lists(particle, min_size=1, max_size=60), st.sampled_from([0.0053, 0.0175, 0.022, 0.1]))
@settings(deadline=None)
def test_cells_hold_the_sum_of_their_particles(rows, width):
    # Crowd the particles, so that cells have several.
    generated = table([(pt, eta / 20, phi / 20, kind, event) for pt, eta, phi, kind, event in rows])
    n_phi = math.floor(2 * math.pi / width)
    expected = defaultdict(float)
    for px, py, pz, e, _, event in zip(*generated, strict=True):
        eta = math.asinh(pz / math.hypot(px, py))
        phi = math.atan2(py, px) % (2 * math.pi)
        expected[event, math.floor(eta / width), math.floor(phi / (2 * math.pi) * n_phi) % n_phi] += e
    cells = sum_into_cells(generated, width, ECAL)
    found = {}
    for px, py, pz, e, kind, event in zip(*cells, strict=True):
        assert kind == ECAL
        assert math.sqrt(px**2 + py**2 + pz**2) == pytest.approx(e)
        eta, phi = math.asinh(pz / math.hypot(px, py)), math.atan2(py, px) % (2 * math.pi)
        # The centre of a cell, so half an index above its lower edge.
        i_eta, i_phi = eta / width - 0.5, phi / (2 * math.pi) * n_phi - 0.5
        assert i_eta == pytest.approx(round(i_eta), abs=1e-6)
        assert i_phi == pytest.approx(round(i_phi), abs=1e-6)
        found[event, round(i_eta), round(i_phi)] = e
    assert found == pytest.approx(dict(expected))


@pytest.mark.parametrize(
    ("kind", "pt", "where"),
    [(211, 100, TRACK), (211, 300, HCAL), (22, 50, ECAL), (11, 500, TRACK), (130, 50, HCAL), (13, 500, TRACK)],
)
def test_each_particle_goes_to_its_detector(kind, pt, where):
    measured = EXACT.measure(table([(pt, 0.5, 1.0, kind, 0)]), np.random.default_rng(0))
    assert measured.kind.tolist() == [where]


def test_electrons_can_be_left_to_the_ecal():
    rows = [(50.0, 0.5, 1.0, 11, 0), (50.0, 0.5, 2.0, 13, 0)]
    measured = Detector(track_electrons=False).measure(table(rows), np.random.default_rng(0))
    assert sorted(measured.kind.tolist()) == [TRACK, ECAL]


def test_unseen_particles_leave_nothing():
    rows = [(50.0, 0.0, 0.0, 14, 0), (50.0, 3.5, 0.0, 22, 0), (50.0, -3.1, 0.0, 130, 1)]
    assert len(Detector().measure(table(rows), np.random.default_rng(0)).e) == 0


def test_tracks_are_seen_everywhere_unless_limited():
    """A charged hadron too energetic to be tracked is the calorimeter's, whose acceptance counts."""
    rows = [(50.0, 4.5, 0.0, 211, 0), (50.0, -6.0, 0.0, 13, 0), (300.0, 3.5, 0.0, 211, 0)]
    assert Detector().measure(table(rows), np.random.default_rng(0)).kind.tolist() == [TRACK, TRACK]
    assert len(Detector(max_track_abs_eta=3).measure(table(rows), np.random.default_rng(0)).e) == 0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # Half of CMS' resolutions, the calorimeters' at 1/1.6 and 1/7 of the energy.
        (211, math.hypot(0.015, 0.00025 * 100) / 2),
        (11, math.hypot(0.015, 0.00025 * 100) / 2),
        (22, math.sqrt(0.027**2 * 1.6 / 100 + (0.15 * 1.6 / 100) ** 2 + 0.005**2) / 2),
        (130, math.sqrt(1.2**2 * 7 / 100 + 0.05**2) / 2),
    ],
)
def test_resolution_is_as_published(kind, expected):
    n = 20000
    # Each in an event of its own, in the middle of a cell.
    generated = table([(100.0, 1e-6, 1e-6, kind, event) for event in range(n)])
    energy = Detector().measure(generated, np.random.default_rng(3)).e
    assert len(energy) > 0.99 * n
    assert energy.mean() == pytest.approx(100, rel=0.01)
    assert energy.std() / 100 == pytest.approx(expected, rel=0.05)


def test_same_seed_same_measurement():
    generated = table([(10.0 + i, i / 30, i / 10, GENERATED[i % 14], 0) for i in range(50)])
    first, second = (Detector().measure(generated, np.random.default_rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_both_grids_show_in_the_directions():
    """Cells of 0.010 and 0.005: the centres of the two kinds are half an ECAL cell apart."""
    rng = np.random.default_rng(4)
    rows = [(20.0, eta, phi, kind, 0) for kind in (22, 130) for eta, phi in rng.uniform(0.1, 1, (200, 2))]
    cells = EXACT.measure(table(rows), rng)
    eta = np.arcsinh(cells.pz / np.hypot(cells.px, cells.py))
    for kind, width in ((ECAL, 0.005), (HCAL, 0.010)):
        np.testing.assert_allclose(eta[cells.kind == kind] / width % 1, 0.5, atol=1e-6)
    apart = (eta[cells.kind == ECAL][:, None] - eta[cells.kind == HCAL]) / 0.005 % 1
    np.testing.assert_allclose(apart, 0.5, atol=1e-6)


@pytest.mark.parametrize("energy", [0.5, 2, 5, 50, 500])
def test_fluctuations_are_gaussian_and_stop_above_zero(energy):
    """The cut raises the mean of a soft hadron, as in the published jets."""
    n = 20_000
    eta = np.random.default_rng(1).uniform(-2, 2, n)
    pt = energy / np.cosh(eta)
    hadrons = Particles(pt, np.zeros(n), pt * np.sinh(eta), np.full(n, energy), np.full(n, 130), np.arange(n))
    measured = Detector().measure(hadrons, np.random.default_rng(2))
    assert len(measured.e) == n
    assert (measured.e > 0).all()
    width = np.hypot(1.587 / np.sqrt(energy), 0.025)
    # The mean of max(0, x) of a Gaussian x around one.
    below = (1 + math.erf(-1 / width / math.sqrt(2))) / 2
    expected = 1 - below + width * math.exp(-0.5 / width**2) / math.sqrt(2 * math.pi)
    assert measured.e.mean() / energy == pytest.approx(expected, rel=5 * width / np.sqrt(n))
    assert (measured.e < 1e-6 * energy).mean() == pytest.approx(below, abs=0.02)
