"""What networks are trained for: the targets, the score that counts, what is measured and drawn."""
