"""Everything that a run depends on, tried before its first job: tools that start, folders that take files.

``python -m snacpack.run.preflight`` tries all of it, and compiles what a machine's first run would have to.
"""

import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from snacpack.core.compiler import compiler_version, cxx_command
from snacpack.core.files import read_json
from snacpack.core.places import Room, cache_folder, lack_of_room, settle, temporary_folder
from snacpack.run.surroundings import without_shadows

# Needs of a rule's jobs beside Python: training on a GPU needs no trainer, and a backend names its own tools.
NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "evaluate_trials",
            "rerun_trial",
            "train_candidate",
            "warm_up_candidate",
            "prune_candidate",
            "refine_front",
        ),
        ("trainer",),
    ),
    "build_hls_project": ("compiler", "results"),
    "verify_model": ("compiler", "verilator", "results"),
    "synthesize_model": (),
}
# Bytes and files of the temporary folder that the largest step of a job takes, with room to spare.
TEMPORARY_BYTES, TEMPORARY_INODES = 256 << 20, 1000
# The native trainer has a hundredth of it.
CACHE_BYTES, CACHE_INODES = 16 << 20, 10

PROGRAM = '#include <cstdio>\n#include <thread>\nint main() { std::thread([] { std::puts("ran"); }).join(); }\n'
VERILOG = "module trial(input clk, input [3:0] a, output reg [3:0] y); always @(posedge clk) y <= a; endmodule\n"

Say = Callable[[str], None]


class Unready(RuntimeError):
    """This machine cannot do what is asked of it; the message has a paragraph for each fault."""


def check_machine(needs: Iterable[str], results: str | Path = ".", say: Say = print, progress: bool = False) -> None:
    """Try what is needed.

    Parameters
    ----------
    needs
        Names of :data:`CHECKS`; the folder of temporary files is always among them.
    results
        Folder of the results, which need not exist yet.
    say
        Called with a line about what takes long, and about what is not as it should be and yet no fault.
    progress
        Whether to say before each step what is tried, and after it how it went.

    Raises
    ------
    Unready
        If one of them does not work; all are tried.
    """
    faults = []
    for name in ("temporary", *(name for name in CHECKS if name in set(needs) and name != "temporary")):
        title, check = CHECKS[name]
        started = time.monotonic()
        if progress:
            say(f"{title} ...")
        try:
            found = check(Path(results), say)
        except (OSError, RuntimeError) as error:
            faults.append(f"{title}: {error}")
            found = "this does not work"
        if progress:
            say(f"    {found or 'works'} ({time.monotonic() - started:.1f} s)")
    if faults:
        raise Unready("this machine cannot do what is needed.\n" + "\n".join(f"- {fault}" for fault in faults))


def needs_of(rules: Iterable[str], config: Mapping[str, Any], backend: str | None = None) -> set[str]:
    """Return what the jobs of some rules need of a machine.

    Parameters
    ----------
    rules
        Their names.
    config
        The configuration.
    backend
        The backend that a project was written for; None for the one that the configuration would choose here.
    """
    from snacpack.synthesis.registry import choose_backend, find_backend

    rules = set(rules)
    found = {need for rule in rules for need in NEEDS.get(rule, ())}
    if config["training"]["device"] == "cuda":
        found.discard("trainer")
    if "synthesize_model" in rules:
        found |= set((find_backend(backend) if backend else choose_backend(config["synthesis"]["backend"])).tools)
    if found & {"trainer", "yosys"}:
        found.add("cache")
    return found


def check_job(rule: str, config: Mapping[str, Any], inputs: Mapping[str, Any], say: Say = print) -> None:
    """Try what the job of a rule needs, on the machine that the job is on; see :func:`check_machine`."""
    project = Path(str(inputs.get("hls", ""))) / "project.json"
    backend = read_json(project)["backend"] if rule == "synthesize_model" and project.is_file() else None
    needs = needs_of([rule], config, backend)
    if needs:
        check_machine(needs, "results", say)


def _check_temporary(results: Path, say: Say) -> str:
    folder = temporary_folder()
    cure = "set TMPDIR to a folder that is there and that this user may write to"
    if not folder.is_dir():
        raise Unready(f"{folder} (TMPDIR is {os.environ.get('TMPDIR')!r}) is not a folder; {cure}")
    return _check_folder(folder, TEMPORARY_BYTES, TEMPORARY_INODES, cure)


def _check_cache(results: Path, say: Say) -> str:
    cure = "set XDG_CACHE_HOME to a folder that this user may write to and run programs from"
    return _check_folder(cache_folder(), CACHE_BYTES, CACHE_INODES, cure)


def _check_results(results: Path, say: Say) -> str:
    existing = results.absolute()
    while not existing.exists():
        existing = existing.parent
    cure = "choose another place for the results with --directory"
    return _check_folder(existing, 0, 0, cure)


def _check_folder(folder: Path, n_bytes: int, inodes: int, cure: str) -> str:
    room = Room.of(folder)
    if room.lacks(n_bytes, inodes):
        raise Unready(
            f"{folder} has {room}, and {n_bytes >> 20} MB and {inodes:,} files are needed: free some space, or {cure}"
        )
    try:
        with tempfile.TemporaryDirectory(prefix="snacpack_trial_", dir=folder) as work:
            program = Path(work) / "program"
            program.write_text("#!/bin/sh\nexit 0\n")
            program.chmod(stat.S_IRWXU)
            _run_from(program, folder, cure)
    except OSError as error:
        raise Unready(f"{folder} cannot be written ({error.strerror or error}); {cure}") from None
    return f"{folder}, {room}"


def _run_from(program: Path, folder: Path, cure: str) -> None:
    try:
        subprocess.run([program], check=True, timeout=60)
    except PermissionError:
        raise Unready(f"no program can be run from {folder}: its disk is mounted noexec; {cure}") from None
    except subprocess.SubprocessError as error:
        raise Unready(f"a program in {folder} does not run ({error}); {cure}") from None


def _check_compiler(results: Path, say: Say) -> str:
    from snacpack.synthesis.processes import run_tool

    command = cxx_command()
    with tempfile.TemporaryDirectory(prefix="snacpack_trial_") as work:
        (Path(work) / "trial.cpp").write_text(PROGRAM)
        compile_it = [*command, "-std=c++17", "trial.cpp", "-pthread", "-o", "trial"]
        hangs = "it may wait for a licence or for a network disk; start it by hand to see"
        run_tool(compile_it, work, Path(work) / "compiler.log", 300, slow_remedy=hangs)
        run_tool([Path(work) / "trial"], work, Path(work) / "trial.log", 60, slow_remedy=hangs)
    return compiler_version(command) or " ".join(command)


def _check_trainer(results: Path, say: Say) -> str:
    from snacpack.core.native_library import is_compiled, load_library

    if not is_compiled():
        say("Compiling the native trainer for this machine, once: about 10 seconds")
    load_library()
    return "compiled and loaded"


def _check_verilator(results: Path, say: Say) -> str:
    from snacpack.synthesis.simulation import simulator_name, translate

    with tempfile.TemporaryDirectory(prefix="snacpack_trial_") as work:
        (Path(work) / "trial.v").write_text(VERILOG)
        translate(["trial.v"], "trial", Path(work), timeout_s=300)
        if not (Path(work) / "Vcircuit.h").is_file():
            raise Unready(f"{simulator_name()} wrote no C++.{lack_of_room(work)}")
    return simulator_name()


def _check_yosys(results: Path, say: Say) -> str:
    from snacpack.synthesis.yosys import find_yosys

    return find_yosys(say).name


# Cheap ones first: what they find explains what comes after.
CHECKS: dict[str, tuple[str, Callable[[Path, Say], str]]] = {
    "temporary": ("The folder of temporary files", _check_temporary),
    "results": ("The folder of the results", _check_results),
    "cache": ("The folder of caches", _check_cache),
    "compiler": ("The C++ compiler", _check_compiler),
    "verilator": ("Verilator", _check_verilator),
    "trainer": ("The native trainer", _check_trainer),
    "yosys": ("Yosys", _check_yosys),
}


def main() -> int:
    """Try everything, with a line for each step; return the exit status."""
    say = partial(print, flush=True)
    # The tools are processes of their own, which would take packages from where this one does not.
    environment, _ = without_shadows(os.environ)
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(environment)
    try:
        settle()
        check_machine(CHECKS, say=say, progress=True)
    except (OSError, Unready) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    say("This machine has everything that a run needs.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
