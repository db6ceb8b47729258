"""The C++ compiler: which one, and its version."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence

COMPILERS = ("g++", "c++", "clang++")
# A notice of the machine, or an empty line, may stand before the line that has a version in it.
VERSION_LINE = re.compile(r"^.*\b\d+\.\d+.*$", re.MULTILINE)


class NoCompiler(RuntimeError):
    """There is no C++ compiler."""


def cxx_command() -> list[str]:
    """Return the C++ compiler and its options: what ``CXX`` names, else the first of g++, c++ and clang++ on PATH.

    Raises
    ------
    NoCompiler
        If there is none.
    """
    given = shlex.split(os.environ.get("CXX") or "")
    compiler = given[0] if given else next(filter(shutil.which, COMPILERS), COMPILERS[0])
    if shutil.which(compiler) is None:
        source = f" (the environment variable CXX is {os.environ['CXX']!r})" if given else ""
        raise NoCompiler(f"no C++ compiler: {compiler} is not in PATH{source}; install g++ or name one in CXX")
    return given or [compiler]


def read_version_line(answer: str) -> str | None:
    """Return the first line of a tool's answer that has a version in it, wherever it stands."""
    match = VERSION_LINE.search(answer)
    return match.group().strip() if match else None


def compiler_version(command: Sequence[str] | None = None) -> str | None:
    """Return the line in which the C++ compiler tells its version; None without a compiler that answers.

    Parameters
    ----------
    command
        Compiler and options; None takes :func:`cxx_command`'s.
    """
    try:
        asked = [*(command or cxx_command()), "--version"]
        # Standard error apart: what a cluster preloads complains there, with versions of its own.
        done = subprocess.run(asked, capture_output=True, text=True, errors="replace", timeout=120)
    except (OSError, NoCompiler, subprocess.TimeoutExpired):
        return None
    return read_version_line(done.stdout)
