"""A run and its jobs: what they depend on, before they start."""
