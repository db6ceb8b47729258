"""List a candidate's pruning iterations and choose the one that goes to synthesis."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_iteration, compression_metrics, write_metrics
from snacpack.compression.scheme import Scheme
from snacpack.files import write_json

scheme = Scheme.parse(snakemake.wildcards.scheme)
rows = [compression_metrics(Checkpoint.load(path, scheme=scheme)) for path in snakemake.input.checkpoints]
write_metrics(rows, snakemake.output.metrics)
write_json(
    choose_iteration(rows, snakemake.params.target_sparsity, snakemake.params.max_accuracy_loss),
    snakemake.output.chosen,
)
