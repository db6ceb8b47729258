"""Training on a CPU: ``native.cpp``, compiled when it is first needed and kept for later jobs."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from torch import nn

from snacpack.architecture import ACTIVATIONS, Architecture
from snacpack.training.quantized import QuantizedDense, QuantizedNetwork, QuantizedReLU, Table

SOURCE = Path(__file__).with_suffix(".cpp")
HEADERS = sorted(SOURCE.parent.glob("native_*.h"))
FLAGS = ("-O3", "-std=c++17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")
# What a processor must know for each way of compiling, the fastest first, and what the compiler is told then.
AVX2 = {"avx2", "fma"}
AVX512 = {*AVX2, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
LEVELS = (
    (AVX512, (*(f"-m{name}" for name in sorted(AVX512)), "-mprefer-vector-width=512")),
    (AVX2, tuple(f"-m{name}" for name in sorted(AVX2))),
)


# The kinds of activations of a quantised layer in ``native_quantized.h``.
LINEAR, RELU, TABLE = range(3)

Tensors = list[torch.Tensor | None]


class NativeUnavailable(RuntimeError):
    """``native.cpp`` cannot be compiled or loaded here."""


class _Network:
    """A network's parameters, Adam's state and activations outside PyTorch; tensors go in and out by layers."""

    def __init__(self, architecture: Architecture, dropout_seed: int, batch_size: int) -> None:
        self._library = load_library()
        self.architecture = architecture
        self.batch_size = batch_size
        self._seed = dropout_seed
        widths = architecture.layer_widths
        self._handle = self._create(len(widths) - 1, (ctypes.c_int * len(widths))(*widths))
        if not self._handle:
            raise MemoryError(f"no memory for the network {architecture.label} at batches of {batch_size}")

    def _create(self, n_layers: int, widths: ctypes.Array) -> int | None:
        raise NotImplementedError

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.network_destroy(self._handle)

    def evaluate(self, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
        """Return cross-entropy and accuracy (a fraction) of jets in evaluation mode."""
        loss, correct = ctypes.c_double(), ctypes.c_int64()
        self._library.network_evaluate(
            self._handle, x.data_ptr(), y.data_ptr(), len(x), ctypes.byref(loss), ctypes.byref(correct)
        )
        return loss.value, correct.value / len(x)

    def _train(self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, learning_rate: float) -> float:
        return self._library.network_train(
            *(self._handle, x.data_ptr(), y.data_ptr(), order.data_ptr(), len(order), self.batch_size),
            *(learning_rate, self.architecture.l1, self._seed),
        )

    def _differentiate(self, x: torch.Tensor, y: torch.Tensor, layers: list[Tensors]) -> list[torch.Tensor]:
        self._library.network_differentiate(self._handle, x.data_ptr(), y.data_ptr(), len(x), self._seed)
        gradients = [[None if tensor is None else torch.zeros_like(tensor) for tensor in layer] for layer in layers]
        self._exchange(gradients, gradients=True)
        return [gradient for layer in gradients for gradient in layer if gradient is not None]

    def _exchange(self, layers: list[Tensors], inwards: bool = False, gradients: bool = False) -> None:
        for i, tensors in enumerate(layers):
            addresses = [None if tensor is None else tensor.data_ptr() for tensor in tensors]
            pointers = (ctypes.c_void_p * 6)(*addresses)
            self._library.network_exchange(self._handle, i, pointers, int(inwards), int(gradients))


class NativeNetwork(_Network):
    """A float network outside PyTorch.

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
        super().__init__(architecture, dropout_seed, batch_size)
        self._layers = _layers_of(network)
        self._exchange(self._layers, inwards=True)

    def _create(self, n_layers: int, widths: ctypes.Array) -> int | None:
        architecture = self.architecture
        activation = ACTIVATIONS.index(architecture.activation)
        return self._library.network_create(
            n_layers, widths, activation, int(architecture.batch_norm), architecture.dropout, self.batch_size
        )

    def train(self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean cross-entropy over batches."""
        return self._train(x, y, order, self.architecture.learning_rate)

    def differentiate(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradients of the mean cross-entropy of the next step's batch, in the order of ``parameters()``."""
        return self._differentiate(x, y, [tensors[:4] for tensors in self._layers])

    def store(self) -> None:
        """Write parameters and running statistics back to the module."""
        self._exchange(self._layers)


class NativeQuantizedNetwork(_Network):
    """A quantised network outside PyTorch.

    Jets are contiguous: (n, n_inputs) float32 and (n,) int64 classes.

    Parameters
    ----------
    network
        Its parameters and masks are copied; parameters are copied back by :meth:`store`.
    architecture
        The network's widths, L1 and dropout; batch normalisation, if any, has been folded into the weights.
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
    ValueError
        If the network is not of the architecture.
    """

    def __init__(
        self, network: QuantizedNetwork, architecture: Architecture, dropout_seed: int, batch_size: int
    ) -> None:
        network.check(architecture)
        self.network = network
        super().__init__(architecture, dropout_seed, batch_size)
        self._exchange(self._parameters(), inwards=True)
        self.set_masks([layer.mask for layer in network.layers])

    def _create(self, n_layers: int, widths: ctypes.Array) -> int | None:
        grids = [_grids_of(layer) for layer in self.network.layers]
        return self._library.network_create_quantized(
            n_layers,
            widths,
            (ctypes.c_int * 2)(self.network.input_bits, self.network.input_exponent),
            (_Grids * n_layers)(*grids),
            self.architecture.dropout,
            self.batch_size,
        )

    def _parameters(self) -> list[Tensors]:
        """Return of each layer weight, bias, the weights' range and a ReLU's range or None."""
        layers: list[Tensors] = []
        for layer in self.network.layers:
            learned = layer.activation.range if isinstance(layer.activation, QuantizedReLU) else None
            layers.append([layer.weight, layer.bias, layer.weight_range, learned])
        return layers

    def set_masks(self, masks: Sequence[torch.Tensor]) -> None:
        """Hold weights at zero from now on: (n_out, n_in) bool of each layer, False where."""
        for i, (layer, mask) in enumerate(zip(self.network.layers, masks, strict=True)):
            if mask.shape != layer.weight.shape:
                raise ValueError(f"a mask of layer {i} is {tuple(mask.shape)}, its weights {tuple(layer.weight.shape)}")
            kept = mask.to(torch.bool).contiguous()
            self._library.network_mask(self._handle, i, kept.data_ptr())

    def train(self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, learning_rate: float) -> float:
        """Pass over the jets in ``order``, (n,) int64; return the mean cross-entropy over batches.

        Adam's moments are kept from call to call.
        """
        return self._train(x, y, order, learning_rate)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of jets in evaluation mode, (n, n_outputs) float32."""
        logits = torch.empty(len(x), self.architecture.n_outputs)
        self._library.network_predict(self._handle, x.data_ptr(), len(x), logits.data_ptr())
        return logits

    def differentiate(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        """Return the gradients of the mean cross-entropy of the next step's batch, in the order of ``parameters()``."""
        return self._differentiate(x, y, self._parameters())

    def store(self) -> None:
        """Write weights, biases and ranges back to the network's tensors."""
        self._exchange(self._parameters())


class _Grids(ctypes.Structure):
    """``Grids`` of ``native_quantized.h``."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("weight_bits", "bias_bits", "bias_exponent", "kind", "bits", "exponent")),
        *((name, ctypes.c_void_p) for name in ("values", "slopes")),
    )


def _grids_of(layer: QuantizedDense) -> _Grids:
    grids = (layer.weight_bits, layer.bias_bits, layer.bias_exponent)
    match layer.activation:
        case None:
            return _Grids(*grids, LINEAR)
        case QuantizedReLU(bits=bits):
            return _Grids(*grids, RELU, bits)
        case Table(bits, exponent, values, slopes):
            return _Grids(*grids, TABLE, bits, exponent, values.data_ptr(), slopes.data_ptr())


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
        "network_create_quantized": (pointer, [number, pointer, pointer, pointer, ctypes.c_float, number]),
        "network_destroy": (None, [pointer]),
        "network_exchange": (None, [pointer, number, pointer, number, number]),
        "network_mask": (None, [pointer, number, pointer]),
        "network_train": (
            ctypes.c_double,
            [*(pointer,) * 4, ctypes.c_int64, number, ctypes.c_float, ctypes.c_float, ctypes.c_uint64],
        ),
        "network_differentiate": (ctypes.c_double, [pointer, pointer, pointer, number, ctypes.c_uint64]),
        "network_evaluate": (None, [pointer, pointer, pointer, ctypes.c_int64, pointer, pointer]),
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
    compiler, *options = shlex.split(os.environ.get("CXX") or "g++")
    if shutil.which(compiler) is None:
        raise NativeUnavailable(f"no C++ compiler: {compiler} is not in PATH; install g++ or name one in CXX")
    return [compiler, *options, *FLAGS, *instruction_flags(_processor_flags(), platform.machine())]


def _library_path() -> Path:
    command = _command()
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True).stdout
    parts = (*(path.read_text() for path in (SOURCE, *HEADERS)), version, platform.machine(), *command)
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
