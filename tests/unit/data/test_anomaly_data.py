"""Background and signals: where each goes, what a signal cannot change, and every fault with file and key."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from helpers.arrays import settings
from helpers.configs import merged
from helpers.jets_files import SETTINGS, write_random_jets
from snacpack.config import ConfigError, configuration_warnings, validate_config
from snacpack.core.inputs import content_digest
from snacpack.costs.registry import ARCHITECTURES
from snacpack.data.card import make_data_card
from snacpack.data.dataset import load_dataset, load_training, read_info
from snacpack.data.info import SPLITS, DataInfo
from snacpack.data.sources.arrays import content_of_arrays, describe_arrays, prepare_arrays
from snacpack.figures.style import save_figure
from snacpack.jets import data_card as card_of_jets
from snacpack.jets.preprocessing import preprocess_jets
from snacpack.networks.architecture import Architecture
from snacpack.problems import Evaluation, find_problem
from snacpack.report.data_card import draw_data_card
from snacpack.tasks.registry import find_task, task_params
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe

SHIFTS = {"zero": 0, "one": 0, "two": 3, "three": 6}


def table(n=400, seed=1):
    """Examples of four classes in turn, of which the last two lie elsewhere."""
    random = np.random.default_rng(seed)
    names = np.array([*SHIFTS])[np.arange(n) % len(SHIFTS)]
    shift = np.array([SHIFTS[name] for name in names])
    return pd.DataFrame(random.normal(size=(n, 3)) + shift[:, None], columns=["a", "b", "c"]).assign(y=names)


def labelled(folder, frame, background=("zero", "one"), **arrays):
    frame.to_csv(folder / "d.csv", index=False)
    return {**settings("standard", files=str(folder / "d.csv"), **arrays), "background": list(background)}


def by_files(folder, frame, signals=("two", "three"), **arrays):
    """The same examples, with signals in files of their own."""
    is_signal = frame["y"].isin(signals)
    frame[~is_signal].drop(columns="y").to_csv(folder / "background.csv", index=False)
    for name in signals:
        frame[frame["y"] == name].drop(columns="y").to_csv(folder / f"{name}.csv", index=False)
    files = {name: str(folder / f"{name}.csv") for name in signals}
    given = {"files": str(folder / "background.csv"), "target": None, "signals": files, **arrays}
    return {**settings("standard", **given), "background": None}


FORMS = [labelled, by_files]


@pytest.mark.parametrize("form", FORMS)
def test_no_signal_is_in_the_training_and_each_is_shared_by_validation_and_test(tmp_path, form):
    prepared = prepare_arrays(form(tmp_path, table()), 1)
    prepared.write(tmp_path / "dataset.h5")
    info = read_info(tmp_path / "dataset.h5")
    assert info == prepared.info
    assert info.signals == ("three", "two")
    splits = load_dataset(tmp_path / "dataset.h5", SPLITS)
    counts = {
        split: dict(zip(info.classes, np.bincount(y, minlength=4).tolist(), strict=False))
        for split, (_, y) in splits.items()
    }
    assert counts == prepared.info.counts
    for name in info.signals:
        assert [counts[split][name] for split in SPLITS] == [0, 50, 50]
    assert sum(counts["train"][name] for name in info.background) == 128
    assert sum(len(y) for _, y in splits.values()) == 400
    # The background is on the common scale, and the signals lie where they are.
    x, _ = splits["train"]
    assert x.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-5)
    assert x.std(axis=0) == pytest.approx([1, 1, 1], rel=1e-5)
    x_test, y_test = splits["test"]
    assert x_test[y_test == info.classes.index("three")].mean() == pytest.approx(6, abs=0.8)


def test_files_of_one_signal_stand_beside_groups_of_the_background(tmp_path):
    """Each example of a signal is a group of its own, whichever of its files it stands in."""
    frame = table().assign(run=np.arange(400) // 8)
    given = by_files(tmp_path, frame, group="run")
    for number in (0, 1):
        part = frame[frame["y"] == "two"].drop(columns="y").iloc[number::2]
        part.to_csv(tmp_path / f"second_{number}.csv", index=False)
    given["arrays"]["signals"]["two"] = str(tmp_path / "second_*.csv")
    counts = prepare_arrays(given, 1).info.counts
    assert [counts[split]["two"] for split in SPLITS] == [0, 50, 50]


def test_an_objective_on_signals_needs_them_in_validation(tmp_path):
    frame = table().assign(sample=["train", "val", "test", "train", "train"] * 80)
    frame.loc[frame["y"].isin(["two", "three"]), "sample"] = "test"
    config = merged("config")
    config["task"] = {"name": "anomaly", "options": {"background": ["zero", "one"], "background_rate": 0.4}}
    labelled(tmp_path, frame)
    config["data"] |= {"source": "arrays"}
    config["data"]["arrays"] |= {"files": str(tmp_path / "d.csv"), "target": "y", "split": "sample"}
    config["search"]["objectives"] = ["accuracy", "auc"]
    with pytest.raises(ConfigError, match=r"search\.objectives: auc is measured on validation examples, and there are"):
        validate_config(config)


@pytest.mark.parametrize("form", FORMS)
def test_networks_are_trained_to_give_back_background(tmp_path, form):
    prepare_arrays(form(tmp_path, table()), 1).write(tmp_path / "dataset.h5")
    info, splits = read_info(tmp_path / "dataset.h5"), load_dataset(tmp_path / "dataset.h5")
    for split, (x, y) in load_training(tmp_path / "dataset.h5").items():
        of_file, labels = splits[split]
        assert np.array_equal(x, of_file[np.isin(labels, np.flatnonzero(info.is_background))])
        assert np.array_equal(x, y)


@pytest.mark.parametrize("form", FORMS)
def test_other_signals_change_nothing_that_trains(tmp_path, form):
    """Neither weights nor choices can follow from signals: what they are made of is the same."""
    frame, found = table(), []
    is_signal = frame["y"].isin(["two", "three"])
    for number, change in enumerate((0.0, 40.0)):
        folder = tmp_path / str(number)
        folder.mkdir()
        changed = frame.copy()
        changed.loc[is_signal, ["a", "b", "c"]] += change
        prepare_arrays(form(folder, changed), 1).write(folder / "dataset.h5")
        found.append((load_training(folder / "dataset.h5"), load_dataset(folder / "dataset.h5", ("test",))["test"]))
    (before, tested), (after, tested_after) = found
    for split in ("train", "val"):
        assert np.array_equal(before[split][0], after[split][0])
    assert not np.array_equal(tested[0], tested_after[0])
    assert np.array_equal(tested[1], tested_after[1])


def test_a_trial_is_trained_without_signals_and_measured_with_them(tmp_path):
    frame, told = table(), []
    task = task_params({"name": "anomaly", "options": {}})
    trials = [(0, Architecture(units=(2,), learning_rate=0.01, n_inputs=3, n_outputs=3))]
    for change in (-3.0, 0.0):
        changed = frame.copy()
        changed.loc[frame["y"].isin(["two", "three"]), ["a", "b", "c"]] += change
        prepare_arrays(labelled(tmp_path, changed), 1).write(tmp_path / "dataset.h5")
        evaluation = Evaluation(
            data_set=tmp_path / "dataset.h5",
            validated={"validated": {"names": ["auc", "signal_efficiency"], "task": task}},
            seed=1,
            recipe=Recipe(5, 32, Loss(**find_task("anomaly").loss(task["options"]))),
            machine=Machine(),
        )
        told += find_problem(ARCHITECTURES).evaluate(trials, evaluation)
    before, after = told
    assert all(before[name] == after[name] for name in ("accuracy", "loss", "failure"))
    assert before["auc"] < after["auc"]
    assert before["signal_efficiency"] < after["signal_efficiency"]


def test_other_signals_are_another_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = by_files(tmp_path, table())
    before = content_of_arrays(data["arrays"], trust=False)
    content_digest.cache_clear()
    pd.read_csv(tmp_path / "two.csv").drop(index=0).to_csv(tmp_path / "two.csv", index=False)
    assert content_of_arrays(data["arrays"], trust=False) != before


def test_groups_and_given_splits_keep_signals_where_they_belong(tmp_path):
    frame = table().assign(run=np.arange(400) // 4, split=np.repeat(["train", "val", "test"], [200, 100, 100]))
    grouped = prepare_arrays(labelled(tmp_path, frame.drop(columns="split"), group="run"), 1)
    # Those of a group that is for training are left out.
    assert grouped.info.counts["train"]["two"] == 0
    assert 0 < sum(grouped.info.counts[split]["two"] for split in ("val", "test")) < 100
    given = prepare_arrays(labelled(tmp_path, frame.drop(columns="run"), split="split"), 1)
    assert [given.info.counts[split]["two"] for split in SPLITS] == [0, 25, 25]
    # Files of signals say neither, and may lack the columns.
    for names in (["run"], ["split"], ["run", "split"]):
        data = by_files(tmp_path, frame, group="run", split="split")
        signal = pd.read_csv(tmp_path / "two.csv").drop(columns=names)
        signal.to_csv(tmp_path / "two.csv", index=False)
        counts = prepare_arrays(data, 1).info.counts
        assert [counts[split]["two"] for split in SPLITS] == [0, 50, 50]
        assert [counts[split]["background"] for split in SPLITS] == [100, 50, 50]


def test_arrays_without_keys_can_be_signals(tmp_path):
    random = np.random.default_rng(1)
    for name, n in {"background": 300, "odd": 40}.items():
        np.save(tmp_path / f"{name}.npy", random.normal(size=(n, 4, 2)))
    arrays = {"files": str(tmp_path / "background.npy"), "target": None, "signals": {"odd": str(tmp_path / "odd.npy")}}
    info = prepare_arrays({**settings("standard", **arrays), "background": None}, 1).info
    assert (info.classes, info.background, info.input_shape) == (("background", "odd"), ("background",), (4, 2))


def test_the_card_shows_background_and_signals(tmp_path):
    prepare_arrays(by_files(tmp_path, table()), 1).write(tmp_path / "dataset.h5")
    card = make_data_card(tmp_path / "dataset.h5")
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["background"] == ["background"]
    assert card["counts"]["train"] == {"background": 128, "three": 0, "two": 0}
    means = {name: values["mean"] for name, values in card["distributions"]["a"].items()}
    assert means == pytest.approx({"background": 0, "two": 3, "three": 6}, abs=0.5)
    save_figure(draw_data_card(tmp_path / "dataset.h5"), [tmp_path / "card.svg"])
    text = (tmp_path / "card.svg").read_text()
    assert "two (signal)" in text
    assert "128 training examples of background, 100 test examples of signals" in text


@pytest.mark.parametrize(
    ("form", "change", "told"),
    [
        (labelled, {"background": None}, "task.options.background: needed; list the classes .* d has one, three, two"),
        (labelled, {"background": ["zero", "ten"]}, "task.options.background: 'ten' is no class of d; it has one"),
        (labelled, {"background": [*SHIFTS]}, "task.options.background: all classes of d are background"),
        (labelled, {"target": None}, "data.arrays.signals: needed; name the files of each signal, or the key of"),
        (by_files, {"background": ["zero"]}, "task.options.background: the files of data.arrays.signals are the"),
        (by_files, {"target": "a"}, "data.arrays.target: the files of data.arrays.signals are the signals"),
        (by_files, {"classes": ["x", "y"]}, "data.arrays.classes: the files of data.arrays.signals are the signals"),
        (by_files, {"inputs": {"train": "a"}}, "data.arrays.inputs: keys by split do not go together with"),
        (by_files, {"signals": {"odd": "nowhere.csv"}}, "data.arrays.signals.odd: there is no file .*nowhere.csv"),
        (by_files, {"signals": {"background": "{two}"}}, "data.arrays.signals.background: the other examples are"),
        (by_files, {"signals": {"odd": "{background}"}}, "data.arrays.signals.odd: .* is one of data.arrays.files of"),
        (by_files, {"signals": {"odd": "{two}", "other": "{two}"}}, "signals.other: .* is one of .*signals.odd too"),
        (by_files, {"inputs": ["a", "d"]}, "data.arrays.inputs: .*background.csv has no d; it has a, b, c"),
    ],
)
def test_a_fault_is_named_with_key_and_cure(tmp_path, form, change, told):
    data = form(tmp_path, table())
    for name, value in change.items():
        if name == "signals":
            value = {
                key: path.format(**{stem: tmp_path / f"{stem}.csv" for stem in ("background", "two")})
                for key, path in value.items()
            }
        if name == "background":
            data[name] = value
        else:
            data["arrays"][name] = value
    with pytest.raises(ValueError, match=told):
        prepare_arrays(data, 1)


def test_signals_must_have_the_inputs_of_the_background(tmp_path):
    data = by_files(tmp_path, table())
    pd.read_csv(tmp_path / "two.csv").rename(columns={"a": "z"}).to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(ValueError, match=r"the features of .*two.csv are z, b, c, those of .*background.csv a, b, c"):
        prepare_arrays(data, 1)
    pd.read_csv(tmp_path / "two.csv").drop(columns="z").to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(
        ValueError, match=r"an example of .*two.csv has the shape \(2,\), one of .*background.csv \(3,\)"
    ):
        prepare_arrays(data, 1)


def test_too_few_examples_of_background_or_signal_are_named(tmp_path):
    frame = table()
    few = pd.concat([frame[frame["y"] == "zero"][:70], frame[frame["y"] == "two"]])
    with pytest.raises(ValueError, match="there are 11 validation examples; give 20 or more"):
        prepare_arrays(labelled(tmp_path, few, ["zero"]), 1)
    frame = frame.assign(split=np.repeat(["train", "val", "test"], [200, 100, 100]))
    without = frame[(frame["y"] != "two") | (frame["split"] == "val")]
    with pytest.raises(ValueError, match=r"data.arrays.target: the test examples have none of class two"):
        prepare_arrays(labelled(tmp_path, without, split="split"), 1)


def configuration(data, **task):
    config = merged("config")
    config["data"] |= {"source": "arrays", "normalisation": "standard", "arrays": data["arrays"]}
    config["task"] = {"name": "anomaly", "options": {}, **task}
    return config


def problems(config):
    with pytest.raises(ConfigError) as error:
        validate_config(config)
    return str(error.value).splitlines()[1:]


def test_a_configuration_is_checked_before_the_first_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = by_files(tmp_path, table(2000))
    validate_config(configuration(data, options={"background_rate": 0.1}))
    assert configuration_warnings(configuration(data)) is not None
    (problem,) = problems(configuration(data))
    # 15% of 1,000, and of what is left.
    assert "task.options.background_rate: 0.01 of the 128 validation examples of background are 1.3" in problem
    assert "give 0.079 or more" in problem
    # The record of the check has the counts too.
    assert problems(configuration(data)) == [problem]
    for name in ("classification", "regression"):
        (problem,) = problems(configuration(data, name=name))
        assert "data.arrays.signals: only a task that learns from background has signals; leave it out, or" in problem
    data["arrays"]["signals"] = {}
    (problem,) = problems(configuration(data))
    assert "data.arrays.signals" in problem
    data = labelled(tmp_path, table(2000))
    (problem,) = problems(configuration(data))
    assert "task.options.background: needed" in problem


def test_a_description_needs_a_signal():
    with pytest.raises(ValueError, match="of which one or more must be signal"):
        DataInfo("d", "examples", (1,), ("a",), ("x", "y"), "nowhere", background=("x", "y"))


def test_jets_of_signals_are_neither_trained_on_nor_normalised_with(tmp_path):
    for seed, split in enumerate(("train", "test")):
        write_random_jets(tmp_path / f"{split}.h5", 600, seed)
    files = [tmp_path / "train.h5"], [tmp_path / "test.h5"]
    found = {}
    for name, background in {"all": (), "some": ("g", "q")}.items():
        settings_of_run = replace(SETTINGS, background=background)
        preprocess_jets(*files, tmp_path / f"{name}.h5", settings_of_run, "made up")
        found[name] = load_dataset(tmp_path / f"{name}.h5", SPLITS)
    info = read_info(tmp_path / "some.h5")
    assert (info.background, info.signals) == (("g", "q"), ("w", "z", "t"))
    assert read_info(tmp_path / "all.h5").background == ()
    of_all, of_some = found["all"], found["some"]
    assert {*of_some["train"][1].tolist()} == {0, 1}
    for split in ("val", "test"):
        assert np.array_equal(of_some[split][1], of_all[split][1])
    assert len(of_some["train"][1]) == (of_all["train"][1] < 2).sum()
    assert info.normalisation != read_info(tmp_path / "all.h5").normalisation
    assert all(np.array_equal(x, y) for x, y in load_training(tmp_path / "some.h5").values())
    card = card_of_jets.make_data_card(tmp_path / "some.h5")
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["jets"]["train"]["t"] == 0
    assert card["distributions"]["pt"]["t"]["mean"] > 0
    card_of_jets.draw_data_card(tmp_path / "some.h5", [tmp_path / "card.svg"])
    assert (tmp_path / "card.svg").stat().st_size > 10_000


def test_training_files_of_jets_need_no_signal(tmp_path):
    write_random_jets(tmp_path / "train.h5", 600)
    write_random_jets(tmp_path / "val.h5", 300, 1)
    write_random_jets(tmp_path / "test.h5", 300, 2)
    with h5py.File(tmp_path / "train.h5", "r+") as file:
        jets = file["jets"][:]
        jets[:, -6:] = 0
        jets[:, -6] = 1
        file["jets"][:] = jets
    given = {
        "train_files": [tmp_path / "train.h5"],
        "val_files": [tmp_path / "val.h5"],
        "test_files": [tmp_path / "test.h5"],
    }
    for background in ((), ("g", "q")):
        with pytest.raises(ValueError, match="the training jets have none of class q"):
            preprocess_jets(
                **given,
                output=tmp_path / "d.h5",
                settings=replace(SETTINGS, background=background),
                source="x",
            )
    settings_of_run = replace(SETTINGS, background=("g",))
    preprocess_jets(**given, output=tmp_path / "d.h5", settings=settings_of_run, source="made up")
    assert read_info(tmp_path / "d.h5").signals == ("q", "w", "z", "t")


def test_a_described_data_set_is_the_prepared_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = by_files(tmp_path, table())
    told = describe_arrays(data, 1)
    assert told == prepare_arrays(data, 1).info
    assert told.counts == prepare_arrays(data, 1).info.counts
