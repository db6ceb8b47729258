"""All backends that a configuration can name: those of :mod:`snacpack.synthesis.backends`, and those of plugins.

The values that ``synthesis.backend`` may have, the tools that are tried before the first job and the notes below tables
follow from here.
"""

from collections.abc import Iterator
from math import inf

from snacpack.core.plugins import Registry
from snacpack.synthesis.backend import Backend

AUTO = "auto"


def _faults(backend: Backend) -> Iterator[str]:
    if backend.auto is not None:
        yield f"auto is {backend.auto!r}; leave it out in a plugin, and name the backend in synthesis.backend"


REGISTRY = Registry("backends", Backend, "snacpack.synthesis.backends", _faults)


def all_backends() -> dict[str, Backend]:
    """Return all backends by name, in the order in which ``auto`` tries them, the others behind."""

    def place(backend: Backend) -> tuple[float, str]:
        return (inf if backend.auto is None else backend.auto, backend.name)

    return {backend.name: backend for backend in sorted(REGISTRY.known().values(), key=place)}


def find_backend(name: str) -> Backend:
    """Return a backend by its name.

    Raises
    ------
    ValueError
        If there is no such backend; the message lists all.
    """
    backends = all_backends()
    if name not in backends:
        raise ValueError(f"{name!r} is not one of {AUTO}, {', '.join(backends)}")
    return backends[name]


def describe_choices() -> str:
    """Return the values of ``synthesis.backend`` in words."""
    backends = [f"{backend.name} ({backend.words})" for backend in all_backends().values()]
    return f"one of {', '.join(backends)}; or {AUTO} for the first of these whose tool is there"


def missing_tool(name: str) -> str | None:
    """Return what is wrong with asking for a backend here, or None if it can run.

    Parameters
    ----------
    name
        ``auto``, or a backend's name.
    """
    if name == AUTO:
        return None
    try:
        backend = find_backend(name)
    except ValueError as error:
        return str(error)
    if backend.available():
        return None
    others = [repr(other.name) for other in all_backends().values() if other.auto is not None and not other.programs]
    instead = " or ".join([*others, repr(AUTO)])
    return f"{name!r} needs {' or '.join(backend.programs)} on PATH; {backend.remedy}, or take {instead}"


def choose_backend(name: str) -> Backend:
    """Return the backend that runs: the one that is asked for, or for ``auto`` the first that is available.

    Raises
    ------
    ValueError
        If the backend is unknown or its tool is not on PATH.
    """
    problem = missing_tool(name)
    if problem:
        raise ValueError(f"synthesis.backend: {problem}")
    if name != AUTO:
        return find_backend(name)
    return next(backend for backend in all_backends().values() if backend.auto is not None and backend.available())
