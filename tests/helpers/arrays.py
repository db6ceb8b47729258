"""Small data sets of a user, and the configuration for them."""

import numpy as np

DATA = {"normalisation": "quantiles", "validation_fraction": 0.2, "test_fraction": 0.2}
ARRAYS = {
    "name": None,
    "files": None,
    "target_files": None,
    "signals": None,
    "inputs": None,
    "target": "y",
    "classes": None,
    "feature_names": None,
    "leave_out": [],
    "split": None,
    "group": None,
    "weights": None,
    "allow_repeated": False,
}


def settings(normalisation: str = "quantiles", **arrays: object) -> dict:
    """Return the config's section ``data`` for some keys of ``arrays``."""
    return {**DATA, "source": "arrays", "normalisation": normalisation, "arrays": {**ARRAYS, **arrays}}


def examples(n: int = 300, shape: tuple[int, ...] = (4,), n_classes: int = 3, seed: int = 1):
    """Return ``(n, *shape)`` examples whose numbers grow with their class, and ``(n,)`` classes in turn."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    return (random.normal(size=(n, *shape)) + y.reshape(-1, *[1] * len(shape))).astype(np.float32), y
