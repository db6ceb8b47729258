"""Delays, the longest path of every stage, and where a pipeline is cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_synthesis_rtl import random_network

from snacpack.synthesis.rtl import pipeline, trace
from snacpack.synthesis.timing import delays_of, estimate_timing, shortest_clock_period, stage_paths

PART = "xcvu13p-flga2577-2-e"
HEADER = ".model top\n.inputs clk a b\n.outputs y\n"


def register(data, out):
    return f".subckt FDRE C=clk CE=$true D={data} R=$false Q={out}\n"


def lut(*signals, out):
    pins = " ".join(f"I{i}={signal}" for i, signal in enumerate(signals))
    return f".subckt LUT{len(signals)} {pins} O={out}\n"


def paths_of(tmp_path, *cells):
    (tmp_path / "circuit.blif").write_text(HEADER + "".join(cells) + ".end\n")
    return stage_paths(tmp_path / "circuit.blif", delays_of(PART))


def test_the_longest_of_two_ways_through_luts(tmp_path):
    delays = delays_of(PART)
    (path,) = paths_of(
        tmp_path,
        register("a", "qa"),
        register("b", "qb"),
        lut("qa", "qb", out="x"),
        lut("x", "qa", out="z"),
        register("z", "y"),
    )
    assert (path.stage, path.lut_levels, path.carry_bits, path.nets) == (0, 2, 0, 2)
    assert path.delay_ns == pytest.approx(delays.clock_to_q + 2 * delays.level + delays.setup, abs=0.002)


def test_every_row_of_registers_begins_a_stage(tmp_path):
    paths = paths_of(
        tmp_path,
        register("a", "q0"),
        lut("q0", out="x"),
        register("x", "q1"),
        lut("q1", "q1", out="x2"),
        lut("x2", "q1", out="x3"),
        register("x3", "y"),
    )
    assert [(path.stage, path.lut_levels) for path in paths] == [(0, 1), (1, 2)]


def test_a_carry_chain_costs_by_the_bit(tmp_path):
    def chain(n):
        cells, carry = [register("a", "qa"), register("b", "qb")], "$false"
        cells.append(lut("qa", "qb", out="s"))
        for i in range(n):
            selects = " ".join(f"S[{bit}]=s DI[{bit}]=qa O[{bit}]=o{i}_{bit} CO[{bit}]=c{i}_{bit}" for bit in range(4))
            ends = f"CI={carry} CYINIT=$false" if i else "CI=$false CYINIT=$false"
            cells.append(f".subckt CARRY4 {ends} {selects}\n")
            carry = f"c{i}_3"
        cells.append(register(f"o{n - 1}_3", "y"))
        return paths_of(tmp_path, *cells)[0]

    delays, short, long = delays_of(PART), chain(2), chain(6)
    assert short.lut_levels == long.lut_levels == 1
    assert long.carry_bits - short.carry_bits == 16
    assert long.delay_ns - short.delay_ns == pytest.approx(16 * delays.carry_bit, abs=0.003)


def test_what_is_not_understood_is_an_error(tmp_path):
    lost = "in a circle, or one is driven by nothing"
    with pytest.raises(ValueError, match=lost):
        paths_of(tmp_path, register("a", "q"), ".subckt DSP48E2 A=q P=p\n", register("p", "y"))
    with pytest.raises(ValueError, match=lost):
        paths_of(tmp_path, register("a", "q"), lut("q", "x", out="z"), lut("z", out="x"), register("x", "y"))
    with pytest.raises(ValueError, match=lost):
        paths_of(tmp_path, lut("nowhere", out="z"), register("z", "y"))


def test_the_slowest_stage_decides(tmp_path):
    paths = paths_of(tmp_path, register("a", "q0"), register("q0", "q1"), lut("q1", out="x"), register("x", "y"))
    timing = estimate_timing(paths, 5.0, PART)
    assert timing["worst_stage"] == 1
    assert timing["lut_levels"] == 1
    assert timing["meets_target"]
    period = timing["estimated_clock_period_ns"]
    assert period > paths[1].delay_ns
    assert not estimate_timing(paths, period - 0.01, PART)["meets_target"]


def test_a_faster_speed_grade_is_faster_and_a_part_without_one_is_slow():
    slow, middle, fast = (delays_of(f"xcvu13p-flga2577-{grade}-e").level for grade in (1, 2, 3))
    assert slow > middle > fast
    assert delays_of("xcvu13p").level == slow
    assert delays_of("xc7a100t-csg324-1").level > slow


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(2, 12), min_size=3, max_size=4), st.integers(0, 1000))
def test_a_shorter_clock_period_needs_no_fewer_stages(widths, seed):
    logic = trace(random_network(tuple(widths), seed=seed))
    periods = [2.0, 3.0, 5.0, 10.0, 1000.0]
    stages = [len(pipeline(logic, period, PART).solutions) for period in periods]
    assert stages == sorted(stages, reverse=True)
    assert stages[-1] == 1
    registers = [pipeline(logic, period, PART).reg_bits for period in (2.0, 1000.0)]
    assert registers[0] >= registers[1]


def test_no_clock_is_shorter_than_one_addition():
    shortest = shortest_clock_period(PART)
    assert 0.3 < shortest < 2
    assert shortest_clock_period("xc7a100t-csg324-1") > shortest
