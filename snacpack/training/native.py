"""Training on a CPU: ``native.cpp``, compiled when it is first needed and kept for later jobs."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import nn

from snacpack.architecture import ACTIVATIONS, Architecture

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O3", "-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
# What a processor must know for each way of compiling, the fastest first, and what the compiler is told then.
AVX2 = {"avx2", "fma"}
AVX512 = {*AVX2, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
LEVELS = (
    (AVX512, (*(f"-m{name}" for name in sorted(AVX512)), "-mprefer-vector-width=512")),
    (AVX2, tuple(f"-m{name}" for name in sorted(AVX2))),
)


class NativeUnavailable(RuntimeError):
    """``native.cpp`` cannot be compiled or loaded here."""


class NativeNetwork:
    """A network's parameters, Adam's state and activations outside PyTorch.

    Parameters
    ----------
    network
        From :func:`snacpack.training.network.build_network`; its parameters are
        copied, and copied back by :meth:`store`.
    architecture
        The network's, with learning rate, L1 and dropout.
    dropout_seed
        Decides, with step and layer, which units are dropped.
    batch_size
        Jets of a step at most.

    Raises
    ------
    NativeUnavailable
        If there is no compiler for ``native.cpp``.
    MemoryError
        If the network does not fit into memory.
    """

    def __init__(self, network: nn.Sequential, architecture: Architecture, dropout_seed: int, batch_size: int) -> None:
        self._library = load_library()
        self.architecture = architecture
        self.batch_size = batch_size
        self._seed = dropout_seed
        self._layers = _layers_of(network)
        widths = architecture.layer_widths
        self._handle = self._library.network_create(
            len(widths) - 1,
            (ctypes.c_int * len(widths))(*widths),
            ACTIVATIONS.index(architecture.activation),
            int(architecture.batch_norm),
            architecture.dropout,
            batch_size,
        )
        if not self._handle:
            raise MemoryError(f"no memory for the network {architecture.label} at batches of {batch_size}")
        self._exchange(self._layers, inwards=True)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.network_destroy(self._handle)

    def train(self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean cross-entropy over batches."""
        return self._library.network_train(
            *(self._handle, x.data_ptr(), y.data_ptr(), order.data_ptr(), len(order), self.batch_size),
            *(self.architecture.learning_rate, self.architecture.l1, self._seed),
        )

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
        """Return cross-entropy and accuracy (a fraction) of jets in evaluation mode."""
        loss, correct = ctypes.c_double(), ctypes.c_int64()
        self._library.network_evaluate(
            self._handle, x.data_ptr(), y.data_ptr(), len(x), ctypes.byref(loss), ctypes.byref(correct)
        )
        return loss.value, correct.value / len(x)

    def differentiate(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradients of the mean cross-entropy of the next step's batch, in the order of ``parameters()``."""
        self._library.network_differentiate(self._handle, x.data_ptr(), y.data_ptr(), len(x), self._seed)
        gradients = [[torch.zeros_like(tensor) for tensor in tensors[:4]] for tensors in self._layers]
        self._exchange(gradients, gradients=True)
        return [gradient for tensors in gradients for gradient in tensors]

    def store(self) -> None:
        """Write parameters and running statistics back to the module."""
        self._exchange(self._layers)

    def _exchange(self, layers: list[list[torch.Tensor]], inwards: bool = False, gradients: bool = False) -> None:
        for i, tensors in enumerate(layers):
            pointers = (ctypes.c_void_p * 6)(*(tensor.data_ptr() for tensor in tensors))
            self._library.network_exchange(self._handle, i, pointers, int(inwards), int(gradients))


def _layers_of(network: nn.Sequential) -> list[list[torch.Tensor]]:
    """Return for each dense layer weight and bias, and of its batch normalisation scale, shift, mean and variance."""
    layers: list[list[torch.Tensor]] = []
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append([module.weight.detach(), module.bias.detach()])
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1] += [module.weight.detach(), module.bias.detach(), module.running_mean, module.running_var]
    return layers


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


def _declare(library: ctypes.CDLL) -> None:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures = {
        "network_create": (pointer, [number, pointer, number, number, ctypes.c_float, number]),
        "network_destroy": (None, [pointer]),
        "network_exchange": (None, [pointer, number, pointer, number, number]),
        "network_train": (
            ctypes.c_double,
            [*(pointer,) * 4, ctypes.c_int64, number, ctypes.c_float, ctypes.c_float, ctypes.c_uint64],
        ),
        "network_differentiate": (ctypes.c_double, [pointer, pointer, pointer, number, ctypes.c_uint64]),
        "network_evaluate": (None, [pointer, pointer, pointer, ctypes.c_int64, pointer, pointer]),
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
    compiler, *options = shlex.split(os.environ.get("CXX") or "g++")
    if shutil.which(compiler) is None:
        raise NativeUnavailable(f"no C++ compiler: {compiler} is not in PATH; install g++ or name one in CXX")
    return [compiler, *options, *FLAGS, *instruction_flags(_processor_flags(), platform.machine())]


def _library_path() -> Path:
    command = _command()
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    parts = (SOURCE.read_text(), version, platform.machine(), *command)
    return _cache_folder() / f"native-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}.so"


def _compiled(path: Path) -> Path:
    if not path.exists():
        # Machines that share the folder may compile at the same time: each has its own file until it is whole.
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            command = [*_command(), "-shared", "-fPIC", "-o", str(temporary), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise NativeUnavailable(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
            os.replace(temporary, path)
    return path


def _processor_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return set(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), ()))


def _cache_folder() -> Path:
    # RuntimeError: there is no home.
    with suppress(OSError, RuntimeError):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "snacpack"
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    private = Path(tempfile.gettempdir()) / f"snacpack-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid():
        raise NativeUnavailable(f"{private} belongs to another user; set XDG_CACHE_HOME to a folder of your own")
    return private
