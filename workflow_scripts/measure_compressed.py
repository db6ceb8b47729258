"""Measure a compressed network on the test examples, by the metrics of the task, and draw its figures."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset, load_weights, read_info
from snacpack.figures.style import save_figure
from snacpack.networks.integers import FixedPointNetwork
from snacpack.tasks.registry import find_task
from snacpack.tasks.task import Examples, measure

params, names = snakemake.params, (snakemake.wildcards.candidate, snakemake.wildcards.scheme)
task, info = find_task(params.task["name"]), read_info(snakemake.input.jets)
x, y = load_dataset(snakemake.input.jets, ("test",))["test"]
weights = load_weights(snakemake.input.jets, ("test",))["test"]
outputs = FixedPointNetwork.load(snakemake.input.fixed_point).outputs(x)
examples = Examples(outputs, y, info, params.task["options"], x, weights)
metrics = measure(task, examples, derive_seed(params.seed, "measure", *names))
for picture, *paths in zip(task.pictures, snakemake.output.png, snakemake.output.svg, strict=True):
    save_figure(picture.draw(examples, " ".join(names)), paths)
write_json({"task": task.name, "metrics": metrics}, snakemake.output.measured)
