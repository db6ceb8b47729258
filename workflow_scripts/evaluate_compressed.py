"""Measure a candidate's chosen iteration on test jets; write its integers and its QONNX model."""

from pathlib import Path

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.evaluation import evaluate_on_test_jets
from snacpack.core.files import read_json, write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset, load_weights, read_info
from snacpack.synthesis.qonnx import export_qonnx
from snacpack.tasks.registry import find_task, score_on_test
from snacpack.tasks.task import CLASSES

chosen = read_json(snakemake.input.chosen)["file"]
path = next(path for path in snakemake.input.checkpoints if Path(path).name == chosen)
checkpoint = Checkpoint.load(path, scheme=snakemake.wildcards.scheme)
x, y = load_dataset(snakemake.input.jets, ("test",))["test"]
task = snakemake.config["task"]
weights = load_weights(snakemake.input.jets, ("test",))["test"]
# Correct answers are counted where all examples count the same.
counted = find_task(task["name"]).targets == CLASSES and weights is None
result, fixed_point = evaluate_on_test_jets(checkpoint, x, y if counted else None)
if not counted:
    names = (snakemake.wildcards.candidate, snakemake.wildcards.scheme)
    seed = derive_seed(snakemake.config["seed"], "measure", *names)
    info = read_info(snakemake.input.jets)
    result |= score_on_test(task, fixed_point.outputs(x), y, info, seed, x, weights)
export_qonnx(fixed_point, snakemake.output.onnx)
checkpoint.save(snakemake.output.checkpoint)
fixed_point.save(snakemake.output.fixed_point)
write_json(result, snakemake.output.result)
