"""The Frechet ParticleNet distance (FPND, arXiv:2106.11535), with the weights and statistics of the package jetnet."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from jet_statistics import frechet_distance
from torch import nn

CLASSES = ("g", "q", "t")
"""The classes that jetnet has statistics of."""
N_PARTICLES = 30
N_REFERENCE = 50_000
"""Published jets of a class that the statistics are of."""

_NEIGHBOURS = 16
_WIDTHS = (3, 64, 128, 256)
# Largest absolute etarel, phirel and ptrel, and what is added after dividing by them: JetNet.fpnd_norm of jetnet 0.2.5.
_LARGEST = (1.6211985349655151, 0.520724892616272, 0.8934717178344727)
_SHIFTS = (0.0, 0.0, -0.5)


class ParticleNet(nn.Module):
    """ParticleNet up to the layer whose activations are compared, with jetnet's names of the weights.

    It computes what jetnet's own module computes, which needs torch_geometric and torch_cluster.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edge_nets = nn.ModuleList()
        n_inputs = _WIDTHS[0]
        for width in _WIDTHS[1:]:
            self.edge_nets.append(_EdgeNet(n_inputs, width))
            # Each block's outputs are put beside its inputs.
            n_inputs += width
        self.fc1 = nn.Sequential(nn.Linear(n_inputs, 256))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the activations, ``(n, 256)``, of ``(n, 30, 3)`` normalised etarel, phirel and ptrel."""
        for i, net in enumerate(self.edge_nets):
            neighbours = _nearest(x[:, :, :2] if i == 0 else x)
            x = torch.cat([net(x, neighbours), x], dim=2)
        return self.fc1(x.mean(dim=1))


class _EdgeNet(nn.Module):
    """Messages between neighbours, through three dense layers, and their mean."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n in (2 * n_inputs, width, width):
            layers += [nn.Linear(n, width), nn.BatchNorm1d(width), nn.ReLU()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
        first = self.model[0]
        # The first layer sees a particle and the difference to its neighbour, so it splits into a part of each.
        of_self, of_difference = first.weight.split(x.shape[2], dim=1)
        of_neighbour = x @ of_difference.T
        indices = neighbours.flatten(1)[:, :, None].expand(-1, -1, of_neighbour.shape[2])
        edges = of_neighbour.gather(1, indices).unflatten(1, neighbours.shape[1:])
        edges = edges + (x @ (of_self - of_difference).T + first.bias)[:, :, None]
        return self.model[1:](edges.flatten(0, 2)).view(edges.shape).mean(dim=2)


def _nearest(points: torch.Tensor) -> torch.Tensor:
    """Return the 16 nearest other points, ``(n, particles, 16)``, of points ``(n, particles, dimensions)``."""
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    return distances.topk(_NEIGHBOURS, dim=2, largest=False).indices


def resource_folder() -> Path:
    """Return the folder of jetnet's weights and statistics; the package, which needs many others, is not imported.

    Raises
    ------
    ModuleNotFoundError
        If jetnet is not installed.
    """
    found = find_spec("jetnet")
    if found is None:
        raise ModuleNotFoundError(
            "the package jetnet is not installed, whose ParticleNet the Frechet distance needs: "
            "pip install --no-deps jetnet==0.2.5, or leave the distance out with --no-fpnd"
        )
    return Path(found.submodule_search_locations[0]) / "evaluation" / "fpnd_resources" / "jetnet" / "30_particles"


def load_particle_net() -> ParticleNet:
    """Return ParticleNet with jetnet's weights, in evaluation mode."""
    state = torch.load(resource_folder() / "pnet_state_dict.pt", map_location="cpu", weights_only=True)
    network = ParticleNet()
    # The file names the same weights twice, and has a layer behind the one that is read.
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return network.eval()


@torch.inference_mode()
def activations(network: ParticleNet, particles: np.ndarray, batch_size: int = 128) -> np.ndarray:
    """Return ParticleNet's activations, ``(n, 256)``.

    Parameters
    ----------
    network
        On the device that is to compute.
    particles
        ``(n, 30, 3)`` etarel, phirel and ptrel of the leading constituents, in falling pT, zero padded.
    batch_size
        Jets at a time; each takes 1 MB.
    """
    device = next(network.parameters()).device
    x = torch.as_tensor(particles, dtype=torch.float32) / torch.tensor(_LARGEST) + torch.tensor(_SHIFTS)
    return torch.cat([network(batch.to(device)).cpu() for batch in x.split(batch_size)]).double().numpy()


def fpnd(values: np.ndarray, jet_class: str) -> float:
    """Return the distance of activations ``(n, 256)`` to those of 50,000 published jets of a class (g, q or t)."""
    folder = resource_folder()
    mean, covariance = (np.loadtxt(folder / f"{jet_class}_{name}.txt") for name in ("mu", "sigma"))
    return frechet_distance(values.mean(axis=0), np.cov(values, rowvar=False), mean, covariance)


def fpnd_floor(values: np.ndarray, n_splits: int, rng: np.random.Generator) -> float:
    """Return the distance that as many jets of the published distribution would have on average.

    Parameters
    ----------
    values
        ``(n, 256)`` activations, of simulated jets; n well above 512.
    n_splits
        How often they are dealt out to two halves.
    rng
        Deals them out.

    Notes
    -----
    The distance of samples of one distribution falls as ``1 / n + 1 / m`` with their sizes; it is measured between the
    halves, and scaled to n jets against the 50,000.
    """
    half = len(values) // 2
    distances = []
    for _ in range(n_splits):
        order = rng.permutation(len(values))
        halves = [values[order[:half]], values[order[half : 2 * half]]]
        moments = [moment for part in halves for moment in (part.mean(axis=0), np.cov(part, rowvar=False))]
        distances.append(frechet_distance(*moments))
    return float(np.mean(distances) * (1 / len(values) + 1 / N_REFERENCE) / (2 / half))
