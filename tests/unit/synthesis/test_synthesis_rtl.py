"""Verilog from fixed-point networks: da4ml's interpreter and the simulated Verilog give the network's own logits."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.random_networks import PART, jets, random_network
from snacpack.networks.integers import NoCircuit
from snacpack.synthesis import simulation as simulation_module
from snacpack.synthesis.rtl import Circuit, build_rtl, run_interpreted, trace
from snacpack.synthesis.simulation import simulate_rtl


@settings(max_examples=25, deadline=None)
@given(
    widths=st.lists(st.integers(1, 6), min_size=3, max_size=5),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    bits=st.integers(3, 8),
    density=st.sampled_from([0.3, 0.6, 1.0]),
    seed=st.integers(0, 1000),
)
def test_interpreter_gives_the_networks_logits(tmp_path_factory, widths, activation, bits, density, seed):
    network = random_network(widths, activation, bits, density, seed)
    folder = tmp_path_factory.mktemp("rtl")
    x = jets(network, 100)
    try:
        build_rtl(network, folder, PART, 5.0)
    except NoCircuit:
        # Refused, and rightly: what has no weights left has one answer.
        np.testing.assert_array_equal(np.ptp(network.predict(x), axis=0), 0)
        return
    np.testing.assert_array_equal(run_interpreted(folder, network, x), network.predict(x))


@pytest.mark.parametrize(
    ("activation", "widths", "bits"),
    [
        ("tanh", (5, 4, 3), 6),
        pytest.param("relu", (8, *[9] * 8, 5), 8, marks=pytest.mark.thorough),
        pytest.param("sigmoid", (4, 4, 3), 4, marks=pytest.mark.thorough),
    ],
)
def test_simulated_verilog_gives_the_networks_logits(tmp_path, activation, widths, bits):
    network = random_network(widths, activation, bits)
    circuit = build_rtl(network, tmp_path / "rtl", PART, 5.0)
    x = jets(network, 60)
    simulation = simulate_rtl(tmp_path / "rtl", network, x)
    np.testing.assert_array_equal(simulation.logits, network.predict(x))
    assert simulation.latency_cycles == circuit.stages
    assert Circuit.load(tmp_path / "rtl") == circuit


@pytest.mark.thorough
def test_large_circuits_are_compiled_in_parts(tmp_path, monkeypatch):
    """As many files as the compiler's memory asks for make the same simulation."""
    monkeypatch.setattr(simulation_module, "UNIT_BYTES", 1500)
    network = random_network((5, 4, 3), bits=5)
    build_rtl(network, tmp_path / "rtl", PART, 5.0)
    x = jets(network, 20)
    np.testing.assert_array_equal(simulate_rtl(tmp_path / "rtl", network, x, threads=2).logits, network.predict(x))


def test_deep_networks_stay_exact_in_the_interpreter(tmp_path):
    network = random_network((12, *[16] * 9, 5), bits=8, density=0.5, seed=3)
    build_rtl(network, tmp_path / "rtl", PART, 5.0)
    x = jets(network, 300)
    assert np.ptp(network.predict(x), axis=0).min() > 0
    np.testing.assert_array_equal(run_interpreted(tmp_path / "rtl", network, x), network.predict(x))


def test_a_shorter_clock_period_makes_more_stages(tmp_path):
    network = random_network((8, 8, 5))
    stages = [build_rtl(network, tmp_path / str(period), PART, period).stages for period in (10.0, 5.0, 2.0)]
    assert stages[0] < stages[1] < stages[2]
    x = jets(network, 20)
    np.testing.assert_array_equal(run_interpreted(tmp_path / "2.0", network, x), network.predict(x))


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_worker_processes_trace_the_same_circuit(start_method):
    networks = [random_network((12, 16, 5), seed=seed) for seed in range(3)]
    expected = [trace(network) for network in networks]
    with ProcessPoolExecutor(2, multiprocessing.get_context(start_method)) as pool:
        traced = list(pool.map(trace, networks, timeout=120))
    assert [logic.ops for logic in traced] == [logic.ops for logic in expected]


def test_a_pruned_away_input_has_no_bits(tmp_path):
    network = random_network((4, 3, 2), density=1.0)
    network.weights[0][:, 2] = 0
    circuit = build_rtl(network, tmp_path / "rtl", PART, 5.0)
    assert [port.bits for port in circuit.inputs] == [8, 8, 0, 8]


def test_a_constant_network_is_refused(tmp_path):
    network = random_network((4, 3, 2))
    network.weights[0][:] = 0
    with pytest.raises(NoCircuit, match="same for every input"):
        build_rtl(network, tmp_path / "rtl", PART, 5.0)


def test_the_project_is_complete_and_names_the_part(tmp_path):
    build_rtl(random_network((4, 3, 2), "tanh", 4), tmp_path / "rtl", PART, 5.0)
    assert PART in (tmp_path / "rtl" / "build_vivado_prj.tcl").read_text()
    assert list((tmp_path / "rtl" / "src" / "memfiles").glob("*.mem"))
    texts = [path.read_text(errors="replace") for path in (tmp_path / "rtl").rglob("*") if path.is_file()]
    assert not any(str(tmp_path) in text for text in texts)
