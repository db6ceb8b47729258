"""da4ml's estimates: the circuit that synthesis builds, and one network's failure is no other's."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from helpers import ROOT
from helpers.random_networks import random_network
from snacpack.hardware.circuit import COSTS, estimate_circuit, estimate_circuits
from snacpack.networks.integers import FixedPointNetwork
from snacpack.synthesis.rtl import Circuit, build_rtl

PART = "xcvu13p-flga2577-2-e"


class Deadly(FixedPointNetwork):
    """A network whose estimate is killed, as the kernel does when memory runs out."""

    def to_dict(self):
        for process in estimators_of(os.getpid()):
            process.kill()
        return super().to_dict()


def dead_network():
    network = random_network((4, 3, 2))
    network.weights[0][:] = 0
    return network


@pytest.mark.parametrize(
    ("activation", "widths", "bits", "clock_period_ns"),
    [("relu", (24, 32, 16, 5), 6, 5.0), ("relu", (24, 32, 16, 5), 6, 2.5), ("tanh", (8, 6, 3), 5, 4.0)],
)
def test_the_estimate_is_of_the_circuit_that_is_built(tmp_path, activation, widths, bits, clock_period_ns):
    network = random_network(widths, activation, bits)
    build_rtl(network, tmp_path / "rtl", PART, clock_period_ns)
    circuit = Circuit.load(tmp_path / "rtl")
    expected = {"lut": circuit.estimated_lut, "ff": circuit.estimated_ff, "clock_cycles": circuit.stages}
    assert estimate_circuit(network, clock_period_ns, PART) == expected
    assert estimate_circuits([network], clock_period_ns, PART) == [{**expected, "failure": None}]


def test_estimates_come_in_order_however_many_processes_make_them():
    networks = [random_network((6, width, 3), density=0.5, seed=width) for width in (3, 12, 5, 9, 1, 7)]
    told = {}
    records = estimate_circuits(networks, 5.0, PART, threads=3, on_result=told.__setitem__)
    assert records == [{**estimate_circuit(network, 5.0, PART), "failure": None} for network in networks]
    assert [told[i] for i in range(len(networks))] == records
    assert len({record["lut"] for record in records}) == len(networks)


def test_no_networks_have_no_estimates():
    assert estimate_circuits([], 5.0, PART, threads=2) == []


def test_a_network_that_fails_says_why_and_leaves_the_others():
    good, narrow = random_network((6, 5, 3)), random_network((6, 4, 3))
    mismatched = replace(good, nodes=(*good.nodes[:3], narrow.nodes[3]))
    records = estimate_circuits([dead_network(), good, mismatched, good], 5.0, PART, threads=2)
    expected = {**estimate_circuit(good, 5.0, PART), "failure": None}
    assert records[1] == records[3] == expected
    assert all(records[i][cost] is None for i in (0, 2) for cost in COSTS)
    assert "no circuit: its logits are the same" in records[0]["failure"]
    assert records[2]["failure"]


def test_a_process_that_dies_is_no_failure_of_its_network():
    """Another machine, or the same one with more memory, would estimate it."""
    good = random_network((6, 5, 3))
    with pytest.raises(RuntimeError, match="amid an estimate, was ended by SIGKILL, most often because memory ran out"):
        estimate_circuits([good, Deadly(good.input, good.shape, good.nodes)], 5.0, PART)
    assert not estimators_of(os.getpid())


class Cramped(FixedPointNetwork):
    """A network whose estimate is given hardly any memory."""

    def to_dict(self):
        for process in estimators_of(os.getpid()):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
        return super().to_dict()


def test_want_of_memory_is_no_failure_of_its_network():
    large = random_network((24, 64, 32, 5))
    with pytest.raises(RuntimeError, match="da4ml's process, amid an estimate"):
        estimate_circuits([Cramped(large.input, large.shape, large.nodes)], 5.0, PART)
    assert not estimators_of(os.getpid())


def test_the_caller_is_told_that_nothing_can_be_estimated(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(RuntimeError, match="did not start"):
        estimate_circuits([random_network((4, 3, 2))], 5.0, PART)


def test_an_error_of_the_caller_ends_all_processes():
    networks = [random_network((16, 16, 5), seed=seed) for seed in range(4)]

    def fail(position, record):
        raise KeyError(position)

    with pytest.raises(KeyError):
        estimate_circuits(networks, 5.0, PART, threads=2, on_result=fail)
    assert not estimators_of(os.getpid())


def test_processes_end_with_the_one_that_asks():
    code = f"""
from helpers.random_networks import random_network
from snacpack.hardware.circuit import estimate_circuits
estimate_circuits([random_network((24, 64, 32, 5))] * 100, 5.0, "{PART}", threads=2)
"""
    asking = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "tests")
    try:
        workers = wait_for(lambda: len(found := estimators_of(asking.pid)) == 2 and found)
    finally:
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    assert wait_for(lambda: not any(map(is_alive, workers)))


def test_estimating_imports_no_torch():
    code = f"""
import sys
from helpers.random_networks import random_network
from snacpack.hardware.circuit import estimate_circuit
estimate_circuit(random_network((4, 3, 2)), 5.0, "{PART}")
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def estimators_of(pid):
    children = psutil.Process(pid).children()
    return [child for child in children if "snacpack.hardware.circuit" in " ".join(child.cmdline())]


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return result
