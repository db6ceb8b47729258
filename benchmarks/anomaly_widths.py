"""Measure how an autoencoder's reconstruction and its use as a detector depend on the width of its hidden layer.

Usage: python benchmarks/anomaly_widths.py [--seeds 8] [--epochs 40]

The data are the handwritten digits of docs/own_data.md; the eights are the signal, and networks are trained on the
other digits. For each width the mean and the spread over the seeds of R² of the background and of the AUC of the
eights, both on validation examples, go to benchmarks/results/anomaly_widths.json. Takes about a minute.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from example_data import write_digits
from machine import describe_machine

from snacpack.config.completion import fill_in
from snacpack.core.files import write_json
from snacpack.data.dataset import load_dataset, load_training, read_info
from snacpack.data.sources.arrays import prepare_arrays
from snacpack.networks.architecture import Architecture
from snacpack.tasks.registry import find_task
from snacpack.tasks.task import Examples, values_over_all
from snacpack.training import predict, train
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe

RESULT = Path(__file__).parent / "results" / "anomaly_widths.json"
WIDTHS = (4, 12, 32, 96)
CONFIG = """
task: {name: anomaly, options: {background: [0, 1, 2, 3, 4, 5, 6, 7, 9], background_rate: 0.05}}
data:
  source: arrays
  normalisation: standard
  arrays: {inputs: images, target: digit}
"""


def measure(folder: Path, seeds: int, epochs: int, threads: int) -> list[dict[str, Any]]:
    """Return a record of each width."""
    config = yaml.safe_load(CONFIG)
    config["data"]["arrays"]["files"] = str(folder / "digits.npz")
    write_digits(folder / "digits.npz")
    config = fill_in(config)
    task = find_task("anomaly")
    options = config["task"]["options"]
    settings = {**config["data"], "background": options["background"]}
    prepare_arrays(settings, seed=1).write(folder / "dataset.h5")
    info, learnt = read_info(folder / "dataset.h5"), load_training(folder / "dataset.h5")
    x, y = load_dataset(folder / "dataset.h5", ("val",))["val"]
    records = []
    for width in WIDTHS:
        network = Architecture((width,), learning_rate=0.005, **task.sizes(info))
        results = train(
            [network] * seeds,
            list(range(seeds)),
            learnt["train"],
            learnt["val"],
            Recipe(epochs, 32, Loss(**task.loss(options))),
            Machine(threads=threads),
        )
        values = []
        for result in results:
            examples = Examples(predict(result.network, x).numpy(), y, info, options, x)
            values.append(values_over_all(task, examples, ["r2", "auc"]))
        found = {name: np.array([value[name] for value in values]) for name in ("r2", "auc")}
        record = {"units": width}
        for name, numbers in found.items():
            record |= {name: round(float(numbers.mean()), 4), f"{name}_spread": round(float(numbers.std(ddof=1)), 4)}
        print(record, flush=True)
        records.append(record)
    return records


def main() -> None:
    """Train, measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        networks = measure(Path(folder), options.seeds, options.epochs, len(os.sched_getaffinity(0)))
    used = {"seeds": options.seeds, "epochs": options.epochs}
    write_json({"machine": describe_machine(), **used, "networks": networks}, RESULT)


if __name__ == "__main__":
    main()
