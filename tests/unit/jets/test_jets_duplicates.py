"""The same jets in two samples are found, however they are stored, ordered or cut; different jets are not."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.jets_files import ETA, PHI, PT, SETTINGS, random_jets, write_random_jets
from snacpack.data.duplicates import Origin, check_repeated
from snacpack.jets.data_card import make_data_card
from snacpack.jets.duplicates import ADVICE, ALIKE, jet_keys
from snacpack.jets.layout import CONSTITUENTS, JETS
from snacpack.jets.preprocessing import preprocess_jets

N_JETS = 200
READ = [PT, ETA, PHI]


def write_jets(path: Path, constituents: np.ndarray, jets: np.ndarray, **storage) -> Path:
    """Write a file of the data set's layout with jets stored in any way."""
    write_random_jets(path, 5)
    with h5py.File(path, "r+") as file:
        del file[CONSTITUENTS], file[JETS]
        file.create_dataset(CONSTITUENTS, data=constituents, **storage)
        file.create_dataset(JETS, data=jets)
    return path


def keys_of(constituents: np.ndarray) -> np.ndarray:
    return jet_keys(constituents[:, :8, READ])


@st.composite
def repacked(draw, constituents: np.ndarray, jets: np.ndarray):
    """The same jets as somebody else would store them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_stored = draw(st.integers(8, 150))
    order = rng.permutation(len(jets))[: draw(st.integers(N_JETS // 2, N_JETS))]
    constituents, jets = constituents[order][:, :n_stored], jets[order]
    if draw(st.booleans()):
        places = np.argsort(rng.random(constituents.shape[:2]), axis=1)
        constituents = np.take_along_axis(constituents, places[:, :, None], axis=1)
    if draw(st.booleans()):
        unread = np.delete(np.arange(16), READ)
        constituents[:, :, unread] = draw(st.sampled_from([0, np.nan, 7]))
        jets[:, :-6] = rng.random(jets[:, :-6].shape)
    constituents = constituents.astype(draw(st.sampled_from(["f4", "f8", ">f4", "f2"])))
    storage = {}
    if draw(st.booleans()):
        storage["chunks"] = (draw(st.integers(1, len(jets))), draw(st.integers(1, n_stored)), 16)
        storage["compression"] = draw(st.sampled_from([None, "gzip", "lzf"]))
        storage["shuffle"] = draw(st.booleans())
    return constituents, jets, storage


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_same_jets_are_found(data):
    constituents, jets = random_jets(N_JETS)
    copy, labels, storage = data.draw(repacked(constituents, jets))
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_jets(folder / "given.h5", constituents, jets)
        write_jets(folder / "copy.h5", copy, labels, **storage)
        for role in ("test_files", "val_files"):
            samples = {"test_files": [], "val_files": [], role: [folder / "copy.h5"]}
            with pytest.raises(ValueError, match=r" jets too.*: [\d,]+ of .*copy\.h5 in .*given\.h5"):
                preprocess_jets([folder / "given.h5"], **samples, output=folder / "x.h5", settings=SETTINGS, source="")
        assert not (folder / "x.h5").exists()


@given(st.integers(0, 2**32 - 1), st.integers(8, 150))
@settings(max_examples=20, deadline=None)
def test_every_jet_is_found_that_can_be_told_from_others(seed, n_stored):
    rng = np.random.default_rng(seed)
    constituents = random_jets(N_JETS)[0]
    keys = keys_of(constituents)
    assert ((keys == 0) == (np.count_nonzero(constituents[:, :8, READ], axis=(1, 2)) < 6)).all()
    order = rng.permutation(N_JETS)
    copy = constituents[order][:, :n_stored][:, :8]
    copy = np.take_along_axis(copy, np.argsort(rng.random(copy.shape[:2]), axis=1)[:, :, None], axis=1)
    np.testing.assert_array_equal(keys_of(copy), keys[order])
    # Once more in float16, whose fraction has ten bits; small numbers have fewer.
    assert np.mean(keys_of(copy.astype("f2").astype("f4")) == keys[order]) > 0.9
    # The errors of another computation, or of seven printed digits, move few numbers over a limit.
    moved = copy * (1 + rng.uniform(-1e-6, 1e-6, copy.shape)).astype("f4")
    assert np.mean(keys_of(moved) == keys[order]) > 0.9


@given(st.integers(0, 2**31), st.integers(2, 8))
@settings(max_examples=20, deadline=None)
def test_different_jets_are_not_found(seed, n_constituents):
    """Even those that agree in all but one number of one constituent."""
    rng = np.random.default_rng(seed)
    constituents = random_jets(N_JETS, seed)[0][:, :n_constituents, READ]
    full = constituents[(constituents[:, :, 0] > 0).all(axis=1)]
    other = full.copy()
    place = rng.integers(n_constituents, size=len(full)), rng.integers(len(READ), size=len(full))
    other[np.arange(len(full)), *place] *= 1.01
    assert not np.isin(jet_keys(other), jet_keys(full)).any()
    assert not np.isin(jet_keys(full[:, ::-1, ::-1]), jet_keys(full)).any()
    assert len(np.unique(jet_keys(full))) == len(full)


@pytest.mark.thorough
def test_keys_of_many_jets_are_different():
    rng = np.random.default_rng(1)
    x = rng.integers(1, 40, (300_000, 8, 3)).astype("f4") / 4
    same = len(x) - len(np.unique(np.sort(x.view([("", "f4")] * 3)[:, :, 0], axis=1), axis=0))
    assert len(x) - len(np.unique(jet_keys(x))) == same


def test_jets_of_one_constituent_look_alike_and_are_no_copies():
    x = np.zeros((1000, 8, 3), "f4")
    x[:, 0, 0] = np.random.default_rng(1).integers(800, 810, 1000)
    assert not jet_keys(x).any()
    origins = {split: Origin(jet_keys(x), np.full(1000, number)) for number, split in enumerate(("train", "val"))}
    counts = check_repeated(origins, [Path("a.h5"), Path("b.h5")], "jets", ADVICE, ALIKE)
    assert counts == {"train": {"train": 0}, "val": {"train": 0, "val": 0}}


def sample_with_copies(folder: Path, n_copies: int) -> tuple[Path, Path]:
    """Training jets, and somewhat more than 2,000 test jets of which some are training jets."""
    train, labels = random_jets(600)
    test, test_labels = random_jets(2100, seed=1)
    full = np.flatnonzero((train[:, :8, PT] > 2).all(axis=1))[:n_copies]
    test[:n_copies], test_labels[:n_copies] = train[full], labels[full]
    write_jets(folder / "train.h5", train, labels)
    return folder / "train.h5", write_jets(folder / "test.h5", test, test_labels)


def prepare(folder: Path, n_copies: int) -> dict:
    train, test = sample_with_copies(folder, n_copies)
    preprocess_jets([train], [test], folder / "jets.h5", SETTINGS, "a test")
    return make_data_card(folder / "jets.h5")


def test_a_coincidence_is_counted_and_no_leak(tmp_path):
    """A tenth of a percent of the test jets, in training and validation together."""
    card = prepare(tmp_path, 2)
    assert card["repeated"]["test"]["train"] + card["repeated"]["test"]["val"] == 2
    assert card["repeated"]["train"] == {"train": 0}
    assert card["repeated"]["val"] == {"train": 0, "val": 0}
    assert json.loads(json.dumps(card)) == card


def test_more_than_a_coincidence_is_refused_with_its_number_and_files(tmp_path):
    with pytest.raises(ValueError, match=r"of the [\d,]+ test jets are training or validation jets too") as error:
        prepare(tmp_path, 40)
    said = str(error.value)
    assert f"of {tmp_path / 'test.h5'} in {tmp_path / 'train.h5'}" in said
    assert not (tmp_path / "jets.h5").exists()


def test_none_is_counted_where_there_is_none(tmp_path):
    assert prepare(tmp_path, 0)["repeated"] == {
        "train": {"train": 0},
        "val": {"train": 0, "val": 0},
        "test": {"train": 0, "val": 0, "test": 0},
    }


def test_copies_that_are_split_off_are_found(tmp_path):
    """Twice the same jets in one file leak into what is split off it; in the test sample they are merely counted."""
    constituents, jets = random_jets(300)
    twice = np.concatenate([constituents, constituents]), np.concatenate([jets, jets])
    write_jets(tmp_path / "twice.h5", *twice)
    with pytest.raises(ValueError, match=r"validation jets are training jets too.*: \d+ of .*twice\.h5 in .*twice\.h5"):
        preprocess_jets([tmp_path / "twice.h5"], [], tmp_path / "jets.h5", SETTINGS, "a test")
    write_random_jets(tmp_path / "once.h5", 300, seed=1)
    preprocess_jets([tmp_path / "once.h5"], [tmp_path / "twice.h5"], tmp_path / "jets.h5", SETTINGS, "a test")
    repeated = make_data_card(tmp_path / "jets.h5")["repeated"]
    assert 270 < repeated["test"]["test"] <= 300
    assert repeated["test"]["train"] == repeated["test"]["val"] == 0


def test_all_files_are_named_up_to_a_few():
    files = [Path(f"{number}.h5") for number in range(20)]
    keys = np.arange(1, 1001, dtype=np.uint64)
    train, test = Origin(keys, np.arange(1000) % 10), Origin(keys[::-1], 10 + np.arange(1000)[::-1] % 10)
    origins = {"train": train, "val": Origin(keys[:0], np.zeros(0, int)), "test": test}
    with pytest.raises(ValueError, match="1,000 of the 1,000 test jets are training or validation jets too") as error:
        check_repeated(origins, files, "jets", ADVICE, ALIKE)
    assert "too: 100 of 19.h5 in 9.h5, 100 of 18.h5 in 8.h5, " in str(error.value)
    assert "and 5 more pairs of files" in str(error.value)


def test_few_stored_constituents_are_compared_by_what_there_is(tmp_path):
    constituents, jets = random_jets(300)
    settings = SETTINGS.__class__(3, 2.0, ("pt", "etarel", "phirel"), 0.2, 0.25, seed=4)
    write_jets(tmp_path / "a.h5", constituents[:, :3], jets)
    write_jets(tmp_path / "b.h5", constituents, jets)
    with pytest.raises(ValueError, match="test jets are training or validation jets too"):
        preprocess_jets([tmp_path / "a.h5"], [tmp_path / "b.h5"], tmp_path / "jets.h5", settings, "a test")
    os.remove(tmp_path / "b.h5")
    write_random_jets(tmp_path / "b.h5", 300, seed=9)
    preprocess_jets([tmp_path / "a.h5"], [tmp_path / "b.h5"], tmp_path / "jets.h5", settings, "a test")
