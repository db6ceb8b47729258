import numpy as np
import pytest

from snacpack.architecture import Architecture
from snacpack.hardware.costs import costs_table
from snacpack.hardware.surrogate import Surrogate

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
    together = surrogate.estimate(networks)
    for network, record in zip(networks[::2], together[::2], strict=True):
        (alone,) = surrogate.estimate([network])
        assert record.keys() == alone.keys()
        assert np.allclose([record[key] for key in alone], list(alone.values()), rtol=0, atol=0.011)


def test_dropout_costs_nothing():
    plain, dropout = Architecture((64, 32)), Architecture((64, 32), dropout=0.1)
    estimates = Surrogate().estimate([plain, dropout])
    assert estimates[0] == estimates[1]


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
