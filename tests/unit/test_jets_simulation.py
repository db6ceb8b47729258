"""Simulated jets: kinematics, layout, reproducibility."""

import h5py
import numpy as np
import pytest

from snacpack.jets.detector import Detector
from snacpack.jets.layout import CLASSES, CONSTITUENT_COLUMNS, JET_COLUMNS, OBSERVABLES, read_jets
from snacpack.jets.recipe import Recipe
from snacpack.jets.simulation import simulate_jets

N_JETS = 24


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    for name in CLASSES:
        simulate_jets(folder / f"{name}.h5", name, N_JETS, 11, Recipe(n_subjettiness=True))
    return {name: folder / f"{name}.h5" for name in CLASSES}


def load(path):
    with h5py.File(path) as file:
        constituents = np.moveaxis(file["jetConstituentList"][:].astype(np.float64), 2, 0)
        jets = file["jets"][:].T.astype(np.float64)
        return dict(zip(CONSTITUENT_COLUMNS, constituents, strict=True)), dict(zip(JET_COLUMNS, jets, strict=True))


@pytest.mark.parametrize("name", CLASSES)
def test_layout_and_labels(files, name):
    labels = np.concatenate([y for _, y in read_jets(files[name], CONSTITUENT_COLUMNS)])
    assert labels.tolist() == [CLASSES.index(name)] * N_JETS


@pytest.mark.parametrize("name", CLASSES)
def test_kinematics_hold_together(files, name):
    c, j = load(files[name])
    assert (j["pt"] > 100).all()
    assert 900 < np.median(j["pt"]) < 1300
    assert (np.abs(j["eta"]) < 4).all()
    assert (np.diff(c["pt"], axis=1) <= 0).all()
    exists = c["pt"] > 0
    np.testing.assert_array_equal(exists.sum(axis=1), np.minimum(j["multiplicity"], 150))
    np.testing.assert_allclose(np.hypot(c["px"], c["py"]), c["pt"], rtol=1e-5)
    np.testing.assert_allclose(np.hypot(c["px"].sum(1), c["py"].sum(1)), j["pt"], rtol=2e-3)
    np.testing.assert_allclose(c["ptrel"] * j["pt"][:, None], c["pt"], rtol=1e-4)
    np.testing.assert_allclose((c["erel"]).sum(1), 1, atol=2e-3)
    # FastJet measures in rapidity, which for soft hadrons is not pseudorapidity.
    assert c["deltaR"][c["pt"] > 2].max() < 0.5
    assert (np.abs(c["phirel"]) <= np.pi).all()
    # The jet's axis is near the energy-weighted mean of its constituents.
    assert np.abs((c["ptrel"] * c["phirel"]).sum(1)).max() < 0.05
    np.testing.assert_allclose(c["etarel"][exists], (c["eta"] - j["eta"][:, None])[exists], atol=1e-4)
    # Rotations change no transverse momentum order and put the hardest at the origin.
    assert np.abs(c["etarot"][:, 0]).max() < 1e-4
    assert np.abs(c["phirot"][:, 0]).max() < 1e-4


def test_masses_are_those_of_the_particles(files):
    mass = {name: np.median(load(files[name])[1]["mass"]) for name in CLASSES}
    # Ungroomed: radiation and smearing move the peaks up by some GeV; what a top leaves outside 0.4 moves its down.
    assert 70 < mass["w"] < 110
    assert 80 < mass["z"] < 120
    assert 120 < mass["t"] < 215
    assert mass["q"] < mass["w"] < mass["t"]


def test_substructure_tells_the_classes_apart(files):
    j = {name: load(files[name])[1] for name in CLASSES}
    tau21 = {name: np.median(j[name]["tau2_b1"] / j[name]["tau1_b1"]) for name in CLASSES}
    assert tau21["w"] < tau21["g"]
    assert np.median(j["t"]["tau32_b1"]) < np.median(j["g"]["tau32_b1"])
    assert np.median(j["g"]["multiplicity"]) > np.median(j["q"]["multiplicity"])
    for values in j.values():
        for beta in (1, 2):
            assert (values[f"tau1_b{beta}"] > values[f"tau2_b{beta}"]).all()
            assert (values[f"tau2_b{beta}"] > values[f"tau3_b{beta}"]).all()


def test_observables_left_out_are_listed(files):
    with h5py.File(files["g"]) as file:
        computed = file.attrs["computed_observables"].split()
        jets = file["jets"][:]
    for column, name in enumerate(OBSERVABLES):
        assert (jets[:, column] != 0).all() == (name in computed)


def test_same_seed_same_file(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate_jets(tmp_path / name, "z", 12, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_detector_is_used(tmp_path):
    coarse = Detector(ecal_cell=0.2, hcal_cell=0.2, max_track_pt_gev=1e-3)
    simulate_jets(tmp_path / "coarse.h5", "z", 12, 3, Recipe(detector=coarse))
    simulate_jets(tmp_path / "fine.h5", "z", 12, 3)
    coarse, fine = (np.median(load(tmp_path / f"{name}.h5")[1]["multiplicity"]) for name in ("coarse", "fine"))
    assert coarse < fine / 2


def test_wrong_requests_are_refused(tmp_path):
    with pytest.raises(ValueError, match="jet class 'b' is not one of g, q, w, z, t"):
        simulate_jets(tmp_path / "a.h5", "b", 5, 1)
    with pytest.raises(ValueError, match="must be positive"):
        simulate_jets(tmp_path / "a.h5", "g", 0, 1)
    with pytest.raises(RuntimeError, match=r"no jet between data\.pythia\.min_jet_pt_gev and max_jet_pt_gev"):
        simulate_jets(tmp_path / "a.h5", "z", 5, 1, Recipe(min_jet_pt_gev=6000))
    assert list(tmp_path.iterdir()) == []
