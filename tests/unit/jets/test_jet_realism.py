"""Comparing simulated with published jets: known answers of what is measured, and the spectra of jet pT."""

import sys
from pathlib import Path

import h5py
import jet_realism
import jet_statistics
import numpy as np
import particle_net
import pytest
import torch
from jet_quantities import jet_quantities
from scipy.stats import chi2

from helpers.jets_files import write_random_jets
from snacpack.core.files import read_json
from snacpack.jets.layout import CLASSES, JET_COLUMNS, JETS
from snacpack.jets.recipe import Recipe
from snacpack.jets.simulation import simulate_jets

# Jets of each class in 13 bins of jet pT, all 880,000 published ones: figures taken from the data set.
PUBLISHED = np.genfromtxt(Path(__file__).parent / "published_jet_pt.csv", delimiter=",", names=True)


def simulated_pt(folder, jet_class, n_jets, recipe=None):
    path = folder / f"{jet_class}.h5"
    simulate_jets(path, jet_class, n_jets, seed=17, recipe=recipe)
    with h5py.File(path) as file:
        return file[JETS][:, JET_COLUMNS.index("pt")]


def chance_of_published_spectrum(pt, jet_class):
    """Return how often published jets would differ as much from their own spectrum, by Pearson's chi squared."""
    edges = np.concatenate([[0], PUBLISHED["pt_from_gev"][1:], [np.inf]])
    expected = len(pt) * PUBLISHED[jet_class] / PUBLISHED[jet_class].sum()
    # Neighbours are joined until five jets are expected, from both ends of the spectrum.
    groups = np.minimum(np.cumsum(expected) // 5, np.cumsum(expected[::-1])[::-1] // 5)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sums = [np.add.reduceat(values, starts) for values in (np.histogram(pt, edges)[0], expected)]
    return chi2.sf(((sums[0] - sums[1]) ** 2 / sums[1]).sum(), len(starts) - 1)


@pytest.mark.parametrize(
    "jet_class", ["g", *(pytest.param(name, marks=pytest.mark.thorough) for name in CLASSES if name != "g")]
)
def test_jet_pt_is_distributed_as_published(tmp_path, jet_class):
    assert chance_of_published_spectrum(simulated_pt(tmp_path, jet_class, 200), jet_class) > 1e-3


@pytest.mark.thorough
def test_a_window_of_parton_pt_makes_other_gluons_than_the_published(tmp_path):
    limits = {**Recipe().max_parton_pt_gev, "g": 1010.0}
    pt = simulated_pt(tmp_path, "g", 200, Recipe(max_parton_pt_gev=limits))
    assert chance_of_published_spectrum(pt, "g") < 1e-6


def test_kolmogorov_distance_of_known_samples():
    rng = np.random.default_rng(0)
    assert jet_statistics.kolmogorov_test(np.array([1, 2]), np.array([3, 4]), 5, rng)["distance"] == 1
    # Half of the first sample is below 2, a quarter of the second.
    test = jet_statistics.kolmogorov_test(np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2]), 5, rng)
    assert test["distance"] == pytest.approx(0.25)
    with pytest.raises(ValueError, match="samples of 0 and 2 values"):
        jet_statistics.kolmogorov_test(np.array([]), np.array([3, 4]), 5, rng)


def test_noise_is_what_samples_of_one_distribution_give():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=300), rng.normal(size=2000)
    test = jet_statistics.kolmogorov_test(a, b, 400, rng)
    again = [
        jet_statistics.kolmogorov_test(rng.normal(size=300), rng.normal(size=2000), 1, rng)["distance"]
        for _ in range(400)
    ]
    assert test["noise"] == pytest.approx(np.mean(again), rel=0.06)
    assert test["noise_95"] == pytest.approx(np.quantile(again, 0.95), rel=0.12)
    # The formula for values without ties is what the binned distance uses.
    counts = [np.histogram(values, np.linspace(-4, 4, 400))[0] for values in (a, b)]
    distance, noise = jet_statistics.binned_distance(*counts)
    assert noise == pytest.approx(np.mean(again), rel=0.06)
    assert distance == pytest.approx(test["distance"], abs=0.02)


def test_area_and_its_error_by_hand():
    area, error = jet_statistics.auc_with_error(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.5]))
    assert area == pytest.approx(4 / 6)
    # Shares of the other sample: 1/2, 1/2, 1 of the signal; 0, 2/3 of the background.
    assert error == pytest.approx(np.sqrt(np.var([0.5, 0.5, 1], ddof=1) / 3 + np.var([0, 2 / 3], ddof=1) / 2))
    assert jet_statistics.auc_with_error(np.ones(3), np.ones(4)) == (0.5, 0)
    with pytest.raises(ValueError, match="two scores of each kind"):
        jet_statistics.auc_with_error(np.ones(1), np.ones(4))


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_error_of_the_area_is_its_spread(shift):
    rng = np.random.default_rng(2)
    draws = [jet_statistics.auc_with_error(rng.normal(shift, 1, 60), rng.normal(size=300)) for _ in range(400)]
    areas, errors = np.array(draws).T
    assert errors.mean() == pytest.approx(areas.std(), rel=0.1)


def test_frechet_distance_of_known_distributions():
    diagonal = [np.diag([1.0, 4.0]), np.diag([9.0, 1.0])]
    distance = jet_statistics.frechet_distance(np.zeros(2), diagonal[0], np.array([3.0, 4.0]), diagonal[1])
    assert distance == pytest.approx(25 + (3 - 1) ** 2 + (2 - 1) ** 2)
    # Turned alike, they are as far from each other as before.
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(2, 2)))[0]
    turned = [turn @ matrix @ turn.T for matrix in diagonal]
    assert jet_statistics.frechet_distance(np.zeros(2), turned[0], turn @ [3.0, 4.0], turned[1]) == pytest.approx(30)
    singular = np.diag([1.0, 0.0])
    assert jet_statistics.frechet_distance(np.ones(2), singular, np.ones(2), singular) == pytest.approx(0, abs=1e-12)


def test_floor_of_the_frechet_distance_is_what_such_samples_give():
    rng = np.random.default_rng(4)
    n, width = 3000, 12

    def moments(size):
        values = rng.normal(size=(size, width))
        return values.mean(axis=0), np.cov(values, rowvar=False)

    direct = [jet_statistics.frechet_distance(*moments(n), *moments(particle_net.N_REFERENCE)) for _ in range(20)]
    floor = particle_net.fpnd_floor(rng.normal(size=(n, width)), 20, rng)
    assert floor == pytest.approx(np.mean(direct), rel=0.15)


def test_quantiles_of_histograms():
    edges = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_allclose(
        jet_statistics.binned_quantiles(edges, np.array([2, 0, 2]), [0.25, 0.5, 0.75]), [10**0.5, 10, 10**2.5]
    )
    np.testing.assert_allclose(jet_statistics.binned_quantiles(edges, np.array([0, 4, 0]), [0.5]), [10**1.5])


def test_quantities_of_a_jet_that_is_known():
    x = np.zeros((1, 32, 3), dtype=np.float32)
    x[0, :2] = [[100, 0, 0.1], [100, 0, -0.1]]
    expected = {
        "pT of the sum": 200 * np.cos(0.1),
        "multiplicity": 2,
        "mass": 200 * np.sin(0.1),
        "mass / pT": np.tan(0.1),
        "pT of constituent 1": 100,
        "pT of constituent 4": 0,
        "median pT": 100,
        "share of constituent 1": 0.5,
        "share of 8 constituents": 1,
        "pT dispersion": np.sqrt(0.5),
        "sum of z log z": np.log(0.5),
        "width": 0.1,
        "major axis": 0.1,
        "minor axis": 0,
        "two-point correlator": 0.05,
        "angle of constituent 2": 0.1,
        "largest angle": 0.1,
        "smallest gap": 0.2,
    }
    found = jet_quantities(x)
    assert len(found) == 22
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value], atol=1e-5, err_msg=name)
    assert jet_quantities(x[:, :, [0, 2, 1]])["major axis"] == pytest.approx(0.1)
    x[0, 1] = 0
    assert jet_quantities(x)["smallest gap"] == 1


def test_rounding_of_directions_does_not_tell_jets_apart():
    rng = np.random.default_rng(6)
    x = np.zeros((50, 32, 3))
    x[:, :2, 0] = 100
    # Centres of cells, seen from jets in any direction; in the published files they are differences of float32 numbers.
    cells = np.array([[0.0025, 0.0025], [0.0075, 0.0025]])
    axes = rng.uniform(-2, 2, (50, 1, 2))
    x[:, :2, 1:] = cells - axes + axes.astype(np.float32)
    assert len(np.unique(jet_quantities(x.astype(np.float32))["smallest gap"])) == 1


def edge_convolution(model, x, points):
    """Return the mean message of each particle's 16 nearest others, by loops."""
    rows = []
    for i in range(len(x)):
        distances = ((points - points[i]) ** 2).sum(dim=1)
        distances[i] = torch.inf
        nearest = distances.argsort()[:16]
        messages = torch.cat([x[i].expand(16, -1), x[nearest] - x[i]], dim=1)
        rows.append(model(messages).mean(dim=0))
    return torch.stack(rows)


@torch.no_grad()
def test_particle_net_is_three_edge_convolutions():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = particle_net.ParticleNet().eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        jets = torch.randn(2, 30, 3)
    jets[1, 12:] = 0
    for jet, found in zip(jets, network(jets), strict=True):
        x = jet
        for i, net in enumerate(network.edge_nets):
            x = torch.cat([edge_convolution(net.model, x, x[:, :2] if i == 0 else x), x], dim=1)
        torch.testing.assert_close(found, network.fc1(x.mean(dim=0)), rtol=1e-4, atol=1e-5)


def write_published(folder, x, y):
    """Write pieces of a data set as other repositories keep them: jets, spectra, and networks trained on it."""
    folder.mkdir()
    np.savez(folder / jet_realism.PIECES, x=x, y=y, classes=np.array(CLASSES))
    rows = [f"{low},{low + 50},1,1,1,1,1" for low in range(50, 1000, 50)]
    (folder / jet_realism.SPECTRUM).write_text("pt_low_GeV,pt_high_GeV,g,q,w,z,t\n" + "\n".join(rows) + "\n")
    # This network says "q" of every jet.
    shapes = [(3, 32), (32, 32), (32, 32), (32, 32), (32, 5)]
    weights = {"scale_8": np.ones(3)}
    for fold in range(5):
        for i, shape in enumerate(shapes):
            weights[f"n8_fold{fold}_w{i}"] = np.zeros(shape, dtype=np.float32)
            weights[f"n8_fold{fold}_b{i}"] = np.zeros(shape[1], dtype=np.float32)
        weights[f"n8_fold{fold}_b4"][1] = 1
    np.savez(folder / jet_realism.DEEP_SETS, **weights)


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["jet_realism.py", *map(str, arguments)])
    jet_realism.main()


@pytest.mark.thorough
def test_jets_of_one_kind_are_not_told_apart_and_others_are(tmp_path, monkeypatch, capsys):
    simulated = tmp_path / "simulated"
    for part in range(2):
        write_random_jets(simulated / f"{part}.h5", 400, seed=part)
    # The same kind of jets, and jets whose constituents are twice as hard.
    write_random_jets(tmp_path / "others" / "2.h5", 400, seed=2)
    jets = jet_realism.load_files([tmp_path / "others" / "2.h5"], 1000, seed=0)
    areas = {}
    for name, factor in (("alike", 1), ("harder", 2)):
        write_published(tmp_path / name, jets.x * np.array([factor, 1, 1], dtype=np.float32), jets.y)
        out, figure = tmp_path / f"{name}.json", tmp_path / f"{name}.png"
        run(
            monkeypatch,
            *("--published", tmp_path / name, "--simulated", simulated, "--no-fpnd", "--cores", 1, "--seeds", 1),
            *("--permutations", 20, "--out", out, "--figure", figure),
        )
        areas[name] = read_json(out)
        assert figure.stat().st_size > 10_000
    alike, harder = (areas[name]["two_sample_auc"] for name in ("alike", "harder"))
    assert abs(alike["all"] - 0.5) < 4 * alike["all_error"]
    assert harder["all"] > 0.5 + 6 * harder["all_error"]
    kolmogorov = {name: record["kolmogorov"] for name, record in areas.items()}
    assert kolmogorov["alike"]["mean_distance"] < 1.3 * kolmogorov["alike"]["mean_noise"]
    assert kolmogorov["harder"]["mean_distance"] > 1.6 * kolmogorov["harder"]["mean_noise"]
    record = areas["alike"]
    share_of_q = record["jets"]["published"]["q"] / len(jets.y)
    assert record["published_deep_sets"]["8"]["published"] == pytest.approx(share_of_q, abs=1e-4)
    assert record["n_train"] > 500
    assert 0 < record["accuracy"]["baseline_published"] < 0.5
    assert set(record["pt_quantiles_gev"]["g"]) == {"5%", "25%", "50%", "75%", "95%"}
    assert "two-sample test" in capsys.readouterr().out


def test_the_data_sets_own_files_are_read_class_by_class(tmp_path):
    for name, seed in (("train", 0), ("val", 1)):
        write_random_jets(tmp_path / name / "a.h5", 100, seed=seed)
    jets = jet_realism.published_jets(tmp_path, per_class=30, seed=0)
    assert set(jets.counts().values()) == {30}
    assert jets.x.shape == (150, 32, 3)
    assert jets.particles.shape == (150, 30, 3)
    assert (jets.x[:, 0, 0] > 2).all()
    spectrum = jet_realism.published_spectrum(tmp_path, jets)
    assert set(spectrum.counts) == set(CLASSES)


def test_what_is_no_folder_of_published_jets_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must hold either the folder train"):
        jet_realism.published_jets(tmp_path, 10, 0)
    np.savez(tmp_path / jet_realism.PIECES, x=np.zeros((2, 8, 3)), y=np.zeros(2), classes=np.array(CLASSES))
    with pytest.raises(ValueError, match=r"jets_1500\.npz: classes must be .* got .* \(2, 8, 3\)"):
        jet_realism.published_jets(tmp_path, 10, 0)


def test_a_missing_jetnet_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(particle_net, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps jetnet==0\.2\.5"):
        run(monkeypatch, "--published", tmp_path, "--jets", 10)
