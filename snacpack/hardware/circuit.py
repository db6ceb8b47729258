"""da4ml's estimate of the circuit that synthesis would build of a network, without writing Verilog.

da4ml holds Python's lock while it works, so several networks are estimated in processes of their own. They are this
module run as a program, which imports neither torch nor the script that asks, and end when nobody asks any more, the
asking process' death included.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO

import numpy as np

from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.synthesis.processes import describe_status
from snacpack.synthesis.rtl import pipeline, trace

# How long a process that has said its last may take to end.
ENDING_S = 10

COSTS = ("lut", "ff", "clock_cycles")


def estimate_circuit(network: FixedPointNetwork, clock_period_ns: float, part: str) -> dict[str, int]:
    """Return da4ml's estimate of the circuit that :func:`snacpack.synthesis.rtl.build_rtl` writes.

    Parameters
    ----------
    network
        The network.
    clock_period_ns, part
        The clock and the FPGA for which the pipeline is cut.

    Returns
    -------
    ``lut`` and ``ff`` (LUTs and flip-flops) and ``clock_cycles`` (stages of the pipeline, from a jet to its logits).

    Raises
    ------
    NoCircuit
        If the logits do not depend on the input, or sums are wider than float64 adds exactly.
    """
    logic = trace(network)
    stages = pipeline(logic, clock_period_ns, part)
    return {"lut": round(logic.cost), "ff": stages.reg_bits, "clock_cycles": len(stages.solutions)}


def estimate_circuits(
    networks: Sequence[FixedPointNetwork],
    clock_period_ns: float,
    part: str,
    threads: int = 1,
    on_result: Callable[[int, dict[str, Any]], None] | None = None,
) -> list[dict[str, Any]]:
    """Estimate the circuits of many networks, several at a time.

    Parameters
    ----------
    networks
        The networks that are estimated.
    clock_period_ns, part
        As for :func:`estimate_circuit`.
    threads
        Processes at a time.
    on_result
        Called with a network's position and its record as soon as there is one.

    Returns
    -------
    One record per network, in order: ``lut``, ``ff``, ``clock_cycles`` and ``failure``, which is None, or says why
    there is no such circuit; then the costs are None.

    Raises
    ------
    RuntimeError
        If da4ml's processes do not start; their error is on standard error.
    """
    workers = [_Worker(clock_period_ns, part) for _ in range(min(max(1, threads), len(networks)))]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def estimate(network: FixedPointNetwork) -> dict[str, Any]:
        worker = idle.get()
        try:
            return worker.estimate(network)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(max(1, len(workers)))
    # The largest first, so that no process is left with one at the end.
    order = sorted(range(len(networks)), key=lambda i: -_weights_left(networks[i]))
    positions = {pool.submit(estimate, networks[i]): i for i in order}
    try:
        for future in as_completed(positions):
            if on_result is not None:
                on_result(positions[future], future.result())
    finally:
        for future in positions:
            future.cancel()
        # Ends what a thread may be waiting for.
        for worker in workers:
            worker.end()
        pool.shutdown()
    records = {position: future.result() for future, position in positions.items()}
    return [records[i] for i in range(len(networks))]


def _weights_left(network: FixedPointNetwork) -> int:
    return sum(np.count_nonzero(weight) for weight in network.weights)


class _Worker:
    """A process that estimates one network after another; it is replaced if it dies of one."""

    def __init__(self, clock_period_ns: float, part: str) -> None:
        self._arguments = (repr(clock_period_ns), part)
        self._ended = False
        self._start()

    def estimate(self, network: FixedPointNetwork) -> dict[str, Any]:
        """Return the record of a network."""
        self._wait_until_ready()
        try:
            _send(network.to_dict(), self._process.stdin)
            return _receive(self._process.stdout)
        except (EOFError, BrokenPipeError):
            if self._ended:
                return _failure("the estimate was given up")
            ending = self._ending()
            self._close()
            self._start()
            # That is the machine's doing, not the network's: the trial must not be recorded as one that failed.
            raise RuntimeError(
                f"da4ml's process, amid an estimate, {ending}; its error, if it had one, is in the log"
            ) from None

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._ended = True
        self._process.kill()
        self._process.wait()
        self._close()

    def _start(self) -> None:
        # One core each: da4ml's library would start a thread for every core.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "snacpack.hardware.circuit", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._ready = False

    def _wait_until_ready(self) -> None:
        try:
            self._ready = self._ready or _receive(self._process.stdout)
        except EOFError:
            raise RuntimeError(
                f"da4ml's process did not start: it {self._ending()}; its error, if it had one, is in the log"
            ) from None

    def _ending(self) -> str:
        """Wait for the end of a process that has said its last, and return what became of it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_S)
        self._process.kill()
        return describe_status(self._process.wait())

    def _close(self) -> None:
        # Bytes that were not sent yet are of no use.
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()


def _serve(clock_period_ns: float, part: str) -> None:
    """Estimate what comes on standard input until that is closed."""
    # The asking process is interrupted too, and ends this one; if it is gone, an answer ends this one without a word.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # Printed lines must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _send(True, answers)
    while True:
        try:
            network = FixedPointNetwork.from_dict(_receive(sys.stdin.buffer))
        except EOFError:
            return
        try:
            record = {**estimate_circuit(network, clock_period_ns, part), "failure": None}
        # The machine's doing: it ends this process, and the network's estimate can be repeated.
        except (MemoryError, ImportError, OSError):
            raise
        except NoCircuit as reason:
            record = _failure(f"no circuit: {reason}")
        # Any other exception of da4ml belongs to this network alone.
        except Exception as error:
            record = _failure(f"da4ml failed with {type(error).__name__}: {error}")
        _send(record, answers)


def _failure(reason: str) -> dict[str, Any]:
    return {**dict.fromkeys(COSTS), "failure": reason}


def _send(message: Any, stream: BinaryIO) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


def _receive(stream: BinaryIO) -> Any:
    """Return the next message; EOFError where there is none, or its end is missing."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return json.loads(line)


if __name__ == "__main__":
    _serve(float(sys.argv[1]), sys.argv[2])
