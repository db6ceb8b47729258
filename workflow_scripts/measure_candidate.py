"""Measure one model in floating point on the test examples, by the metrics of the task."""

from snacpack.run.workflow import start_job

start_job(snakemake)

import torch

from snacpack.core.files import read_json, write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset, load_weights, read_info
from snacpack.networks.architecture import Architecture
from snacpack.tasks.registry import find_task
from snacpack.tasks.task import Examples, measure
from snacpack.training import build_network, predict

params = snakemake.params
task, info = find_task(params.task["name"]), read_info(snakemake.input.jets)
network = build_network(Architecture.from_dict(read_json(snakemake.input.architecture)))
network.load_state_dict(torch.load(snakemake.input.weights, map_location="cpu", weights_only=True))
x, y = load_dataset(snakemake.input.jets, ("test",))["test"]
weights = load_weights(snakemake.input.jets, ("test",))["test"]
examples = Examples(predict(network, x).detach().numpy(), y, info, params.task["options"], x, weights)
seed = derive_seed(params.seed, "measure", snakemake.wildcards.candidate)
write_json({"task": task.name, "metrics": measure(task, examples, seed)}, snakemake.output.measured)
