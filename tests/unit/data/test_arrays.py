"""The user's own arrays: every format, split and normalisation, and every fault with file and key."""

import json
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers import ROOT
from helpers.arrays import examples, settings
from snacpack.data import preparation
from snacpack.data.card import make_data_card, separations
from snacpack.data.dataset import load_dataset, read_info
from snacpack.data.duplicates import row_keys
from snacpack.data.info import DataInfo
from snacpack.data.normalisation import METHODS, Normalisation
from snacpack.data.sources import arrays as source
from snacpack.data.sources.arrays import content_of_arrays, describe_arrays, prepare_arrays
from snacpack.data.splitting import split_off
from snacpack.figures.confusion import draw_confusion_matrix
from snacpack.figures.style import save_figure
from snacpack.report.data_card import draw_data_card

NAMES = ["a", "b", "c", "d"]


def write_npz(folder, x, y):
    np.savez(folder / "d.npz", x=x, y=y)
    return {"files": str(folder / "d.npz")}


def write_npy(folder, x, y):
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return {"files": str(folder / "x.npy"), "target_files": str(folder / "y.npy"), "target": None}


def write_hdf5(folder, x, y):
    with h5py.File(folder / "d.h5", "w") as file:
        file["deep/x"], file["y"] = x, y
    return {"files": str(folder / "d.h5"), "inputs": "deep/x"}


def frame(x, y):
    return pd.DataFrame(x, columns=NAMES).assign(y=y)


def write_csv(folder, x, y):
    frame(x, y).to_csv(folder / "d.csv", index=False)
    return {"files": str(folder / "d.csv")}


def write_tsv(folder, x, y):
    frame(x, y).to_csv(folder / "d.csv.gz", index=False, sep="\t")
    return {"files": str(folder / "d.csv.gz"), "inputs": NAMES}


def write_parquet(folder, x, y):
    pytest.importorskip("pyarrow")
    frame(x, y).to_parquet(folder / "d.parquet")
    return {"files": str(folder / "d.parquet")}


def write_root(folder, x, y):
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(folder / "d.root") as file:
        branches = {**{name: x[:, i] for i, name in enumerate(NAMES)}, "y": y}
        file.mktree("events", {name: values.dtype for name, values in branches.items()}).extend(branches)
    return {"files": str(folder / "d.root")}


def write_rntuple(folder, x, y):
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(folder / "d.root") as file:
        branches = {**{name: x[:, i] for i, name in enumerate(NAMES)}, "y": y}
        file.mkrntuple("events", branches)
    return {"files": str(folder / "d.root")}


FORMATS = [write_npz, write_npy, write_hdf5, write_csv, write_tsv, write_parquet, write_root, write_rntuple]


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_the_same_data_set(tmp_path, write):
    x, y = examples()
    prepared = prepare_arrays(settings("none", **write(tmp_path, x, y)), seed=1)
    assert prepared.info.sizes == {"n_inputs": 4, "n_outputs": 3}
    assert prepared.info.classes == ("0", "1", "2")
    assert {split: len(labels) for split, (_, labels) in prepared.splits.items()} == {
        "train": 192,
        "val": 48,
        "test": 60,
    }
    found = np.concatenate([np.column_stack([rows, labels]) for rows, labels in prepared.splits.values()])
    given = np.column_stack([x, y]).astype(np.float32)
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(given, axis=0), rtol=1e-6)
    # Each example keeps its class.
    known = {row[:2].tobytes(): row[4] for row in np.round(given, 3)}
    assert all(known[row[:2].tobytes()] == row[4] for row in np.round(found.astype(np.float32), 3))


@pytest.mark.parametrize("missing", ["pyarrow", "uproot"])
def test_a_reader_that_is_not_installed_names_its_package(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    path = tmp_path / {"pyarrow": "d.parquet", "uproot": "d.root"}[missing]
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=f"pip install {missing}"):
        prepare_arrays(settings(files=str(path)), seed=1)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (6, 6, 2)])
def test_the_shape_is_kept_to_the_networks_door(tmp_path, shape):
    x, y = examples(shape=shape)
    data = settings(**write_npz(tmp_path, x, y))
    prepared = prepare_arrays(data, seed=1)
    prepared.write(tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["x_train"].shape[1:] == shape
    info, loaded = read_info(tmp_path / "out.h5"), load_dataset(tmp_path / "out.h5")
    assert info == prepared.info
    assert info.input_shape == shape
    assert loaded["train"][0].shape == (192, np.prod(shape)) == (192, info.n_inputs)
    assert len(info.input_names) == len(set(info.input_names)) == info.n_inputs
    back = Normalisation.from_dict(info.normalisation).undo(prepared.splits["val"][0])
    assert all((np.abs(x - row).reshape(len(x), -1).max(axis=1) < 1e-5).any() for row in back)
    card = make_data_card(tmp_path / "out.h5")
    assert sum(card["counts"]["test"].values()) == 60
    json.dumps(card)
    save_figure(draw_data_card(tmp_path / "out.h5"), [tmp_path / "card.svg"])
    assert "jet" not in (tmp_path / "card.svg").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_normalisation_is_that_of_the_training_examples(tmp_path, method):
    x, y = examples()
    x[:, 1] = 1000 * x[:, 1] + 5
    prepared = prepare_arrays(settings(method, **write_npz(tmp_path, x, y)), seed=1)
    train = prepared.splits["train"][0].astype(np.float64)
    if method == "power_of_two":
        largest = np.abs(train).max(axis=0)
        assert ((largest > 0.5) & (largest <= 1)).all()
    low, median, high = np.quantile(train, (0.05, 0.5, 0.95), axis=0)
    measured = {
        "quantiles": (median, high - low),
        "standard": (train.mean(axis=0), train.std(axis=0)),
        "minmax": (train.min(axis=0), train.max(axis=0)),
        "power_of_two": (0, 1),
        "none": (0, 1),
    }[method]
    np.testing.assert_allclose(measured[0], 0, atol=1e-4)
    np.testing.assert_allclose(measured[1], 1, atol=1e-4)
    restored = Normalisation.from_dict(json.loads(json.dumps(prepared.info.normalisation)))
    assert restored.method == method


def test_a_power_of_two_changes_no_digit():
    x = np.array([[0.3, -4, 5, 1e-3], [0.1, 2, -4, 0]], dtype=np.float32)
    scale = Normalisation.fit("power_of_two", x, NAMES, "data.arrays.inputs", "examples")
    assert scale.scale.tolist() == [0.5, 4, 8, 2**-9]
    np.testing.assert_array_equal(scale.apply(x) * scale.scale, x)
    np.testing.assert_array_equal(Normalisation.from_dict(scale.to_dict()).undo(scale.apply(x)), x)
    with pytest.raises(ValueError, match=r"data\.arrays\.inputs: a is the same"):
        Normalisation.fit("power_of_two", 0 * x[:, :1], ["a"], "data.arrays.inputs", "examples")


def test_classes_by_name_number_and_column(tmp_path):
    x, y = examples()
    words = np.array(["up", "down", "strange"])[y]
    assert prepare_arrays(settings(**write_npz(tmp_path, x, words)), 1).info.classes == ("down", "strange", "up")
    ordered = prepare_arrays(settings(**write_npz(tmp_path, x, words), classes=["up", "down", "strange"]), 1)
    named = prepare_arrays(settings(**write_npz(tmp_path, x, y), classes=["up", "down", "strange"]), 1)
    columns = prepare_arrays(settings(**write_npz(tmp_path, x, np.eye(3)[y]), classes=["up", "down", "strange"]), 1)
    floats = prepare_arrays(settings(**write_npz(tmp_path, x, y[:, None] + 10.0), classes=[10, 11, 12]), 1)
    assert ordered.info.classes == named.info.classes == columns.info.classes == ("up", "down", "strange")
    for other in (named, columns, floats):
        for split, (rows, labels) in ordered.splits.items():
            np.testing.assert_array_equal(other.splits[split][0], rows)
            np.testing.assert_array_equal(other.splits[split][1], labels)


def labels_of(prepared, x, y):
    """Return the class number that each value of ``y`` has in a prepared data set that is not normalised."""
    value = {row.tobytes(): item for row, item in zip(x, y.ravel().tolist(), strict=True)}
    found = {
        (value[row.tobytes()], int(label))
        for rows, ls in prepared.splits.values()
        for row, label in zip(rows, ls, strict=True)
    }
    assert len(found) == len(prepared.info.classes)
    return dict(found)


@pytest.mark.parametrize(
    ("values", "classes", "expected"),
    [
        ([False, True], ["True", "False"], {False: 1, True: 0}),
        ([False, True], ["false", "true"], {False: 0, True: 1}),
        ([False, True], ["bkg", "sig"], {False: 0, True: 1}),
        ([False, True], [1, 0], {False: 1, True: 0}),
        ([0, 1], ["True", "False"], {0: 1, 1: 0}),
        ([0, 1], ["bkg", "sig"], {0: 0, 1: 1}),
        ([0, 1], [1, 0], {0: 1, 1: 0}),
        ([-1, 1], [1, -1], {-1: 1, 1: 0}),
        (["True", "False"], ["True", "False"], {"True": 0, "False": 1}),
    ],
)
def test_values_among_the_classes_keep_their_meaning(tmp_path, values, classes, expected):
    x, y = examples(n_classes=2)
    target = np.array(values)[y]
    prepared = prepare_arrays(settings("none", **write_npz(tmp_path, x, target), classes=classes), seed=1)
    assert labels_of(prepared, x, target) == expected
    assert prepared.info.classes == tuple(map(str, classes))


def test_classes_may_stand_in_files_of_their_own(tmp_path):
    for number in range(3):
        x, _ = examples(100, seed=number)
        np.savez(tmp_path / f"{number}.npz", x=x + number, y=np.eye(3)[[number] * 100])
    prepared = prepare_arrays(settings(files=str(tmp_path / "*.npz"), classes=["a", "b", "c"]), seed=1)
    assert prepared.info.classes == ("a", "b", "c")


def test_two_classes_have_two_outputs(tmp_path):
    x, y = examples(n_classes=2)
    assert prepare_arrays(settings(**write_npz(tmp_path, x, y == 1)), 1).info.n_outputs == 2


def test_splits_as_files_keys_and_a_column(tmp_path):
    parts = {split: examples(n, seed=n) for split, n in (("train", 210), ("val", 60), ("test", 90))}
    for split, (x, y) in parts.items():
        np.savez(tmp_path / f"{split}.npz", x=x, y=y)
    np.savez(tmp_path / "d.npz", **{f"{k}_{s}": a for s, xy in parts.items() for k, a in zip("xy", xy, strict=True)})
    table = pd.concat([frame(*xy).assign(use=split) for split, xy in parts.items()])
    table["use"] = table["use"].replace("val", "Validation")
    table.to_csv(tmp_path / "d.csv", index=False)
    keys = {kind: {split: f"{kind}_{split}" for split in parts} for kind in "xy"}
    ways = [
        {"files": {split: str(tmp_path / f"{split}.npz") for split in parts}},
        {"files": str(tmp_path / "d.npz"), "inputs": keys["x"], "target": keys["y"]},
        {"files": str(tmp_path / "d.csv"), "split": "use"},
    ]
    for way in ways:
        prepared = prepare_arrays(settings("none", **way), seed=1)
        for split, (x, y) in parts.items():
            rows, labels = prepared.splits[split]
            np.testing.assert_allclose(np.sort(rows, axis=0), np.sort(x, axis=0), rtol=1e-5)
            assert np.bincount(labels).tolist() == np.bincount(y).tolist()
    del keys["x"]["val"], keys["y"]["val"]
    way = {"files": str(tmp_path / "d.npz"), "inputs": keys["x"], "target": keys["y"]}
    counts = {split: len(y) for split, (_, y) in prepare_arrays(settings(**way), seed=1).splits.items()}
    assert counts == {"train": 168, "val": 42, "test": 90}


def test_many_files_make_one_data_set(tmp_path):
    for number in range(3):
        x, y = examples(90, seed=number)
        np.savez(tmp_path / f"part{number}.npz", x=x, y=y)
    prepared = prepare_arrays(settings(files=str(tmp_path / "part*.npz")), seed=1)
    assert sum(len(y) for _, y in prepared.splits.values()) == 270
    assert len(prepared.origin["train"]["files"]) == 3


def test_no_group_stands_in_two_splits(tmp_path):
    x, y = examples(600)
    group = np.array([f"run{number}" for number in np.random.default_rng(0).integers(0, 40, 600)])
    np.savez(tmp_path / "d.npz", x=x, y=y, group=group)
    data = settings("none", files=str(tmp_path / "d.npz"), inputs="x", group="group")
    prepared = prepare_arrays(data, seed=1)
    name = {row.tobytes(): group[number] for number, row in enumerate(x)}
    groups = {split: {name[row.tobytes()] for row in rows} for split, (rows, _) in prepared.splits.items()}
    assert not groups["train"] & groups["test"] | groups["train"] & groups["val"] | groups["val"] & groups["test"]
    assert 60 < len(prepared.splits["test"][1]) < 180


def test_the_split_follows_from_the_seed(tmp_path):
    data = settings(**write_npz(tmp_path, *examples()))
    first, again, other = (prepare_arrays(data, seed).splits["test"][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_was_checked_is_not_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = settings(**write_npz(tmp_path, *examples()))
    info = describe_arrays(data, seed=1)
    assert info.sizes == {"n_inputs": 4, "n_outputs": 3}
    preparation._described.clear()
    with monkeypatch.context() as patched:
        patched.setattr(source, "prepare_arrays", None)
        assert describe_arrays(data, seed=1) == info
    write_npz(tmp_path, *examples(n_classes=2))
    preparation._described.clear()
    source.content_digest.cache_clear()
    assert describe_arrays(data, seed=1).n_outputs == 2


def test_the_job_refuses_files_that_changed_since_the_start(tmp_path):
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    data = settings(files=str(tmp_path / "d.npz"))
    given = {**{name: value for name, value in data.items() if name != "source"}, "seed": 1}
    code = (
        "import json, runpy, sys\n"
        "class Params(dict):\n    __getattr__ = dict.__getitem__\n"
        "given = Params(json.loads(sys.argv[2]))\n"
        "job = Params(rule='prepare_arrays', threads=1, log=['job.log'], output=Params(dataset='dataset.h5'),\n"
        "    resources=object(), config={}, input={}, params=given)\n"
        "runpy.run_path(sys.argv[1], {'snakemake': job})"
    )
    for content, made in (("another", False), (content_of_arrays(data["arrays"], trust=False), True)):
        params = json.dumps({**given, "content": content})
        script = ROOT / "workflow_scripts" / "prepare_arrays.py"
        subprocess.run([sys.executable, "-c", code, script, params], cwd=tmp_path, check=made, capture_output=True)
        assert (tmp_path / "dataset.h5").exists() == made
        told = "data.arrays.files: one of the files changed since this run started; start the command again"
        assert (told in (tmp_path / "job.log").read_text()) != made


def test_another_preparation_checks_again_and_the_newest_checks_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = settings(**write_npz(tmp_path, *examples()))
    info, checked = prepare_arrays(data, seed=0), []
    monkeypatch.setattr(source, "prepare_arrays", lambda data, seed: checked.append(seed) or info)
    for seed in range(25):
        describe_arrays(data, seed)
    preparation._described.clear()
    for seed in (24, 5, 0):
        describe_arrays(data, seed)
    assert checked[25:] == [0]
    monkeypatch.setattr(preparation, "PREPARATION", "another")
    describe_arrays(data, seed=24)
    assert checked[25:] == [0, 24]


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', '{"a": {"name": "d"}}', "{"])
def test_a_record_that_is_none_is_replaced(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    data = settings(**write_npz(tmp_path, *examples()))
    preparation.RECORD.parent.mkdir()
    preparation.RECORD.write_text(content)
    preparation._described.clear()
    assert describe_arrays(data, seed=1).n_outputs == 3
    assert len(json.loads(preparation.RECORD.read_text())) == 1


def test_names_of_classes_are_no_formulas(tmp_path):
    x, y = examples()
    words = np.array(["$x_", r"$\Pgamma$", "_c" * 30])[y]
    prepare_arrays(settings(**write_npz(tmp_path, x, words)), seed=1).write(tmp_path / "out.h5")
    figure = draw_data_card(tmp_path / "out.h5")
    shown = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert shown == [r"\$\Pgamma\$", r"\$x_", "_c" * 13 + "_..."]
    save_figure(figure, [tmp_path / "card.svg", tmp_path / "card.png"])
    classes = read_info(tmp_path / "out.h5").classes
    save_figure(
        draw_confusion_matrix(np.eye(3), classes, "title"), [tmp_path / f"confusion.{kind}" for kind in ("svg", "png")]
    )


def test_separations_find_the_feature_that_tells_classes_apart():
    x, y = examples(shape=(3,))
    x[:, 1] *= 0.01
    x[:, 2] = 5
    apart = separations(x - np.array([0, 0.01, 0]) * y[:, None] * np.array([1, 1, 1]), y)
    assert apart[0] > 0.3
    assert apart[1] < 0.1
    assert apart[2] == 0


def bad(tmp_path, x=None, y=None, **arrays):
    given = examples()
    np.savez(tmp_path / "d.npz", x=given[0] if x is None else x, y=given[1] if y is None else y)
    return {"files": str(tmp_path / "d.npz"), **arrays}


def changed(value, place):
    x, _ = examples()
    x[place] = value
    return x


X, Y = examples()
FAULTS = {
    "no files": ({"files": None}, "data.arrays.files: needed"),
    "a file that is not there": ({"files": "nowhere.npz"}, "data.arrays.files: there is no file"),
    "a folder": ({"files": "."}, "is a folder"),
    "another format": ({"files": __file__}, "convert the file"),
    "a missing key of inputs": ({"inputs": "pixels"}, "data.arrays.inputs: {d} has no pixels; it has x, y"),
    "a missing key of the target": ({"target": "label"}, "data.arrays.target: {d} has no label"),
    "a target among the inputs": ({"inputs": ["x", "y"]}, "data.arrays.inputs: y is the target"),
    "no numbers": ({"x": X[:, :0]}, "data.arrays.inputs: x of {d} has no numbers"),
    "no key of the target": ({"target": None}, "data.arrays.target: needed"),
    "a missing column of splits": ({"split": "use"}, "data.arrays.split: {d} has no use"),
    "lengths": ({"y": Y[:-1]}, "{d}: x has 300 examples, {d}: y has 299"),
    "NaN": ({"x": changed(np.nan, (7, 2))}, "{d}: x_2 of example 7 is NaN, empty or infinite (data.arrays.inputs)"),
    "infinity": ({"x": changed(np.inf, (7, 2))}, "x_2 of example 7"),
    "too large for float32": ({"x": X.astype(float) * 1e39}, "of example 0"),
    "a constant feature": ({"x": changed(3, (..., 1))}, "data.arrays.inputs: x_1 is the same in all training examples"),
    "nearly constant": ({"x": changed(0, (np.arange(300) % 30 > 0, 1))}, "choose another data.normalisation"),
    "text": ({"x": X.astype(str)}, "{d}: x holds text"),
    "complex numbers": ({"x": X * 1j}, "write it as numbers"),
    "objects": ({"x": np.array([[1], [1, 2]] * 150, dtype=object)}, "{d} cannot be read"),
    "a regression": ({"y": X[:, 0]}, "{d}: y (data.arrays.target) of example 0 is"),
    "a target of NaN": ({"y": np.where(Y == 2, np.nan, Y)}, "is nan, which is no class"),
    "an empty class": ({"y": np.where(Y == 2, "", "a")}, "of example 2 is empty"),
    "one class": ({"y": 0 * Y}, "data.arrays.target has the single value '0'"),
    "an unknown class": ({"y": np.array(["a", "b", "c"])[Y], "classes": ["a", "b"]}, "has the value 'c'"),
    "a class in no example": ({"classes": ["a", "b", "c", "d"]}, "have none of class d"),
    "columns of classes": ({"y": np.ones((300, 2))}, "of example 0 is [1.0, 1.0]; one of them must be 1"),
    "a column without a class": ({"y": np.eye(4)[Y]}, "have none of class 3"),
    "names for some columns": ({"y": np.eye(3)[Y], "classes": ["a", "b"]}, "the target of {d} has 3 columns"),
    "a value that is not listed": ({"y": Y % 2, "classes": [1, 2]}, "has the value '0' in {d}"),
    "names beside values": ({"y": Y % 2, "classes": ["bkg", "1"]}, "data.arrays.classes: 'bkg' is a name"),
    "a value that is listed twice": ({"y": Y % 2, "classes": ["true", 1, 0]}, "are the same value; list each"),
    "few of a class": ({"y": np.where(np.arange(300) < 8, 3, Y)}, "fewer than 10 training examples have the class 3"),
    "few examples": ({"x": X[:75], "y": Y[:75]}, "validation examples; give 20 or more"),
    "too many classes": ({"x": X, "y": Y}, None),
    "names": ({"feature_names": ["a"]}, "data.arrays.feature_names: it has 1 names for 4 features"),
    "leaving out what is not there": ({"leave_out": ["z"]}, "data.arrays.leave_out: there is no feature z"),
    "leaving out all": ({"leave_out": [f"x_{i}" for i in range(4)]}, "data.arrays.leave_out: it leaves no feature"),
    "copies": ({"x": np.repeat(X[:150], 2, axis=0), "y": np.repeat(Y[:150], 2)}, "data.arrays.allow_repeated"),
}
del FAULTS["too many classes"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_file_and_key(tmp_path, name):
    change, message = FAULTS[name]
    with pytest.raises(ValueError, match=r"data\.arrays|d\.npz") as error:
        prepare_arrays(settings(**{**bad(tmp_path, change.get("x"), change.get("y")), **rest(change)}), seed=1)
    assert message.format(d=tmp_path / "d.npz") in str(error.value)


def rest(change):
    return {name: value for name, value in change.items() if name not in ("x", "y")}


def test_copies_may_be_allowed(tmp_path):
    x, y = np.repeat(X[:150], 2, axis=0), np.repeat(Y[:150], 2)
    prepared = prepare_arrays(settings(**bad(tmp_path, x, y, allow_repeated=True)), seed=1)
    assert prepared.repeated["test"]["train"] > 10


def test_a_constant_feature_can_be_left_out(tmp_path):
    data = settings(**bad(tmp_path, changed(3, (..., 1))), leave_out=["x_1"])
    assert prepare_arrays(data, seed=1).info.features == ("x_0", "x_2", "x_3")


def test_a_group_in_two_given_splits_is_refused(tmp_path):
    for split, n in (("train", 240), ("test", 60)):
        x, y = examples(n, seed=n)
        np.savez(tmp_path / f"{split}.npz", x=x, y=y, patient=np.arange(n) // 10)
    files = {split: str(tmp_path / f"{split}.npz") for split in ("train", "test")}
    with pytest.raises(ValueError, match=r"data\.arrays\.group: the group 0 stands in"):
        prepare_arrays(settings(files=files, inputs="x", group="patient"), seed=1)


def test_a_group_is_the_same_in_files_of_other_types(tmp_path):
    for split, n, kind in (("train", 240, int), ("test", 60, np.float32)):
        x, y = examples(n, seed=n)
        np.savez(tmp_path / f"{split}.npz", x=x, y=y, patient=(np.arange(n) // 10).astype(kind)[:, None])
    files = {split: str(tmp_path / f"{split}.npz") for split in ("train", "test")}
    with pytest.raises(ValueError, match=r"data\.arrays\.group: the group 0 stands in"):
        prepare_arrays(settings(files=files, inputs="x", group="patient"), seed=1)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (np.where(Y == 2, np.nan, Y), "g (data.arrays.group) of example 2 is 'nan'; name its group"),
        (np.where(Y == 2, " ", "a"), "of example 2 is ''"),
        (np.where(Y == 2, "NaN", "a"), "of example 2 is 'NaN'"),
        (np.zeros((300, 2)), "(data.arrays.group) has shape (300, 2)"),
        (np.arange(300) // 150, "none of 2 groups is small enough for the test examples, the smallest has 150"),
    ],
)
def test_a_group_that_is_none_is_refused(tmp_path, group, message):
    np.savez(tmp_path / "d.npz", x=X, y=Y, g=group)
    with pytest.raises(ValueError, match=r"data\.arrays\.group") as error:
        prepare_arrays(settings(files=str(tmp_path / "d.npz"), inputs="x", group="g"), seed=1)
    assert message in str(error.value)


def test_a_large_group_leaves_the_smaller_ones_to_be_taken():
    group = np.array(["large"] * 800 + [f"small{number}" for number in range(20) for _ in range(10)])
    for seed in range(5):
        chosen = split_off(np.zeros(1000, dtype=int), group, "test", 0.1, seed)
        assert chosen.sum() == 100
        assert "large" not in group[chosen]


def test_splits_are_said_once(tmp_path):
    np.savez(tmp_path / "d.npz", x=X, y=Y, use=np.full(300, "train"))
    ways = (
        {"files": {"train": str(tmp_path / "d.npz")}, "inputs": "x"},
        {"files": str(tmp_path / "d.npz"), "inputs": {"train": "x"}, "target": {"train": "y"}},
    )
    for way in ways:
        with pytest.raises(ValueError, match=r"data\.arrays\.split: files or keys by split say it already; drop one"):
            prepare_arrays(settings(**way, split="use"), seed=1)


def test_keys_by_split_of_inputs_alone_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=X, b=X)
    np.savez(tmp_path / "y.npz", y=Y)
    files = {"files": str(tmp_path / "x.npz"), "target_files": str(tmp_path / "y.npz")}
    with pytest.raises(ValueError, match=r"data\.arrays\.inputs: give keys by split for both inputs and target"):
        prepare_arrays(settings(**files, inputs={"train": "a", "test": "b"}), seed=1)
    with pytest.raises(ValueError, match=r"data\.arrays\.inputs\.val: it is missing; data\.arrays\.target\.val is"):
        prepare_arrays(settings(**files, inputs={"train": "a"}, target={"train": "y", "val": "y"}), seed=1)


def write_pairs(folder, names):
    for number, (x_name, y_name) in enumerate(names):
        x, y = examples(150, seed=number)
        np.save(folder / x_name, x + number)
        np.save(folder / y_name, y)
    return {"files": str(folder / "x*.npy"), "target_files": str(folder / "y*.npy"), "target": None}


def test_patterns_pair_files_by_what_they_match(tmp_path):
    good, bad_names = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad_names.mkdir()
    way = write_pairs(good, [("x_9.npy", "y_9.npy"), ("x_10.npy", "y_10.npy")])
    assert sum(len(y) for _, y in prepare_arrays(settings(**way), seed=1).splits.values()) == 300
    way = write_pairs(bad_names, [("x_9.npy", "y_09.npy"), ("x_10.npy", "y_10.npy")])
    with pytest.raises(ValueError, match=r"data\.arrays\.target_files: .*x_10\.npy with .*y_09\.npy.* in pairs"):
        prepare_arrays(settings(**way), seed=1)
    pairs = {kind: [str(bad_names / f"{name}.npy") for name in names] for kind, names in PAIRS.items()}
    assert prepare_arrays(settings(**pairs, target=None), seed=1).info.n_outputs == 3


PAIRS = {"files": ["x_9", "x_10"], "target_files": ["y_09", "y_10"]}


def test_a_name_with_brackets_is_no_pattern(tmp_path):
    np.savez(tmp_path / "d[1].npz", x=X, y=Y)
    assert prepare_arrays(settings(files=str(tmp_path / "d[1].npz")), seed=1).info.n_outputs == 3


def test_an_unknown_word_for_a_split_is_refused(tmp_path):
    frame(X, Y).assign(use="holdout").to_csv(tmp_path / "d.csv", index=False)
    with pytest.raises(ValueError, match=r"d\.csv: use \(data\.arrays\.split\) has the value 'holdout'"):
        prepare_arrays(settings(files=str(tmp_path / "d.csv"), split="use"), seed=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.0,2.0,0\n3.0,4.0,1\n", "has no line with names"),
        ("a,b,y\n1,2,0\n3,,1\n", "b of example 1 is NaN, empty or infinite"),
        ("a,b,y\n1,2,0\n3,what,1\n", "b holds text, such as '2'"),
        ("a,b,y\n1,2,0\n3,4,1,5,6\n", "cannot be read as a table"),
        ("a,b,y\n1,2,0,5\n3,4,1,5\n", "cannot be read as a table"),
        ("a,a,y\n1,2,0\n3,4,1\n", "names the column 'a' twice"),
        ("", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_none(tmp_path, text, message):
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(ValueError, match=r"d\.csv") as error:
        prepare_arrays(settings(files=str(tmp_path / "d.csv")), seed=1)
    assert message in str(error.value)


def test_files_of_other_shapes_or_kinds_of_classes_do_not_go_together(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    np.savez(tmp_path / "b.npz", x=X[:, :3], y=Y)
    with pytest.raises(ValueError, match=r"an example of .*b\.npz has the shape \(3,\), one of .*a\.npz \(4,\)"):
        prepare_arrays(settings(files=str(tmp_path / "*.npz")), seed=1)
    np.savez(tmp_path / "b.npz", x=X, y=Y.astype(str))
    with pytest.raises(ValueError, match="classes are text in one of"):
        prepare_arrays(settings(files=str(tmp_path / "*.npz")), seed=1)


def test_columns_in_another_order_are_not_mixed_up(tmp_path):
    table = frame(X, Y)
    table[:150].to_csv(tmp_path / "1.csv", index=False)
    table.loc[150:, ["d", "c", "b", "a", "y"]].to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(ValueError, match=r"2\.csv are d, c, b, a, those of .*1\.csv a, b, c, d; list them"):
        prepare_arrays(settings(files=str(tmp_path / "*.csv")), seed=1)
    prepared = prepare_arrays(settings("none", files=str(tmp_path / "*.csv"), inputs=NAMES), seed=1)
    rows = np.concatenate([rows for rows, _ in prepared.splits.values()])
    np.testing.assert_allclose(np.sort(rows, axis=0), np.sort(X, axis=0), rtol=1e-5)


def test_large_numbers_keep_their_digits(tmp_path):
    x, y = examples()
    times = 1.7e9 + 10 * x.astype(np.float64)
    near = prepare_arrays(settings("standard", **write_npz(tmp_path, x, y)), seed=1)
    np.savez(tmp_path / "far.npz", x=times, y=y)
    far = prepare_arrays(settings("standard", files=str(tmp_path / "far.npz")), seed=1)
    np.testing.assert_allclose(far.splits["train"][0], near.splits["train"][0], atol=1e-5)
    assert len(np.unique(far.splits["train"][0])) > 700
    with pytest.raises(
        ValueError, match=r"data\.arrays\.inputs: .* so far from zero that float32 merges them; subtract"
    ):
        prepare_arrays(settings("none", files=str(tmp_path / "far.npz")), seed=1)


def test_whole_numbers_beyond_float32_are_told_apart():
    x = np.array([[2.0**30], [2.0**30 + 1], [2.0**30]])
    keys = row_keys(x)
    assert keys[0] == keys[2] != keys[1]
    assert (row_keys(np.array([[0.0]])) == row_keys(np.array([[-0.0]]))).all()


@pytest.mark.parametrize("words", [["None", "signal"], ["NA", "null"], ["nan", "b"]])
def test_words_that_tables_use_for_nothing_may_be_classes(tmp_path, words):
    x, y = examples(n_classes=2)
    frame(x, np.array(words)[y]).to_csv(tmp_path / "d.csv", index=False)
    assert prepare_arrays(settings(files=str(tmp_path / "d.csv")), seed=1).info.classes == tuple(sorted(words))


def test_columns_may_have_names_that_differ_in_an_ending(tmp_path):
    frame(X, Y).rename(columns={"b": "a.1"}).to_csv(tmp_path / "d.csv", index=False)
    assert prepare_arrays(settings(files=str(tmp_path / "d.csv")), seed=1).info.features == ("a", "a.1", "c", "d")


def test_two_features_of_one_name_are_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x=X[:, :2], x_0=X[:, 2], y=Y)
    with pytest.raises(ValueError, match=r"data\.arrays\.inputs: two features of .*d\.npz have the name x_0"):
        prepare_arrays(settings(files=str(tmp_path / "d.npz")), seed=1)
    named = prepare_arrays(settings(files=str(tmp_path / "d.npz"), feature_names=["a", "b", "c"]), seed=1)
    assert named.info.features == ("a", "b", "c")


def test_arrays_in_another_order_are_not_mixed_up(tmp_path):
    np.savez(tmp_path / "1.npz", a=X[:150, 0], b=X[:150, 1], y=Y[:150])
    np.savez(tmp_path / "2.npz", b=X[150:, 1], a=X[150:, 0], y=Y[150:])
    with pytest.raises(ValueError, match=r"2\.npz are b, a, those of .*1\.npz a, b; list them"):
        prepare_arrays(settings(files=str(tmp_path / "*.npz")), seed=1)


def test_a_damaged_file_is_named(tmp_path):
    for name, content in (("d.npz", b"PK"), ("d.npy", b"\x93NUMPY"), ("d.h5", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            prepare_arrays(settings(files=str(tmp_path / name)), seed=1)


def test_a_data_set_needs_classes_names_and_numbers():
    good = {"name": "d", "examples": "examples", "source": "s", "input_shape": (2,), "features": ("a", "b")}
    assert DataInfo(**good, classes=("x", "y")).sizes == {"n_inputs": 2, "n_outputs": 2}
    for change in (
        {"classes": ("x",)},
        {"classes": ("x", "a\nb")},
        {"features": ("a",)},
        {"input_shape": (0,)},
        {"input_shape": ()},
    ):
        with pytest.raises(ValueError, match="d"):
            DataInfo(**{**good, "classes": ("x", "y"), **change})
