"""Simulated jets: kinematics, layout, reproducibility."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from snacpack.jets.detector import Detector
from snacpack.jets.layout import (
    CLASSES,
    CONSTITUENT_COLUMNS,
    HIGH_LEVEL_FEATURES,
    JET_COLUMNS,
    OBSERVABLES,
    read_jets,
)
from snacpack.jets.recipe import Recipe
from snacpack.jets.simulation import simulate_jets

ROOT = Path(__file__).parents[3]
N_JETS = 24


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    for name in CLASSES:
        simulate_jets(folder / f"{name}.h5", name, N_JETS, 11, Recipe(n_subjettiness=True, high_level=True))
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
    # Less than a per cent of a jet is in constituents that are too soft to be written.
    np.testing.assert_allclose(np.hypot(c["px"].sum(1), c["py"].sum(1)), j["pt"], rtol=1e-2)
    np.testing.assert_allclose(c["ptrel"] * j["pt"][:, None], c["pt"], rtol=1e-4)
    np.testing.assert_allclose((c["erel"]).sum(1), 1, atol=1e-2)
    assert ((c["erel"]).sum(1) < 1 + 1e-4).all()
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
            # One pass of axes finds no minimum, only nearly always one that is lower with an axis more.
            assert (values[f"tau1_b{beta}"] > values[f"tau2_b{beta}"]).mean() > 0.9
            assert (values[f"tau2_b{beta}"] > values[f"tau3_b{beta}"]).mean() > 0.9


def test_observables_left_out_are_listed(files):
    with h5py.File(files["g"]) as file:
        computed = file.attrs["computed_observables"].split()
        jets = file["jets"][:]
    for column, name in enumerate(OBSERVABLES):
        # A groomed gluon jet may be left with two constituents, whose three-point correlations vanish.
        assert (jets[:, column] != 0).mean() > 0.8 if name in computed else not jets[:, column].any()
    assert {*HIGH_LEVEL_FEATURES, "pt", "mass", "tau32_b2"} <= set(computed)


def test_groomed_masses_are_the_bosons(files):
    """Nine in ten of the jets of 1 TeV hold both quarks; what grooming leaves has their mass."""
    for name, mass in (("w", 80.4), ("z", 91.2)):
        groomed = load(files[name])[1]["mass_mmdt"]
        assert np.median(groomed) == pytest.approx(mass, abs=6)
        assert np.median(groomed) < np.median(load(files[name])[1]["mass"])
    g = load(files["g"])[1]
    assert (g["mass_mmdt"] <= g["mass"] * 1.001).all()
    # All 16 features differ between a gluon's jets and a W's.
    for name in HIGH_LEVEL_FEATURES:
        assert np.median(load(files["w"])[1][name]) != pytest.approx(np.median(g[name]), rel=0.02)


def test_soft_constituents_belong_to_the_jet_and_are_not_written(tmp_path):
    for limit in (0.0, 1.0):
        simulate_jets(tmp_path / f"{limit}.h5", "g", 40, 3, Recipe(min_constituent_pt_gev=limit))
    (all_c, all_j), (c, j) = (load(tmp_path / f"{limit}.h5") for limit in (0.0, 1.0))
    for name in ("pt", "mass", "eta"):
        np.testing.assert_array_equal(j[name], all_j[name])
    # If all are written, nothing of a jet is missing.
    np.testing.assert_allclose(np.hypot(all_c["px"].sum(1), all_c["py"].sum(1)), all_j["pt"], rtol=1e-4)
    np.testing.assert_allclose(all_c["erel"].sum(1), 1, atol=1e-4)
    assert 0 < all_c["pt"][all_c["pt"] > 0].min() < 1
    assert c["pt"][c["pt"] > 0].min() >= 1
    # Those that are left stand where they stood.
    np.testing.assert_array_equal(np.where(all_c["pt"] >= 1, all_c["pt"], 0), c["pt"])
    np.testing.assert_array_equal(j["multiplicity"], (all_c["pt"] >= 1).sum(axis=1))


def test_radius_and_jets_of_an_event_are_settings(tmp_path):
    wide = Recipe(jet_radius=0.8, jets_per_event=2, min_jet_pt_gev=800, max_jet_pt_gev=1200)
    simulate_jets(tmp_path / "wide.h5", "q", 40, 3, wide)
    simulate_jets(tmp_path / "q.h5", "q", 40, 3)
    (c, j), (d, _) = (load(tmp_path / f"{name}.h5") for name in ("wide", "q"))
    assert ((j["pt"] > 800) & (j["pt"] < 1200)).all()
    assert 0.5 < np.where(c["pt"] > 1, c["deltaR"], 0).max() < 0.9
    assert np.where(d["pt"] > 1, d["deltaR"], 0).max() < 0.45
    # The two jets of an event stand one after the other, back to back.
    apart = np.abs(np.diff(c["phi"][:, 0] - c["phirel"][:, 0]))
    assert (np.abs(np.minimum(apart, 2 * np.pi - apart) - np.pi) < 0.5).sum() > 12
    with h5py.File(tmp_path / "wide.h5") as file:
        assert (file.attrs["jet_radius"], file.attrs["jets_per_event"]) == (0.8, 2)
        assert "max_parton_pt_gev_g" not in file.attrs


def test_recipe_of_the_config_is_the_default():
    pythia = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())["data"]["pythia"]
    assert Recipe.from_config(pythia) == Recipe()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_jet_pt_gev": 50}, "max_jet_pt_gev, 50, must be above min_jet_pt_gev, 100"),
        ({"max_parton_pt_gev": dict.fromkeys("gqwzt", 900)}, r"max_parton_pt_gev\.g, 900, must be above"),
    ],
)
def test_limits_that_do_not_fit_name_their_key(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe.from_config({"train_jets": 10, **changes})


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
