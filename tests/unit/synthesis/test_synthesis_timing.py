"""The clock's estimate: known delays, known paths, pipelines that fit their clock and still compute the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.random_networks import PART, jets, random_network
from snacpack.synthesis.devices import Delays, parse_part
from snacpack.synthesis.rtl import Circuit, build_rtl, pipeline, trace
from snacpack.synthesis.timing import StagePath, estimate_timing, shortest_clock_period, stage_paths

# Powers of two, so that a path's sum says what it went through.
SUMMANDS = Delays(clock_to_q=1, setup=2, net=4, lut=8, mux=16, carry_in=32, carry_bit=64, carry_out=128)


@pytest.fixture
def netlist(tmp_path):
    def write(*lines, outputs="y"):
        path = tmp_path / "circuit.blif"
        constants = [".names $false", ".names $true", "1", ".names $undef"]
        path.write_text(
            "\n".join([".model top", ".inputs clk a b c", f".outputs {outputs}", *constants, *lines, ".end"])
        )
        return path

    return write


def register(d, q):
    return f".subckt FDRE C=clk CE=$true D={d} Q={q} R=$false"


def carry(name, selects, generates, carry_in="$false", start="$false"):
    bits = [
        f"S[{i}]={s} DI[{i}]={g} O[{i}]={name}_o{i} CO[{i}]={name}_c{i}"
        for i, (s, g) in enumerate(zip(selects, generates, strict=True))
    ]
    return f".subckt CARRY4 CI={carry_in} CYINIT={start} {' '.join(bits)}"


def test_a_path_through_luts_is_the_sum_of_its_cells_and_wires(netlist):
    circuit = netlist(
        register("a", "qa"),
        register("b", "qb"),
        ".subckt LUT2 I0=qa I1=qb O=first",
        ".subckt LUT2 I0=first I1=qb O=second",
        ".subckt INV I=second O=third",
        register("third", "y"),
    )
    (path,) = stage_paths(circuit, SUMMANDS)
    assert path == StagePath(stage=0, lut_levels=3, carry_bits=0, nets=3, logic_ns=1 + 3 * 8 + 2, routing_ns=3 * 4)


def test_a_carry_chain_is_entered_run_along_and_left(netlist):
    constants = ["$false"] * 4
    circuit = netlist(
        register("a", "qa"),
        ".subckt INV I=qa O=x",
        carry("low", ["x", "$false", "$false", "$false"], constants),
        carry("high", constants, constants, carry_in="low_c3"),
        register("high_o2", "y"),
    )
    (path,) = stage_paths(circuit, SUMMANDS)
    # From bit 0 to bit 6, and into the register beside the chain without a wire.
    assert (path.lut_levels, path.carry_bits, path.nets) == (1, 6, 1)
    assert path.logic_ns == 1 + 8 + 32 + 5 * 64 + 128 + 2


def test_what_has_no_lut_in_front_of_a_chain_is_sent_through_one(netlist):
    constants = ["$false"] * 4
    direct = netlist(register("a", "qa"), carry("sum", ["qa", *constants[1:]], constants), register("sum_o0", "y"))
    (path,) = stage_paths(direct, SUMMANDS)
    assert (path.lut_levels, path.nets, path.logic_ns) == (1, 1, 1 + 8 + 128 + 2)


def test_a_carry_that_leaves_for_other_logic_takes_a_wire(netlist):
    constants = ["$false"] * 4
    circuit = netlist(
        register("a", "qa"),
        carry("sum", constants, ["qa", *constants[1:]]),
        ".subckt INV I=sum_c0 O=x",
        register("x", "y"),
    )
    (path,) = stage_paths(circuit, SUMMANDS)
    assert (path.lut_levels, path.carry_bits, path.nets) == (1, 1, 2)
    assert path.logic_ns == 1 + 32 + 128 + 8 + 2


def test_wide_multiplexers_stand_beside_their_luts(netlist):
    circuit = netlist(
        register("a", "qa"),
        ".subckt INV I=qa O=x",
        ".subckt INV I=qa O=z",
        ".subckt MUXF7 I0=x I1=z S=qa O=wide",
        register("wide", "y"),
    )
    (path,) = stage_paths(circuit, SUMMANDS)
    assert (path.lut_levels, path.nets, path.logic_ns) == (1, 1, 1 + 8 + 16 + 2)


def test_every_stage_has_its_own_path_and_aliases_are_seen_through(netlist):
    circuit = netlist(
        register("a", "qa"),
        ".names qa also_qa",
        "1 1",
        ".subckt INV I=also_qa O=x",
        register("x", "qx"),
        register("qx", "qy"),
        ".names qy y",
        "1 1",
    )
    paths = stage_paths(circuit, SUMMANDS)
    assert [(path.stage, path.lut_levels, path.nets) for path in paths] == [(0, 1, 1), (1, 0, 1)]


def test_what_cannot_be_timed_is_an_error(netlist):
    with pytest.raises(ValueError, match="DSP48E2"):
        stage_paths(netlist(".subckt DSP48E2 A=a O=x", register("x", "y")), SUMMANDS)
    loop = netlist(".subckt LUT2 I0=a I1=second O=first", ".subckt INV I=first O=second", register("second", "y"))
    with pytest.raises(ValueError, match="circle"):
        stage_paths(loop, SUMMANDS)
    with pytest.raises(ValueError, match="driven by nothing"):
        stage_paths(netlist(register("nowhere", "y")), SUMMANDS)


def test_the_shortest_clock_is_that_of_the_grade():
    slow, fast = (shortest_clock_period(f"xcvu13p-flga2577-{grade}-e") for grade in (1, 3))
    assert 0 < fast < slow


def test_the_slowest_stage_decides_and_a_tenth_is_kept_in_reserve():
    paths = [StagePath(0, 5, 12, 5, 1.5, 1.5), StagePath(1, 6, 20, 7, 2.0, 2.5), StagePath(2, 1, 0, 1, 0.2, 0.2)]
    timing = estimate_timing(paths, 5.0, PART)
    assert timing["estimated_clock_period_ns"] == 5.0
    assert (timing["worst_stage"], timing["lut_levels"], timing["carry_bits"]) == (1, 6, 20)
    assert timing["meets_target"]
    assert not estimate_timing(paths, 4.99, PART)["meets_target"]
    assert [stage["stage"] for stage in timing["stages"]] == [0, 1, 2]


@settings(max_examples=20, deadline=None)
@given(
    widths=st.lists(st.integers(2, 7), min_size=3, max_size=4),
    activation=st.sampled_from(["relu", "tanh"]),
    bits=st.integers(3, 8),
    period=st.sampled_from([1.0, 2.0, 5.0, 12.0]),
    seed=st.integers(0, 1000),
)
def test_a_cut_circuit_computes_what_it_did_uncut(widths, activation, bits, period, seed):
    network = random_network(widths, activation, bits, 1.0, seed)
    stages = pipeline(trace(network), period, PART)
    x = jets(network, 4, seed)
    grid = np.ldexp(network.input.quantize(x).astype(np.float64), -network.input.fraction_bits)
    logits = np.stack([np.asarray(stages(list(jet)), dtype=np.float64) for jet in grid])
    np.testing.assert_array_equal(logits, network.predict(x))


def test_the_project_is_cut_as_the_pipeline_says(tmp_path):
    network = random_network((8, 9, 7, 5), "relu", 6, 0.7)
    logic = trace(network)
    for period in (2.0, 5.0):
        stages = pipeline(logic, period, PART)
        circuit = build_rtl(network, tmp_path / str(period), PART, period)
        assert circuit.estimated_lut == round(logic.cost)
        assert (circuit.stages, circuit.estimated_ff) == (len(stages.solutions), stages.reg_bits)
        assert Circuit.load(tmp_path / str(period)) == circuit


def test_slower_chips_and_faster_clocks_take_more_stages():
    logic = trace(random_network((16, 16, 5)))
    slow_clock, clock, fast_clock = (len(pipeline(logic, period, PART).solutions) for period in (10.0, 5.0, 2.5))
    assert slow_clock < clock < fast_clock
    assert clock < len(pipeline(logic, 5.0, "xc7z020clg400-1").solutions)


def test_no_more_stages_than_operations_one_after_the_other():
    # A clock that nothing fits: every operation is registered, and nothing is cut within one.
    logic = trace(random_network((6, 5, 3)))
    stages = pipeline(logic, 0.1, PART).solutions
    depth = [0] * len(logic.ops)
    for number, op in enumerate(logic.ops):
        key = [op.data & 0xFFFFFFFF] if abs(op.opcode) == 6 else []
        sources = [source for source in (op.id0, op.id1, *key) if source >= 0]
        depth[number] = max((depth[source] for source in sources), default=0) + (op.opcode not in (-1, 3, 5))
    assert len(stages) == max(depth)


def test_wires_that_take_longer_take_more_stages():
    from snacpack.synthesis.pipelining import cut_pipeline

    logic = trace(random_network((16, 16, 5)))
    delays = parse_part(PART).delays
    near, far = (len(cut_pipeline(logic, 5.0, replace(delays, net=net)).solutions) for net in (0.1, 1.0))
    assert near < far
