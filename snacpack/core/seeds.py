"""Seeds that depend on the run's seed and the thing's own name, on nothing else."""

import hashlib


def derive_seed(seed: int, *name: object) -> int:
    """Return a seed in [0, 2**31) for the thing called ``name``.

    A rerun, a resumed run and a run in another order ask for the same name and
    so draw the same random numbers.
    """
    text = "/".join(map(str, (seed, *name)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
