"""Whether every form of a network computes what the trained network computes, on test jets."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.synthesis.hls import run_hls_simulation
from snacpack.synthesis.qonnx import run_qonnx
from snacpack.synthesis.rtl import Circuit, run_interpreted
from snacpack.synthesis.simulation import simulate_rtl

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Forms:
    """The files and folders of one network's forms: integers, QONNX file, hls4ml project and Verilog project."""

    fixed_point: Path
    onnx: Path
    hls: Path
    rtl: Path


def verify(
    network: "nn.Module", forms: Forms, x: np.ndarray, n_rtl_jets: int, threads: int = 1
) -> list[dict[str, Any]]:
    """Compare all forms of a network with the trained Brevitas network.

    If sums of the network outgrow the 24 bits of float32, Brevitas and QONNX's executor compute in float64.

    Parameters
    ----------
    network
        Brevitas network in evaluation mode.
    forms
        Files and folders of the other forms. If the Verilog project says that there is no circuit, the forms that
        a circuit would have are left out.
    x
        (n, n_inputs) float32 test jets; the Verilog takes some, spread evenly.
    n_rtl_jets
        Jets in the Verilog's simulation.
    threads
        Compilers at a time.

    Returns
    -------
    list of dict
        ``name``, ``n_jets``, ``n_different`` of them, ``max_difference`` of a logit, ``class_agreement``, ``exact``,
        ``simulator``; for the Verilog ``latency_cycles`` too, as measured.

    Raises
    ------
    NoCircuit
        If sums of the network are wider than float64 adds exactly: its forms cannot be compared.
    """
    fixed_point = FixedPointNetwork.load(forms.fixed_point)
    fixed_point.check_sums()
    expected = run_brevitas(network, x, fixed_point.float_type)
    return [
        {**compare(name, logits, expected[jets], simulator), **more}
        for name, jets, logits, simulator, more in _outputs(fixed_point, forms, x, n_rtl_jets, threads)
    ]


def run_brevitas(network: "nn.Module", x: np.ndarray, float_type: type = np.float32) -> np.ndarray:
    """Return the Brevitas network's logits, (n, n_outputs), computed in a type of float."""
    import torch

    if float_type is np.float64:
        network = deepcopy(network).double()
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(x, dtype=float_type))).numpy()


def compare(name: str, logits: np.ndarray, expected: np.ndarray, simulator: str) -> dict[str, Any]:
    """Compare (n, n_outputs) logits of a form with the expected ones, jet by jet."""
    difference = np.abs(logits.astype(np.float64) - expected.astype(np.float64))
    return {
        "name": name,
        "n_jets": len(expected),
        "n_different": int((difference != 0).any(axis=1).sum()),
        "max_difference": float(difference.max()),
        "class_agreement": float(np.mean(logits.argmax(axis=1) == expected.argmax(axis=1))),
        "exact": bool((difference == 0).all()),
        "simulator": simulator,
    }


def spread(n_jets: int, n_wanted: int) -> np.ndarray:
    """Return positions of at most ``n_wanted`` jets, spread evenly: a file may hold one class after the other."""
    return np.arange(min(n_jets, n_wanted)) * n_jets // min(n_jets, n_wanted)


def complaint(comparisons: list[dict[str, Any]]) -> str | None:
    """Return a sentence about the forms that are not exact, or None if all is well."""
    wrong = [
        f"{entry['name']} differs on {entry['n_different']} of {entry['n_jets']} examples, by up to "
        f"{entry['max_difference']:g}"
        for entry in comparisons
        if not entry["exact"]
    ]
    return "not bit for bit equal to the trained network: " + "; ".join(wrong) if wrong else None


Output = tuple[str, np.ndarray | slice, np.ndarray, str, dict[str, Any]]


def _outputs(
    network: FixedPointNetwork, forms: Forms, x: np.ndarray, n_rtl_jets: int, threads: int
) -> Iterator[Output]:
    everything = slice(None)
    yield "fixed_point", everything, network.predict(x), f"the network's integers in NumPy {np.__version__}", {}
    executor = f"QONNX {version('qonnx')} executor" + (
        ", sums in double precision" if network.float_type is np.float64 else ""
    )
    yield "qonnx", everything, run_qonnx(forms.onnx, x, network.float_type), executor, {}
    yield "hls4ml", everything, run_hls_simulation(forms.hls, x), f"hls4ml {version('hls4ml')} C simulation", {}
    try:
        circuit = Circuit.load(forms.rtl)
    except NoCircuit:
        return
    yield "da4ml", everything, run_interpreted(forms.rtl, network, x), f"da4ml {circuit.da4ml} interpreter", {}
    jets = spread(len(x), n_rtl_jets)
    simulation = simulate_rtl(forms.rtl, network, x[jets], threads)
    measured = {"latency_cycles": simulation.latency_cycles}
    yield "verilog", jets, simulation.logits, f"{simulation.simulator}, new inputs every cycle", measured
