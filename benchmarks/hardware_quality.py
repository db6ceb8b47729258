"""Measure accuracy and circuit of the paper's compression and of the compression search, over several seeds.

Usage: python benchmarks/hardware_quality.py [results/quick] [--candidate NAME] [--seeds 3] [--threads 2]

Takes the jets and a candidate of a finished run and repeats all trainings, on the same jets, with config/config.yaml.
Each seed gives these rows, all measured on the same test jets and synthesised by the same open backend:

- baseline, float: the uncompressed baseline, trained as the search trains its networks;
- baseline, float, long: the same, trained for LONG_EPOCHS;
- baseline, w8a8: the paper's compression of the baseline, 8 bits and the iteration nearest to 50% sparsity;
- candidate, w8a8: the same of the candidate;
- candidate, search: the smallest circuit of the compression search that reaches the baseline's validation accuracy;
- candidate, search, long: the one that reaches the longer trained baseline's.

A table is printed and written to benchmarks/results/hardware_quality.json, and a figure is drawn,
docs/images/hardware_quality.png.
"""

import argparse
import copy
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import yaml
from machine import describe_machine

from snacpack import training
from snacpack.compression.checkpoint import Checkpoint
from snacpack.compression.choice import choose_finalist, choose_iteration, compression_metrics, finalist_metrics
from snacpack.compression.evaluation import evaluate_on_test_jets
from snacpack.compression.pruning import prune, warm_up
from snacpack.compression.trials import circuit_costs, compress, refinement_seed, trial_seed
from snacpack.core.files import read_json, write_json
from snacpack.core.seeds import derive_seed
from snacpack.data.dataset import load_dataset
from snacpack.figures.style import figure_style, save_figure
from snacpack.networks.architecture import Architecture
from snacpack.networks.scheme import MIXED, Scheme
from snacpack.problems.architectures import training_seed
from snacpack.problems.compressions import Compressions, compression_search, compressions_of
from snacpack.search.records import trials_table
from snacpack.search.selection import select_finalists
from snacpack.synthesis.mapping import count_resources, map_circuit
from snacpack.synthesis.rtl import build_rtl
from snacpack.tasks.intervals import wilson_interval
from snacpack.training.fit import predict
from snacpack.training.recipe import Machine, Recipe

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "hardware_quality.json"
FIGURE = ROOT / "docs" / "images" / "hardware_quality.png"
LONG_EPOCHS = 20
LOOKS = {
    "baseline, w8a8": ("#999999", "s"),
    "candidate, w8a8": ("#D55E00", "^"),
    "candidate, search": ("#0072B2", "o"),
    "candidate, search, long": ("#009E73", "D"),
}


@dataclass
class Bench:
    """The configuration, jets and networks that all treatments share."""

    config: dict[str, Any]
    jets: dict[str, Any]
    threads: int
    seed: int

    @property
    def circuit(self) -> dict[str, Any]:
        """The FPGA and the clock."""
        return {name: self.config["synthesis"][name] for name in ("part", "clock_period_ns")}

    def accuracy(self, logits: np.ndarray) -> dict[str, float]:
        """Return test accuracy and its 68% interval."""
        y = self.jets["test"][1]
        correct = int((logits.argmax(1) == y).sum())
        low, high = wilson_interval(correct, len(y))
        return {"accuracy": correct / len(y), "accuracy_low": low, "accuracy_high": high}

    def float_row(self, name: str, architecture: Architecture, epochs: int) -> tuple[dict[str, Any], float]:
        """Train without compression; return the row and the validation accuracy."""
        recipe = Recipe(epochs, self.config["training"]["batch_size"])
        seed = training_seed(self.seed, "baseline")
        (result,) = training.train([architecture], [seed], self.jets["train"], self.jets["val"], recipe)
        row = self.accuracy(predict(result.network, self.jets["test"][0]).numpy())
        return {"treatment": name, "seed": self.seed, "epochs": epochs, **row}, result.accuracy

    def circuit_row(self, name: str, checkpoint: Checkpoint, **more: Any) -> dict[str, Any]:
        """Synthesise a compressed network and return its row."""
        x, y = self.jets["test"]
        result, fixed_point = evaluate_on_test_jets(checkpoint, x, y)
        low, high = wilson_interval(result["test_correct"], result["n_test"])
        start = perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            circuit = build_rtl(fixed_point, Path(folder) / "rtl", **self.circuit)
            mapped = map_circuit(Path(folder) / "rtl", self.circuit["part"], Path(folder) / "reports", self.threads)
        return {
            "treatment": name,
            "seed": self.seed,
            "accuracy": result["test_accuracy"],
            "accuracy_low": low,
            "accuracy_high": high,
            "validation_accuracy": result["validation_accuracy"],
            "sparsity": result["sparsity"],
            "precision": str(checkpoint.precision),
            **count_resources(mapped[0]),
            "cycles": circuit.stages,
            "da4ml_lut": circuit.estimated_lut,
            "da4ml_ff": circuit.estimated_ff,
            "synthesis_seconds": round(perf_counter() - start, 1),
            "tools": f"da4ml {circuit.da4ml}, {mapped[1].name}",
            **more,
        }

    def magnitude(self, name: str, architecture: Architecture, model: str) -> dict[str, Any]:
        """Compress as the paper does, with the config's first scheme."""
        settings = self.config["compression"]
        scheme = settings["schemes"][0]
        precision = Scheme.parse(scheme).precision(len(architecture.units) + 1)
        recipe = Recipe(settings["warmup_epochs"], settings["batch_size"])
        seed = derive_seed(self.seed, "warm_up", model, scheme)
        start = warm_up(architecture, precision, scheme, self.jets, recipe, seed, model)
        checkpoints = [start]
        for iteration in range(1, settings["iterations"] + 1):
            seed = derive_seed(self.seed, "prune", model, scheme, iteration)
            recipe, share = replace(recipe, epochs=settings["epochs_per_iteration"]), settings["pruned_per_iteration"]
            checkpoints.append(prune(start, checkpoints[-1], self.jets, share, recipe, seed, model))
        rows = [compression_metrics(checkpoint) for checkpoint in checkpoints]
        chosen = choose_iteration(rows, settings["target_sparsity"], settings["max_accuracy_loss"])
        return self.circuit_row(name, checkpoints[chosen["iteration"]])

    def search(
        self, architecture: Architecture, model: str, targets: Mapping[str, float]
    ) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """Run a compression search; yield for each target the row of what it chooses, and all trials."""
        begin = perf_counter()
        settings = self.config["compression"]["search"]
        precision = Scheme.parse(settings["start"]).precision(len(architecture.units) + 1)
        batch_size, seed = self.config["compression"]["batch_size"], derive_seed(self.seed, "warm_up", model, MIXED)
        start = warm_up(
            architecture, precision, MIXED, self.jets, Recipe(settings["warmup_epochs"], batch_size), seed, model
        )
        table = self._trials(start, architecture, model)
        searched = perf_counter() - begin
        for name, minimum in targets.items():
            cost = next(objective for objective in settings["objectives"] if objective != "accuracy")
            trials = select_finalists(table, cost, minimum, settings["finalists"])
            seeds = [refinement_seed(self.seed, model, trial) for trial in trials]
            chosen_from = compress(
                start,
                compressions_of(table, trials),
                seeds,
                self.jets,
                Recipe(settings["final_epochs"], batch_size),
                Machine(threads=self.threads),
            )
            rows = finalist_metrics(
                trials, chosen_from, circuit_costs(chosen_from, **self.circuit, threads=self.threads)
            )
            chosen = choose_finalist(rows, cost, minimum)
            number = chosen["iteration"]
            more = {
                "min_accuracy": minimum,
                "reached_on_validation": chosen["reached"],
                "search_seconds": round(searched, 1),
            }
            yield self.circuit_row(name, chosen_from[number].checkpoint(start, number), **more), table

    def _trials(self, start: Checkpoint, architecture: Architecture, model: str) -> pd.DataFrame:
        settings = self.config["compression"]["search"]
        rules = compression_search(settings, architecture, derive_seed(self.seed, "compression", model))
        survivors, trials = [], []
        for generation in range(settings["trials"] // settings["population"]):
            genomes = rules.ask(generation, survivors, [trial["genome"] for trial in trials])
            numbers = range(len(trials), len(trials) + len(genomes))
            compressed = compress(
                start,
                [rules.space.decode(genome) for genome in genomes],
                [trial_seed(self.seed, model, number) for number in numbers],
                self.jets,
                Recipe(settings["epochs"], self.config["compression"]["batch_size"]),
                Machine(threads=self.threads),
            )
            costs = circuit_costs(compressed, **self.circuit, threads=self.threads)
            fields = ("accuracy", "loss", "epochs", "failure")
            new = [
                {
                    "trial": number,
                    "generation": generation,
                    "genome": list(genome),
                    "seed": entry.seed,
                    **entry.compression.to_dict(),
                    **{name: getattr(entry.result, name) for name in fields},
                    **cost,
                }
                for number, genome, entry, cost in zip(numbers, genomes, compressed, costs, strict=True)
            ]
            trials += new
            survivors = rules.tell(survivors, new)
            print(f"  seed {self.seed}: generation {generation} of the compression search", flush=True)
        return trials_table(Compressions, trials, settings["objectives"])


def rows_of_seed(bench: Bench, candidate: str, architectures: Mapping[str, Architecture]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a seed."""
    baseline, ours = architectures["baseline"], architectures[candidate]
    row, short_accuracy = bench.float_row("baseline, float", baseline, bench.config["training"]["epochs"])
    yield row
    row, long_accuracy = bench.float_row("baseline, float, long", baseline, LONG_EPOCHS)
    yield row
    yield bench.magnitude("baseline, w8a8", baseline, "baseline")
    yield bench.magnitude("candidate, w8a8", ours, candidate)
    targets = {"candidate, search": short_accuracy, "candidate, search, long": long_accuracy}
    chosen = list(bench.search(ours, candidate, targets))
    yield from (row for row, _ in chosen)
    table = chosen[0][1]
    front = table[table["pareto"]].sort_values("lut")
    yield {
        "treatment": "front",
        "seed": bench.seed,
        "trials": [
            {"validation_accuracy": float(row.accuracy), "lut": int(row.lut)} for row in front.itertuples(index=False)
        ],
    }


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each treatment with a circuit its mean and range over seeds, and its LUTs against the baseline's."""
    table = pd.DataFrame([row for row in rows if "lut" in row])
    floats = pd.DataFrame([row for row in rows if row["treatment"].startswith("baseline, float")])
    reference = table[table["treatment"] == "baseline, w8a8"].set_index("seed")
    summary = []
    for name, group in table.groupby("treatment", sort=False):
        group = group.set_index("seed")
        uncompressed = "baseline, float, long" if name.endswith("long") else "baseline, float"
        limit = floats[floats["treatment"] == uncompressed].set_index("seed")
        fewer, own = reference["lut"] / group["lut"], table[table["treatment"] == "candidate, w8a8"].set_index("seed")
        summary.append(
            {
                "treatment": name,
                "seeds": len(group),
                **{f"mean_{column}": float(group[column].mean()) for column in ("accuracy", "lut", "ff", "cycles")},
                **{f"lowest_{column}": float(group[column].min()) for column in ("accuracy", "lut", "cycles")},
                **{f"highest_{column}": float(group[column].max()) for column in ("accuracy", "lut", "cycles")},
                "dsp": int(group["dsp"].max()),
                "bram": int(group["bram"].max()),
                "times_fewer_lut": float(fewer.mean()),
                "least_times_fewer_lut": float(fewer.min()),
                "times_fewer_lut_than_candidate_w8a8": float((own["lut"] / group["lut"]).mean()),
                "not_below_interval_of_uncompressed": int((group["accuracy"] >= limit["accuracy_low"]).sum()),
                "compared_with": uncompressed,
            }
        )
    return summary


def draw(rows: list[dict[str, Any]]) -> None:
    """Draw accuracy against LUTs of all circuits, the searches' fronts, and the uncompressed baseline's band."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
        for name, (colour, marker) in LOOKS.items():
            points = [row for row in rows if row["treatment"] == name]
            accuracy = np.array([[row[k] for k in ("accuracy_low", "accuracy", "accuracy_high")] for row in points])
            accuracy *= 100
            errors = [accuracy[:, 1] - accuracy[:, 0], accuracy[:, 2] - accuracy[:, 1]]
            luts = [row["lut"] for row in points]
            axes.errorbar(luts, accuracy[:, 1], errors, fmt=marker, color=colour, capsize=2, label=name, zorder=3)
        for row in rows:
            if row["treatment"] == "front":
                luts, values = zip(
                    *[(trial["lut"], 100 * trial["validation_accuracy"]) for trial in row["trials"]], strict=True
                )
                label = (
                    "front of the search's short trials\n(da4ml's LUTs, validation jets)"
                    if row["seed"] == rows[0]["seed"]
                    else None
                )
                axes.plot(luts, values, color="#56B4E9", linewidth=0.8, label=label, zorder=1)
        floats = [row for row in rows if row["treatment"] == "baseline, float"]
        low, high = (100 * np.mean([row[key] for row in floats]) for key in ("accuracy_low", "accuracy_high"))
        axes.axhspan(low, high, color="#dddddd", zorder=0, label="uncompressed baseline, 68%")
        axes.set(xscale="log", xlabel="LUTs (Yosys)", ylabel="Accuracy on test jets (%)", ylim=(low - 3, None))
        axes.legend(fontsize=8, loc="lower right")
        save_figure(figure, [FIGURE])


def main() -> None:
    """Run all treatments for all seeds, write and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "results" / "quick")
    parser.add_argument("--candidate", help="of the run; the first selected if left out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    jets = load_dataset(arguments.run / "data" / "jets.h5", ("train", "val", "test"))
    selected = read_json(arguments.run / "candidates" / "selected.json")["candidates"]
    candidate = arguments.candidate or selected[0]["name"]
    names = ("baseline", candidate)
    architectures = {
        name: Architecture.from_dict(read_json(arguments.run / "candidates" / name / "architecture.json"))
        for name in names
    }
    rows: list[dict[str, Any]] = []
    for seed in range(1, arguments.seeds + 1):
        for row in rows_of_seed(Bench(copy.deepcopy(config), jets, arguments.threads, seed), candidate, architectures):
            rows.append(row)
            if row["treatment"] != "front":
                print({k: v for k, v in row.items() if k not in ("tools", "precision")}, flush=True)
    summary = summarise(rows)
    print(pd.DataFrame(summary).to_string())
    result = {
        "machine": describe_machine(),
        "jets": {name: len(y) for name, (_, y) in jets.items()},
        "candidate": {"name": candidate, "architecture": architectures[candidate].to_dict()},
        "compression": config["compression"],
        "rows": rows,
        "summary": summary,
    }
    write_json(result, RESULT)
    draw(rows)


if __name__ == "__main__":
    main()
