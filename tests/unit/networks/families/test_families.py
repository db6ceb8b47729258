"""Families of networks: from their configuration over both trainings to integers that every form computes."""

import io
import re
from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import ROOT
from helpers.configs import merged, update
from snacpack.compression.calibration import quantize
from snacpack.compression.choice import macs_left
from snacpack.compression.network import fold_batch_norm, freeze, tensors_of
from snacpack.compression.qat import train_quantized
from snacpack.config import ConfigError, complete_config, validate_config
from snacpack.core.inputs import file_digest
from snacpack.core.plugins import use_plugins
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture
from snacpack.networks.layer import Matrix
from snacpack.networks.registry import REGISTRY, plugin_digests
from snacpack.networks.scheme import Precision
from snacpack.problems.architectures import Architectures, architecture_of
from snacpack.report.tables import table1_rows
from snacpack.search.space import SearchSpace
from snacpack.synthesis.hls import HlsSettings, build_hls_project, run_hls_simulation
from snacpack.synthesis.qonnx import export_qonnx, run_qonnx
from snacpack.synthesis.rtl import build_rtl, run_interpreted
from snacpack.synthesis.simulation import simulate_rtl
from snacpack.training.autograd import AutogradNetwork, QuantizedModule, _LookUp
from snacpack.training.fine_tuning import FineTuning
from snacpack.training.fit import jet_order, predict
from snacpack.training.native import NativeNetwork
from snacpack.training.recipe import Machine, Recipe, Watch
from snacpack.training.trials import dropout_seed, initial_network, train

PART = "xcvu13p-flga2577-2-e"
N_INPUTS, N_OUTPUTS = 12, 3
OPTIONS = {
    "dense": st.just({}),
    "deep_sets": st.fixed_dictionaries(
        {
            "constituents": st.sampled_from([1, 3, 4, 12]),
            "shared_units": st.lists(st.integers(1, 5), min_size=1, max_size=2),
        }
    ),
}


@st.composite
def architectures(draw, family):
    return Architecture(
        tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=2))),
        draw(st.sampled_from(["relu", "tanh", "sigmoid"])),
        draw(st.booleans()),
        dropout=draw(st.sampled_from([0.0, 0.5])),
        n_inputs=N_INPUTS,
        n_outputs=N_OUTPUTS,
        family=family,
        options=draw(OPTIONS[family]),
    )


def make_jets(n, seed=0):
    """Return jets whose class follows from the mean of their constituents."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, N_INPUTS)).astype(np.float32)
    slopes = np.random.default_rng(0).normal(size=(3, N_OUTPUTS))
    return x, (np.tanh(x.reshape(n, 4, 3) @ slopes)).mean(axis=1).argmax(axis=1)


def quantized(architecture, seed, bits=5):
    """Return the Brevitas network of an architecture with random weights, calibrated."""
    network = initial_network(architecture, seed)
    n_layers = len(architecture.graph.matrices)
    precision = Precision((bits,) * n_layers, (bits,) * (n_layers - 1), bits)
    return quantize(architecture, precision, fold_batch_norm(network.eval()), make_jets(300, seed)[0]).eval()


def test_every_family_is_tested():
    assert OPTIONS.keys() == REGISTRY.known().keys()


@pytest.mark.parametrize("family", OPTIONS)
@settings(max_examples=10)
@given(data=st.data(), seed=st.integers(0, 2**31))
def test_an_architecture_survives_its_record(family, data, seed):
    architecture = data.draw(architectures(family))
    assert Architecture.from_dict(architecture.to_dict()) == architecture
    assert hash(Architecture.from_dict(architecture.to_dict())) == hash(architecture)
    graph = architecture.graph
    assert graph.n_inputs == N_INPUTS
    assert graph.output_shape == (N_OUTPUTS,)
    assert initial_network(architecture, seed)(torch.zeros(4, N_INPUTS)).shape == (4, N_OUTPUTS)


@pytest.mark.parametrize("family", OPTIONS)
@settings(max_examples=5)
@given(data=st.data(), seed=st.integers(0, 2**31))
def test_brevitas_the_trainers_module_and_the_integers_are_one_network(family, data, seed):
    architecture = data.draw(architectures(family))
    network = quantized(architecture, seed)
    x = 3 * make_jets(200, seed)[0]
    integers = freeze(network)
    assert integers.label == architecture.label
    expected = integers.predict(x)
    np.testing.assert_array_equal(predict(network, x).numpy(), expected)
    module = QuantizedModule(tensors_of(network), architecture, 0)
    np.testing.assert_array_equal(predict(module, x).numpy(), expected)


@pytest.mark.parametrize("family", ["deep_sets"])
def test_every_form_of_a_family_computes_its_integers(family, tmp_path):
    options = {"constituents": 4, "shared_units": [5, 3]}
    architecture = Architecture((4,), "relu", True, n_inputs=12, n_outputs=3, family=family, options=options)
    integers = freeze(quantized(architecture, 3))
    x = 3 * make_jets(100)[0]
    expected = integers.predict(x)
    assert np.ptp(expected, axis=0).min() > 0
    export_qonnx(integers, tmp_path / "model.onnx")
    np.testing.assert_array_equal(run_qonnx(tmp_path / "model.onnx", x, integers.float_type), expected)
    build_rtl(integers, tmp_path / "rtl", PART, 5.0)
    np.testing.assert_array_equal(run_interpreted(tmp_path / "rtl", integers, x), expected)


@pytest.mark.thorough
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_hls_and_verilog_of_deep_sets_compute_its_integers(activation, tmp_path):
    architecture = replace(deep_sets(), activation=activation)
    integers = freeze(quantized(architecture, 3))
    x = 3 * make_jets(100)[0]
    expected = integers.predict(x)
    export_qonnx(integers, tmp_path / "model.onnx")
    settings = HlsSettings(PART, 5.0, "io_parallel", "latency", 1)
    build_hls_project(tmp_path / "model.onnx", tmp_path / "hls", "vitis", settings)
    np.testing.assert_array_equal(run_hls_simulation(tmp_path / "hls", x), expected)
    build_rtl(integers, tmp_path / "rtl", PART, 5.0)
    np.testing.assert_array_equal(simulate_rtl(tmp_path / "rtl", integers, x).logits, expected)


def deep_sets(**fields):
    options = {"constituents": 4, "shared_units": [6, 5]}
    return Architecture((4,), n_inputs=12, n_outputs=3, family="deep_sets", options=options, **fields)


def test_deep_sets_do_not_see_the_order_of_constituents():
    integers = freeze(quantized(deep_sets(), 1))
    x = make_jets(100)[0].reshape(100, 4, 3)
    np.testing.assert_array_equal(integers.predict(x[:, [2, 0, 3, 1]]), integers.predict(x))


def test_deep_sets_have_their_matrices_once_for_each_constituent():
    assert deep_sets().label == "4x3-4x6-4x5-4-3"
    assert deep_sets().graph.matrices == (Matrix(3, 6, 4), Matrix(6, 5, 4), Matrix(5, 4), Matrix(4, 3))


@pytest.mark.parametrize("threads", [1, 2])
def test_deep_sets_learn_and_depend_on_nothing_beside_them(threads):
    sets = deep_sets(learning_rate=0.01, batch_norm=True, dropout=0.1)
    networks = [sets, Architecture((8,), n_inputs=12, n_outputs=3), sets]
    training, validation = make_jets(1500), make_jets(500, 1)
    told = []
    watch = Watch(on_result=lambda position, result: told.append(position))
    results = train(networks, [5, 6, 5], training, validation, Recipe(6, 50), Machine(threads=threads), watch)
    assert sorted(told) == [0, 1, 2]
    assert results[0].history == results[2].history
    assert results[0].accuracy > 0.6
    np.testing.assert_allclose(predict(results[0].network, validation[0]), predict(results[2].network, validation[0]))


def test_deep_sets_are_trained_on_as_the_circuit_computes_them():
    architecture = deep_sets(learning_rate=0.005)
    network, jets = quantized(architecture, 1, bits=6), {"train": make_jets(1500), "val": make_jets(500, 1)}
    masks = {f"dense_{i}": torch.rand(m.n_out, m.n_in) < 0.7 for i, m in enumerate(architecture.graph.matrices)}
    task = FineTuning(tensors_of(network, masks), architecture, 3)
    history = train_quantized(task, jets, Recipe(4, 50), "deep sets")
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert history[-1]["validation_accuracy"] > 0.4
    for weight, mask in zip(freeze(network.eval()).weights, masks.values(), strict=True):
        assert not weight[~mask.numpy()].any()
        assert weight.any()


def test_autograd_trains_dense_layers_as_the_fast_trainer_does():
    architecture = Architecture((8, 6), "tanh", True, 0.01, 1e-4, 0.5, 12, 3)
    x, y = (torch.as_tensor(array) for array in make_jets(400))
    losses, scores = [], []
    for trainer in (NativeNetwork, AutogradNetwork):
        network = trainer(initial_network(architecture, 4), architecture, dropout_seed(4), 50)
        trained = [network.train(x, y, jet_order(400, 4, epoch)) for epoch in (1, 2)]
        loss, score = network.evaluate(x, y)
        losses.append([*trained, loss])
        scores.append(score)
    np.testing.assert_allclose(*losses, rtol=2e-3)
    np.testing.assert_allclose(*scores, atol=0.02)


DEEP_SETS = {"units": [4], "family": "deep_sets", "options": {"constituents": 8, "shared_units": [4]}}


def test_a_weight_that_constituents_share_is_a_multiplication_for_each():
    masks = {f"dense_{i}": torch.ones(m.n_out, m.n_in) > 0 for i, m in enumerate(deep_sets().graph.matrices)}
    masks["dense_1"][0, :] = False
    assert macs_left(deep_sets(), masks) == 4 * (3 * 6 + 6 * 5 - 6) + 5 * 4 + 4 * 3


def test_a_reference_may_be_of_another_family():
    config = merged("config")
    config["references"]["sets"] = DEEP_SETS
    validate_config(config)


@pytest.fixture
def documented(tmp_path, monkeypatch):
    """The configuration of docs/families.md, with the family's file and its text."""
    text = (ROOT / "docs" / "families.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "mine" / "families" / "summed.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    monkeypatch.chdir(tmp_path)
    config = merged("config")
    update(config, yaml.safe_load(example))
    yield config, path, source
    use_plugins([])


def test_the_documented_family_is_one_file_and_an_entry_of_the_configuration(documented):
    config, path, _ = documented
    validate_config(config)
    assert plugin_digests(complete_config(config)) == {"summed": file_digest(path)}
    summed = config["references"]["summed"]
    architecture = Architecture.from_dict({**summed, "n_inputs": 24, "n_outputs": 5})
    assert architecture.label == "8x3-16-8-5"
    x = np.random.default_rng(0).normal(size=(300, 24)).astype(np.float32)
    (result,) = train([architecture], [1], *[(x, np.arange(300) % 5)] * 2, Recipe(1, 50))
    assert result.failure is None
    layers, precision = fold_batch_norm(result.network.eval()), Precision((6,) * 3, (6,) * 2, 6)
    network = quantize(architecture, precision, layers, x).eval()
    np.testing.assert_array_equal(freeze(network).predict(x), predict(network, x).numpy())
    use_plugins([])
    with pytest.raises(ValueError, match="'summed' is not one of"):
        Architecture.from_dict({**summed, "n_inputs": 24, "n_outputs": 5})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('n = architecture.options["constituents"]', "n = architecture.options.size", "fails to build a network with"),
        ("def build(architecture):", "def build(architecture):\n    raise SystemExit", "SystemExit"),
        (", DenseLayer(architecture.n_outputs)]", "]", "the shape (8,); end with n_outputs numbers"),
        ("return Graph(", "return (", "AttributeError"),
        (
            'Option({"description": "constituents of an example", "type": "integer", "minimum": 1})',
            "1",
            "write an Option",
        ),
        ("*hidden_layers(architecture, architecture.units)", "DenseLayer(8)", "without an activation between them"),
        (
            "*hidden_layers(architecture, architecture.units)",
            "*list(hidden_layers(architecture, architecture.units))[1:]",
            "layer 2, ActivationLayer, has no dense layer of its own before it",
        ),
        (
            "layers += [*hidden_layers(architecture, architecture.units)",
            "layers += [DenseLayer(8), ExactLayer(Sum(axis=0, shift=0)), *hidden_layers(architecture, (4,))",
            "layer 3, ExactLayer, stands between a dense layer and its activation",
        ),
        ("FAMILY = Family(", "(lambda *_, **__: None)(", "holds no Family"),
        ('"summed",\n', '"sums",\n', "name the file sums.py"),
    ],
)
def test_a_family_that_is_none_is_named_before_the_first_job(documented, old, new, words):
    config, path, source = documented
    assert old in source
    path.write_text(source.replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        validate_config(config)
    assert words in str(refused.value)
    assert "summed.py" in str(refused.value)


SPACE = {
    "family": "deep_sets",
    "options": {"constituents": [8], "shared_units": {"n_layers": [1, 2], "units": [[4, 8], [4]]}},
}


def test_a_search_may_be_over_another_family():
    config = merged("config")
    config["search"]["space"] |= SPACE
    validate_config(config)
    parameters = [row["parameter"] for row in table1_rows(config["search"]["space"])]
    assert parameters[:2] == ["options.constituents", "options.shared_units.n_layers"]


def test_the_largest_networks_show_every_choice_of_the_family():
    space = {**merged("config")["search"]["space"], **SPACE, "options": {**SPACE["options"], "constituents": [1, 8]}}
    space = SearchSpace.from_config(space, n_inputs=24, n_outputs=5)
    largest = [space.decode(genome) for genome in space.largest()]
    assert {network.options["constituents"] for network in largest} == {1, 8}
    assert all(network.options["shared_units"] == (8, 4) for network in largest)


def test_estimates_are_not_shared_by_networks_of_other_options():
    surrogate, described = Surrogate(), set()
    for options in ({"constituents": 8, "shared_units": [4]}, {"constituents": 4, "shared_units": [4]}):
        described.add(surrogate.describe(Architecture((5,), family="deep_sets", options=options)))
    assert len(described) == 2
    assert all("deep_sets" in words for words in described)


def test_a_table_passes_on_what_is_no_number():
    """A training that diverges says so by its loss, and does not end its job."""
    values, slopes = torch.arange(8.0), torch.ones(8)
    found = _LookUp.apply(torch.tensor([float("nan"), 0.0, 99.0]), values, slopes, -2)
    assert found.isnan().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"family": "dense"}, "unknown key 'constituents', 'shared_units'; there are none"),
        ({"options": {"constituents": [8]}}, "shared_units must be given"),
        ({"options": {**SPACE["options"], "constituents": [5]}}, "24 numbers of an example are no multiple of it"),
        (
            {"options": {**SPACE["options"], "constituents": 8}},
            "8 is not allowed; expected: a list of",
        ),
        ({"options": {**SPACE["options"], "shared_units": {"n_layers": [3], "units": [[4]]}}}, "add widths"),
    ],
)
def test_a_space_of_no_networks_is_named(change, words):
    config = merged("config")
    config["search"]["space"] |= {**SPACE, **change}
    with pytest.raises(ConfigError, match=r"search\.space") as refused:
        validate_config(config)
    assert words in str(refused.value)


def test_a_trial_of_a_family_is_found_again_in_the_table():
    space = SearchSpace.from_config({**merged("config")["search"]["space"], **SPACE}, 24, 5)
    networks = [space.decode(space.sample(Random(seed))) for seed in range(4)]
    text = pd.DataFrame([Architectures.columns(network) for network in networks]).to_csv(index=False)
    rows = pd.read_csv(io.StringIO(text)).to_dict("records")
    assert [architecture_of(row, {"n_inputs": 24, "n_outputs": 5}) for row in rows] == networks


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"family": "deep_set"}, "'deep_set' is not one of 'deep_sets', 'dense'"),
        ({"options": {"constituents": 8}}, "shared_units must be given"),
        ({"options": {"constituents": 7, "shared_units": [4]}}, "24 numbers of an example are no multiple of it"),
        ({"options": {"constituents": 8, "shared_units": [4], "pool": "max"}}, "unknown key 'pool'"),
        ({"family": "dense"}, "unknown key 'constituents', 'shared_units'; there are none"),
    ],
)
def test_a_reference_that_is_no_network_is_named(change, words):
    config = merged("config")
    config["references"]["sets"] = {**DEEP_SETS, **change}
    with pytest.raises(ConfigError, match=r"references\.sets") as refused:
        validate_config(config)
    assert words in str(refused.value)
