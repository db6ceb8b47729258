"""Numbers as targets: read, normalised, described, and every fault with file and key."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.arrays import settings
from snacpack.data.card import make_data_card
from snacpack.data.dataset import load_dataset, read_info
from snacpack.data.info import DataInfo
from snacpack.data.normalisation import Normalisation
from snacpack.data.sources.arrays import prepare_arrays
from snacpack.figures.style import save_figure
from snacpack.report.data_card import draw_data_card


def table(n=300, seed=1):
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, 3))
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(e=50 + 7 * x[:, 0], f=x[:, 1] - 3 * x[:, 2])


def asked(folder, frame, method="standard", **arrays):
    frame.to_csv(folder / "d.csv", index=False)
    return {**settings(files=str(folder / "d.csv"), **{"target": ["e", "f"], **arrays}), "targets": method}


@pytest.mark.parametrize("method", ["standard", "none"])
def test_numbers_come_back_in_the_units_of_the_files(tmp_path, method):
    frame = table()
    prepared = prepare_arrays(asked(tmp_path, frame, method), 1)
    prepared.write(tmp_path / "dataset.h5")
    info = read_info(tmp_path / "dataset.h5")
    assert (info.targets, info.classes, info.n_outputs, info.n_inputs) == (("e", "f"), (), 2, 3)
    scale = Normalisation.from_dict(info.target_normalisation)
    found = []
    for split, (x, y) in load_dataset(tmp_path / "dataset.h5", ("train", "val", "test")).items():
        assert y.dtype == np.float32
        assert y.shape == (len(x), 2)
        found.append(scale.undo(y.astype(np.float64)))
        if split == "train" and method == "standard":
            assert y.mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
            assert y.std(axis=0) == pytest.approx([1, 1], rel=1e-5)
    kept = np.concatenate(found)
    order = [np.argsort(values[:, 0]) for values in (kept, frame[["e", "f"]].to_numpy())]
    assert kept[order[0]] == pytest.approx(frame[["e", "f"]].to_numpy()[order[1]], rel=1e-4, abs=1e-4)


def test_one_target_and_arrays_of_several_columns(tmp_path):
    frame = table()
    assert prepare_arrays(asked(tmp_path, frame, target="f", leave_out=["e"]), 1).info.targets == ("f",)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["x"], file["y"] = frame[["a", "b", "c"]], frame[["e", "f"]]
    data = {**settings(files=str(tmp_path / "d.h5"), target="y"), "targets": "none"}
    assert prepare_arrays(data, 1).info.targets == ("y_0", "y_1")


def test_the_card_has_targets_and_a_figure(tmp_path):
    prepare_arrays(asked(tmp_path, table()), 1).write(tmp_path / "dataset.h5")
    card = make_data_card(tmp_path / "dataset.h5")
    assert card == json.loads(json.dumps(card))
    assert sum(card["counts"].values()) == 300
    assert card["target_distributions"]["e"]["mean"] == pytest.approx(50, abs=2)
    assert card["target_normalisation"]["e"]["standard_deviation"] == pytest.approx(7, rel=0.2)
    save_figure(draw_data_card(tmp_path / "dataset.h5"), [tmp_path / "card.png"])


@pytest.mark.parametrize(
    ("change", "arrays", "told"),
    [
        ({}, {"target": ["e", "g"]}, r"data.arrays.target: .*d.csv has no g; it has a, b, c"),
        ({}, {"target": None}, "data.arrays.target: needed; name the key of the numbers in"),
        ({}, {"inputs": ["a", "e"]}, "data.arrays.inputs: e is the target, which no network may see"),
        ({}, {"classes": ["x", "y"]}, "data.arrays.classes: a regression has none"),
        ({"e": float("nan")}, {}, r"d.csv: e of example 5 is NaN, empty or infinite .data.arrays.target"),
        ({"e": "high"}, {}, r"d.csv: e holds text, .* targets of a regression are numbers"),
    ],
)
def test_a_fault_is_named_with_key_and_cure(tmp_path, change, arrays, told):
    frame = table()
    for name, value in change.items():
        frame[name] = frame[name].astype(object) if isinstance(value, str) else frame[name]
        frame.loc[5, name] = value
    with pytest.raises(ValueError, match=told):
        prepare_arrays(asked(tmp_path, frame, **arrays), 1)


def test_targets_that_are_all_the_same_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"data.arrays.target: f is the same in all \d+ training examples"):
        prepare_arrays(asked(tmp_path, table().assign(f=1.0)), 1)
    # All values that differ are for training.
    frame = table().assign(split=["train"] * 200 + ["val"] * 50 + ["test"] * 50)
    frame.loc[250:, "e"] = 50.0
    told = r"data.arrays.target: e is the same in all 50 test examples, and no network can be judged by it"
    with pytest.raises(ValueError, match=told):
        prepare_arrays(asked(tmp_path, frame, split="split"), 1)


def test_classes_have_one_key(tmp_path):
    data = asked(tmp_path, table())
    del data["targets"]
    with pytest.raises(ValueError, match=r"classes have one key; name one, or set task.name to regression"):
        prepare_arrays(data, 1)


def test_a_description_without_classes_and_targets_is_refused():
    with pytest.raises(ValueError, match="needs two or more"):
        DataInfo("d", "examples", (1,), ("a",), (), "nowhere")
