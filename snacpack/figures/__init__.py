"""Figures of one network, which tasks draw, and the style of all figures."""
