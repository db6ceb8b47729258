"""Entries of the configuration that a user adds from folders of his own, one file for each."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from snacpack.inputs import file_digest

KINDS = ("objectives", "tasks")
"""Folders of a plugin, one for each kind of entries."""


class PluginError(ValueError):
    """Plugins that cannot be used; ``problems`` has a sentence for each fault, which names the file and the cure."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


def find_plugins(folders: Iterable[str | Path], kind: str) -> list[Path]:
    """Return the files ``FOLDER/{kind}/*.py`` of all folders, in the order of the folders and of their names.

    Parameters
    ----------
    folders
        ``plugins`` of the configuration; relative ones are looked for in the working directory.
    kind
        One of :data:`KINDS`.

    Raises
    ------
    PluginError
        If a folder is not there, or has no files of any kind.
    """
    found, problems = [], []
    for folder in map(Path, folders):
        files = [path for name in KINDS for path in sorted((folder / name).glob("*.py")) if path.name != "__init__.py"]
        found += [path for path in files if path.parent.name == kind]
        if not folder.exists():
            problems.append(f"there is no folder {folder} in {Path.cwd()}; create it, or correct its name")
        elif not folder.is_dir():
            problems.append(f"{folder} is not a folder; name the folder that has {' or '.join(KINDS)} in it")
        elif not files:
            places = " and no files ".join(f"{name}/*.py" for name in KINDS)
            problems.append(f"{folder} has no files {places} and adds nothing; add a file there, or take it out")
    if problems:
        raise PluginError(problems)
    return found


def describe_plugins(folders: Iterable[str | Path]) -> dict[str, str]:
    """Return the SHA-256 of every file of plugins, by its path; errors are those of :func:`find_plugins`."""
    folders = list(folders)
    return {str(path): file_digest(path) for kind in KINDS for path in find_plugins(folders, kind)}


class _Loader(SourceFileLoader):
    """Python's loader without its cache, which takes a file of the same second and length for unchanged."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def import_plugin(path: Path) -> ModuleType:
    """Run a plugin's file and return its module.

    Raises
    ------
    PluginError
        If the file cannot be read or run; the problem names the line.
    """
    # Files of one name in two folders are two modules.
    name = f"snacpack_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    specification = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    module = importlib.util.module_from_spec(specification)
    # Dataclasses, among others, look for the module of their class there.
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    # A file that ends the process belongs to the user's faults too.
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise PluginError([f"{path} cannot be imported: {_describe(error, path)}; mend it"]) from error
    return module


def _describe(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def find_entries(module: ModuleType, kind: type) -> Iterator[Any]:
    """Yield the instances of a class at a module's top level, each once."""
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, kind) and id(value) not in seen:
            seen.add(id(value))
            yield value


def only_entry(module: ModuleType, path: Path, kind: type) -> Any:
    """Return the one instance of a class at a module's top level, which has the file's name.

    Parameters
    ----------
    module, path
        The module, and its file.
    kind
        The class of entries; an instance has a ``name``.

    Raises
    ------
    PluginError
        If there is none, there are several, or it has another name.
    """
    found, word = list(find_entries(module, kind)), kind.__name__
    if not found:
        raise PluginError([f"{path} holds no {word}; define one at its top level, {word.upper()} = {word}(...)"])
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found)
        raise PluginError([f"{path} holds {len(found)} {word.lower()}s ({names}); give each a file of its own"])
    if found[0].name != path.stem:
        named = f"the {word.lower()} {found[0].name!r}"
        raise PluginError([f"{path} holds {named}; name the file {found[0].name}.py, or the {word.lower()} as it"])
    return found[0]
