"""Operations, one file for each: see :class:`snacpack.networks.operation.Operation`."""
