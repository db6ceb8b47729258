"""Print the pins of locks whose packages are not whole in this environment: missing, of another version, cut off."""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def is_whole(name: str, version: str) -> bool:
    """Tell whether a package is installed with all its files at their sizes."""
    try:
        package = distribution(name)
        files = package.files
        if package.version.partition("+")[0] != version.partition("+")[0] or files is None:
            return False
        # pip writes the list of files last: without it an installation was cut off. Bytecode may come and go.
        return all(path.suffix == ".pyc" or has_size(Path(path.locate()), path.size) for path in files)
    except (PackageNotFoundError, OSError, ValueError, KeyError):
        return False


def has_size(path: Path, size: int | None) -> bool:
    """Tell whether there is a file, of a size if that is known."""
    return path.exists() and (size is None or path.stat().st_size == size)


locks = "\n".join(Path(lock).read_text() for lock in sys.argv[1:])
pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==(\S+)", locks, re.MULTILINE)
print(*(f"{name}=={version}" for name, version in pins if not is_whole(name, version)))
