"""Which units are dropped: a hash of the network's seed, the step, the layer, the jet and the unit.

A generator of random numbers has a state, and its values would depend on who drew before. A hash has none: a network
drops the same units alone or beside others, on a CPU or a GPU. ``native.cpp`` computes the same.
"""

import torch


def dropout_keys(seeds: torch.Tensor, step: int | torch.Tensor, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two 32-bit words, int32 tensors of the shape of ``seeds``, for a step (from 1) and a layer (from 0)."""
    key = _scramble(_scramble(seeds) ^ (step << 8 | layer))
    return key.to(torch.int32), (key >> 32).to(torch.int32)


def dropout_mask(
    keys: tuple[torch.Tensor, torch.Tensor], n_jets: int, n_units: int, probability: torch.Tensor
) -> torch.Tensor:
    """Return True where a unit is kept, (..., n_jets, n_units), for keys and probabilities of shape (...)."""
    first, second = (key[..., None, None] for key in keys)
    jet = torch.arange(n_jets, device=first.device, dtype=torch.int32)[:, None]
    unit = torch.arange(n_units, device=first.device, dtype=torch.int32)
    x = ((jet << 16) + unit) * _signed(0x9E3779B1, 32) + first
    x ^= _shift_right(x, 16, 32)
    x *= _signed(0x7FEB352D, 32)
    x ^= second
    x ^= _shift_right(x, 15, 32)
    x *= _signed(0x846CA68B, 32)
    x ^= _shift_right(x, 16, 32)
    # As unsigned numbers: shifted by half their range, signed ones compare alike.
    threshold = (torch.round(probability.double() * 2**32).clamp(max=2**32 - 1) - 2**31).to(torch.int32)
    return (x ^ _signed(1 << 31, 32)) >= threshold[..., None, None]


def _scramble(x: torch.Tensor) -> torch.Tensor:
    """Return splitmix64 of int64 words taken as unsigned."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ _shift_right(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift_right(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift_right(x, 31)


def _shift_right(x: torch.Tensor, n: int, bits: int = 64) -> torch.Tensor:
    return x >> n & ((1 << (bits - n)) - 1)


def _signed(word: int, bits: int = 64) -> int:
    return word - (1 << bits) if word >= 1 << (bits - 1) else word
