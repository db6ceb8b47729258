"""Tasks: what each entry must be, and what the metrics of classification give."""

import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    roc_curve,
)
from snakemake.iocontainers import Params

from helpers import ROOT
from helpers.configs import merged
from snacpack.config import ConfigError, complete_config, validate_config
from snacpack.core.plugins import PluginError, check_unchanged
from snacpack.costs.objective import MAXIMISED
from snacpack.costs.registry import (
    ARCHITECTURES,
    COMPRESSIONS,
    costs_of,
    deciding_cost,
    find_objective,
    measures_of,
    validated,
)
from snacpack.data.info import DataInfo
from snacpack.data.normalisation import Normalisation
from snacpack.figures.roc import draw_roc_curves
from snacpack.figures.style import save_figure
from snacpack.hardware.surrogate import Surrogate
from snacpack.problems.architectures import Architectures
from snacpack.search.hypervolume import hypervolume
from snacpack.search.records import proposals, trials_table
from snacpack.search.space import SearchSpace
from snacpack.tasks.entries.anomaly import anomaly_scores
from snacpack.tasks.entries.classification import count_confusion, log_odds
from snacpack.tasks.entries.regression import in_units, resolution
from snacpack.tasks.intervals import bootstrap_intervals
from snacpack.tasks.registry import (
    REGISTRY,
    SCORES,
    find_task,
    score_on_test,
    task_params,
    try_task,
    use_task,
    validation_of,
)
from snacpack.tasks.separation import Separation
from snacpack.tasks.task import CLASSES, Examples, Task, measure, values_over_all
from snacpack.training.losses import Loss

DATA = DataInfo("data", "examples", (4,), ("a", "b", "c", "d"), ("x", "y", "z"), "nowhere")
SIGNALS = replace(DATA, background=("x",))
TWO = DataInfo("data", "examples", (4,), ("a", "b", "c", "d"), ("no", "yes"), "nowhere")


@pytest.fixture(autouse=True)
def without_plugins():
    yield
    use_task("classification")
    REGISTRY.use_plugins([])


def examples_of(task, info=DATA, n=300, seed=1, steps=4, **options):
    """Examples that a network tells partly, with outputs that come more than once."""
    random = np.random.default_rng(seed)
    targets = random.integers(len(info.classes), size=n)
    outputs = random.normal(size=(n, task.n_outputs(info))) + 1.5 * np.eye(task.n_outputs(info))[targets]
    return Examples(np.round(steps * outputs) / steps, targets, info, task.complete(options))


class TaskTests:
    """Promises of every task; an entry's tests inherit them and name the task."""

    name: str

    @property
    def task(self) -> Task:
        return find_task(self.name)

    def examples(self, **arguments) -> Examples:
        return examples_of(self.task, **arguments)

    def test_it_is_the_file_of_its_name(self):
        assert (ROOT / "snacpack" / "tasks" / "entries" / f"{self.name}.py").exists()
        assert self.task.name == self.name

    def test_its_score_is_what_both_searches_call_by_its_words(self):
        assert self.task.score == SCORES[self.task.targets]
        assert find_objective("accuracy").direction == MAXIMISED
        use_task(self.name)
        for search in (ARCHITECTURES, COMPRESSIONS):
            assert measures_of(search)["accuracy"].words == f"validation {self.task.score_words[0]}"
        assert self.task.score in [metric.name for metric in self.task.metrics]

    def test_defaults_are_options_that_the_configuration_takes(self):
        schema = self.task.options_schema
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(self.task.complete({}))
        assert all(option.schema["description"] for option in self.task.options)
        assert list(self.task.check(self.examples().info, self.task.complete({}))) == []

    def test_metrics_are_numbers_with_intervals_that_a_seed_repeats(self):
        rows = measure(self.task, self.examples(), 7)
        assert rows == measure(self.task, self.examples(), 7) == json.loads(json.dumps(rows))
        assert {row["metric"] for row in rows if not row["of"]} == {metric.name for metric in self.task.metrics}
        assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
        assert all(row["low"] < row["high"] for row in rows)

    def test_more_examples_give_narrower_intervals(self):
        few, many = (measure(self.task, self.examples(n=n), 7) for n in (200, 5000))
        assert all(b["high"] - b["low"] < a["high"] - a["low"] for a, b in zip(few, many, strict=True))

    def test_an_example_counts_as_often_as_its_weight(self):
        once = self.examples(n=100)
        inputs = None if once.inputs is None else np.repeat(once.inputs, 2, 0)
        twice = Examples(np.repeat(once.outputs, 2, 0), np.repeat(once.targets, 2, 0), once.info, once.options, inputs)
        for metric in self.task.metrics:
            told = metric.prepare(once)(np.full(100, 2.0))
            assert told == pytest.approx(metric.prepare(twice)(np.ones(200)))

    def test_its_values_over_all_are_those_of_the_table(self):
        names = [metric.name for metric in self.task.metrics]
        examples = self.examples()
        told = {row["metric"]: row["value"] for row in measure(self.task, examples, 1) if not row["of"]}
        assert values_over_all(self.task, examples, names) == told
        with pytest.raises(ValueError, match="nothing is no metric"):
            values_over_all(self.task, examples, ["nothing"])

    def test_its_pictures_can_be_drawn_and_are_the_same_twice(self, tmp_path):
        for picture in self.task.pictures:
            paths = [tmp_path / f"{picture.name}_{i}.svg" for i in (1, 2)]
            for path in paths:
                save_figure(picture.draw(self.examples(), "snac-0001 w8a8"), [path])
            assert paths[0].read_bytes() == paths[1].read_bytes()
            assert picture.heading
            assert picture.caption.format(examples="jets").endswith(".")


class TestRegression(TaskTests):
    name = "regression"

    def examples(self, info=None, n=300, seed=1, **options) -> Examples:
        scale = {"mean": [100.0, -3.0], "standard_deviation": [20.0, 0.5]}
        info = info or DataInfo(
            "data", "examples", (4,), tuple("abcd"), (), "nowhere", {}, targets=("t", "u"), target_normalisation=scale
        )
        random = np.random.default_rng(seed)
        targets = random.normal(size=(n, len(info.targets))).astype(np.float32)
        return Examples(targets + random.normal(size=targets.shape) / 3, targets, info, self.task.complete(options))

    def test_metrics_are_those_of_scikit_learn_in_the_units_of_the_files(self):
        examples = self.examples(n=3000)
        given, wanted = in_units(examples)
        told = {(row["metric"], row["of"]): row["value"] for row in measure(self.task, examples, 1)}
        assert told["r2", ""] == pytest.approx(r2_score(wanted, given))
        assert told["rms", "t"] == pytest.approx(mean_squared_error(wanted[:, 0], given[:, 0]) ** 0.5)
        assert told["rms", "t"] == pytest.approx(20 / 3, rel=0.05)
        # The half-width of normal residuals is their standard deviation.
        assert told["resolution", "u"] == pytest.approx(0.5 / 3, rel=0.08)

    def test_few_large_residuals_do_not_change_the_resolution(self):
        residuals = np.random.default_rng(4).normal(size=2001)
        ones, zeros = np.ones(2001), np.zeros(2001)
        before = resolution(residuals, zeros, ones)
        residuals[:10] = 1e6
        assert resolution(residuals, zeros, ones) == pytest.approx(before, rel=0.05)

    def test_the_trainers_score_is_the_tasks(self):
        examples = self.examples()
        loss = Loss(**self.task.loss(examples.options))
        outputs, targets = torch.tensor(examples.outputs), torch.tensor(examples.targets)
        score = loss.score(loss.sums(outputs, targets).numpy(), targets)
        assert values_over_all(self.task, examples, ["r2"])["r2"] == pytest.approx(float(score))

    def test_the_loss_is_that_of_the_options(self):
        assert Loss(**self.task.loss(self.task.complete({}))) == Loss("squared")
        assert Loss(**self.task.loss(self.task.complete({"loss": "huber", "delta": 0.5}))) == Loss("huber", 0.5)

    def test_its_score_on_test_examples_has_the_interval_of_the_table(self):
        examples = self.examples()
        settings = {"name": "regression", "options": {}}
        told = score_on_test(settings, examples.outputs, examples.targets, examples.info, 3)
        (row, *_) = measure(self.task, examples, 3)
        assert told == {"test_score": row["value"], "test_low": row["low"], "test_high": row["high"], "n_test": 300}

    def test_jets_have_no_numbers(self):
        config = merged("config")
        config["task"]["name"] = "regression"
        assert any("set data.source to arrays" in problem for problem in problems(config))


class TestAnomaly(TaskTests):
    name = "anomaly"

    def examples(self, info=SIGNALS, n=300, seed=1, **options) -> Examples:
        """Examples of which a network gives background back best, and signals the worse the higher their number."""
        random = np.random.default_rng(seed)
        targets = np.arange(n) % len(info.classes)
        inputs = random.normal(size=(n, info.n_inputs)).astype(np.float32)
        outputs = inputs + random.normal(size=inputs.shape) * (0.3 + 0.1 * targets[:, None])
        options = {"background_rate": 0.1, **options}
        return Examples(outputs, targets, info, self.task.complete(options), inputs)

    def test_areas_and_efficiencies_are_those_of_scikit_learn(self):
        examples = self.examples(n=3000, background_rate=0.03)
        scores = anomaly_scores(examples)
        assert scores == pytest.approx(((examples.outputs - examples.inputs) ** 2).sum(axis=1) / 4)
        told = {(row["metric"], row["of"]): row["value"] for row in measure(self.task, examples, 1)}
        areas, efficiencies = [], []
        for number, name in ((1, "y"), (2, "z")):
            kept = np.isin(examples.targets, (0, number))
            areas.append(roc_auc_score(examples.targets[kept] > 0, scores[kept]))
            background, signal, _ = roc_curve(examples.targets[kept] > 0, scores[kept], drop_intermediate=False)
            efficiencies.append(np.interp(0.03, background, signal))
            assert told["auc", name] == pytest.approx(areas[-1])
            assert told["signal_efficiency", name] == pytest.approx(efficiencies[-1], abs=2 / 1000)
        assert told["auc", ""] == pytest.approx(np.mean(areas))
        assert told["signal_efficiency", ""] == pytest.approx(np.mean(efficiencies), abs=2 / 1000)
        assert areas[0] < areas[1]

    def test_a_single_signal_has_no_mean(self):
        rows = measure(self.task, self.examples(info=replace(SIGNALS, background=("x", "y"))), 1)
        assert [(row["metric"], row["of"]) for row in rows] == [("r2", ""), ("auc", ""), ("signal_efficiency", "")]

    def test_the_score_is_of_the_background_alone(self):
        examples = self.examples()
        is_background = examples.targets == 0
        (score, *_) = measure(self.task, examples, 1)
        inputs, outputs = examples.inputs[is_background], examples.outputs[is_background]
        assert score["value"] == pytest.approx(r2_score(inputs, outputs, multioutput="variance_weighted"))
        worse = replace(examples, outputs=np.where(is_background[:, None], examples.outputs, 1e3))
        assert measure(self.task, worse, 1)[0]["value"] == score["value"]
        told = score_on_test(
            {"name": "anomaly", "options": {}}, examples.outputs, examples.targets, SIGNALS, 1, examples.inputs
        )
        assert told["n_test"] == is_background.sum()
        assert told["test_score"] == score["value"]

    def test_the_trainers_score_is_the_tasks(self):
        examples = self.examples()
        kept = examples.targets == 0
        loss = Loss(**self.task.loss(examples.options))
        outputs, inputs = torch.tensor(examples.outputs[kept]), torch.tensor(examples.inputs[kept])
        score = loss.score(loss.sums(outputs, inputs).numpy(), inputs)
        assert values_over_all(self.task, examples, ["r2"])["r2"] == pytest.approx(float(score))

    def test_an_input_that_is_always_the_same_is_no_worse_than_others(self):
        """The edge of an image is empty."""
        inputs = torch.randn(100, 3) * torch.tensor([1.0, 1.0, 0.0])
        outputs, loss = inputs + 1e-3, Loss("squared", pooled=True)
        assert loss.score(loss.sums(outputs, inputs).numpy(), inputs) == pytest.approx(1, abs=1e-4)

    def test_the_loss_is_that_of_the_options(self):
        assert Loss(**self.task.loss(self.task.complete({}))) == Loss("squared", pooled=True)
        options = self.task.complete({"loss": "huber", "delta": 0.5})
        assert Loss(**self.task.loss(options)) == Loss("huber", 0.5, pooled=True)

    def test_a_perfect_reconstruction_finds_nothing_and_can_be_drawn(self, tmp_path):
        examples = self.examples()
        perfect = replace(examples, outputs=examples.inputs)
        told = values_over_all(self.task, perfect, ["r2", "auc", "signal_efficiency"])
        assert told == pytest.approx({"r2": 1, "auc": 0.5, "signal_efficiency": 0.1})
        for picture in self.task.pictures:
            save_figure(picture.draw(perfect, "model"), [tmp_path / "picture.svg"])

    def test_a_network_gives_as_many_numbers_as_it_gets(self):
        info = replace(SIGNALS, input_shape=(5, 4))
        assert self.task.sizes(info) == {"n_inputs": 20, "n_outputs": 20}

    def test_a_rate_that_the_examples_cannot_measure_is_named(self):
        counts = {split: {"x": n, "y": 9, "z": 9} for split, n in (("train", 9), ("val", 300), ("test", 250))}
        info = replace(SIGNALS, counts=counts)
        (problem,) = self.task.check(info, self.task.complete({"background_rate": 0.035}))
        assert "task.options.background_rate: 0.035 of the 250 test examples of background are 8.8" in problem
        assert "give 0.04 or more" in problem
        assert list(self.task.check(info, self.task.complete({"background_rate": 0.04}))) == []


class TestClassification(TaskTests):
    name = "classification"

    def test_two_classes_have_one_area(self):
        rows = measure(self.task, self.examples(info=TWO), 1)
        assert [(row["metric"], row["of"]) for row in rows] == [
            *(("accuracy", ""), ("auc", ""), ("background_rejection", ""))
        ]

    def test_metrics_are_those_of_scikit_learn(self):
        examples = self.examples(n=2000, steps=1e6, signal=["x", "y"], signal_efficiency=0.7)
        y, odds = examples.targets, np.exp(examples.outputs)
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        told = {(row["metric"], row["of"]): row["value"] for row in measure(self.task, examples, 1)}
        assert told["accuracy", ""] == accuracy_score(y, probabilities.argmax(axis=1))
        assert told["auc", ""] == pytest.approx(roc_auc_score(y, probabilities, multi_class="ovr"))
        for number, name in enumerate(DATA.classes):
            assert told["auc", name] == pytest.approx(roc_auc_score(y == number, probabilities[:, number]))
        signal = log_odds(examples.outputs, np.array([True, True, False]))
        background, efficiency, _ = roc_curve(y < 2, signal, drop_intermediate=False)
        expected = 1 / np.interp(0.7, efficiency, background)
        assert told["background_rejection", ""] == pytest.approx(expected)
        assert np.array_equal(count_confusion(examples), confusion_matrix(y, probabilities.argmax(axis=1)))

    def test_the_accuracy_has_wilsons_interval(self):
        targets = np.repeat([0, 1], 50)
        outputs = np.column_stack([np.ones(100), np.zeros(100)])
        (row, *_) = measure(self.task, Examples(outputs, targets, TWO, self.task.complete({})), 1)
        assert (row["low"], row["high"]) == pytest.approx((0.5 - 0.5 / 101**0.5, 0.5 + 0.5 / 101**0.5))

    def test_a_class_without_examples_leaves_a_gap(self):
        examples = self.examples()
        kept = examples.targets != 2
        fewer = Examples(examples.outputs[kept], examples.targets[kept], DATA, examples.options)
        told = {(row["metric"], row["of"]): row for row in measure(self.task, fewer, 1)}
        assert told["auc", "z"]["value"] is told["auc", ""]["value"] is told["background_rejection", ""]["low"] is None
        assert told["auc", "x"]["value"] > 0.5
        with pytest.raises(ValueError, match=r"auc cannot be told of .* give more"):
            values_over_all(self.task, fewer, ["auc"])

    def test_a_signal_that_is_no_class_is_named(self):
        check = partial(self.task.check, DATA)
        assert "'w' is no class of data; it has x, y, z" in next(iter(check({"signal": ["w"]})))
        assert "all classes are signal" in next(iter(check({"signal": ["x", "y", "z"]})))


numbers = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({is_signal for _, is_signal in pairs}) == 2
)


@given(numbers, st.floats(0.01, 0.99))
@settings(deadline=None)
def test_areas_and_rejections_are_what_counting_gives(pairs, efficiency):
    values, is_signal = np.array([v for v, _ in pairs], float), np.array([s for _, s in pairs])
    separation, ones = Separation(values, is_signal), np.ones(len(pairs))
    signal, background = values[is_signal], values[~is_signal]
    wins = (signal[:, None] > background).mean() + (signal[:, None] == background).mean() / 2
    assert separation.area(ones) == pytest.approx(wins)
    assert Separation(-values, is_signal).area(ones) == pytest.approx(1 - wins)
    rejection = separation.rejection(ones, efficiency)
    assert 1 - 1e-9 <= rejection <= len(background) + 1e-9
    assert separation.rejection(ones, efficiency / 2) >= rejection - 1e-9


@given(numbers, st.floats(0.01, 0.99))
@settings(deadline=None)
def test_efficiencies_lie_between_what_two_thresholds_let_pass(pairs, rate):
    values, is_signal = np.array([v for v, _ in pairs], float), np.array([s for _, s in pairs])
    separation, ones = Separation(values, is_signal), np.ones(len(pairs))
    efficiency = separation.efficiency(ones, rate)
    kinds, thresholds = (values[is_signal], values[~is_signal]), np.unique([np.inf, *values])
    passed = np.array([[(kind >= threshold).mean() for kind in kinds] for threshold in thresholds])
    allowed = passed[passed[:, 1] <= rate]
    assert allowed[:, 0].max() - 1e-9 <= efficiency <= passed[passed[:, 1] > rate][:, 0].min() + 1e-9
    assert separation.efficiency(ones, rate / 2) <= efficiency + 1e-9
    for signal, background in passed:
        assert separation.efficiency(ones, background) >= signal - 1e-9


def test_a_guess_passes_as_much_background_as_signal():
    """Its line is drawn on a logarithmic axis."""
    curve = (np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.01, 1.0]), 0.9)
    (axes,) = draw_roc_curves({"x": curve}, "model", ("x", 0.5, 100.0)).axes
    (guess,) = [line for line in axes.get_lines() if line.get_label() == "a guess"]
    signal, background = guess.get_data()
    assert np.array_equal(signal, background)
    assert np.diff(np.log(signal)).max() < 0.1


def test_equal_logits_in_another_order_are_equal():
    random = np.random.default_rng(2)
    background = np.round(4 * random.normal(size=(500, 4))) / 4
    outputs = np.column_stack([np.zeros(500), background])
    others = np.column_stack([np.zeros(500), background[:, ::-1]])
    is_signal = np.array([True, False, False, False, False])
    assert np.array_equal(log_odds(outputs, is_signal), log_odds(others, is_signal))


def test_sure_networks_keep_their_order():
    # As probabilities these would all be one.
    outputs = np.array([[0.0, 800.0], [0.0, 900.0], [0.0, 50.0]])
    assert np.diff(log_odds(outputs, np.array([False, True]))[[2, 0, 1]]).min() > 0


def test_a_metric_is_written_as_tables_have_it():
    accuracy, _, rejection = find_task("classification").metrics
    _, rms, _ = find_task("regression").metrics
    assert (accuracy.write(0.60651), accuracy.title()) == ("60.65", "Accuracy [%]")
    assert (rejection.write(1234.56), rejection.write(None)) == ("1,234.6", "")
    assert (rms.write(62.64875), rms.write(0.00012345), rms.title("pt")) == ("62.65", "0.0001234", "RMS, pt")


def test_a_bootstrap_finds_the_error_of_a_mean():
    values = np.random.default_rng(3).normal(size=2000)
    ((low, high),) = bootstrap_intervals(lambda w: {"": float((w * values).sum() / w.sum())}, 2000, 5).values()
    assert (high - low) / 2 == pytest.approx(values.std() / 2000**0.5, rel=0.15)
    assert bootstrap_intervals(lambda w: {"": np.nan}, 10, 5) == {}


def test_each_task_has_tests():
    assert {tests.name for tests in TaskTests.__subclasses__()} == {*REGISTRY.known()}


def broken_metric(*_):
    raise ZeroDivisionError("no examples")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"loss": lambda options: {"kind": "nonsense"}}, r"the loss of classification is none: .*nonsense"),
        ({"loss": lambda options: {"kind": "huber"}}, r"for other targets than classes"),
        ({"loss": lambda options: {"slope": 1}}, r"the loss of classification is none: .*slope"),
        ({"score": "purity"}, r"the score of classification is purity, which is none of its metrics"),
        ({"prepare": broken_metric}, r"the metric accuracy of classification fails with ZeroDivisionError"),
        ({"prepare": lambda examples: lambda weights: {"a": 1.0}}, r"has no value for all together"),
        ({"note": "at {efficiency}"}, r"the metric accuracy of classification fails with KeyError"),
    ],
)
def test_a_fault_of_a_plugins_task_shows_before_the_first_job(changes, told):
    task = find_task("classification")
    of_metric = {name: value for name, value in changes.items() if name in ("prepare", "note")}
    of_task = {name: value for name, value in changes.items() if name not in of_metric}
    if of_metric:
        first, *others = task.metrics
        of_task["metrics"] = (replace(first, **of_metric, interval=None), *others)
    (problem,) = try_task(replace(task, **of_task), DATA, task.complete({}))
    assert re.search(told, problem)


def test_the_workflows_own_tasks_have_no_fault():
    y = np.random.default_rng(1).normal(size=(50, 2))
    scale = Normalisation.fit("standard", y, ["e", "f"], "target", "examples").to_dict()
    numbers_info = replace(DATA, classes=(), targets=("e", "f"), target_normalisation=scale)
    for name, info in {"anomaly": SIGNALS, "classification": DATA, "regression": numbers_info}.items():
        task = find_task(name)
        assert list(try_task(task, info, task.complete({}))) == []


def problems(config):
    with pytest.raises(ConfigError) as error:
        validate_config(config)
    return str(error.value).splitlines()[1:]


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ({"name": "clasification"}, ["task.name: 'clasification' is not one of", "'classification'"]),
        ({"options": {"signal_eff": 0.5}}, ["task.options: unknown key 'signal_eff'", "known are signal, signal_"]),
        ({"options": {"signal_efficiency": 50}}, ["task.options.signal_efficiency", "between 0 and 1"]),
        ({"options": {"signal": "t"}}, ["task.options.signal", "a list of different classes"]),
        ({"options": {"signal": ["top"]}}, ["task.options.signal: 'top' is no class of", "it has g, q, w, z, t"]),
        ("classification", ["task: 'classification' is not a section", "name, options"]),
        ({"name": "anomaly"}, ["task.options.background: needed; list the classes", "jets has g, q, w, z, t"]),
        ({"name": "anomaly", "options": {"background": ["top"]}}, ["background: 'top' is no class of jets"]),
        ({"name": "anomaly", "options": {"background": list("gqwzt")}}, ["all classes of jets are background"]),
        (
            {"name": "anomaly", "options": {"background": ["q"], "normalisation": "none"}},
            ["unknown key 'normalisation'"],
        ),
        (
            {"name": "anomaly", "options": {"background": ["g", "q"], "background_rate": 0.001}},
            ["task.options.background_rate: 0.001 of the 2,400 validation jets of background are 2.4", "give 0.005"],
        ),
    ],
)
def test_a_fault_is_named_with_key_and_cure(task, told):
    config = merged("config")
    config["task"] = {**config["task"], **task} if isinstance(task, dict) else task
    (problem,) = problems(config)
    assert all(part in problem for part in told), problem


def test_a_complete_configuration_has_all_options():
    config = merged("config")
    config["task"]["options"] = {"signal": ["t"]}
    assert complete_config(config)["task"]["options"] == {"signal": ["t"], "signal_efficiency": 0.5}


def test_what_a_task_measures_can_be_an_objective():
    config = merged("config")
    config["search"]["objectives"] = ["accuracy", "auc", "background_rejection", "average_resources"]
    config["compression"]["search"]["objectives"] = ["accuracy", "auc", "lut"]
    validate_config(config)
    assert validated(ARCHITECTURES, config["search"]["objectives"]) == ["auc", "background_rejection"]
    assert deciding_cost(config["compression"]["search"]["objectives"]) == "lut"
    assert not {"auc", "background_rejection"} & {*costs_of(ARCHITECTURES), *costs_of(COMPRESSIONS)}


def test_an_anomaly_is_searched_with_signals_only_where_it_is_asked_for():
    config = merged("config")
    config["task"] = {"name": "anomaly", "options": {"background": ["g", "q"]}}
    validate_config(config)
    assert validated(ARCHITECTURES, config["search"]["objectives"]) == []
    config["search"]["objectives"] = ["accuracy", "signal_efficiency", "auc", "average_resources"]
    validate_config(config)
    assert validated(ARCHITECTURES, config["search"]["objectives"]) == ["signal_efficiency", "auc"]
    config["search"]["objectives"] = ["accuracy", "background_rejection"]
    (problem,) = problems(config)
    assert "background_rejection is no metric of the anomaly detection; it has r2, auc, signal_efficiency" in problem


def test_an_objective_that_the_task_does_not_measure_is_named(tmp_path):
    config = merged("config")
    config["plugins"], config["task"]["name"] = [str(write(tmp_path / "own"))], "mine"
    config["search"]["objectives"] = ["accuracy", "auc"]
    (problem,) = problems(config)
    assert "search.objectives: auc is no metric of the classification; it has accuracy" in problem


@pytest.mark.parametrize("params", [dict, lambda params: Params(fromdict=params)])
def test_a_job_measures_validation_examples_where_a_search_asks_for_it(params):
    task = find_task("classification")
    examples = examples_of(task)
    told = {"names": ["auc"], "task": task_params({"name": "classification", "options": {}})}
    validation = validation_of(params({"seed": 1, "validated": told}), DATA, examples.targets)
    assert validation.values(lambda: examples.outputs) == values_over_all(task, examples, ["auc"])
    assert validation_of(params({"seed": 1}), DATA, examples.targets).values(lambda: 1 / 0) == {}


def test_trials_have_what_was_measured_as_last_columns_and_are_ranked_by_it():
    space = SearchSpace.from_config(merged("config", "test")["search"]["space"], n_inputs=24, n_outputs=5)
    genomes = list(space.largest())[:2]
    result = {"accuracy": 0.5, "loss": 1.0, "epochs": 1, "seed": 1, "failure": None, "generation": 0}
    measured = [{"auc": 0.8}, {"auc": 0.7}]
    records = [
        {**trial, **result, **values}
        for trial, values in zip(proposals(genomes, space, 0)["trials"], measured, strict=True)
    ]
    table = trials_table(Architectures, records, ["accuracy", "auc"], Surrogate())
    assert list(table)[-2:] == ["extrapolated", "auc"]
    assert table["auc"].tolist() == [0.8, 0.7]
    assert table["pareto"].tolist() == [True, False]
    assert "auc" not in trials_table(Architectures, records, ["accuracy"], Surrogate())
    failed = {**result, "failure": "Diverged", "accuracy": None, "loss": None}
    records[0] = {**proposals(genomes, space, 0)["trials"][0], **failed}
    assert trials_table(Architectures, records, ["accuracy", "auc"], Surrogate())["pareto"].tolist() == [False, True]
    # From a guess, at 0.5, to the ideal, at 1.
    assert hypervolume([{**result, "auc": 0.75}], ["auc"], {}) == 0.5
    assert hypervolume([{**result, "background_rejection": 500.5}], ["background_rejection"], {}) == 0.5


PLUGIN = """
from dataclasses import replace

from snacpack.tasks.entries.classification import TASK as CLASSIFICATION


def nothing(info, options):
    return []


MINE = replace(CLASSIFICATION, name="mine", metrics=CLASSIFICATION.metrics[:1], options=(), pictures=(), check=nothing)
"""


def write(folder, text=PLUGIN, name="mine.py"):
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    (folder / "tasks" / name).write_text(text)
    return folder


def test_a_plugin_adds_a_task(tmp_path):
    folder = write(tmp_path / "own")
    config = merged("config")
    config["plugins"], config["task"]["name"] = [str(folder)], "mine"
    validate_config(config)
    assert task_params(config["task"]) == {"name": "mine", "options": {}}
    digests = REGISTRY.digest_of("mine")
    assert REGISTRY.digest_of("classification") == {}
    check_unchanged({"task_plugins": digests})
    (folder / "tasks" / "mine.py").write_text(PLUGIN + "\n")
    with pytest.raises(PluginError, match=r"mine.py changed since this run started; start the command again"):
        check_unchanged({"task_plugins": digests})


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("1 / 0\n", "mine.py", "ZeroDivisionError"),
        ("X = 1\n", "mine.py", "holds no Task; define one at its top level, TASK = Task(...)"),
        (PLUGIN, "other.py", "holds the task 'mine'; name the file mine.py"),
        (PLUGIN.replace('"mine"', '"classification"'), "classification.py", "is taken by a task of the workflow"),
        (PLUGIN.replace("options=()", "score='loss'"), "mine.py", "the trainers tell 'accuracy'"),
        (PLUGIN.replace("options=()", "targets='words'"), "mine.py", "targets is 'words'"),
        (PLUGIN.replace("options=()", "options=5"), "mine.py", "TypeError: 'int'"),
    ],
)
def test_a_plugins_fault_is_named_with_its_file(tmp_path, text, name, told):
    config = merged("config")
    config["plugins"] = [str(write(tmp_path / "own", text, name))]
    (problem,) = problems(config)
    assert problem.startswith(f"  plugins: {tmp_path}/own/tasks/{name}")
    assert told in problem


def test_a_check_that_fails_is_named(tmp_path):
    config = merged("config")
    config["plugins"] = [str(write(tmp_path / "own", PLUGIN.replace("return []", "return options['none']")))]
    config["task"]["name"] = "mine"
    (problem,) = problems(config)
    assert "task.name: the check of mine fails with KeyError: 'none'; mend it" in problem


def test_outputs_and_targets_must_be_of_the_same_examples():
    with pytest.raises(ValueError, match="3 outputs for 2 targets"):
        Examples(np.zeros((3, 2)), np.zeros(2, int), TWO, {})
    assert find_task("classification").targets == CLASSES
    with pytest.raises(ValueError, match="'words' is not one of anomaly, classification, regression"):
        find_task("words")
