"""Fine-tune one shard of a generation of compressions and estimate their circuits; one that fails has its reason."""

from snacpack.workflow import start_job

terminal = start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.trials import circuit_costs, compress, trial_seed
from snacpack.data.dataset import load_dataset, load_training, read_info
from snacpack.files import write_json
from snacpack.search.progress import SearchProgress
from snacpack.search.records import read_compressions
from snacpack.tasks.registry import validation_of
from snacpack.training.losses import Loss

wildcards, params, config = snakemake.wildcards, snakemake.params, snakemake.config
generation, shard = int(wildcards.generation), int(wildcards.shard)
trials, compressions = zip(*read_compressions(snakemake.input.offspring)[shard :: params.n_shards], strict=True)
name = f"Compression of {wildcards.candidate}"
progress = SearchProgress(params.progress, config["compression"]["search"], terminal, name=name)
progress.shard_started(generation, shard, trials)


def tell(position, result):
    record = {"trial": trials[position], "label": str(compressions[position].precision)}
    progress.trials_finished(generation, [{**record, "accuracy": result.accuracy, "failure": result.failure}])


jets = load_training(snakemake.input.jets)
compressed = compress(
    Checkpoint.load(snakemake.input.warmup),
    compressions,
    [trial_seed(params.seed, wildcards.candidate, trial) for trial in trials],
    jets,
    params.epochs,
    params.batch_size,
    config["training"]["device"],
    snakemake.threads,
    on_result=tell,
    loss=Loss(**params.get("loss", {})),
)
costs = circuit_costs(compressed, params.clock_period_ns, params.part, snakemake.threads)
fields = ("accuracy", "loss", "epochs", "seconds", "failure")
x_val, y_val = load_dataset(snakemake.input.jets, ("val",))["val"]
validation = validation_of(params, read_info(snakemake.input.jets), y_val, x_val)
records = []
for trial, entry in zip(trials, compressed, strict=True):
    record = {"trial": trial, "seed": entry.seed, **{name: getattr(entry.result, name) for name in fields}}
    if not entry.result.failure:
        record |= validation.values(lambda entry=entry: entry.fixed_point.outputs(x_val))
    records.append(record)
write_json(records, snakemake.output.trials)
write_json([{"trial": trial, **cost} for trial, cost in zip(trials, costs, strict=True)], snakemake.output.estimates)
