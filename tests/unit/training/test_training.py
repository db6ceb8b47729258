import numpy as np
import pytest
import torch
from torch import nn

from snacpack.networks.architecture import Architecture
from snacpack.training import build_network, train, weight_matrices
from snacpack.training.recipe import Recipe


@pytest.fixture(scope="module")
def jets():
    """Two well separated pairs of blobs and one between them: learnable, not trivial."""
    random = np.random.default_rng(0)
    y = random.integers(0, 5, 3000)
    x = random.normal(size=(3000, 24)).astype(np.float32) * 0.5
    x[np.arange(3000), y] += 2
    return (x[:2000], y[:2000]), (x[2000:], y[2000:])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize(("batch_norm", "dropout"), [(True, 0.1), (False, 0.0)])
def test_learns_what_can_be_learnt(jets, activation, batch_norm, dropout):
    architecture = Architecture((32, 16), activation, batch_norm, learning_rate=0.01, dropout=dropout, l1=1e-6)
    (result,) = train([architecture], [1], *jets, Recipe(5, 64))
    assert result.failure is None
    assert result.accuracy > 0.8
    assert [record["epoch"] for record in result.history] == [1, 2, 3, 4, 5]


def test_the_seed_decides(jets):
    architecture = Architecture((16,), dropout=0.1)
    runs = train([architecture] * 3, [1, 1, 2], *jets, Recipe(2, 64))
    assert runs[0].history == runs[1].history
    assert runs[0].history != runs[2].history


def test_other_users_of_random_numbers_are_left_alone(jets):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    train([Architecture((4,))], [1], *jets, Recipe(1, 500))
    assert torch.equal(torch.rand(3), expected)


def test_divergence_is_recorded_with_its_reason(jets):
    (result,) = train([Architecture((16,), learning_rate=1e30)], [1], *jets, Recipe(3, 64))
    assert result.accuracy is None
    assert result.loss is None
    assert "learning rate" in result.failure


def test_a_last_batch_of_one_jet_is_survived(jets):
    (x, y), validation = jets
    (result,) = train([Architecture((8,), batch_norm=True)], [1], (x[:129], y[:129]), validation, Recipe(1, 64))
    assert result.failure is None


def test_l1_shrinks_the_weights(jets):
    size = {}
    for l1 in (0.0, 1e-2):
        (result,) = train([Architecture((16,), learning_rate=0.01, l1=l1)], [1], *jets, Recipe(4, 64))
        size[l1] = sum(weight.abs().sum().item() for weight in weight_matrices(result.network))
    assert size[1e-2] < 0.5 * size[0.0]


def test_one_step_is_adam_on_cross_entropy_with_l1():
    """A single step against the textbook's formula, written out."""
    random = np.random.default_rng(1)
    x, y = random.normal(size=(64, 24)).astype(np.float32), random.integers(0, 5, 64)
    architecture = Architecture((6,), "tanh", learning_rate=0.01, l1=0.05)
    torch.manual_seed(3)
    reference = build_network(architecture).double()
    logits = reference(torch.tensor(x, dtype=torch.double))
    loss = -torch.log_softmax(logits, dim=1)[torch.arange(64), torch.tensor(y)].mean()
    loss = loss + 0.05 * sum(module.weight.abs().sum() for module in reference if isinstance(module, nn.Linear))
    loss.backward()
    # Adam's first step moves every parameter by the learning rate against its gradient's sign.
    expected = [p - 0.01 * p.grad / (p.grad.abs() + 1e-8) for p in reference.parameters()]
    (result,) = train([architecture], [3], (x, y), (x, y), Recipe(1, 64))
    for parameter, value in zip(result.network.parameters(), expected, strict=True):
        assert torch.allclose(parameter.double(), value, atol=1e-4)


def test_the_layers_are_the_architectures():
    network = build_network(Architecture((8, 4), "sigmoid", batch_norm=True, dropout=0.1))
    kinds = [type(module).__name__ for module in network]
    hidden = ["Linear", "BatchNorm1d", "Sigmoid", "Dropout"]
    assert kinds == [*hidden, *hidden, "Linear"]
    assert network(torch.zeros(2, 24)).shape == (2, 5)


@pytest.mark.parametrize(("activation", "least"), [("relu", 0.2), ("tanh", 0.2), ("sigmoid", 0.02)])
def test_a_signal_reaches_the_end_of_eight_layers(activation, least):
    """With PyTorch's default weights a thousandth of it does."""
    torch.manual_seed(0)
    x = torch.randn(500, 24)
    networks = [build_network(Architecture((64,) * n_layers, activation)) for n_layers in (1, 8)]
    spread = [network(x).std(dim=0).mean().item() for network in networks]
    assert least < spread[1] / spread[0] < 5
