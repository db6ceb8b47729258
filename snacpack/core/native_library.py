"""Code that is compiled when it is first needed and kept for later jobs: ``training/native.cpp``, and more.

It stands outside the package that trains, because a run makes sure of it before its first job, without PyTorch.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path

from snacpack.core.compiler import compiler_version, cxx_command
from snacpack.core.places import cache_folder, lack_of_room, only_one, temporary_folder

SOURCE = Path(__file__).parents[1] / "training" / "native.cpp"
HEADERS = sorted(SOURCE.parent.glob("native_*.h"))
FLAGS = ("-O3", "-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
# Each way of compiling, the fastest first: the instructions that it needs, and the options of the compiler.
AVX2 = {"avx2", "fma"}
AVX512 = {*AVX2, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
LEVELS = (
    (AVX512, (*(f"-m{name}" for name in sorted(AVX512)), "-mprefer-vector-width=512")),
    (AVX2, tuple(f"-m{name}" for name in sorted(AVX2))),
)
# Characters of a compiler's complaint, the first of which says why.
COMPLAINT = 4000


class NativeUnavailable(RuntimeError):
    """``native.cpp`` cannot be compiled or loaded here."""


@cache
def load_library() -> ctypes.CDLL:
    """Compile ``native.cpp`` unless that was done before, and load it.

    The library is kept in ``$XDG_CACHE_HOME/snacpack`` (``~/.cache/snacpack``),
    one for each source, compiler and level of the instruction set, so that the
    machines of a cluster can share a home directory. ``CXX`` names another GCC than
    g++; version 9 is the oldest that will do.

    Raises
    ------
    NativeUnavailable
        If there is no compiler or it fails; the message says why.
    """
    try:
        path = _library_path()
        try:
            library = ctypes.CDLL(str(_compiled(path)))
        except OSError:
            # A library that a full disk cut off, say.
            path.unlink(missing_ok=True)
            library = ctypes.CDLL(str(_compiled(path)))
    except (OSError, RuntimeError) as error:
        raise NativeUnavailable(str(error)) from error
    _declare(library)
    return library


def is_compiled() -> bool:
    """Tell whether :func:`load_library` would find the library compiled.

    Raises
    ------
    OSError, RuntimeError
        If there is no compiler, or no folder to keep it in.
    """
    return _library_path().exists()


def _declare(library: ctypes.CDLL) -> None:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures = {
        "network_create": (pointer, [number, pointer, number, number, ctypes.c_float, number, pointer]),
        "network_create_quantized": (
            pointer,
            [number, pointer, pointer, pointer, ctypes.c_float, number, pointer],
        ),
        "network_destroy": (None, [pointer]),
        "network_exchange": (None, [pointer, number, pointer, number, number]),
        "network_mask": (None, [pointer, number, pointer]),
        "network_train": (
            ctypes.c_double,
            [*(pointer,) * 3, ctypes.c_int64, number, ctypes.c_float, ctypes.c_float, ctypes.c_uint64],
        ),
        "network_differentiate": (ctypes.c_double, [pointer, pointer, number, ctypes.c_uint64]),
        "network_evaluate": (None, [pointer, pointer, ctypes.c_int64, pointer, pointer]),
        "network_predict": (None, [pointer, pointer, ctypes.c_int64, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def instruction_flags(processor_flags: Collection[str], machine: str) -> tuple[str, ...]:
    """Return what tells the compiler which instructions a processor has."""
    if machine not in ("x86_64", "AMD64"):
        return ()
    return next((options for needed, options in LEVELS if needed <= set(processor_flags)), ())


def _command() -> list[str]:
    """Return the compiler's command but for its files."""
    return [*cxx_command(), *FLAGS, *instruction_flags(processor_flags(), platform.machine())]


def _library_path() -> Path:
    return compiled_path("native", ".so", _command(), (path.read_text() for path in (SOURCE, *HEADERS)))


def compiled_path(name: str, suffix: str, command: Iterable[str], contents: Iterable[str]) -> Path:
    """Return where what a compiler's command makes of these contents is kept."""
    parts = (*contents, compiler_version() or "", platform.machine(), *command)
    return cache_folder() / f"{name}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}{suffix}"


def keep_compiled(path: Path, compile_to: Callable[[Path], None]) -> Path:
    """Let a file of :func:`compiled_path` be compiled unless it is there, and return it.

    Parameters
    ----------
    path
        The file.
    compile_to
        Writes it where it is told.
    """
    if not path.exists():
        # Many jobs may start at once on a node: one of them compiles. Machines that share the folder may not see each
        # other's lock: each has its own file until it is whole.
        lock = path.parent / f"{path.name.partition('-')[0]}.lock"
        with only_one(lock), tempfile.TemporaryDirectory(dir=path.parent) as folder:
            if not path.exists():
                temporary = Path(folder) / path.name
                compile_to(temporary)
                os.replace(temporary, path)
    return path


def _compiled(path: Path) -> Path:
    def compile_to(file: Path) -> None:
        _compile([*_command(), "-shared", "-fPIC", "-o", str(file), str(SOURCE)], path.parent)

    return keep_compiled(path, compile_to)


def _compile(command: list[str], target: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        room = lack_of_room(temporary_folder(), target)
        said = done.stderr.strip()[:COMPLAINT] or f"nothing; its exit status is {done.returncode}"
        raise NativeUnavailable(f"{shlex.join(command)} failed.{room} The compiler says:\n{said}")


def processor_flags() -> set[str]:
    """Return what this machine's processor knows, as Linux names it; nothing where that is not told."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return set(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), ()))
