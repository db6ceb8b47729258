"""Train one trial of a finished search again, alone, and compare it with what the search recorded."""

from snacpack.run.workflow import start_job

terminal = start_job(snakemake)

import pandas as pd

from snacpack.core.files import read_table, write_json
from snacpack.data.dataset import load_training
from snacpack.problems.architectures import architecture_of
from snacpack.training import Machine, Recipe, Watch, train
from snacpack.training.losses import Loss

number = int(snakemake.wildcards.trial)
trials = read_table(snakemake.input.trials, float_precision="round_trip").set_index("trial")
if number not in trials.index:
    raise ValueError(f"{snakemake.input.trials} has no trial {number}; it has 0 to {trials.index.max()}")
trial = trials.loc[number]
jets = load_training(snakemake.input.jets, snakemake.params.get("class_weights"))
(result,) = train(
    [architecture_of(trial, snakemake.params.sizes)],
    [int(trial["seed"])],
    jets["train"],
    jets["val"],
    Recipe(**snakemake.params.training, loss=Loss(**snakemake.params.get("loss", {}))),
    Machine(snakemake.config["training"]["device"]),
    Watch(on_epoch=lambda position, record: print(record, flush=True)),
)
recorded = {name: None if pd.isna(trial[name]) else trial[name].item() for name in ("accuracy", "loss")}
trained = {"accuracy": result.accuracy, "loss": result.loss}
if trained != recorded:
    raise RuntimeError(
        f"trial {number} gave {trained} now and {recorded} in the search; the same code on the same kind of processor "
        "gives the same: compare 'run_with' in provenance.json with the beginning of this log, and see whether one of "
        "them ran on a GPU"
    )
terminal.write(f"Trial {number}, {trial['architecture']}: accuracy {result.accuracy}, as the search recorded\n")
write_json({"trial": number, "seed": int(trial["seed"]), **trained}, snakemake.output.rerun)
