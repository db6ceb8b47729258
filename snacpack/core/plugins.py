"""Entries of the configuration, one file for each: the workflow's own, and what a user adds from his own folders."""

import hashlib
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Generic, NamedTuple, TypeVar

from snacpack.core.inputs import CHANGED, file_digest, file_digests

Entry = TypeVar("Entry")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Kind(NamedTuple):
    """A kind of entries: the module whose ``REGISTRY`` knows them, and the rules' parameter with plugins' digests."""

    module: str
    parameter: str


KINDS = {
    "objectives": Kind("snacpack.costs.registry", "plugins"),
    "families": Kind("snacpack.networks.registry", "family_plugins"),
    "tasks": Kind("snacpack.tasks.registry", "task_plugins"),
    "sources": Kind("snacpack.data.sources", "source_plugins"),
    "backends": Kind("snacpack.synthesis.registry", "backend_plugins"),
}
"""Folders of a plugin, one for each kind of entries."""


def check_name(name: Any) -> None:
    """Raise ValueError unless a name may be that of an entry, and so of a file, a column and a key."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"name is {name!r}; write small letters, digits and underscores, a letter first, at most 40")


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
        files = _files(folder, kind)
        found += files
        if not folder.exists():
            problems.append(f"there is no folder {folder} in {Path.cwd()}; create it, or correct its name")
        elif not folder.is_dir():
            problems.append(f"{folder} is not a folder; name the folder that has {_kinds('{}/')} in it")
        elif not files and not any(_files(folder, other) for other in KINDS):
            problems.append(
                f"{folder} has no files {_kinds('{}/*.py')} and adds nothing; add a file there, or take it out"
            )
    if problems:
        raise PluginError(problems)
    return found


def _files(folder: Path, kind: str) -> list[Path]:
    return sorted(path for path in (folder / kind).glob("*.py") if path.name != "__init__.py")


def _kinds(pattern: str) -> str:
    return " or ".join(pattern.format(kind) for kind in KINDS)


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


def only_entry(module: ModuleType, path: Path, kind: type[Entry], imported: Iterable[Entry] = ()) -> Entry:
    """Return the one entry that a file holds, and whose name the file has.

    Parameters
    ----------
    module, path
        The file as a module, and where it is.
    kind
        The entry's class, which has a ``name``.
    imported
        Entries of other files, which this one may import.

    Raises
    ------
    PluginError
        If the file holds none or several, or one of another name.
    """
    theirs = {id(entry) for entry in imported}
    entries = {id(value): value for value in vars(module).values() if isinstance(value, kind)}
    found = [entry for key, entry in entries.items() if key not in theirs]
    name, word = kind.__name__, kind.__name__.lower()
    if not found:
        raise PluginError([f"{path} holds no {name}; define one at its top level, {name.upper()} = {name}(...)"])
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found)
        raise PluginError([f"{path} holds {len(found)} {word}s ({names}); give each a file of its own"])
    if found[0].name != path.stem:
        raise PluginError(
            [f"{path} holds the {word} {found[0].name!r}; name the file {found[0].name}.py, or the {word} as it"]
        )
    return found[0]


class Registry(Generic[Entry]):
    """All entries of a kind: one in each file of a package, and those of plugins.

    Parameters
    ----------
    folder
        One of :data:`KINDS`, or the name of a kind that plugins cannot add to.
    kind
        The entries' class, which has a ``name``.
    package
        The name of the package with the workflow's own.
    faults
        Says what a plugin's entry may not have, a sentence for each fault with its cure.
    owner
        Says what else has a name, empty if nothing has.
    """

    def __init__(
        self,
        folder: str,
        kind: type[Entry],
        package: str,
        faults: Callable[[Entry], Iterable[str]] = lambda entry: (),
        owner: Callable[[str], str] = lambda name: "",
    ) -> None:
        self.folder, self.kind, self.package = folder, kind, package
        self._faults, self._owner = faults, owner
        self.plugins: dict[str, tuple[Entry, Path]] = {}

    @cached_property
    def built_in(self) -> dict[str, Entry]:
        """The workflow's own entries, by name."""
        found = {}
        for file in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            module = importlib.import_module(f"{self.package}.{file.name}")
            found[file.name] = only_entry(module, Path(module.__file__), self.kind)
        return found

    def known(self) -> dict[str, Entry]:
        """Return all entries by name, the workflow's own first."""
        return {**self.built_in, **{name: entry for name, (entry, _) in self.plugins.items()}}

    def find(self, name: str) -> Entry:
        """Return an entry by its name.

        Raises
        ------
        ValueError
            If there is no such entry; the message lists all.
        """
        known = self.known()
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}")
        return known[name]

    def use_plugins(self, folders: Iterable[str | Path]) -> None:
        """Make this process know the entries of plugins, and no longer those of an earlier call.

        Parameters
        ----------
        folders
            ``plugins`` of the configuration.

        Raises
        ------
        PluginError
            If a folder or a file cannot be used; all faults are named, and no plugin is known.
        """
        self.plugins.clear()
        found: dict[str, tuple[Entry, Path]] = {}
        problems = []
        for path in find_plugins(folders, self.folder):
            try:
                entry = only_entry(import_plugin(path), path, self.kind, self.built_in.values())
            except PluginError as error:
                problems += error.problems
                continue
            problems += [f"{path}: {problem}" for problem in self._faults(entry)]
            owner = self._owner_of(entry.name, found)
            if owner:
                problems.append(f"{path}: the name {entry.name!r} is taken by {owner}; choose another")
            found.setdefault(entry.name, (entry, path))
        if problems:
            raise PluginError(problems)
        self.plugins.update(found)

    def _owner_of(self, name: str, plugins: Mapping[str, tuple[Entry, Path]]) -> str:
        if name in self.built_in:
            word = self.kind.__name__.lower()
            return f"{'an' if word[0] in 'aeiou' else 'a'} {word} of the workflow"
        return self._owner(name) or (str(plugins[name][1]) if name in plugins else "")

    def digests(self, wanted: Callable[[Entry], bool], trust: bool = False) -> dict[str, str]:
        """Return the SHA-256 of the files of plugins, by the entry's name.

        Parameters
        ----------
        wanted
            Says which entries they are.
        trust
            As :func:`snacpack.core.inputs.file_digests`: a job takes over what the process that started it has found.
        """
        files = {name: path for name, (entry, path) in self.plugins.items() if wanted(entry)}
        digests = file_digests(files.values(), trust) if files else {}
        return {name: digests[path] for name, path in files.items()}

    def digest_of(self, name: str, trust: bool = False) -> dict[str, str]:
        """Return :meth:`digests` of one entry; they are empty for one of the workflow's own."""
        return self.digests(lambda entry: entry.name == name, trust)

    def check_unchanged(self, digests: Mapping[str, str]) -> None:
        """Check that this process has the plugins that a run started with: two definitions do not go into one run.

        Parameters
        ----------
        digests
            The start's :meth:`digests`.

        Raises
        ------
        PluginError
            If the file of one has another content, or is gone.
        """
        problems = []
        for name, digest in digests.items():
            if name not in self.plugins:
                problems.append(f"the plugin {name}.py {CHANGED}")
            elif file_digest(self.plugins[name][1]) != digest:
                problems.append(f"the plugin {self.plugins[name][1]} {CHANGED}")
        if problems:
            raise PluginError(problems)


def use_plugins(folders: Iterable[str | Path]) -> None:
    """Make this process know the plugins' entries of every kind; see :meth:`Registry.use_plugins`."""
    folders, problems = list(folders), []
    for kind in KINDS.values():
        try:
            _registry(kind).use_plugins(folders)
        except PluginError as error:
            problems += error.problems
    if problems:
        for kind in KINDS.values():
            _registry(kind).plugins.clear()
        # Each kind finds a folder's faults.
        raise PluginError(dict.fromkeys(problems))


def check_unchanged(parameters: Mapping[str, Any]) -> None:
    """Check that this process has the plugins whose digests a job's parameters hold; see :class:`Registry`."""
    for kind in KINDS.values():
        _registry(kind).check_unchanged(parameters.get(kind.parameter, {}))


def _registry(kind: Kind) -> Registry:
    return importlib.import_module(kind.module).REGISTRY
