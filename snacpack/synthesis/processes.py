"""Running the tools: with a time limit, all output in a log, and errors that show its end."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LOG_LINES_IN_ERROR = 30


def run_tool(
    command: Sequence[str | Path],
    folder: str | Path,
    log: str | Path,
    timeout_s: float | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command and wait for it; if it takes too long, end it and all that it started.

    It stays in this process' group, so that a scheduler or a Ctrl-C that ends the job ends it too.

    Parameters
    ----------
    command
        Program and arguments.
    folder
        Working directory.
    log
        File that gets standard output and error.
    timeout_s
        Seconds; None waits for ever.
    environment
        All environment variables; None inherits.

    Raises
    ------
    RuntimeError
        If the program is not there, fails or takes too long; the message ends with the log's last lines.
    """
    name = Path(command[0]).name
    with open(log, "wb") as output:
        try:
            process = subprocess.Popen(
                list(map(str, command)),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError:
            raise RuntimeError(f"{name} was not found; is it on PATH?") from None
        try:
            process.wait(timeout_s)
        except BaseException as error:
            # Only here: once a process has ended, its number may be another's.
            _kill_tree(process.pid)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            # The number would mislead: it is what earlier steps left of the whole time.
            raise RuntimeError(
                f"{name} did not finish in time and was ended; raise synthesis.timeout_minutes, or choose a smaller "
                f"network.{log_end(log)}"
            ) from None
    if process.returncode:
        raise RuntimeError(f"{name} {describe_status(process.returncode)}.{log_end(log)}")


def describe_status(status: int) -> str:
    """Return what became of a process that did not end well, from its exit status as ``subprocess`` tells it."""
    if status >= 0:
        return f"failed with exit status {status}"
    ended = f"was ended by {signal.Signals(-status).name}"
    # The kernel's way of making room.
    return f"{ended}, most often because memory ran out" if status == -signal.SIGKILL else ended


def log_end(log: str | Path) -> str:
    """Return the last lines of a log, introduced, for the end of an error message."""
    lines = Path(log).read_text(errors="replace").splitlines()[-LOG_LINES_IN_ERROR:] if Path(log).is_file() else []
    return f" The end of its log ({log}):\n" + ("\n".join(lines) or "(empty)")


def _kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        # One that is stopped starts no more children while they are looked for.
        process.suspend()
        for child in process.children():
            _kill_tree(child.pid)
        process.kill()
