"""Weights of examples and of classes: from a user's file to the losses and all that is measured."""

from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from helpers.arrays import examples, settings
from helpers.configs import merged
from snacpack.config import ConfigError, validate_config
from snacpack.data.card import make_data_card
from snacpack.data.dataset import load_dataset, load_training, load_weights, read_info
from snacpack.data.info import DataInfo
from snacpack.data.normalisation import Normalisation
from snacpack.data.sources.arrays import prepare_arrays
from snacpack.data.weights import class_factors, effective_number
from snacpack.networks.architecture import Architecture
from snacpack.tasks.intervals import wilson_interval
from snacpack.tasks.registry import find_task, score_on_test, validation_of
from snacpack.tasks.task import Examples, measure
from snacpack.training import predict, train
from snacpack.training.recipe import Recipe

NAMES = ["a", "b", "c", "d"]


def weights_of(x: np.ndarray) -> np.ndarray:
    """Return weights that follow from the inputs, so that a split and an order cannot hide."""
    return 1 + np.abs(x[:, 0]).astype(np.float64)


def write_npz(path, x, y, w):
    np.savez(path.with_suffix(".npz"), x=x, y=y, w=w)
    return {"files": str(path.with_suffix(".npz")), "inputs": "x"}


def write_hdf5(path, x, y, w):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["x"], file["y"], file["w"] = x, y, w[:, None]
    return {"files": str(path.with_suffix(".h5"))}


def write_csv(path, x, y, w):
    pd.DataFrame(x, columns=NAMES).assign(y=y, w=w).to_csv(path.with_suffix(".csv"), index=False)
    return {"files": str(path.with_suffix(".csv"))}


def write_parquet(path, x, y, w):
    pytest.importorskip("pyarrow")
    pd.DataFrame(x, columns=NAMES).assign(y=y, w=w).to_parquet(path.with_suffix(".parquet"))
    return {"files": str(path.with_suffix(".parquet"))}


def write_by_split(path, x, y, w):
    pieces = {"train": slice(0, 180), "val": slice(180, 240), "test": slice(240, None)}
    arrays = {f"{kind}_{split}": v[s] for split, s in pieces.items() for kind, v in (("x", x), ("y", y), ("w", w))}
    np.savez(path.with_suffix(".npz"), **arrays)
    keys = {name: {split: f"{name[0]}_{split}" for split in pieces} for name in ("weights",)}
    named = {"inputs": {s: f"x_{s}" for s in pieces}, "target": {s: f"y_{s}" for s in pieces}}
    return {"files": str(path.with_suffix(".npz")), **named, **keys}


@pytest.mark.parametrize("write", [write_npz, write_hdf5, write_csv, write_parquet, write_by_split])
def test_weights_stay_with_their_examples(tmp_path, write):
    x, y = examples()
    prepared = prepare_arrays(settings("none", **{"weights": "w", **write(tmp_path / "d", x, y, weights_of(x))}), 1)
    assert prepared.info.input_shape == (4,)
    prepared.write(tmp_path / "dataset.h5")
    splits, weights = (load(tmp_path / "dataset.h5", ("train", "val", "test")) for load in (load_dataset, load_weights))
    unit = np.mean(weights_of(splits["train"][0]))
    for split, (inputs, _) in splits.items():
        np.testing.assert_allclose(weights[split], weights_of(inputs) / unit, rtol=1e-5)
    assert weights["train"].mean() == pytest.approx(1)
    assert read_info(tmp_path / "dataset.h5").weighted
    card = make_data_card(tmp_path / "dataset.h5")["weights"]
    assert card["test"]["effective_number"] == pytest.approx(effective_number(weights["test"]))
    assert len(load_training(tmp_path / "dataset.h5")["train"]) == 3


def test_a_data_set_without_weights_has_none(tmp_path):
    x, y = examples()
    np.savez(tmp_path / "d.npz", x=x, y=y)
    prepare_arrays(settings(files=str(tmp_path / "d.npz")), 1).write(tmp_path / "dataset.h5")
    with h5py.File(tmp_path / "dataset.h5") as file:
        assert not [name for name in file if name.startswith("w")]
        assert "weighted" not in file.attrs
    assert load_weights(tmp_path / "dataset.h5") == {"train": None, "val": None}
    assert [len(split) for split in load_training(tmp_path / "dataset.h5").values()] == [2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: np.where(np.arange(300) == 7, -1, w), "of example 7 is -1.0, and 1 of 300 weights are not positive"),
        (lambda w: np.where(np.arange(300) > 297, 0, w), "of example 298 is 0.0, and 2 of 300"),
        (lambda w: np.where(np.arange(300) == 3, np.nan, w), "of example 3 is nan"),
        (lambda w: w.astype(str), "holds text"),
        (lambda w: np.stack([w, w], axis=1), "it must be one weight for each example"),
        (lambda w: w[:-1], "must be equally long"),
        (lambda w: np.where(np.arange(300) % 2, 1e-200, 1.0), "differ by more than float32 can hold"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path, change, message):
    x, y = examples()
    np.savez(tmp_path / "d.npz", x=x, y=y, w=change(weights_of(x)))
    with pytest.raises(ValueError, match=r"d\.npz|data\.arrays\.weights") as error:
        prepare_arrays(settings(files=str(tmp_path / "d.npz"), inputs="x", weights="w"), 1)
    assert message in str(error.value)


def test_a_key_of_weights_that_is_not_there_or_an_input_is_refused(tmp_path):
    x, y = examples()
    np.savez(tmp_path / "d.npz", x=x, y=y, w=weights_of(x))
    with pytest.raises(ValueError, match=r"data\.arrays\.weights: .* has no weight; it has w, x, y|has x, y, w"):
        prepare_arrays(settings(files=str(tmp_path / "d.npz"), inputs="x", weights="weight"), 1)
    with pytest.raises(ValueError, match=r"data\.arrays\.inputs: w is the weight of an example"):
        prepare_arrays(settings(files=str(tmp_path / "d.npz"), inputs=["x", "w"], weights="w"), 1)
    with pytest.raises(ValueError, match=r"data\.arrays\.weights: give keys by split where inputs have them"):
        prepare_arrays(settings(files=str(tmp_path / "d.npz"), inputs="x", weights={"train": "w"}), 1)


def test_signals_bring_their_weights(tmp_path):
    """Networks learn from background alone, whose weights have a mean of one."""
    x, _ = examples(400)
    np.savez(tmp_path / "b.npz", x=x, w=weights_of(x))
    np.savez(tmp_path / "s.npz", x=x[:100] + 9, w=weights_of(x[:100] + 9))
    given = {"files": str(tmp_path / "b.npz"), "signals": {"new": str(tmp_path / "s.npz")}, "inputs": "x"}
    data = {**settings("none", **given, target=None, weights="w"), "background": None}
    prepare_arrays(data, 1).write(tmp_path / "dataset.h5")
    learnt = load_training(tmp_path / "dataset.h5")
    inputs, targets, weights = learnt["train"]
    np.testing.assert_array_equal(inputs, targets)
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(weights, weights_of(inputs) / weights_of(inputs).mean(), rtol=1e-5)
    x_test, y_test = load_dataset(tmp_path / "dataset.h5", ("test",))["test"]
    of_test = load_weights(tmp_path / "dataset.h5", ("test",))["test"]
    assert (y_test == 1).any()
    np.testing.assert_allclose(of_test / of_test[0], weights_of(x_test) / weights_of(x_test)[0], rtol=1e-5)


def uneven(tmp_path, weights=None):
    """Write a data set in which one class has a tenth of the examples of the other, and return its path."""
    random = np.random.default_rng(3)
    y = (np.arange(1100) % 11 == 0).astype(np.int64)
    x = (random.normal(size=(1100, 4)) + 0.7 * y[:, None]).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=y, w=np.ones(1100) if weights is None else weights(y))
    given = {"files": str(tmp_path / "d.npz"), "inputs": "x", "classes": ["many", "few"]}
    prepare_arrays(settings("standard", **given, weights="w" if weights else None), 1).write(tmp_path / "dataset.h5")
    return tmp_path / "dataset.h5"


def test_balanced_classes_count_the_same(tmp_path):
    path = uneven(tmp_path, lambda y: 1 + np.arange(len(y)) % 3)
    (_, y, w), validation = load_training(path, "balanced").values()
    assert w[y == 0].sum() == pytest.approx(w[y == 1].sum(), rel=1e-5)
    assert w.dtype == np.float32
    # Within a class the examples' own weights decide; validation examples have no others.
    own = load_weights(path)
    np.testing.assert_allclose(w[y == 1] / w[y == 1][0], own["train"][y == 1] / own["train"][y == 1][0], rtol=1e-5)
    np.testing.assert_array_equal(validation[2], own["val"])


def test_class_weights_are_factors_by_name(tmp_path):
    path = uneven(tmp_path)
    (_, y, w), validation = load_training(path, {"many": 1, "few": 4}).values()
    np.testing.assert_allclose(np.unique(w[y == 1] / w[y == 0][0]), [4], rtol=1e-6)
    assert w.mean() == pytest.approx(1)
    assert len(validation) == 2


@given(st.lists(st.integers(0, 2), min_size=3, max_size=30), st.integers(0, 9))
def test_balancing_gives_each_class_the_same_sum(classes, seed):
    y = np.array([0, 1, 2, *classes])
    weights = np.random.default_rng(seed).uniform(0.5, 2, size=len(y))
    factors = class_factors("balanced", y, ("a", "b", "c"), weights)
    sums = np.bincount(y, weights=weights * factors[y])
    np.testing.assert_allclose(sums, sums.mean())
    assert (weights * factors[y]).sum() == pytest.approx(weights.sum())


def test_a_training_with_balanced_classes_finds_the_rare_one(tmp_path):
    path = uneven(tmp_path)
    found = {}
    for class_weights in (None, "balanced"):
        data = load_training(path, class_weights)
        (result,) = train(
            [Architecture((8,), n_inputs=4, n_outputs=2)], [1], data["train"], data["val"], Recipe(20, 32)
        )
        x, y = load_dataset(path, ("test",))["test"]
        found[class_weights] = (predict(result.network, x).numpy().argmax(axis=1)[y == 1] == 1).mean()
    assert found["balanced"] > 2 * found[None]


INFOS = {
    "classification": DataInfo("d", "examples", (3,), ("p", "q", "r"), ("x", "y", "z"), "nowhere"),
    "regression": DataInfo(
        *("d", "examples", (3,), ("p", "q", "r"), (), "nowhere"),
        targets=("t", "u"),
        target_normalisation=Normalisation("none", np.zeros(2), np.ones(2)).to_dict(),
    ),
    "anomaly": DataInfo("d", "examples", (3,), ("p", "q", "r"), ("x", "y", "z"), "nowhere", background=("x",)),
}


def drawn(name: str, n: int, seed: int) -> Examples:
    """Return examples with a network's outputs that are neither perfect nor a guess."""
    random, info, task = np.random.default_rng(seed), INFOS[name], find_task(name)
    inputs = random.normal(size=(n, 3)).astype(np.float32)
    targets = random.integers(3, size=n) if info.classes else random.normal(size=(n, 2)).astype(np.float32)
    outputs = random.normal(size=(n, task.n_outputs(info)))
    outputs += np.eye(3)[targets] if name == "classification" else targets if name == "regression" else inputs
    return Examples(outputs, targets, info, task.complete({"background": ["x"]} if name == "anomaly" else {}), inputs)


@pytest.mark.parametrize("name", INFOS)
@given(st.integers(0, 2**20))
@hypothesis_settings(deadline=None, max_examples=30)
def test_a_weight_of_two_is_the_example_twice(name, seed):
    plain = drawn(name, 60, seed)
    times = np.random.default_rng(seed).integers(1, 4, size=60)
    parts = {part: np.repeat(getattr(plain, part), times, axis=0) for part in ("outputs", "targets", "inputs")}
    weighted, repeated = replace(plain, weights=times), replace(plain, **parts)
    for metric in find_task(name).metrics:
        told, expected = metric.prepare(weighted)(weighted.counting), metric.prepare(repeated)(repeated.counting)
        assert told == pytest.approx(expected, nan_ok=True), metric.name


@pytest.mark.parametrize("name", INFOS)
def test_equal_weights_change_no_number(name):
    plain = drawn(name, 200, 5)
    task = find_task(name)
    for row, expected in zip(
        measure(task, replace(plain, weights=np.ones(200, dtype=np.float32)), 1), measure(task, plain, 1), strict=True
    ):
        assert row == pytest.approx(expected)


def test_an_interval_is_that_of_the_effective_number():
    plain = drawn("classification", 400, 1)
    weights = np.where(np.arange(400) < 100, 7.0, 1.0)
    assert effective_number(weights) == pytest.approx((700 + 300) ** 2 / (100 * 49 + 300))
    row, *_ = measure(find_task("classification"), replace(plain, weights=weights), 1)
    n = effective_number(weights)
    assert (row["low"], row["high"]) == pytest.approx(wilson_interval(n * row["value"], n))
    told = {"name": "classification", "options": {}}
    arguments = (told, plain.outputs, plain.targets, plain.info, 1, plain.inputs)
    assert score_on_test(*arguments)["n_test"] == 400
    score = score_on_test(*arguments, weights)
    assert (score["test_score"], score["test_low"]) == (row["value"], row["low"])
    validated = {"task": {**told, "options": plain.options}, "names": ["accuracy"]}
    validation = validation_of({"validated": validated}, plain.info, plain.targets, plain.inputs, weights)
    assert validation.values(lambda: plain.outputs) == {"accuracy": row["value"]}


@pytest.mark.parametrize("name", ["classification", "anomaly"])
def test_figures_of_weighted_examples_are_drawn(name):
    plain = drawn(name, 400, 2)
    weighted = replace(plain, weights=np.random.default_rng(1).uniform(0.1, 3, size=400))
    for picture in find_task(name).pictures:
        assert picture.draw(weighted, "net w8a8").axes


def changed(change: dict) -> dict:
    """Return the default configuration with some keys of some sections changed."""
    config = merged("config")
    return {**config, **{name: {**config[name], **keys} for name, keys in change.items()}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"class_weights": {"g": 1, "x": 2}}}, "training.class_weights.x: jets has no such class"),
        ({"training": {"class_weights": {"g": 1, "q": 2}}}, "training.class_weights: it has no weight for w, z, t"),
        ({"training": {"class_weights": {"g": -1}}}, "training.class_weights"),
        ({"training": {"class_weights": "equal"}}, "training.class_weights"),
        (
            {
                "task": {"name": "anomaly", "options": {"background": ["q", "g"]}},
                "training": {"class_weights": "balanced"},
            },
            "training.class_weights: the task anomaly has no classes to weigh",
        ),
    ],
)
def test_class_weights_that_do_not_fit_are_named(change, message):
    with pytest.raises(ConfigError) as error:
        validate_config(changed(change))
    assert message in str(error.value)


def test_class_weights_that_fit_are_taken():
    weights = dict.fromkeys("gqwzt", 1.5)
    validate_config(changed({"training": {"class_weights": weights}}))
    validate_config(changed({"training": {"class_weights": "balanced"}}))
