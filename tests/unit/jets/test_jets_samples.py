"""A user's folder of jets: each file is for what its place says, and none is left out without a word."""

import os
from pathlib import Path

import h5py
import pytest
import yaml

from helpers.jets_files import SETTINGS, write_random_jets
from snacpack.config import ConfigError, validate_config
from snacpack.jets.data_card import make_data_card
from snacpack.jets.folders import describe_samples, find_samples, find_unused_files
from snacpack.jets.preprocessing import preprocess_jets

CONFIG = Path(__file__).parents[3] / "config"
LAYOUTS = {
    "no folders": (["a.h5", "b.h5"], {"train": ["a.h5", "b.h5"], "val": [], "test": []}),
    "the published one": (["train/a.h5", "val/b.h5"], {"train": ["a.h5"], "val": [], "test": ["b.h5"]}),
    "train and test": (["train/a.h5", "test/c.h5"], {"train": ["a.h5"], "val": [], "test": ["c.h5"]}),
    "all three": (["train/a.h5", "val/b.h5", "test/c.h5"], {"train": ["a.h5"], "val": ["b.h5"], "test": ["c.h5"]}),
}


def problems(folder):
    """Return what is said of a configuration with this folder, before the first job."""
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    config["data"] |= {"source": "files", "files": {"folder": str(folder)}}
    try:
        validate_config(config)
    except ConfigError as error:
        return str(error)
    return ""


def fill(folder, names, n_jets=10):
    for seed, name in enumerate(names):
        write_random_jets(folder / name, n_jets, seed)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_file_is_for_what_its_place_says(tmp_path, name):
    files, expected = LAYOUTS[name]
    fill(tmp_path, files)
    samples = find_samples(tmp_path)
    assert {split: [path.name for path in paths] for split, paths in samples.items()} == expected
    assert find_unused_files(tmp_path, samples) == []
    assert problems(tmp_path) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no folders", "0.2 of them are for testing (data.test_fraction), 0.15 of the others for validation"),
        ("the published one", "val/ is for testing as in the published data set"),
        ("the published one", "of train/, 0.15 is for validation (data.validation_fraction). data.test_fraction has"),
        ("train and test", "test/ is for testing; of train/, 0.15 is for validation"),
        ("all three", "data.validation_fraction and data.test_fraction have no effect"),
    ],
)
def test_the_user_is_told(tmp_path, name, said):
    fill(tmp_path, LAYOUTS[name][0])
    assert said in describe_samples(find_samples(tmp_path), validation_fraction=0.15, test_fraction=0.2)


def prepare(samples, output):
    paths = {f"{split}_files": files for split, files in samples.items()}
    preprocess_jets(**paths, output=output, settings=SETTINGS, source="a test")
    return make_data_card(output)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_data_card_says_where_each_split_is_from(tmp_path, name):
    files, expected = LAYOUTS[name]
    fill(tmp_path / "jets", files, 300)
    samples = find_samples(tmp_path / "jets")
    card = prepare(samples, tmp_path / "jets.h5")
    for split, origin in card["origin"].items():
        own = split if expected[split] else "train"
        assert origin["folders"] == [str(samples[own][0].parent)]
        assert origin["files"] == len(expected[own])
        n_jets = sum(card[what][split][name] for what in ("jets", "dropped") for name in card["classes"])
        assert n_jets == pytest.approx(origin["fraction"] * 300 * origin["files"], abs=40)
        assert own == "train" or n_jets == 300
    kept = (1 if expected["val"] else 0.8) * (1 if expected["test"] else 0.75)
    assert card["origin"]["train"]["fraction"] == pytest.approx(kept)


def test_validation_jets_of_their_own_leave_all_training_jets_in_training(tmp_path):
    fill(tmp_path / "jets", ["train/a.h5", "val/b.h5", "test/c.h5"], 300)
    cards = {}
    for left_out in (None, "val"):
        samples = {split: files for split, files in find_samples(tmp_path / "jets").items() if split != left_out}
        cards[left_out] = prepare({"val": [], **samples}, tmp_path / "jets.h5")
    with_val, without = cards[None]["jets"], cards["val"]["jets"]
    assert with_val["test"] == without["test"]
    for name in cards[None]["classes"]:
        assert with_val["train"][name] == without["train"][name] + without["val"][name]


def hdf5_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["x"] = [1.0]


UNUSED = {
    "another folder": "validation/c.h5",
    "another name": "train/c.hdf5",
    "capitals": "val/c.H5",
    "a folder in a folder": "train/more/c.h5",
    "deep below": "others/old/2025/c.he5",
    "a hidden file": "train/.c.h5",
    "a hidden one of macOS that holds data": "train/._c.h5",
    "beside the folders": "c.hdf5",
    "no ending": "val/c",
    "another ending": "train/c.h5.part",
    "a packed one": "train/c.h5.gz",
}


@pytest.mark.parametrize("name", UNUSED)
@pytest.mark.parametrize("layout", ["the published one", "all three"])
def test_a_file_that_would_not_be_used_stops_the_run(tmp_path, name, layout):
    fill(tmp_path, LAYOUTS[layout][0])
    hdf5_file(tmp_path / UNUSED[name])
    found = problems(tmp_path)
    assert f"1 file that looks like jets would not be used: {tmp_path / UNUSED[name]}. Files are taken from" in found


def test_files_below_files_stop_the_run(tmp_path):
    fill(tmp_path, ["a.h5"])
    for number in range(12):
        hdf5_file(tmp_path / "more" / f"{number:02d}.h5")
    found = problems(tmp_path)
    assert f"12 files that look like jets would not be used: {tmp_path / 'more' / '00.h5'}, " in found
    assert f"{tmp_path / 'more' / '07.h5'}, .... Files are taken" in found


def test_what_is_no_jets_is_left_in_peace(tmp_path, monkeypatch):
    """Notes, archives, what macOS and tools leave, links in a circle, and results that are written beside the jets."""
    fill(tmp_path, ["a.h5", "b.h5"])
    for name in ("README.md", ".DS_Store", "._a.h5", "a.h5.gz", "train.tar.gz", "more/notes.txt", ".git/c.h5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no jets")
    hdf5_file(tmp_path / "results" / "quick" / "data" / "jets.h5")
    (tmp_path / "more" / "circle").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for folder in (".", str(tmp_path)):
        assert problems(folder) == ""
    monkeypatch.chdir(os.sep)
    assert "results/quick/data/jets.h5. Files are taken from" in problems(tmp_path)


def test_a_link_to_a_folder_is_looked_into(tmp_path):
    fill(tmp_path, ["jets/a.h5", "elsewhere/b.h5"])
    (tmp_path / "jets" / "more").symlink_to(tmp_path / "elsewhere")
    assert str(tmp_path / "jets" / "more" / "b.h5") in problems(tmp_path / "jets")


def test_an_empty_folder_for_a_split_is_named(tmp_path):
    fill(tmp_path, ["train/a.h5", "val/b.h5"])
    (tmp_path / "test").mkdir()
    assert f"{tmp_path / 'test'} is not a folder with *.h5 files" in problems(tmp_path)
