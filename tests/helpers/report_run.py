"""A small run folder written by hand, with every file that tables, figures and report are made from."""

import json
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import pandas as pd
import yaml

from helpers import ROOT
from helpers.random_networks import chain, dense
from snacpack.core.files import read_json, write_json
from snacpack.networks.grid import Quantizer
from snacpack.report.report import RunFiles
from snacpack.search.objectives import objective_values
from snacpack.search.pareto import non_dominated
from snacpack.search.space import SearchSpace
from snacpack.synthesis.report import report_no_circuit
from snacpack.tasks.registry import find_task

CONFIG = ROOT / "config" / "config.yaml"
HISTORY = [
    {"epoch": i, "train_loss": 1.6 - 0.1 * i, "validation_loss": 1.62 - 0.1 * i, "validation_accuracy": 0.4 + 0.03 * i}
    for i in range(1, 6)
]


def write_run(
    folder: Path,
    n_trials: int = 64,
    names: tuple[str, ...] = ("snac-0012", "snac-0031"),
    methods: tuple[str, ...] = ("magnitude", "search"),
) -> dict[str, Any]:
    """Write the run into ``folder`` and return its config.

    Compressions are searched for the candidates, and for the reference where nothing else compresses it.
    """
    config = yaml.safe_load(CONFIG.read_text())
    config["references"] = {"baseline": config["references"]["baseline"]}
    config["compression"] |= {"method": list(methods), "schemes": ["w8a8"]}
    _write_jets(folder / "data" / "jets.h5")
    trials = _trials(config, n_trials)
    (folder / "searches" / "architectures").mkdir(parents=True)
    trials.to_csv(folder / "searches" / "architectures" / "trials.csv", index=False)
    _write_reference(folder / "references" / "hardware.csv")
    best = trials[trials["pareto"] == "true"].sort_values("accuracy", ascending=False)["trial"].tolist()
    candidates = [
        {"name": name, "trial": trial, "accuracy": 0.57, "why": "highest accuracy"}
        for name, trial in zip(names, best, strict=False)
    ]
    write_json(
        {
            "min_accuracy": 0.5712,
            "min_accuracy_source": "validation accuracy of baseline",
            "n_pareto": len(best),
            "n_qualified": len(candidates),
            "fallback": False,
            "rule": "Of the Pareto-optimal networks above the required accuracy, the most accurate two were taken.",
            "candidates": candidates,
        },
        folder / "candidates" / "selected.json",
    )
    for i, model in enumerate(["baseline", *(candidate["name"] for candidate in candidates)]):
        _write_float(folder / "candidates" / model, i)
        if "magnitude" in methods:
            _write_pruned(folder, model, i)
        if "search" in methods and (i or "magnitude" not in methods):
            _write_searched(folder, model, i)
    return config


def let_every_trial_fail(folder: Path) -> None:
    """Make a run that was written without candidates one whose search trained no network successfully."""
    path = folder / "searches" / "architectures" / "trials.csv"
    trials = pd.read_csv(path, dtype=str)
    trials.assign(accuracy="", failure="Diverged: the loss is nan", pareto="false").to_csv(path, index=False)
    selected = read_json(folder / "candidates" / "selected.json")
    none = {"n_pareto": 0, "n_qualified": 0, "fallback": True, "candidates": []}
    write_json({**selected, **none}, folder / "candidates" / "selected.json")


def _write_jets(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        for split, n in (("train", 500), ("val", 100), ("test", 1000)):
            file[f"y_{split}"] = np.arange(n) % 5
        file.attrs["source"] = "Pythia 8.317 and FastJet 3.5.2"
        file.attrs["classes"] = json.dumps(["g", "q", "w", "z", "t"])
        file.attrs["normalisation"] = json.dumps({"median": [0.0] * 3, "range": [1.0] * 3})
        file.attrs["features"] = json.dumps([f"{k}_{i}" for i in range(8) for k in ("pt", "etarel", "phirel")])


def _trials(config: dict[str, Any], n_trials: int) -> pd.DataFrame:
    random, space = Random(3), SearchSpace.from_config(config["search"]["space"], n_inputs=24, n_outputs=5)
    rows = []
    for i in range(n_trials):
        genome = space.sample(random)
        network = space.decode(genome)
        macs = sum(a * b for a, b in zip(network.layer_widths, network.layer_widths[1:], strict=False))
        learned = network.activation == "relu" or random.random() > 0.5
        accuracy = 0.575 - 90 / macs + random.gauss(0, 0.004) if learned else 0.2 + random.random() * 0.1
        rows.append(
            {
                "trial": i,
                "generation": i // 16,
                "architecture": network.label,
                "n_layers": len(network.units),
                "units": " ".join(map(str, network.units)),
                **{name: getattr(network, name) for name in ("activation", "learning_rate", "l1", "dropout")},
                "batch_norm": str(network.batch_norm).lower(),
                "genome": " ".join(map(str, genome)),
                "accuracy": accuracy,
                "failure": "",
                "macs": macs,
                "bops": macs * 80,
                "lut": macs / 1200,
                "average_resources": macs / 3600 + random.random(),
                "clock_cycles": 20 + 9 * len(network.units) + random.random() * 40 + macs / 500,
            }
        )
    rows[5] |= {"accuracy": None, "failure": "Diverged: the loss is nan after epoch 2 with learning rate 0.002"}
    good = [i for i, row in enumerate(rows) if row["accuracy"] is not None]
    front = non_dominated(objective_values([rows[i] for i in good], config["search"]["objectives"]))
    on_front = {i for i, marked in zip(good, front, strict=True) if marked}
    return pd.DataFrame(
        [
            {**row, "pareto": str(i in on_front).lower(), "extrapolated": row["macs"] > 9000}
            for i, row in enumerate(rows)
        ]
    )


def _write_reference(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(
        "model,architecture,macs,bops,bram_percent,dsp_percent,ff_percent,lut_percent,"
        "est_average_resources_percent,est_clock_cycles,extrapolated\n"
        "baseline,24-120-60-32-64-64-64-32-44-5,25916,2073280,1.0,2.0,3.0,22.4,7.1,183.74,True\n"
    )


def _write_float(home: Path, i: int) -> None:
    write_json(
        {
            "validation_accuracy": 0.5712 - 0.002 * i,
            "test_accuracy": (570 - i) / 1000,
            "test_correct": 570 - i,
            "n_test": 1000,
            "history": HISTORY,
        },
        home / "float.json",
    )
    _write_performance(home, 570 - i)


def _write_performance(home: Path, correct: int) -> None:
    """Write the metrics of a classification; the AUC of the last class has no interval, the rejection no value."""
    rows = [("accuracy", "", correct / 1000), ("auc", "", 0.875), *(("auc", name, 0.9) for name in "gqwzt")]
    metrics = [{"metric": m, "of": of, "value": v, "low": v - 0.01, "high": v + 0.01} for m, of, v in rows]
    metrics[-1] |= {"low": None, "high": None}
    metrics.append({"metric": "background_rejection", "of": "", "value": None, "low": None, "high": None})
    write_json({"task": "classification", "metrics": metrics}, home / "performance.json")


def _write_pruned(folder: Path, model: str, i: int) -> None:
    scheme = folder / "candidates" / model / "w8a8"
    scheme.mkdir(parents=True)
    sparsity = [round(1 - 0.8**k, 4) for k in range(4)]
    accuracies = [0.565 - 0.002 * i, 0.566 - 0.001 * i, 0.564, 0.561]
    metrics = {"iteration": range(4), "sparsity": sparsity, "validation_accuracy": accuracies}
    metrics |= {"macs_left": [9000, 7200, 5760, 4608], "bops": [900000, 720000, 576000, 460800]}
    pd.DataFrame(metrics).to_csv(scheme / "metrics.csv", index=False)
    choice = {"iteration": 3, "sparsity": sparsity[3], "validation_accuracy": accuracies[3]}
    write_json({**choice, "reason": "nearest to the target sparsity of 0.5"}, scheme / "chosen.json")
    _write_compressed(scheme, choice, 561 - i)
    _write_circuit(folder, model, "w8a8", 171000 // (1 + 3 * i), 15 - 3 * i)


def _write_searched(folder: Path, model: str, i: int) -> None:
    """Write a search of twelve trials, one of which failed, whose second finalist of three is the smallest enough."""
    home = folder / "candidates" / model / "mixed"
    random, bits = Random(i), ["6 4 5", "5 5 4", "3 2 4"]
    luts = [round(2500 * 1.25**k) for k in range(12)]
    trials = pd.DataFrame(
        {
            "trial": range(12),
            "generation": [k // 4 for k in range(12)],
            "weight_bits": [bits[k % 3] for k in range(12)],
            "activation_bits": "5 4",
            "input_bits": 6,
            "sparsity": 0.8,
            "accuracy": [0.56 - 0.3 * 0.7**k - 0.01 * random.random() for k in range(12)],
            "failure": None,
            "lut": luts,
            "ff": [lut // 4 for lut in luts],
            "clock_cycles": 4,
        }
    )
    trials.loc[7, ["accuracy", "failure", "lut", "ff"]] = [None, "Diverged: the loss is nan after epoch 1", None, None]
    costs = {"accuracy": trials["accuracy"].fillna(0), "lut": trials["lut"].fillna(1e9)}
    trials["pareto"] = non_dominated(objective_values(pd.DataFrame(costs).to_dict("records"), ["accuracy", "lut"]))
    home.mkdir(parents=True)
    search = home.parents[2] / "searches" / f"compressions-{home.parent.name}"
    search.mkdir(parents=True)
    trials.to_csv(search / "trials.csv", index=False)
    reached = i < 2
    finalists = trials.loc[[8, 9, 10]].drop(columns=["accuracy", "pareto", "generation"])
    finalists.insert(0, "iteration", range(3))
    accuracies = [0.569, 0.5725 if reached else 0.57, 0.574 if reached else 0.571]
    finalists = finalists.assign(validation_accuracy=accuracies, macs_left=1200, bops=150000, ebops=60000)
    finalists.to_csv(home / "metrics.csv", index=False)
    number = 1 if reached else 2
    choice = {"iteration": number, "sparsity": 0.8, "validation_accuracy": accuracies[number]}
    chosen = {"trial": 8 + number, "min_accuracy": 0.5712, "reached": reached, "reason": "", "file": "refined.pt"}
    write_json({**choice, **chosen}, home / "chosen.json")
    _write_compressed(home, choice, 566 - i)
    _write_circuit(folder, model, "mixed", round(0.98 * luts[8 + number]), 4)


def _write_compressed(scheme: Path, choice: dict[str, Any], correct: int) -> None:
    counts = 20 * np.ones((5, 5), dtype=int) + 100 * np.eye(5, dtype=int)
    tested = {"test_accuracy": correct / 1000, "test_correct": correct, "n_test": 1000}
    write_json({**choice, **tested, "confusion": counts.tolist()}, scheme / "compressed.json")
    _write_performance(scheme, correct)
    layer = dense(np.full((5, 24), correct), 7, np.zeros(5, dtype=int), 7)
    chain(Quantizer(8, 5, True), layer).save(scheme / "fixed_point.json")


def _write_circuit(folder: Path, model: str, scheme: str, lut: int, stages: int) -> None:
    home, ff = folder / "synthesis" / model / scheme, lut // 4
    period = 5.625 if lut > 100_000 else 4.5
    write_json(
        {
            "model": model,
            "scheme": scheme,
            "backend": "open",
            "tool": "Yosys 0.70",
            "part": "xcvu13p-flga2577-2-e",
            "clock_period_ns": 5.0,
            "latency_cycles": stages,
            "latency_ns": 5.0 * stages,
            "ii_cycles": 1,
            "ii_ns": 5.0,
            "dsp": 0,
            "lut": lut,
            "ff": ff,
            "bram": 0,
            "dsp_percent": 0.0,
            "lut_percent": lut / 17280,
            "ff_percent": ff / 34560,
            "bram_percent": 0.0,
            "timing": {
                "estimated_clock_period_ns": period,
                "meets_target": period <= 5,
                "worst_stage": 2,
                "lut_levels": 7,
                "carry_bits": 22,
                "nets": 6,
                "logic_ns": 2.25,
                "routing_ns": 1.8,
                "delays": "UltraScale+",
                "stages": [{"stage": stage} for stage in range(stages)],
            },
            "estimates": {"da4ml": {"lut": round(1.07 * lut), "ff": round(1.05 * ff), "stages": stages}},
            "hls4ml": {"reuse_factor": 1, "reuse_factors": [1, 1]},
            "failure": None,
            "origin": {
                **dict.fromkeys(("dsp", "lut", "ff", "bram"), "cells counted by Yosys after synthesis"),
                "latency_cycles": "pipeline stages of the Verilog",
                "latency_ns": "latency in cycles, times the clock period of the config",
            },
        },
        home / "report.json",
    )
    comparison = {"n_jets": 2000, "max_difference": 0.0, "class_agreement": 1.0, "exact": True, "simulator": ""}
    names = {"fixed_point": "NumPy", "qonnx": "QONNX", "hls4ml": "g++", "da4ml": "da4ml", "verilog": "Verilator 5.048"}
    comparisons = [{**comparison, "name": name, "simulator": simulator} for name, simulator in names.items()]
    write_json(
        {"model": model, "scheme": scheme, "comparisons": comparisons, "exact": True}, home / "verification.json"
    )


def take_circuit(folder: Path, model: str, scheme: str, reason: str) -> None:
    """Make one model and scheme of a run, as it was written, a network that no circuit is built of."""
    home = folder / "synthesis" / model / scheme
    project = home / "hls"
    project.mkdir()
    write_json({"reuse_factor": 1, "reuse_factors": [1, 1]}, project / "project.json")
    report = report_no_circuit("open", project, "xcvu13p-flga2577-2-e", 5.0, reason)
    write_json({"model": model, "scheme": scheme, **report}, home / "report.json")
    verification = read_json(home / "verification.json")
    compared = [entry for entry in verification["comparisons"] if entry["name"] not in ("da4ml", "verilog")]
    write_json({**verification, "comparisons": compared, "failure": reason}, home / "verification.json")


def run_files(folder: Path) -> RunFiles:
    """Draw nothing, name everything: the report's inputs, with every picture a tiny PNG."""
    models = ["baseline", *(c["name"] for c in read_json(folder / "candidates" / "selected.json")["candidates"])]
    homes = [folder / "candidates" / model / scheme for model in models for scheme in ("w8a8", "mixed")]
    compression = [home for home in homes if home.is_dir()]
    schemes = {home.name for home in compression}
    synthesis = [folder / "synthesis" / home.parent.name / home.name for home in compression]
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)

    def figure(name: str) -> Path:
        path = figures / f"{name}.png"
        if not path.exists():
            path.write_bytes(b"\x89PNG\r\n\x1a\n")
        return path

    return RunFiles(
        jets=folder / "data" / "jets.h5",
        references=folder / "references" / "hardware.csv",
        trials=folder / "searches" / "architectures" / "trials.csv",
        selected=folder / "candidates" / "selected.json",
        trained=[folder / "candidates" / model / "float.json" for model in models],
        metrics=[home / "metrics.csv" for home in compression],
        chosen=[home / "chosen.json" for home in compression],
        compressed=[home / "compressed.json" for home in compression],
        fixed_points=[home / "fixed_point.json" for home in compression],
        compression_trials=[
            folder / "searches" / f"compressions-{home.parent.name}" / "trials.csv"
            for home in compression
            if home.name == "mixed"
        ],
        circuits=[home / "report.json" for home in synthesis],
        verified=[home / "verification.json" for home in synthesis],
        **{name: figure(name) for name in ("data_card", "hypervolume", "training_curves", "estimates")},
        pruning_curves=figure("pruning_curves") if "w8a8" in schemes else [],
        compression_fronts=figure("compression_fronts") if "mixed" in schemes else [],
        fronts=[figure(f"fig{i}") for i in range(1, 5)],
        measured=[folder / "candidates" / model / "performance.json" for model in models],
        measured_compressed=[home / "performance.json" for home in compression],
        pictures=[
            figure(f"{picture.name}_{home.parent.name}_{home.name}")
            for home in compression
            for picture in find_task("classification").pictures
        ],
    )
