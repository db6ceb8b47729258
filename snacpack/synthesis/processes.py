"""Running the tools: with a time limit, all output in a log, and errors that show its end."""

import subprocess
from collections.abc import Mapping, Sequence
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
            raise RuntimeError(f"{name} was ended after {timeout_s / 60:.1f} minutes.{log_end(log)}") from None
    if process.returncode:
        raise RuntimeError(f"{name} failed with exit status {process.returncode}.{log_end(log)}")


def log_end(log: str | Path) -> str:
    """Return the last lines of a log, introduced, for the end of an error message."""
    lines = Path(log).read_text(errors="replace").splitlines()[-LOG_LINES_IN_ERROR:] if Path(log).is_file() else []
    return f" The end of its log ({log}):\n" + ("\n".join(lines) or "(empty)")


def _kill_tree(pid: int) -> None:
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
