"""Yosys maps da4ml's Verilog to an AMD family's cells, stage by stage.

The pipeline's stages are modules with registers between them, so each is mapped alone and several at a time. Then
they are put together: what no later stage uses is removed, the registers are mapped, and the cells are counted.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from snacpack.core.files import read_json, write_json
from snacpack.synthesis.devices import CELL_UNITS, FREE_CELLS, parse_part
from snacpack.synthesis.processes import run_tool
from snacpack.synthesis.rtl import Circuit
from snacpack.synthesis.timing import StagePath, stage_paths
from snacpack.synthesis.yosys import Yosys, find_yosys

# How a stage, which is adders, multiplexers and tables, becomes LUTs and carry chains. Yosys' own `synth_xilinx` would
# first merge successive additions into 3:2 compressors, which take two LUTs a bit where a carry chain takes one, and
# clean the design up far more often than this one needs; benchmarks/yosys_flow.py compares them.
STAGE_FLOW = """
    read_verilog -lib +/xilinx/cells_sim.v
    hierarchy -check -top {top}
    proc
    flatten
    opt_clean -purge
    wreduce
    memory -nomap
    memory_map
    opt_expr -fine
    techmap -map +/techmap.v -D LUT_SIZE=6 -map +/xilinx/arith_map.v
    opt_expr
    opt_merge
    opt_clean -purge
    abc -script {abc} -luts 2:2,3,6:5,10,20
    techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
    opt_clean -purge
    setattr -unset src t:* w:*
    rename -enumerate
"""
# ABC's script for a stage's logic: between carry chains there is nothing to restructure, in tables there is.
ABC_ADDERS = "+strash;if"
ABC_TABLES = "+strash;ifraig;dch,-f;if;mfs2"

# Yosys writes megabytes about a stage; their end says what took how long, or what went wrong.
LOG_LINES_KEPT = 60


def map_circuit(
    folder: str | Path,
    part: str,
    reports: str | Path,
    threads: int = 1,
    timeout_s: float | None = None,
    flow: str = STAGE_FLOW,
    netlist: str | Path | None = None,
) -> tuple[dict[str, int], Yosys]:
    """Map a Verilog project to a part's cells and count them.

    Parameters
    ----------
    folder
        Project of :func:`snacpack.synthesis.rtl.build_rtl`.
    part
        The vendor's name of the FPGA.
    reports
        Folder that gets ``cells.json``, Yosys' own count, ``timing.json``, the longest path of every stage, and the
        logs.
    threads
        Stages at a time.
    timeout_s
        Longest time for all of it, in seconds; None for no limit.
    flow
        Yosys' commands for a stage, with the fields ``top``, ``family`` and ``abc`` (ABC's script).
    netlist
        File that gets the mapped circuit as Verilog; None writes none.

    Returns
    -------
    counts : dict
        Cells by type.
    yosys : Yosys
        The Yosys that counted them.

    Raises
    ------
    RuntimeError
        If there is no Yosys, or it fails or takes too long; the message ends with its log's last lines.
    """
    circuit, yosys, device = Circuit.load(folder), find_yosys(), parse_part(part)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    Path(reports).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="snacpack_yosys_") as temporary:
        work = Path(temporary)
        _copy_sources(Path(folder), work)
        stages = [f"{circuit.top}_stage{i}" for i in range(circuit.stages)]
        scripts = {stage: _stage_script(stage, flow, device.family.yosys, work) for stage in stages}
        try:
            _run_stages(yosys, scripts, work, threads, deadline)
            link = _link_script(circuit.top, stages)
            if netlist is not None:
                link += "\nwrite_verilog -noattr -noexpr netlist.v"
            _run(yosys, "link", link, work, deadline)
        finally:
            _join_logs([*stages, "link"], work, Path(reports) / "yosys.log")
        shutil.copy(work / "cells.json", Path(reports) / "cells.json")
        write_json([asdict(path) for path in stage_paths(work / "circuit.blif", device.delays)], _timing(reports))
        if netlist is not None:
            shutil.copy(work / "netlist.v", netlist)
    return count_cells(Path(reports) / "cells.json"), yosys


def read_paths(reports: str | Path) -> list[StagePath]:
    """Return the longest path of every stage that :func:`map_circuit` wrote into its folder of reports."""
    return [StagePath(**path) for path in read_json(_timing(reports))]


def _timing(reports: str | Path) -> Path:
    return Path(reports) / "timing.json"


def count_cells(report: str | Path) -> dict[str, int]:
    """Return the cells by type of the file that Yosys' ``stat -json`` wrote."""
    design = read_json(report)["design"]
    counts = design["num_cells_by_type"]
    return {kind.removeprefix("\\"): int(n["count"] if isinstance(n, Mapping) else n) for kind, n in counts.items()}


def count_resources(cells: Mapping[str, int]) -> dict[str, int]:
    """Return ``lut``, ``ff``, ``dsp`` and ``bram`` (18 kb blocks) of cells by type.

    Raises
    ------
    RuntimeError
        If there is a cell of which it is not known what it takes.
    """
    known = {kind for units in CELL_UNITS.values() for kind in units} | set(FREE_CELLS)
    unknown = sorted(set(cells) - known)
    if unknown:
        raise RuntimeError(f"Yosys left cells that are not part of the FPGA's count: {', '.join(unknown)}")
    return {
        resource: sum(units * cells.get(kind, 0) for kind, units in kinds.items())
        for resource, kinds in CELL_UNITS.items()
    }


def _copy_sources(folder: Path, work: Path) -> None:
    # YoWASP sees the folder that it runs in, and tables are looked for there.
    for pattern in ("*.v", "static/*.v", "memfiles/*.mem"):
        for path in (folder / "src").glob(pattern):
            shutil.copy(path, work)


def _stage_script(stage: str, flow: str, family: str, work: Path) -> str:
    text = (work / f"{stage}.v").read_text()
    # Only what the stage uses: da4ml's table module cannot be read without its table.
    used = sorted(path.name for path in work.glob("*.v") if re.search(rf"^.* {path.stem} #\(", text, re.MULTILINE))
    deferred = f"read_verilog -defer {' '.join(used)}" if used else ""
    abc = ABC_TABLES if "lookup_table.v" in used else ABC_ADDERS
    map_to_cells = flow.format(top=stage, family=family, abc=abc)
    write = f"select {stage}\nwrite_rtlil -selected {stage}.il"
    return f"{deferred}\nread_verilog {stage}.v\n{map_to_cells}\n{write}"


def _link_script(top: str, stages: Sequence[str]) -> str:
    read = "\n".join(f"read_rtlil {stage}.il" for stage in stages)
    return f"""
        read_verilog -lib +/xilinx/cells_sim.v
        {read}
        read_verilog {top}.v
        hierarchy -check -top {top}
        proc
        flatten
        opt_dff
        simplemap
        dfflegalize -cell $_DFFE_?P?P_ 01 -cell $_SDFFE_?P?P_ 01
        techmap -map +/xilinx/ff_map.v
        opt_clean -purge
        rename -enumerate
        tee -q -o cells.json stat -json
        write_blif circuit.blif
    """


def _run_stages(yosys: Yosys, scripts: Mapping[str, str], work: Path, threads: int, deadline: float | None) -> None:
    # The largest first, so that no thread is left with it at the end.
    order = sorted(scripts, key=lambda stage: -(work / f"{stage}.v").stat().st_size)
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(_run, yosys, stage, scripts[stage], work, deadline) for stage in order]
        try:
            for future in tqdm(running, desc="mapping stages", unit="stage"):
                future.result()
        finally:
            for future in running:
                future.cancel()


def _run(yosys: Yosys, name: str, script: str, work: Path, deadline: float | None) -> None:
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    (work / f"{name}.ys").write_text("\n".join(line.strip() for line in script.splitlines()) + "\n")
    environment = {**os.environ, "YOSYS_NOVERIFIC": "1", **yosys.environment}
    run_tool([*yosys.command, "-d", "-s", f"{name}.ys"], work, work / f"{name}.log", left, environment)


def _join_logs(names: Sequence[str], work: Path, target: Path) -> None:
    logs = [(name, work / f"{name}.log") for name in names]
    parts = [f"== {name}\n{_last_lines(log)}\n" for name, log in logs if log.is_file()]
    target.write_text("\n".join(parts))


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_KEPT:])
