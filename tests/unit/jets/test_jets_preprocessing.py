"""Preprocessing against an independent slow version, and what it refuses."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.jets_files import ETA, PHI, PT, SETTINGS, random_jets, write_random_jets
from snacpack.data.dataset import describe_attributes, load_dataset
from snacpack.jets.data_card import load_multiplicity
from snacpack.jets.layout import HIGH_LEVEL_FEATURES, JET_COLUMNS, JetFileWriter, input_names
from snacpack.jets.preprocessing import preprocess_jets, select_constituents, split_jets


def slow_features(constituents):
    """The 24 raw features of one jet by the description alone, None without a constituent."""
    passing = [c for c in constituents if c[PT] > 2.0]
    if not passing:
        return None
    passing.sort(key=lambda c: -c[PT])
    leading = passing[:8] + [np.zeros(16)] * (8 - len(passing[:8]))
    return [float(c[column]) for c in leading for column in (PT, ETA, PHI)]


def rows(x):
    """Rows in an order of their own, to compare sets of jets."""
    return x[np.lexsort(x.T)]


@pytest.fixture
def sample(tmp_path):
    """Train files, one with its constituents in a wrong order, and a test file; with what they hold."""
    files, content = [], []
    for number in range(3):
        path = tmp_path / f"file_{number}.h5"
        constituents, jets = write_random_jets(path, 150, seed=number)
        if number == 1:
            constituents = np.random.default_rng(0).permuted(constituents, axis=1)
            # Permute whole constituents, not single numbers.
            for jet in range(len(constituents)):
                constituents[jet] = constituents[jet][np.random.default_rng(jet).permutation(150)]
        constituents[:4, :, PT] *= 0.001  # jets that are dropped
        with h5py.File(path, "r+") as file:
            file["jetConstituentList"][:] = constituents
        files.append(path)
        content.append((constituents, jets[:, -6:-1].argmax(axis=1)))
    return files, content


def test_equals_the_slow_version(sample, tmp_path):
    files, content = sample
    output = tmp_path / "jets.h5"
    preprocess_jets(files[:2], files[2:], output, SETTINGS, "a test")
    prepared = load_dataset(output, ("train", "val", "test"))

    slow = {"train": [], "val": [], "test": []}
    for path, (constituents, y) in zip(files, content, strict=True):
        splits = ["test"] * 150
        if path != files[2]:
            splits = [("train", "val", "test")[i] for i in split_jets(path.name, 150, 0.2, 0.0, 4)]
        for jet, label, split in zip(constituents, y, splits, strict=True):
            features = slow_features(jet)
            if features is not None:
                slow[split].append([*features, label])
    raw_train = np.array(slow["train"])[:, :24]
    normalised = {split: np.array(jets) for split, jets in slow.items()}
    for kind in range(3):
        values = raw_train[:, kind::3]
        low, median, high = (np.quantile(values, q) for q in (0.05, 0.5, 0.95))
        described = describe_attributes(output)["normalisation"]
        assert described["median"][kind] == pytest.approx(median)
        assert described["range"][kind] == pytest.approx(high - low)
        for jets in normalised.values():
            jets[:, kind:24:3] = (jets[:, kind:24:3] - median) / (high - low)
    for split, (x, y) in prepared.items():
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        np.testing.assert_allclose(rows(np.column_stack([x, y])), rows(normalised[split]), atol=1e-5)
        assert (load_multiplicity(output, split) > 0).all()
    n_dropped = sum(sum(split.values()) for split in describe_attributes(output)["dropped"].values())
    assert n_dropped == 450 - sum(map(len, slow.values())) >= 12


@given(
    st.lists(st.lists(st.floats(0, 10, width=32), min_size=12, max_size=12), min_size=1, max_size=5),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_selection_keeps_the_hardest_in_order(pts, n_constituents):
    pt = np.array(pts, dtype=np.float32)
    x, multiplicity = select_constituents(pt, pt[:, :, None], n_constituents, 2.0)
    for jet, kept, n in zip(pts, x[:, :, 0].tolist(), multiplicity, strict=True):
        passing = sorted((value for value in jet if value > 2), reverse=True)
        assert n == len(passing)
        assert kept == (passing + [0.0] * 12)[:n_constituents]


def test_attributes_name_what_was_done(sample, tmp_path):
    preprocess_jets(sample[0], [], tmp_path / "jets.h5", SETTINGS, "a test")
    described = describe_attributes(tmp_path / "jets.h5")
    assert described["source"] == "a test"
    assert described["classes"] == ["g", "q", "w", "z", "t"]
    assert described["features"][:4] == ["pt_0", "etarel_0", "phirel_0", "pt_1"]
    assert len(described["features"]) == 24
    x, _ = load_dataset(tmp_path / "jets.h5")["train"]
    assert x.shape[1] == 24
    # The median over all constituents of a kind is zero, the range one.
    for kind in range(3):
        low, median, high = np.quantile(x[:, kind::3], (0.05, 0.5, 0.95))
        assert median == pytest.approx(0, abs=1e-5)
        assert high - low == pytest.approx(1, abs=1e-5)


def test_same_input_same_file(sample, tmp_path):
    for name in ("a", "b"):
        preprocess_jets(sample[0], [], tmp_path / name, SETTINGS, "a test")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_classes_are_mixed(sample, tmp_path):
    preprocess_jets(sample[0], [], tmp_path / "jets.h5", SETTINGS, "a test")
    for _, y in load_dataset(tmp_path / "jets.h5", ("train", "val", "test")).values():
        assert len(set(y[:40])) == 5


@given(st.text(min_size=1, max_size=20), st.integers(0, 2**31), st.floats(0.05, 0.5), st.floats(0, 0.5))
@settings(deadline=None)
def test_split_is_reproducible_and_has_its_fractions(name, seed, validation, test):
    split = split_jets(name, 4000, validation, test, seed)
    np.testing.assert_array_equal(split, split_jets(name, 4000, validation, test, seed))
    # A file that is longer changes nothing for the jets that were there.
    np.testing.assert_array_equal(split, split_jets(name, 5000, validation, test, seed)[:4000])
    assert np.mean(split == 2) == pytest.approx(test, abs=0.05)
    assert np.mean(split == 1) == pytest.approx((1 - test) * validation, abs=0.05)


def test_split_differs_between_files_and_seeds():
    first = split_jets("a.h5", 1000, 0.5, 0, 1)
    assert (first != split_jets("b.h5", 1000, 0.5, 0, 1)).any()
    assert (first != split_jets("a.h5", 1000, 0.5, 0, 2)).any()


def test_every_jet_is_in_exactly_one_split(sample, tmp_path):
    preprocess_jets(sample[0], [], tmp_path / "jets.h5", SETTINGS, "a test")
    prepared = load_dataset(tmp_path / "jets.h5", ("train", "val", "test"))
    x = np.concatenate([x for x, _ in prepared.values()])
    n_dropped = sum(sum(split.values()) for split in describe_attributes(tmp_path / "jets.h5")["dropped"].values())
    assert len(np.unique(x, axis=0)) == len(x) == 450 - n_dropped


def test_broken_files_are_found_before_reading(sample, tmp_path):
    sample[0][2].write_text("broken")
    with pytest.raises(ValueError, match=r"file_2\.h5 is not an HDF5 file"):
        preprocess_jets(sample[0], [], tmp_path / "jets.h5", SETTINGS, "a test")
    assert not (tmp_path / "jets.h5").exists()


def test_no_files_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no files of training jets"):
        preprocess_jets([], [], tmp_path / "jets.h5", SETTINGS, "a test")


def write_observables(path, n_jets=200, seed=0, computed=None):
    """Write made-up jets with random high-level observables, and return these and the classes."""
    constituents, jets = random_jets(n_jets, seed)
    values = np.random.default_rng(seed).normal(5, 2, (n_jets, 16)).astype(np.float32)
    for column, name in enumerate(HIGH_LEVEL_FEATURES):
        jets[:, JET_COLUMNS.index(name)] = values[:, column]
    constituents[:3, :, PT] = 1.0  # jets that are dropped
    attributes = {} if computed is None else {"computed_observables": computed}
    with JetFileWriter(path, n_jets, attributes) as writer:
        writer.append(constituents, jets)
    return values, jets[:, -6:-1].argmax(axis=1)


HLF_SETTINGS = replace(SETTINGS, features="hlf")


def test_networks_can_see_high_level_observables(tmp_path):
    """They are those of the same jets as with constituents, each with a normalisation of its own."""
    content = [write_observables(tmp_path / f"{name}.h5", seed=seed) for seed, name in enumerate(("train", "test"))]
    output = tmp_path / "jets.h5"
    preprocess_jets([tmp_path / "train.h5"], [tmp_path / "test.h5"], output, HLF_SETTINGS, "a test")
    prepared, described = load_dataset(output, ("train", "val", "test")), describe_attributes(output)
    assert described["features"] == list(HIGH_LEVEL_FEATURES)
    median, spread = (np.array(described["normalisation"][name]) for name in ("median", "range"))
    train_x = prepared["train"][0]
    np.testing.assert_allclose(np.median(train_x, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(np.quantile(train_x, (0.05, 0.95), axis=0), axis=0), 1, rtol=1e-5)
    values, y = content[1]
    passing = values[3:]
    x, labels = prepared["test"]
    assert x.shape == (197, len(input_names("hlf", 8)))
    np.testing.assert_allclose(rows(x * spread + median), rows(passing), rtol=1e-5, atol=1e-4)
    assert np.bincount(labels).tolist() == np.bincount(y[3:]).tolist()
    preprocess_jets([tmp_path / "train.h5"], [tmp_path / "test.h5"], tmp_path / "other.h5", SETTINGS, "a test")
    np.testing.assert_array_equal(load_dataset(tmp_path / "other.h5", ("test",))["test"][1], labels)


def test_observables_that_are_not_there_are_named(tmp_path):
    write_observables(tmp_path / "lacking.h5", computed="pt zlogz multiplicity")
    with pytest.raises(ValueError, match=r"lacking\.h5 was simulated without c1_b0_mmdt, .* data\.pythia\.high_level"):
        preprocess_jets([tmp_path / "lacking.h5"], [], tmp_path / "out.h5", HLF_SETTINGS, "a test")
    write_observables(tmp_path / "nan.h5")
    with h5py.File(tmp_path / "nan.h5", "r+") as file:
        file["jets"][7, JET_COLUMNS.index("n2_b1_mmdt")] = np.nan
    with pytest.raises(ValueError, match=r"nan\.h5: jets of jet 7 has a n2_b1_mmdt that is NaN"):
        preprocess_jets([tmp_path / "nan.h5"], [], tmp_path / "out.h5", HLF_SETTINGS, "a test")
    write_observables(tmp_path / "order.h5")
    with h5py.File(tmp_path / "order.h5", "r+") as file:
        file["jetFeatureNames"][1:3] = file["jetFeatureNames"][1:3][::-1]
    with pytest.raises(ValueError, match=r"order\.h5: jetFeatureNames has the columns"):
        preprocess_jets([tmp_path / "order.h5"], [], tmp_path / "out.h5", HLF_SETTINGS, "a test")


def test_inputs_are_counted():
    assert len(input_names(["pt", "etarel", "phirel"], 8)) == 24
    assert input_names("hlf", 8) == list(HIGH_LEVEL_FEATURES)
