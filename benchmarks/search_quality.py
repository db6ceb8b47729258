"""Measure what NSGA-II finds against random search with as many trainings, over several seeds.

Usage: python benchmarks/search_quality.py [results/quick/data/jets.h5] [--seeds 10] [--trials 256] [--threads 2]

Both methods search as the workflow does with config/config.yaml, trainings and estimates included, and begin with the
same generation. The hypervolume (see docs/method.md) and the best validation accuracy after each generation
are compared seed by seed. A table is printed and written to benchmarks/results/search_quality.json, a
figure to docs/images/search_quality.png.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from machine import describe_machine

from snacpack import training
from snacpack.core.files import write_json
from snacpack.data.dataset import load_dataset
from snacpack.data.sources import describe_source
from snacpack.figures.style import figure_style, save_figure
from snacpack.hardware.costs import estimate_costs
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture
from snacpack.problems.architectures import architecture_search, training_seed
from snacpack.search.hypervolume import limiting_architectures, reached_by_generation, search_limits
from snacpack.search.nsga2 import METHODS

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "search_quality.json"
FIGURE = ROOT / "docs" / "images" / "search_quality.png"
MEASURES = {"hypervolume": "Hypervolume", "best_accuracy": "Best validation accuracy"}
LOOKS = {"nsga2": ("NSGA-II", "#0072B2", "o"), "random": ("random search", "#D55E00", "s")}


class Evaluator:
    """Trains and estimates a generation; what was trained before, the first one, is not trained again.

    Parameters
    ----------
    config
        The whole configuration.
    jets
        Prepared jets of the splits ``train`` and ``val``.
    threads
        Cores that a generation is trained on.
    """

    def __init__(self, config: dict[str, Any], jets: dict[str, Any], threads: int) -> None:
        self.config, self.jets, self.threads = config, jets, threads
        self.surrogate = Surrogate(**config["hardware"]["surrogate"])
        self.sizes = describe_source(config).sizes
        self._trained: dict[tuple, list[dict[str, Any]]] = {}

    def costs(self, architectures: Sequence[Architecture]) -> list[dict[str, Any]]:
        """Return the cost objectives of each architecture."""
        return estimate_costs(architectures, self.surrogate, self.config["hardware"]["bit_width"])

    def __call__(self, seed: int, first: int, architectures: Sequence[Architecture]) -> list[dict[str, Any]]:
        """Return accuracy, failure and cost objectives of trials ``first``, ``first + 1``, ... of a run."""
        key = (seed, first, tuple(architectures))
        if key not in self._trained:
            seeds = [training_seed(seed, first + i) for i in range(len(architectures))]
            recipe = training.Recipe(**{name: self.config["training"][name] for name in ("epochs", "batch_size")})
            machine = training.Machine(threads=self.threads)
            results = training.train(architectures, seeds, *self.jets.values(), recipe, machine)
            self._trained[key] = [{"accuracy": result.accuracy, "failure": result.failure} for result in results]
        return [{**a, **b} for a, b in zip(self._trained[key], self.costs(architectures), strict=True)]


def run_search(config: dict[str, Any], method: str, seed: int, evaluate: Evaluator) -> list[dict[str, Any]]:
    """Return all trials of a search."""
    settings = {**config["search"], "method": method}
    search = architecture_search(settings, evaluate.sizes, seed=seed)
    survivors, trials = [], []
    for generation in range(settings["trials"] // settings["population"]):
        genomes = search.ask(generation, survivors, [trial["genome"] for trial in trials])
        results = evaluate(seed, len(trials), [search.space.decode(genome) for genome in genomes])
        new = [
            {"trial": len(trials) + i, "generation": generation, "genome": list(genome), **result}
            for i, (genome, result) in enumerate(zip(genomes, results, strict=True))
        ]
        trials += new
        survivors = search.tell(survivors, new)
    return trials


def bootstrap(values: np.ndarray, level: float, n: int = 20000) -> list[float]:
    """Return the interval of the mean of (n_seeds,) values that holds ``level`` of its bootstrap distribution."""
    draws = np.random.default_rng(0).choice(values, size=(n, len(values))).mean(axis=1)
    return np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]).round(6).tolist()


def chance(differences: np.ndarray, n: int = 20000) -> float:
    """Return how often a mean difference as large arises if its sign is random for every seed (two-sided)."""
    if len(differences) <= 14:
        signs = np.array(list(product([1, -1], repeat=len(differences))))
    else:
        signs = np.random.default_rng(0).choice([1, -1], size=(n, len(differences)))
    means = (signs * differences).mean(axis=1)
    return float((abs(means) >= abs(differences.mean()) - 1e-12).mean())


def compare(table: pd.DataFrame, measure: str) -> list[dict[str, Any]]:
    """Return for each number of trials both methods' means and the difference by seed, with intervals."""
    rows = []
    for n_trials, group in table.groupby("trials"):
        values = group.pivot(index="seed", columns="method", values=measure)
        differences = (values["nsga2"] - values["random"]).to_numpy()
        rows.append(
            {
                "trials": int(n_trials),
                **{f"mean_{method}": round(float(values[method].mean()), 6) for method in METHODS},
                **{f"interval68_{method}": bootstrap(values[method].to_numpy(), 0.68) for method in METHODS},
                "mean_difference": round(float(differences.mean()), 6),
                "interval68_difference": bootstrap(differences, 0.68),
                "interval95_difference": bootstrap(differences, 0.95),
                "seeds_ahead": int((differences > 0).sum()),
                "chance": round(chance(differences), 5),
            }
        )
    return rows


def verdict(rows: Sequence[dict[str, Any]], measure: str, n_seeds: int) -> str:
    """Say in a sentence who is better after the last trial, and whether that could be chance."""
    last = rows[-1]
    low, high = last["interval95_difference"]
    if 2 ** (1 - n_seeds) >= 0.05:
        words = "too few seeds to tell from chance"
    elif last["chance"] >= 0.05:
        words = "the methods do not differ beyond chance"
    else:
        words = f"{'NSGA-II' if last['mean_difference'] > 0 else 'random search'} is better beyond chance"
    text = (
        f"{MEASURES[measure]} after {last['trials']} trials: {words} (difference {last['mean_difference']:+.4f}, "
        f"95% interval {low:+.4f} to {high:+.4f}, NSGA-II ahead with {last['seeds_ahead']} of {n_seeds} seeds, "
        f"by chance in {100 * last['chance']:.1f}% of cases)."
    )
    sooner = [row["trials"] for row in rows if row["mean_nsga2"] >= last["mean_random"]]
    if sooner and sooner[0] < last["trials"]:
        text += f" NSGA-II reaches random search's final mean within {sooner[0]} trials."
    return text


def draw(table: pd.DataFrame, comparison: dict[str, list[dict[str, Any]]]) -> None:
    """Draw every seed's course, the means with their 68% intervals, and the difference with 68% and 95%."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, axes = plt.subplots(2, 2, figsize=(9.4, 6.6), sharex=True)
        for column, (measure, label) in zip(axes.T, MEASURES.items(), strict=True):
            factor, units = (100, (" [%]", "\n[percentage points]")) if measure == "best_accuracy" else (1, ("", ""))
            rows = pd.DataFrame(comparison[measure])
            for method, (name, color, marker) in LOOKS.items():
                for _, course in table[table["method"] == method].groupby("seed"):
                    column[0].plot(course["trials"], factor * course[measure], color=color, lw=0.6, alpha=0.35)
                column[0].plot(rows["trials"], factor * rows[f"mean_{method}"], color=color, marker=marker, label=name)
                band = factor * np.array(rows[f"interval68_{method}"].tolist()).T
                column[0].fill_between(rows["trials"], *band, color=color, alpha=0.2, linewidth=0)
            for level, alpha in ((95, 0.15), (68, 0.3)):
                band = factor * np.array(rows[f"interval{level}_difference"].tolist()).T
                column[1].fill_between(rows["trials"], *band, color="#009E73", alpha=alpha, lw=0, label=f"{level}%")
            column[1].plot(rows["trials"], factor * rows["mean_difference"], color="#009E73", marker="^")
            column[1].axhline(0, color="#222222", lw=0.8)
            column[0].set(ylabel=label + units[0])
            column[1].set(ylabel="NSGA-II minus random" + units[1], xlabel="Trials")
        axes[0, 0].legend(loc="lower right")
        axes[1, 1].legend(loc="lower right", title="interval of the mean")
        figure.suptitle(f"NSGA-II against random search, {table['seed'].nunique()} seeds", fontsize=12)
    save_figure(figure, [FIGURE])


def main() -> None:
    """Run all searches, print the table, write it and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jets", nargs="?", type=Path, default=ROOT / "results" / "quick" / "data" / "jets.h5")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, help="of each search; the config's number if left out")
    parser.add_argument("--population", type=int, help="of each generation; the config's number if left out")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    search = config["search"]
    search["trials"] = options.trials or search["trials"]
    search["population"] = options.population or search["population"]
    evaluate = Evaluator(config, load_dataset(options.jets, ("train", "val")), options.threads)
    space = architecture_search(search, evaluate.sizes, seed=0).space
    limits = search_limits(space, evaluate.costs(limiting_architectures(space)))
    records = []
    for seed in range(1, options.seeds + 1):
        for method in METHODS:
            trials = run_search(config, method, seed, evaluate)
            steps = reached_by_generation(trials, search["objectives"], limits)
            records += [{"method": method, "seed": seed, **step} for step in steps]
            last = steps[-1]
            print(
                f"seed {seed}, {method:6}: hypervolume {last['hypervolume']:.4f}, "
                f"best accuracy {100 * last['best_accuracy']:.2f}%",
                flush=True,
            )
    table = pd.DataFrame(records)
    comparison = {measure: compare(table, measure) for measure in MEASURES}
    sentences = [verdict(rows, measure, options.seeds) for measure, rows in comparison.items()]
    columns = ["trials", "mean_nsga2", "mean_random", "mean_difference", "interval68_difference"]
    columns += ["interval95_difference", "seeds_ahead", "chance"]
    for measure, rows in comparison.items():
        print(f"\n{MEASURES[measure]}\n{pd.DataFrame(rows)[columns].to_string(index=False)}")
    print("\n" + "\n".join(sentences))
    used = {"jets": len(evaluate.jets["train"][0]), "training": config["training"], "search": search, "limits": limits}
    result = {"verdict": sentences, "comparison": comparison, "searches": records, "machine": describe_machine()}
    write_json({**used, **result}, RESULT)
    draw(table, comparison)


if __name__ == "__main__":
    main()
