"""List a candidate's pruning iterations and choose the one that goes to synthesis."""

from pathlib import Path

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_iteration, compression_metrics, write_metrics
from snacpack.core.files import write_json

scheme, paths = snakemake.wildcards.scheme, snakemake.input.checkpoints
rows = [compression_metrics(Checkpoint.load(path, scheme=scheme)) for path in paths]
write_metrics(rows, snakemake.output.metrics)
chosen = choose_iteration(rows, snakemake.params.target_sparsity, snakemake.params.max_accuracy_loss)
write_json({**chosen, "file": Path(paths[chosen["iteration"]]).name}, snakemake.output.chosen)
