"""The surrogate against rule4ml's own ``predict``, on networks as PyTorch modules."""

import random
from functools import cache
from itertools import product

import pytest

from snacpack.hardware.reuse import closest_reuse_factor
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import ACTIVATIONS, Architecture

# rule4ml's own predict starts TensorFlow.
pytestmark = pytest.mark.thorough

UNITS = [(64, 120, 128), (32, 60, 64), (16, 32), (32, 64), (32, 64), (32, 64), (16, 32), (32, 44, 64)]
COLUMNS = {"bram": "BRAM (%)", "dsp": "DSP (%)", "ff": "FF (%)", "lut": "LUT (%)", "clock_cycles": "CYCLES"}
COLUMNS |= {"initiation_interval": "INTERVAL"}


@pytest.fixture(scope="module")
def rule4ml_models():
    """rule4ml's models by kind of weights, loaded by itself."""
    from rule4ml.models import wrappers
    from rule4ml.parsers import network_parser

    with pytest.MonkeyPatch.context() as patch:
        # The same answers, each worked out once.
        patch.setattr(network_parser, "get_closest_reuse_factor", cache(network_parser.get_closest_reuse_factor))
        default = wrappers.MultiModelWrapper()
        default.load_default_models()
        paper = wrappers.MultiModelWrapper()
        folder = f"{wrappers.os.path.dirname(wrappers.__file__)}/weights/v1/mlp"
        for target in ("BRAM", "DSP", "FF", "LUT", "CYCLES"):
            model = wrappers.KerasModelWrapper()
            model.load(f"{folder}/{target}.config.json", f"{folder}/{target}.weights.h5")
            paper.add_model_wrapper(model)
        yield {"v1-mlp": paper, "v2-gnn": default}


def random_networks(count, seed):
    """Networks of Table 1's space, of all its lengths and activations."""
    rng = random.Random(seed)
    kinds = list(product(range(4, 9), ACTIVATIONS, (True, False)))
    rng.shuffle(kinds)
    return [
        Architecture([rng.choice(options) for options in UNITS[:n_layers]], activation, batch_norm, dropout=0.1)
        for n_layers, activation, batch_norm in kinds[:count]
    ]


def torch_module(architecture, name):
    from torch import nn

    from snacpack.training.network import build_network

    modules = [module for module in build_network(architecture) if not isinstance(module, nn.Dropout)]
    network = nn.Sequential(*modules, nn.Softmax(dim=1))
    network.name = name
    return network


def predict(model, surrogate, architectures):
    """rule4ml's estimates, not rounded, averaged over its versions."""
    hls_config = {
        "board": surrogate.board,
        "model": {name: getattr(surrogate, name) for name in ("strategy", "precision", "reuse_factor")},
    }
    networks = [torch_module(architecture, f"{i}") for i, architecture in enumerate(architectures)]
    table = model.predict(networks, hls_configs=hls_config, round_digits=12)
    return table.groupby("Model", sort=False).mean(numeric_only=True).to_dict("records")


def assert_same(ours, theirs):
    """Equal to two decimals; rule4ml's single precision can move what lies on the edge between two of them."""
    for record, row in zip(ours, theirs, strict=True):
        estimated = {name: record[name] for name in COLUMNS if name in record}
        assert len(estimated) == sum(column in row for column in COLUMNS.values())
        for name, value in estimated.items():
            assert value == pytest.approx(row[COLUMNS[name]], abs=0.0051 + 2e-6 * value), name


@pytest.mark.parametrize(
    ("surrogate", "count"),
    [
        (Surrogate(), 30),
        (Surrogate(board="pynq-z2", precision="ap_fixed<16,6>", strategy="resource", reuse_factor=16), 5),
        (Surrogate(board="zcu102", reuse_factor=100), 5),
    ],
    ids=lambda value: getattr(value, "board", None),
)
def test_v1_equals_rule4ml(surrogate, count, rule4ml_models):
    networks = random_networks(count, seed=1)
    assert_same(surrogate.estimate(networks), predict(rule4ml_models["v1-mlp"], surrogate, networks))


@pytest.mark.parametrize(
    ("surrogate", "count"),
    [
        (Surrogate("v2-gnn", "alveo-u250"), 2),
        (Surrogate("v2-gnn", "pynq-z2", "ap_fixed<16,6>", "resource", reuse_factor=16), 1),
    ],
    ids=lambda value: getattr(value, "board", None),
)
def test_v2_equals_rule4ml_on_each_network_alone(surrogate, count, rule4ml_models):
    networks = random_networks(count, seed=2)
    alone = [row for network in networks for row in predict(rule4ml_models["v2-gnn"], surrogate, [network])]
    assert_same(surrogate.estimate(networks), alone)


def test_the_reuse_factor_of_a_layer():
    from hls4ml.backends import get_backend
    from rule4ml.parsers.utils import get_closest_reuse_factor

    hls4ml = get_backend("Vitis")
    for n_in, n_out, wanted in product((1, 2, 6, 7, 12), (1, 4, 5, 9), (1, 2, 3, 5, 7, 8, 10, 30, 500)):
        found = closest_reuse_factor(n_in, n_out, wanted)
        assert found == get_closest_reuse_factor(n_in, n_out, wanted)
        assert found == hls4ml.get_closest_reuse_factor(hls4ml.get_valid_reuse_factors(n_in, n_out), wanted)
