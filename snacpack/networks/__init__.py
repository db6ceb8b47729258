"""Networks: the operations that they consist of, and a trained network as integers."""
