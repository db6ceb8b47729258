"""How often hls4ml can use a multiplier for one jet: a layer's sizes decide which reuse factors there are."""


def closest_reuse_factor(n_in: int, n_out: int, reuse_factor: int) -> int:
    """Return the reuse factor nearest to the one asked for, the smaller of two, that hls4ml gives a dense layer.

    Parameters
    ----------
    n_in, n_out
        Inputs and outputs of the layer.
    reuse_factor
        The requested reuse factor.

    Notes
    -----
    A multiplier serves a divisor of one neuron's inputs, or all inputs of a number of neurons that divides theirs.
    hls4ml and rule4ml try every number up to n_in n_out. hls4ml holds its layers to them with the strategy
    ``resource`` only; with ``latency`` it writes what is asked for.
    """
    possible = [*_divisors(n_in), *(n_in * neurons for neurons in _divisors(n_out))]
    return min(possible, key=lambda factor: (abs(factor - reuse_factor), factor))


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]
