"""A small run folder written by hand, with every file that tables, figures and report are made from."""

import json
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np
import pandas as pd
import yaml

from snacpack.files import read_json, write_json
from snacpack.report.report import RunFiles
from snacpack.search.objectives import objective_values
from snacpack.search.pareto import non_dominated
from snacpack.search.space import SearchSpace

CONFIG = Path(__file__).parents[2] / "config" / "config.yaml"
HISTORY = [
    {"epoch": i, "train_loss": 1.6 - 0.1 * i, "validation_loss": 1.62 - 0.1 * i, "validation_accuracy": 0.4 + 0.03 * i}
    for i in range(1, 6)
]


def write_run(folder: Path, n_trials: int = 64, names: tuple[str, ...] = ("snac-0012", "snac-0031")) -> dict[str, Any]:
    """Write the run into ``folder`` and return its config."""
    config = yaml.safe_load(CONFIG.read_text())
    config["references"] = {"baseline": config["references"]["baseline"]}
    config["compression"]["schemes"] = ["w8a8"]
    _write_jets(folder / "data" / "jets.h5")
    trials = _trials(config, n_trials)
    (folder / "search").mkdir()
    trials.to_csv(folder / "search" / "trials.csv", index=False)
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
        _write_model(folder, model, i)
    return config


def let_every_trial_fail(folder: Path) -> None:
    """Make a run that was written without candidates one whose search trained no network successfully."""
    path = folder / "search" / "trials.csv"
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
        file.attrs["features"] = json.dumps([f"{k}_{i}" for i in range(8) for k in ("pt", "etarel", "phirel")])


def _trials(config: dict[str, Any], n_trials: int) -> pd.DataFrame:
    random, space = Random(3), SearchSpace.from_config(config["search"]["space"])
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
                "average_resources": macs / 3600 + random.random(),
                "clock_cycles": 20 + 9 * len(network.units) + random.random() * 40 + macs / 500,
            }
        )
    rows[5] |= {"accuracy": None, "failure": "Diverged: the loss is nan after epoch 2 with learning rate 0.002"}
    good = [i for i, row in enumerate(rows) if row["accuracy"] is not None]
    front = non_dominated(objective_values([rows[i] for i in good], config["search"]["objectives"]))
    on_front = {i for i, marked in zip(good, front, strict=True) if marked}
    return pd.DataFrame([{**row, "pareto": str(i in on_front).lower()} for i, row in enumerate(rows)])


def _write_reference(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(
        "model,architecture,macs,bops,bram_percent,dsp_percent,ff_percent,lut_percent,"
        "est_average_resources_percent,est_clock_cycles\n"
        "baseline,24-120-60-32-64-64-64-32-44-5,25916,2073280,1.0,2.0,3.0,22.4,7.1,183.74\n"
    )


def _write_model(folder: Path, model: str, i: int) -> None:
    home, scheme = folder / "candidates" / model, folder / "candidates" / model / "w8a8"
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
    scheme.mkdir(parents=True)
    sparsity = [round(1 - 0.8**k, 4) for k in range(4)]
    accuracies = [0.565 - 0.002 * i, 0.566 - 0.001 * i, 0.564, 0.561]
    metrics = {"iteration": range(4), "sparsity": sparsity, "validation_accuracy": accuracies}
    metrics |= {"macs_left": [9000, 7200, 5760, 4608], "bops": [900000, 720000, 576000, 460800]}
    pd.DataFrame(metrics).to_csv(scheme / "metrics.csv", index=False)
    choice = {"iteration": 3, "sparsity": sparsity[3], "validation_accuracy": accuracies[3]}
    write_json({**choice, "reason": "nearest to the target sparsity of 0.5"}, scheme / "chosen.json")
    counts = 20 * np.ones((5, 5), dtype=int) + 100 * np.eye(5, dtype=int)
    tested = {"test_accuracy": 0.561 - 0.001 * i, "test_correct": 561 - i, "n_test": 1000}
    write_json({**choice, **tested, "confusion": counts.tolist()}, scheme / "compressed.json")
    _write_circuit(folder / "synthesis" / model / "w8a8", model, i)


def _write_circuit(home: Path, model: str, i: int) -> None:
    lut, ff = 171000 // (1 + 3 * i), 40000 // (1 + 3 * i)
    write_json(
        {
            "model": model,
            "scheme": "w8a8",
            "backend": "open",
            "tool": "Yosys 0.70",
            "part": "xcvu13p-flga2577-2-e",
            "clock_period_ns": 5.0,
            "latency_cycles": 15 - 3 * i,
            "latency_ns": 75.0 - 15 * i,
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
            "estimates": {"da4ml": {"lut": round(1.07 * lut), "ff": round(1.05 * ff), "stages": 15 - 3 * i}},
            "origin": {
                **dict.fromkeys(("dsp", "lut", "ff", "bram"), "cells counted by Yosys after synthesis"),
                "latency_cycles": "pipeline stages of the Verilog",
                "latency_ns": "latency_cycles times the clock period of the config",
            },
        },
        home / "report.json",
    )
    comparison = {"n_jets": 2000, "max_difference": 0.0, "class_agreement": 1.0, "exact": True, "simulator": ""}
    names = {"fixed_point": "NumPy", "qonnx": "QONNX", "hls4ml": "g++", "da4ml": "da4ml", "verilog": "Verilator 5.048"}
    comparisons = [{**comparison, "name": name, "simulator": simulator} for name, simulator in names.items()]
    write_json(
        {"model": model, "scheme": "w8a8", "comparisons": comparisons, "exact": True}, home / "verification.json"
    )


def run_files(folder: Path) -> RunFiles:
    """Draw nothing, name everything: the report's inputs, with every picture a tiny PNG."""
    models = ["baseline", *(c["name"] for c in read_json(folder / "candidates" / "selected.json")["candidates"])]
    compression = [folder / "candidates" / model / "w8a8" for model in models]
    synthesis = [folder / "synthesis" / model / "w8a8" for model in models]
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    pictures = ["data_card", "hypervolume", "training_curves", "pruning_curves", *(f"fig{i}" for i in range(1, 5))]
    pictures += [f"confusion_{model}_w8a8" for model in models]
    for name in pictures:
        if not (figures / f"{name}.png").exists():
            (figures / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return RunFiles(
        jets=folder / "data" / "jets.h5",
        references=folder / "references" / "hardware.csv",
        trials=folder / "search" / "trials.csv",
        selected=folder / "candidates" / "selected.json",
        trained=[folder / "candidates" / model / "float.json" for model in models],
        metrics=[home / "metrics.csv" for home in compression],
        chosen=[home / "chosen.json" for home in compression],
        compressed=[home / "compressed.json" for home in compression],
        circuits=[home / "report.json" for home in synthesis],
        verified=[home / "verification.json" for home in synthesis],
        **{name: figures / f"{name}.png" for name in pictures[:4]},
        fronts=[figures / f"{name}.png" for name in pictures[4:8]],
        confusion=[figures / f"{name}.png" for name in pictures[8:]],
    )
