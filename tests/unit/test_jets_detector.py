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
    visible = (np.abs(eta) < EXACT.max_abs_eta) & ~np.isin(generated.kind, (12, 14, 16))
    for event in range(4):
        expected = generated.e[visible & (generated.event == event)].sum()
        assert measured.e[measured.event == event].sum() == pytest.approx(expected, rel=1e-12)
    assert (np.diff(measured.event) >= 0).all()


@given(st.lists(particle, min_size=1, max_size=60), st.sampled_from([0.0175, 0.022, 0.1]))
@settings(deadline=None)
def test_cells_hold_the_sum_of_their_particles(rows, width):
    # Crowd the particles, so that cells have several.
    generated = table([(pt, eta / 20, phi / 20, kind, event) for pt, eta, phi, kind, event in rows])
    n_phi = round(2 * math.pi / width)
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
    [(211, 100, TRACK), (211, 300, HCAL), (22, 50, ECAL), (11, 50, ECAL), (130, 50, HCAL), (13, 500, TRACK)],
)
def test_each_particle_goes_to_its_detector(kind, pt, where):
    measured = EXACT.measure(table([(pt, 0.5, 1.0, kind, 0)]), np.random.default_rng(0))
    assert measured.kind.tolist() == [where]


def test_unseen_particles_leave_nothing():
    rows = [(50.0, 0.0, 0.0, 14, 0), (50.0, 3.5, 0.0, 22, 0), (50.0, -3.1, 0.0, 211, 1)]
    assert len(Detector().measure(table(rows), np.random.default_rng(0)).e) == 0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (211, math.hypot(0.015, 0.00025 * 100)),
        (22, math.sqrt(0.0342**2 / 100 + (0.24 / 100) ** 2 + 0.005**2)),
        (130, math.sqrt(3.17**2 / 100 + 0.05**2)),
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


def test_configuration_errors_name_the_key():
    assert Detector.from_config({}) == Detector()
    assert Detector.from_config({"ecal_cell": 0.1}).ecal_cell == 0.1
    with pytest.raises(ValueError, match="detector has no ecal_cel; its keys are"):
        Detector.from_config({"ecal_cel": 0.1})
    with pytest.raises(ValueError, match=r"detector\.hcal_cell must be positive"):
        Detector(hcal_cell=0)
    with pytest.raises(ValueError, match=r"detector\.ecal_noise_gev must not be negative"):
        Detector(ecal_noise_gev=-1)


@pytest.mark.parametrize("energy", [0.5, 2, 5, 50, 500])
def test_resolution_shifts_no_energy_on_average(energy):
    """Also where it is worse than the energy itself, as the HCAL's is for a soft hadron."""
    n = 20_000
    eta = np.random.default_rng(1).uniform(-2, 2, n)
    pt = energy / np.cosh(eta)
    hadrons = Particles(pt, np.zeros(n), pt * np.sinh(eta), np.full(n, energy), np.full(n, 130), np.arange(n))
    measured = Detector().measure(hadrons, np.random.default_rng(2))
    relative_width = np.hypot(3.17 / np.sqrt(energy), 0.05)
    assert measured.e.sum() / n == pytest.approx(energy, rel=5 * relative_width / np.sqrt(n))
