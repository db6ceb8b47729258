"""Train the finalists of a compression search on, and choose the smallest circuit that is accurate enough."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_finalist, finalist_metrics, write_metrics
from snacpack.compression.trials import circuit_costs, compress, refinement_seed
from snacpack.core.files import read_json, read_table, write_json
from snacpack.data.dataset import load_dataset, load_training, load_weights, read_info
from snacpack.problems.compressions import compressions_of
from snacpack.search.selection import required_accuracy, select_finalists
from snacpack.tasks.registry import validation_of
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe, Watch

params = snakemake.params
reference = read_json(snakemake.input.reference) if snakemake.input.reference else None
minimum = required_accuracy(params.min_accuracy, reference)
table = read_table(snakemake.input.trials)
trials = select_finalists(table, params.cost, minimum, params.finalists)
start = Checkpoint.load(snakemake.input.warmup)
jets = load_training(snakemake.input.jets, params.get("class_weights"))
compressed = compress(
    start,
    compressions_of(table, trials),
    [refinement_seed(params.seed, snakemake.wildcards.candidate, trial) for trial in trials],
    jets,
    Recipe(params.epochs, params.batch_size, Loss(**params.get("loss", {}))),
    Machine(snakemake.config["training"]["device"], snakemake.threads),
    Watch(on_result=lambda position, result: print(f"trial {trials[position]}: {result.failure or result.accuracy}")),
)
costs = circuit_costs(compressed, params.clock_period_ns, params.part, snakemake.threads)
x_val, y_val = load_dataset(snakemake.input.jets, ("val",))["val"]
weights = load_weights(snakemake.input.jets, ("val",))["val"]
validation = validation_of(params, read_info(snakemake.input.jets), y_val, x_val, weights)
rows = finalist_metrics(trials, compressed, costs)
for row, entry in zip(rows, compressed, strict=True):
    told = {} if entry.result.failure else validation.values(lambda entry=entry: entry.fixed_point.outputs(x_val))
    row |= {name: told.get(name) for name in validation.names}
chosen = choose_finalist(rows, params.cost, minimum)
write_metrics(rows, snakemake.output.metrics)
number = chosen["iteration"]
compressed[number].checkpoint(start, number).save(snakemake.output.checkpoint)
write_json({**chosen, "file": "refined.pt"}, snakemake.output.chosen)
