import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from snacpack.hardware.costs import costs_table, estimate_costs
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture

BASELINE = Architecture((120, 60, 32, 64, 64, 64, 32, 44), learning_rate=0.0013, l1=1.31e-5)
OTHERS = [
    Architecture((64, 32, 16, 32), "tanh", batch_norm=True, dropout=0.1),
    Architecture((64, 32, 16, 32, 32), "sigmoid"),
]


@pytest.fixture(scope="module")
def paper_table():
    return costs_table({"baseline": BASELINE}, Surrogate(), bit_width=8).set_index("model")


def test_table_2_of_the_paper(paper_table):
    """Its first row: 25,916 (which it calls BOPs), 7.10 and 183.74."""
    row = paper_table.loc["baseline"]
    assert row["architecture"] == "24-120-60-32-64-64-64-32-44-5"
    assert row["macs"] == 25916
    assert round(row["est_average_resources_percent"], 2) == 7.10
    assert row["est_clock_cycles"] == 183.74


@pytest.mark.parametrize("surrogate", [Surrogate(), Surrogate("v2-gnn", "alveo-u250")], ids=lambda s: s.weights)
def test_an_estimate_does_not_depend_on_the_networks_beside_it(surrogate):
    networks = [BASELINE, *OTHERS]
    assert surrogate.estimate(networks) == [surrogate.estimate([network])[0] for network in networks]


def test_dropout_costs_nothing():
    plain, dropout = Architecture((64, 32)), Architecture((64, 32), dropout=0.1)
    estimates = Surrogate().estimate([plain, dropout])
    assert estimates[0] == estimates[1]


@dataclass(frozen=True)
class Recorder(Surrogate):
    """A surrogate that remembers what it was asked."""

    asked: list = field(default_factory=list)

    def estimate(self, architectures):
        self.asked.extend(architectures)
        return super().estimate(architectures)


def test_networks_that_differ_in_training_alone_are_estimated_once():
    surrogate = Recorder()
    networks = [Architecture((64, 32)), Architecture((16,)), Architecture((64, 32), dropout=0.1, learning_rate=0.01)]
    costs = estimate_costs(networks, surrogate, bit_width=8)
    assert costs[0] == costs[2] != costs[1]
    assert [network.units for network in surrogate.asked] == [(64, 32), (16,)]


def test_what_was_estimated_before_is_not_estimated_again():
    surrogate = Recorder()
    networks = [Architecture((64, 32)), Architecture((16,)), Architecture((16,), batch_norm=True)]
    earlier = [{"trial": 3, **record} for record in estimate_costs(networks[:2], Surrogate(), bit_width=8)]
    costs = estimate_costs(networks, surrogate, bit_width=4, known=earlier)
    assert surrogate.asked == networks[2:]
    assert costs == estimate_costs(networks, Surrogate(), bit_width=4)


@pytest.mark.parametrize("other", [{"board": "zcu102"}, {"precision": "ap_fixed<16,6>"}, {"reuse_factor": 2}], ids=str)
def test_estimates_of_another_surrogate_are_not_taken_over(other):
    earlier = estimate_costs([BASELINE], Surrogate(), bit_width=8)
    surrogate = Surrogate(**other)
    assert estimate_costs([BASELINE], surrogate, 8, earlier) == estimate_costs([BASELINE], surrogate, 8) != earlier


@pytest.mark.parametrize("weights", ["v1-mlp", "v2-gnn"])
def test_an_estimate_does_not_wait_for_tensorflow(weights):
    """Importing it takes longer than thousands of estimates."""
    program = f"""
import sys
from snacpack.networks.architecture import Architecture
from snacpack.hardware.surrogate import Surrogate
Surrogate({weights!r}).estimate([Architecture((4,))])
print({{"tensorflow", "torch_geometric"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_v2_alone_knows_the_interval():
    (record,) = Surrogate("v2-gnn", "alveo-u250").estimate([BASELINE])
    assert record["initiation_interval"] > 0
    assert record["clock_cycles"] == pytest.approx(184.71, abs=0.02)
    assert record["average_resources"] == pytest.approx(4.07, abs=0.01)


def test_nothing_to_estimate():
    assert Surrogate().estimate([]) == []


@pytest.mark.parametrize(
    ("weights", "board", "message"),
    [("v3", "alveo-u200", "v1-mlp"), ("v1-mlp", "alveo-u250", "alveo-u200"), ("v2-gnn", "my-board", "zcu102")],
)
def test_unknown_weights_and_boards_are_refused_with_the_known_ones(weights, board, message):
    with pytest.raises(ValueError, match=message):
        Surrogate(weights, board)


@pytest.mark.parametrize(
    ("setting", "message"), [({"strategy": "speed"}, "latency, resource"), ({"precision": "ap_ufixed<8,3>"}, "signed")]
)
def test_what_rule4ml_cannot_read_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        Surrogate(**setting)


@pytest.mark.parametrize(
    ("weights", "units", "unlike"),
    [
        ("v1-mlp", (64, 64), []),
        ("v1-mlp", (120, 60, 32), ["a layer of 120 x 60 = 7,200 weights"]),
        ("v1-mlp", (128, 64), ["a layer of 128 x 64 = 8,192 weights"]),
        ("v2-gnn", (128, 128), []),
        ("v2-gnn", (256, 256), ["a layer of 24 x 256 = 6,144 weights", "a layer of 256 x 256 = 65,536 weights"]),
        ("v1-mlp", (8,) * 20, ["21 dense layers"]),
    ],
)
def test_what_a_network_has_that_the_training_had_not(weights, units, unlike):
    surrogate, architecture = Surrogate(weights=weights), Architecture(units)
    assert surrogate.unlike(architecture) == unlike
    assert surrogate.extrapolates(architecture) == bool(unlike)


def test_few_inputs_and_strange_settings_are_extrapolations_too():
    assert Surrogate().unlike(Architecture((8,), n_inputs=3)) == ["3 inputs"]
    strange = Surrogate(precision="ap_fixed<32,8>", reuse_factor=128)
    assert strange.unlike_settings() == ["the reuse factor 128", "the precision ap_fixed<32,8>"]
    assert strange.extrapolates(Architecture((8,)))


def test_the_widest_networks_that_look_cheapest_are_marked():
    surrogate = Surrogate(weights="v2-gnn")
    networks = [Architecture((width, width)) for width in (64, 128, 256, 512)]
    luts = [estimate["lut"] for estimate in surrogate.estimate(networks)]
    assert luts[2] < luts[1]
    assert luts[3] < luts[1]
    assert [surrogate.extrapolates(network) for network in networks] == [False, False, True, True]
    table = costs_table({network.label: network for network in networks}, surrogate, bit_width=8)
    assert table["extrapolated"].tolist() == [False, False, True, True]
    assert list(table.columns)[-2:] == ["extrapolated", "initiation_interval"]
