"""Tasks, which networks are trained for: targets, the score that counts, metrics and figures."""
