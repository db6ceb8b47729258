"""The configuration: every key is defined here once, and all that is known of the keys follows from the definitions.

There is one module for each section. :mod:`snacpack.config.configuration` puts them together,
:mod:`snacpack.config.relations` checks what the keys must be together, and ``python -m snacpack.config`` writes the
schema, ``config/config.yaml`` and the tables of ``config/README.md``.
"""

from snacpack.config.cautions import configuration_warnings
from snacpack.config.check import validate_config
from snacpack.config.completion import complete_config
from snacpack.config.errors import ConfigError

__all__ = ["ConfigError", "complete_config", "configuration_warnings", "validate_config"]
