"""Train one shard of a generation; a network that fails is recorded with its reason."""

from snacpack.workflow import start_job

terminal = start_job(snakemake)

from snacpack.data.dataset import load_dataset, load_training, read_info
from snacpack.files import write_json
from snacpack.search.progress import SearchProgress
from snacpack.search.records import read_proposals, training_seed
from snacpack.tasks.registry import validation_of
from snacpack.training import predict, train
from snacpack.training.losses import Loss

jets = load_training(snakemake.input.jets)
x_val, y_val = load_dataset(snakemake.input.jets, ("val",))["val"]
validation = validation_of(snakemake.params, read_info(snakemake.input.jets), y_val, x_val)
generation, shard = int(snakemake.wildcards.generation), int(snakemake.wildcards.shard)
trials, architectures = zip(*read_proposals(snakemake.input.offspring)[shard :: snakemake.params.n_shards], strict=True)
progress = SearchProgress(snakemake.params.progress, snakemake.config["search"], terminal)
progress.shard_started(generation, shard, trials)


def tell(position, result):
    record = {"trial": trials[position], "label": architectures[position].label}
    progress.trials_finished(generation, [{**record, "accuracy": result.accuracy, "failure": result.failure}])


results = train(
    architectures,
    [training_seed(snakemake.params.seed, trial) for trial in trials],
    jets["train"],
    jets["val"],
    **snakemake.params.training,
    loss=Loss(**snakemake.params.get("loss", {})),
    # Not among the parameters: what began on a GPU may go on on a CPU.
    device=snakemake.config["training"]["device"],
    threads=snakemake.threads,
    on_epoch=lambda position, record: print(f"trial {trials[position]}: {record}", flush=True),
    on_result=tell,
)
fields = ("accuracy", "loss", "epochs", "seed", "seconds", "failure")
records = []
for trial, result in zip(trials, results, strict=True):
    record = {"trial": trial, **{name: getattr(result, name) for name in fields}}
    if not result.failure:
        record |= validation.values(lambda network=result.network: predict(network, x_val).numpy())
    records.append(record)
write_json(records, snakemake.output.trials)
