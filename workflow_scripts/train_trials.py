"""Train one shard of a generation; a network that fails is recorded with its reason."""

from snacpack.workflow import start_job

start_job(snakemake)

from tqdm import tqdm

from snacpack.files import write_json
from snacpack.jets.dataset import load_jets
from snacpack.search.records import read_proposals, training_seed
from snacpack.training import train

jets = load_jets(snakemake.input.jets, ("train", "val"))
shard = read_proposals(snakemake.input.offspring)[int(snakemake.wildcards.shard) :: snakemake.params.n_shards]
records = []
for trial, architecture in (bar := tqdm(shard, unit="network")):
    seed = training_seed(snakemake.params.seed, trial)
    result = train(architecture, jets["train"], jets["val"], **snakemake.params.training, seed=seed)
    bar.write(f"trial {trial}, {architecture.label}: {result.failure or f'accuracy {result.accuracy:.4f}'}")
    fields = ("accuracy", "loss", "epochs", "seed", "seconds", "failure")
    records.append({"trial": trial, **{name: getattr(result, name) for name in fields}})
write_json(records, snakemake.output.trials)
