"""Train one model in floating point, as the search did, and measure it on the test jets."""

from snacpack.run.workflow import start_job

start_job(snakemake)

import io

import torch

from snacpack.core.files import read_json, whole_file, write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset, load_training, load_weights, read_info
from snacpack.networks.architecture import Architecture
from snacpack.problems.architectures import training_seed
from snacpack.search.selection import chosen_candidate
from snacpack.tasks.registry import score_on_test, validation_of
from snacpack.training import Machine, Recipe, Watch, predict, train
from snacpack.training.losses import Loss

jets = load_training(snakemake.input.jets, snakemake.params.get("class_weights"))
measured, weights = (load(snakemake.input.jets, ("val", "test")) for load in (load_dataset, load_weights))
architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
network = snakemake.wildcards.candidate
# A chosen trial is trained as the search trained it.
if snakemake.input.selected:
    network = chosen_candidate(read_json(snakemake.input.selected), network)["trial"]
seed = training_seed(snakemake.params.seed, network)
(result,) = train(
    [architecture],
    [seed],
    jets["train"],
    jets["val"],
    Recipe(**snakemake.params.training, loss=Loss(**snakemake.params.get("loss", {}))),
    Machine(snakemake.config["training"]["device"]),
    Watch(on_epoch=lambda position, record: print(record, flush=True)),
)
if result.failure:
    raise RuntimeError(
        f"{snakemake.wildcards.candidate} could not be trained: {result.failure}; "
        "if it is a reference, change its learning_rate under 'references' in the config"
    )
info, (x_test, y_test) = read_info(snakemake.input.jets), measured["test"]
outputs = predict(result.network, x_test).numpy()
measuring = derive_seed(snakemake.params.seed, "measure", snakemake.wildcards.candidate)
metrics = {
    "validation_accuracy": result.accuracy,
    "loss": result.loss,
    **score_on_test(snakemake.config["task"], outputs, y_test, info, measuring, x_test, weights["test"]),
    "epochs": result.epochs,
    "seed": result.seed,
    "history": result.history,
}
x_val, y_val = measured["val"]
validation = validation_of(snakemake.params, info, y_val, x_val, weights["val"])
metrics |= validation.values(lambda: predict(result.network, x_val).numpy())
# torch.save itself would put the temporary file's name into the file, and not say when the disk is full.
weights = io.BytesIO()
torch.save(result.network.state_dict(), weights)
with whole_file(snakemake.output.weights) as path:
    path.write_bytes(weights.getvalue())
write_json(metrics, snakemake.output.metrics)
