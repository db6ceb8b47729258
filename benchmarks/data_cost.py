"""Measure what jets cost: simulating them, preparing a sample of the paper's size, loading it.

Usage: python benchmarks/data_cost.py [--jets 10000]

Every measurement is a process of its own, as a job of the workflow is, and is of config/paper.yaml's sizes. Simulation:
a job of each class, how much of its CPU time Pythia and FastJet use themselves (their functions are timed from
outside), and jets per second of CPU time, start-up included. Preparing: all jets in files as the workflow makes them;
to be quick they are the simulated jets again and again, each time in other units, since the same jets in two samples
are refused; how long that check takes is measured too. Takes ten minutes, needs 4 GB of temporary disk space. The
table is printed and written to benchmarks/results/data_cost.json.
"""

import argparse
import functools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import h5py
import numpy as np
import yaml
from machine import describe_machine

from snacpack.core.files import write_json
from snacpack.data.dataset import load_dataset
from snacpack.data.info import SPLITS
from snacpack.jets import preprocessing
from snacpack.jets.layout import CLASSES, CONSTITUENTS, JETS, JetFileWriter, collect_jet_files
from snacpack.jets.shards import jets_of_parts

CONFIG = Path(__file__).parent.parent / "config"
RESULT = Path(__file__).parent / "results" / "data_cost.json"


def in_fresh_process(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Call the function in a process of its own; add wall and CPU seconds, start-up included, and peak memory."""
    start = perf_counter()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        record = pool.submit(_measure, function, *arguments).result()
    return {**record, "job_wall_seconds": perf_counter() - start}


def _measure(function: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    record = function(*arguments)
    return {**record, "job_cpu_seconds": process_time(), "peak_mb": peak_memory_mb()}


def peak_memory_mb() -> float:
    """Return the most memory that this program has had; ``ru_maxrss`` would count what its parent had before it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Clock:
    """CPU seconds spent inside functions, from timers put around them."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def put_around(self, owner: Any, names: tuple[str, ...], library: str) -> None:
        """Time the functions of a class or a module from now on; none of them calls another."""
        for name in names:
            setattr(owner, name, self._timed(getattr(owner, name), library))

    def _timed(self, function: Callable[..., Any], library: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            start = process_time()
            try:
                return function(*arguments, **keywords)
            finally:
                self.seconds[library] += process_time() - start

        return timed


def simulate(path: Path, jet_class: str, n_jets: int) -> dict[str, Any]:
    """Simulate as a job does and return the CPU seconds inside the libraries and in all."""
    import fastjet._pyjet
    import pythia8mc

    from snacpack.jets.simulation import simulate_jets

    clock = Clock()
    clock.put_around(pythia8mc.Pythia, ("__init__", "readString", "init", "nextBatch"), "pythia")
    clock.put_around(fastjet._pyjet.AwkwardClusterSequence, ("__init__", "constituent_index"), "fastjet")
    start = process_time()
    simulate_jets(path, jet_class, n_jets, seed=1)
    return {"start_up_cpu_seconds": start, **{f"{name}_cpu_seconds": clock.seconds[name] for name in clock.seconds}}


def measure_simulation(folder: Path, n_jets: int) -> list[dict[str, Any]]:
    """Simulate a file of each class; return a row for each and one for all."""
    rows = []
    for jet_class in CLASSES:
        row = in_fresh_process(simulate, folder / f"{jet_class}.h5", jet_class, n_jets)
        rows.append({"class": jet_class, "jets": n_jets, **row})
    totals = {name: sum(row[name] for row in rows) for name in rows[0] if name not in ("class", "peak_mb")}
    rows.append({"class": "all", "peak_mb": max(row["peak_mb"] for row in rows), **totals})
    for row in rows:
        row["library_share"] = (row["pythia_cpu_seconds"] + row["fastjet_cpu_seconds"]) / row["job_cpu_seconds"]
        row["jets_per_second_and_core"] = row["jets"] / row["job_cpu_seconds"]
    return rows


def make_sample(simulated: Path, folder: Path, n_jets: int, jets_per_job: int, scales: Iterator[float]) -> int:
    """Fill a folder with as many jets as asked for, repeating the simulated ones; return the bytes of its files."""
    folder.mkdir()
    for jet_class in CLASSES:
        for part, size in jets_of_parts(n_jets, jet_class, jets_per_job).items():
            repeat_jets(simulated / f"{jet_class}.h5", folder / f"{jet_class}_{part}.h5", size, scales)
    return sum(path.stat().st_size for path in folder.iterdir())


def repeat_jets(source: Path, path: Path, n_jets: int, scales: Iterator[float]) -> None:
    """Write a file of ``n_jets`` jets, those of ``source`` again and again, each time multiplied by another number."""
    with h5py.File(source) as file:
        constituents, jets, attributes = file[CONSTITUENTS][:], file[JETS][:], dict(file.attrs)
    with JetFileWriter(path, n_jets, attributes) as writer:
        for start in range(0, n_jets, len(jets)):
            writer.append(constituents[: n_jets - start] * np.float32(next(scales)), jets[: n_jets - start])


def preprocess(train: Path, test: Path, output: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Prepare two folders of jets as the workflow does; return the CPU seconds of looking for the same jets."""
    clock = Clock()
    clock.put_around(preprocessing, ("jet_keys", "check_repeated"), "same_jets")
    files = collect_jet_files(train), collect_jet_files(test)
    preprocessing.preprocess_jets(*files, output, preprocessing.Preprocessing(**settings), "a benchmark")
    return {"same_jets_cpu_seconds": clock.seconds["same_jets"]}


def load(path: Path) -> dict[str, Any]:
    """Load a prepared file, all splits; return the seconds and the size of what was loaded."""
    start = perf_counter()
    splits = load_dataset(path, SPLITS)
    seconds = perf_counter() - start
    return {
        "seconds": seconds,
        "arrays_mb": sum(array.nbytes for arrays in splits.values() for array in arrays) / 2**20,
        "jets": {split: len(y) for split, (_, y) in splits.items()},
    }


def paper_data() -> dict[str, Any]:
    """Return the ``data`` settings and the seed of the paper's run."""
    default, paper = (yaml.safe_load((CONFIG / name).read_text()) for name in ("config.yaml", "paper.yaml"))
    pythia = {**default["data"]["pythia"], **paper["data"]["pythia"]}
    return {**default["data"], **paper["data"], "pythia": pythia, "seed": paper["seed"]}


def measure_preparation(simulated: Path, folder: Path, data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Prepare and load a sample of the paper's size; return what each costs."""
    pythia = data["pythia"]
    settings = {name: data[name] for name in preprocessing.Preprocessing.__dataclass_fields__}
    # Further apart than what is taken for the same.
    scales = (1.002**number for number in count())
    sizes = {
        name: make_sample(simulated, folder / name, pythia[f"{name}_jets"], pythia["jets_per_job"], scales)
        for name in ("train", "test")
    }
    output = folder / "jets.h5"
    prepared = in_fresh_process(preprocess, folder / "train", folder / "test", output, settings)
    prepared |= {
        "jets": pythia["train_jets"] + pythia["test_jets"],
        "files": len(list(folder.rglob("*_*.h5"))),
        "input_gb": sum(sizes.values()) / 1e9,
        "output_mb": output.stat().st_size / 1e6,
    }
    return prepared, in_fresh_process(load, output)


def rounded(value: Any) -> Any:
    """Return a record with four significant digits in every float."""
    if isinstance(value, dict):
        return {name: rounded(entry) for name, entry in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float | np.floating) else value


def print_tables(simulation: list[dict[str, Any]], prepared: dict[str, Any], loaded: dict[str, Any]) -> None:
    """Print what was measured."""
    print(f"{'class':>5} {'jets':>6} {'jets/s/core':>12} {'Pythia':>7} {'FastJet':>8} {'together':>9} {'peak MB':>8}")
    for row in simulation:
        pythia, fastjet = (row[f"{name}_cpu_seconds"] / row["job_cpu_seconds"] for name in ("pythia", "fastjet"))
        print(
            f"{row['class']:>5} {row['jets']:>6} {row['jets_per_second_and_core']:>12.0f} {pythia:>7.1%} "
            f"{fastjet:>8.1%} {row['library_share']:>9.1%} {row['peak_mb']:>8.0f}"
        )
    print(
        f"preparing {prepared['jets']:,} jets in {prepared['files']} files of {prepared['input_gb']:.1f} GB "
        f"(simulated jets repeated): {prepared['job_wall_seconds']:.0f} s, {prepared['job_cpu_seconds']:.0f} s of CPU, "
        f"of which {prepared['same_jets_cpu_seconds']:.1f} s look for the same jets, peak {prepared['peak_mb']:.0f} MB"
    )
    print(
        f"loading them ({prepared['output_mb']:.0f} MB): {loaded['seconds']:.2f} s, "
        f"peak {loaded['peak_mb']:.0f} MB, of which {loaded['arrays_mb']:.0f} MB are the arrays"
    )


def main() -> None:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jets", type=int, help="jets of a simulation job, if not the paper's")
    options = parser.parse_args()
    data = paper_data()
    with tempfile.TemporaryDirectory() as temporary:
        simulation = measure_simulation(Path(temporary), options.jets or data["pythia"]["jets_per_job"])
        folder = Path(temporary) / "full"
        folder.mkdir()
        prepared, loaded = measure_preparation(Path(temporary), folder, data)
    print_tables(simulation, prepared, loaded)
    record = {
        "simulation": [rounded(row) for row in simulation],
        "preprocessing": rounded(prepared),
        "loading": rounded(loaded),
        "machine": describe_machine(),
    }
    write_json(record, RESULT)


if __name__ == "__main__":
    main()
