"""The error that all checks of a configuration raise."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message lists every problem found."""
