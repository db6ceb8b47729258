"""Running the tools: with a time limit, all output in a log, and errors that show its end."""

import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from snacpack.core.places import lack_of_room, temporary_folder

LOG_LINES_IN_ERROR = 30


class TookTooLong(RuntimeError):
    """A tool did not finish in time and was ended."""


def run_tool(
    command: Sequence[str | Path],
    folder: str | Path,
    log: str | Path,
    timeout_s: float | None = None,
    environment: Mapping[str, str] | None = None,
    notices: str | Path | None = None,
    slow_remedy: str = "raise synthesis.timeout_minutes, or choose a smaller network",
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
    notices
        File that gets standard error apart from the log; None sends it to the log.
    slow_remedy
        The cure that the error names if the command takes too long.

    Raises
    ------
    RuntimeError
        If the program is not there, cannot be started, fails, or takes too long (:class:`TookTooLong`); the message
        ends with the log's last lines.
    """
    name = Path(command[0]).name
    with ExitStack() as files:
        output = files.enter_context(open(log, "wb"))
        errors = subprocess.STDOUT if notices is None else files.enter_context(open(notices, "wb"))
        try:
            process = subprocess.Popen(
                list(map(str, command)),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        except OSError as error:
            raise RuntimeError(_not_started(command[0], folder, error)) from None
        try:
            process.wait(timeout_s)
        except BaseException as error:
            # Only here: once a process has ended, its number may be another's.
            _kill_tree(process.pid)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            # The number would mislead: it is what earlier steps left of the whole time.
            raise TookTooLong(f"{name} did not finish in time and was ended; {slow_remedy}.{log_end(log)}") from None
    if process.returncode:
        room = lack_of_room(folder, temporary_folder())
        told = [path for path in (notices, log) if path is not None and os.path.getsize(path)] or [log]
        said = "".join(map(log_end, told))
        raise RuntimeError(f"{name} {describe_status(process.returncode)}.{room}{said}")


def _not_started(program: str | Path, folder: str | Path, error: OSError) -> str:
    """Say why the operating system refused to start a program, and what helps."""
    if not os.path.isdir(folder):
        return f"{program} could not be started: its working directory {folder} is not there"
    reasons = {
        errno.ENOENT: "it, or the interpreter that its first line names, was not found; is it on PATH?",
        errno.EACCES: "permission to run it is denied: make it executable (chmod +x), and see that its disk is "
        "not mounted noexec",
        errno.ENOEXEC: "it is not a program of this machine (exec format error): it was made for another processor, or "
        "it is a script without a first line such as #!/bin/sh, or it is cut off; install it again",
        errno.ENOMEM: "memory ran out; run fewer jobs at a time, or raise the limit (ulimit -v)",
        errno.EAGAIN: "this user has as many processes as the limit allows (ulimit -u); run fewer jobs at a time",
    }
    return f"{program} could not be started: {reasons.get(error.errno, error.strerror or str(error))}"


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
