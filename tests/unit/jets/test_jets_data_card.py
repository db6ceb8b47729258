"""The data card says what is in the prepared file."""

import json

import numpy as np
import pytest

from helpers.jets_files import ETA, PT, random_jets, write_random_jets
from snacpack.jets.data_card import draw_data_card, make_data_card
from snacpack.jets.layout import HIGH_LEVEL_FEATURES, JET_COLUMNS, JetFileWriter
from snacpack.jets.preprocessing import Preprocessing, preprocess_jets


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    constituents, jets = write_random_jets(folder / "train.h5", 400)
    write_random_jets(folder / "val.h5", 100, seed=1)
    settings = Preprocessing(8, 2.0, ("pt", "etarel", "phirel"), 0.1, 0.2, seed=1)
    preprocess_jets([folder / "train.h5"], [folder / "val.h5"], folder / "jets.h5", settings, "made up")
    return folder / "jets.h5", constituents, jets


def test_card_counts_and_describes(prepared):
    path, constituents, jets = prepared
    card = make_data_card(path)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["source"] == "made up"
    n_train_files = sum(sum(card[what][split].values()) for what in ("jets", "dropped") for split in ("train", "val"))
    n_test_files = sum(sum(card[what]["test"].values()) for what in ("jets", "dropped"))
    assert (n_train_files, n_test_files) == (400, 100)
    for number, name in enumerate("gqwzt"):
        both = card["jets"]["train"][name] + card["jets"]["val"][name]
        passing = (constituents[:, 0, PT] > 2) & (jets[:, 53 + number] == 1)
        assert both == passing.sum()
        # Nine in ten of the file's jets are training jets.
        values = card["distributions"]["pt"][name]
        assert values["mean"] == pytest.approx(constituents[passing, 0, PT].mean(), rel=0.1)
        assert 2 < values["quantiles"]["0.05"] < values["quantiles"]["0.5"] < values["quantiles"]["0.95"]
        spread = card["distributions"]["etarel"][name]["standard_deviation"]
        assert spread == pytest.approx(constituents[passing, 0, ETA].std(), rel=0.15)
        assert 1 <= card["distributions"]["multiplicity"][name]["quantiles"]["0.05"] <= 29


def test_figures_are_drawn_and_reproducible(prepared, tmp_path):
    for name in ("a", "b"):
        draw_data_card(prepared[0], [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert np.min([path.stat().st_size for path in tmp_path.iterdir()]) > 10_000


def test_card_of_high_level_observables(tmp_path):
    for seed, split in enumerate(("train", "val")):
        constituents, jets = random_jets(300, seed)
        for column, name in enumerate(HIGH_LEVEL_FEATURES):
            jets[:, JET_COLUMNS.index(name)] = np.random.default_rng(column).normal(column, 1, 300)
        with JetFileWriter(tmp_path / f"{split}.h5", 300, {}) as writer:
            writer.append(constituents, jets)
    settings = Preprocessing(8, 2.0, "hlf", 0.1, 0.2, seed=1)
    preprocess_jets([tmp_path / "train.h5"], [tmp_path / "val.h5"], tmp_path / "jets.h5", settings, "made up")
    card = make_data_card(tmp_path / "jets.h5")
    assert list(card["distributions"]) == list(HIGH_LEVEL_FEATURES)
    for column, name in enumerate(HIGH_LEVEL_FEATURES):
        assert card["distributions"][name]["g"]["mean"] == pytest.approx(column, abs=0.6)
    draw_data_card(tmp_path / "jets.h5", [tmp_path / "card.svg"])
    assert "c1_b0_mmdt of the jet" in (tmp_path / "card.svg").read_text()
