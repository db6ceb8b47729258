"""Search spaces of several tests."""

# Inputs and classes of the jets.
SIZES = {"n_inputs": 24, "n_outputs": 5}

TABLE_1 = {
    "n_layers": [4, 5, 6, 7, 8],
    "units": [[64, 120, 128], [32, 60, 64], [16, 32], [32, 64], [32, 64], [32, 64], [16, 32], [32, 44, 64]],
    "activation": ["relu", "tanh", "sigmoid"],
    "batch_norm": [True, False],
    "learning_rate": [0.0010, 0.0015, 0.0020],
    "l1": [0.0, 1e-6, 1e-5, 1e-4],
    "dropout": [0.0, 0.05, 0.1],
}
SMALL = {
    "n_layers": [1, 3],
    "units": [[2, 3], [4], [5, 6, 7]],
    "activation": ["relu", "tanh"],
    "batch_norm": [False],
    "learning_rate": [0.1],
    "l1": [0.0],
    "dropout": [0.0, 0.5],
}
