"""The costs of a network and what else a search can optimise, one file for each objective."""
