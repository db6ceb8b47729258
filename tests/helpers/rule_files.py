"""Files between rules: a checkpoint, a generation of a search."""

import json

import torch

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.network import build_quantized_network
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import Scheme
from snacpack.problems.architectures import Architectures, architecture_search
from snacpack.search.records import (
    check_survivors,
    join_trials,
    proposals,
    read_genomes,
    read_survivors,
)

ARCHITECTURE = Architecture((7, 4), n_inputs=6, n_outputs=3)
SCHEME = "w4a6"
SEARCH = {
    "method": "nsga2",
    "objectives": ["accuracy", "bops"],
    "population": 4,
    "crossover_probability": 0.9,
    "mutation_probability": None,
    "space": {
        "n_layers": [1, 2],
        "units": [[4, 8], [4, 8]],
        "activation": ["relu", "tanh"],
        "batch_norm": [True, False],
        "learning_rate": [0.001],
        "l1": [0.0],
        "dropout": [0.0],
    },
}
RULES = architecture_search(SEARCH, {"n_inputs": 6, "n_outputs": 3}, seed=1)


def checkpoint(architecture=ARCHITECTURE, scheme=SCHEME):
    precision = Scheme.parse(scheme).precision(len(architecture.units) + 1)
    network = build_quantized_network(architecture, precision)
    masks = {name: torch.ones_like(child.weight, dtype=torch.bool) for name, child in dense(network).items()}
    return Checkpoint(architecture, precision, scheme, 0, network.state_dict(), masks, 0.5, [{"epoch": 1}])


def dense(network):
    return {name: child for name, child in network.named_children() if isinstance(child, torch.nn.Linear)}


def write_generation(folder):
    offspring = proposals(RULES.ask(0, [], []), RULES.space, 0)
    numbers = [trial["trial"] for trial in offspring["trials"]]
    trained = [{"trial": n, "accuracy": 0.5, "loss": 1.0, "failure": None, "seconds": 1.0} for n in numbers]
    estimated = [{"trial": n, "bops": 1000 + n} for n in numbers]
    for name, content in (("offspring", offspring), ("trials_00", trained), ("hardware", estimated)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    records = join_trials(folder / "offspring.json", [folder / "trials_00.json"], [folder / "hardware.json"])
    survivors = {"generation": 0, "objectives": SEARCH["objectives"], "survivors": records, "best": records}
    (folder / "survivors.json").write_text(json.dumps(survivors))


def read_generation(folder):
    """All that later jobs read of a generation."""
    Architectures.read(folder / "offspring.json")
    read_genomes([folder / "offspring.json"], RULES.space)
    join_trials(folder / "offspring.json", [folder / "trials_00.json"], [folder / "hardware.json"])
    record = read_survivors(folder / "survivors.json")
    check_survivors(folder / "survivors.json", record, RULES.space)
