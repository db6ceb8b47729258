"""One file for each objective, named as the entry of ``search.objectives``; see :mod:`snacpack.costs.registry`."""
