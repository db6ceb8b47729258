"""Costs that need no model of a board: multiply-accumulates, bit operations and effective bit operations."""

from collections.abc import Sequence

from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.layer import Matrix
from snacpack.networks.operations.dense import count_bit_operations


def multiply_accumulates(matrices: Sequence[Matrix]) -> int:
    """Count the multiply-accumulates of one inference of a network.

    Parameters
    ----------
    matrices
        Its matrices of weights.

    Notes
    -----
    Table 2 of the SNAC-Pack paper lists this number as "BOPs".
    """
    return sum(matrix.uses * matrix.n_in * matrix.n_out for matrix in matrices)


def bit_operations(
    matrices: Sequence[Matrix],
    weight_bits: int | Sequence[int],
    activation_bits: int | Sequence[int],
    input_bits: int | None = None,
    densities: Sequence[float] | None = None,
) -> float:
    r"""Count the bit operations (BOPs) of one inference of a pruned, quantised network.

    Parameters
    ----------
    matrices
        Its matrices of weights, from the input on.
    weight_bits
        Bits of each weight; a number for each matrix where they differ.
    activation_bits
        Bits of what each matrix but the first is given; a number for each where they differ.
    input_bits
        Bits of each feature; may be left out if they are ``activation_bits``, one number.
    densities
        Fraction of each matrix' weights that are left; all of them if left out.

    Raises
    ------
    ValueError
        If the bits or densities make no network.

    Notes
    -----
    A layer of n inputs and m outputs with density d counts

    .. math:: m n (d\,b_a b_w + b_a + b_w + \log_2 n),

    where the inputs have :math:`b_a` bits. The dense form is by Baskin et al.,
    "UNIQ: Uniform Noise Injection for Non-Uniform Quantization of Neural Networks",
    ACM TOCS 37 (2021), arXiv:1804.10969; density enters as in Hawks et al., "Ps and Qs:
    Quantization-Aware Pruning for Efficient Low Latency Neural Network Inference",
    Front. Artif. Intell. 4 (2021) 676564, whose pruned weights save the multiplication
    but not the accumulator's bits.
    """
    if input_bits is None:
        if not isinstance(activation_bits, int):
            raise ValueError("layers with bits of their own need input_bits too")
        input_bits = activation_bits
    weight_bits = _each(weight_bits, len(matrices), "layers' weights")
    bits = [input_bits, *_each(activation_bits, len(matrices) - 1, "hidden layers")]
    densities = [1.0] * len(matrices) if densities is None else densities
    if min(*weight_bits, *bits) < 1:
        raise ValueError(f"every number needs at least one bit, got {weight_bits} for weights and {bits} for inputs")
    if len(densities) != len(matrices) or not all(0 <= density <= 1 for density in densities):
        raise ValueError(f"{len(matrices)} layers need as many densities between 0 and 1, got {list(densities)}")
    return sum(
        matrix.uses * count_bit_operations(matrix.n_in, matrix.n_out, b_w, b_a, density)
        for matrix, b_a, b_w, density in zip(matrices, bits, weight_bits, densities, strict=True)
    )


def bops_of(
    network: FixedPointNetwork, weight_bits: Sequence[int] | None = None, densities: Sequence[float] | None = None
) -> float:
    """Count the bit operations of a compressed network, as :func:`bit_operations` does.

    Parameters
    ----------
    network
        The network.
    weight_bits
        Bits of each matrix of weights; those that its largest weight takes, the sign included, if left out.
    densities
        Fraction of each matrix' weights that are left; the fraction that is not zero if left out.
    """
    n = len(network.weights)
    given = zip(weight_bits or [None] * n, densities or [None] * n, strict=True)
    return sum(
        operation.bit_operations(*inputs, *(next(given) if operation.weights else ()))
        for operation, inputs, _ in network.described()
    )


def effective_bit_operations(network: FixedPointNetwork) -> int:
    """Count the effective bit operations (EBOPs) of one inference of a compressed network.

    Notes
    -----
    The sum over all multiplications of the bits of the weight times the bits of what it multiplies. A weight's bits
    are those from its most to its least significant one, without the sign: 6 is 110 in binary and counts 2. The number
    that it multiplies counts with all bits of its grid. Additions are not counted apart, as each number added has about
    the bits of its product. By Sun et al., "HGQ: High Granularity Quantization for Real-time Neural Networks on FPGAs",
    arXiv:2405.00645.
    """
    return sum(operation.effective_bit_operations(*inputs) for operation, inputs, _ in network.described())


def _each(bits: int | Sequence[int], n: int, of: str) -> list[int]:
    if isinstance(bits, int):
        return [bits] * n
    if len(bits) != n:
        raise ValueError(f"{n} {of} need as many numbers of bits, got {list(bits)}")
    return list(bits)
