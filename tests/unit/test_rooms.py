"""The library's rooms: a module imports from its own room and those below; docs/design.md lists the same order."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import ROOT

ROOMS = (
    ("run", ("run",)),
    ("config", ("config",)),
    ("report", ("report",)),
    ("problems", ("problems",)),
    ("search", ("search",)),
    ("compression", ("compression",)),
    ("hardware", ("hardware",)),
    ("costs", ("costs",)),
    ("synthesis", ("synthesis",)),
    ("sources", ("data.sources", "data.source", "data.preparation", "data.reading")),
    ("jets", ("jets",)),
    ("tasks", ("tasks",)),
    ("training", ("training",)),
    ("data", ("data",)),
    ("networks", ("networks",)),
    ("figures", ("figures",)),
    ("core", ("core",)),
)
"""Names of the rooms with the beginnings of their modules' names, the top first; the longest beginning decides."""
HEIGHT = {name: -place for place, (name, _) in enumerate(ROOMS)}
PLACES = {f"snacpack.{start}": name for name, starts in ROOMS for start in starts}
MOST_PARAMETERS = 8
LIGHT = ("core", "networks", "data", "training", "tasks")
"""Rooms that import few libraries when they are imported."""
LIBRARIES_OF_LIGHT = {"torch", "numpy", "h5py", "pandas", "tqdm"}


def room_of(module: str) -> str | None:
    """Return the room of a module's name, None for the package itself."""
    fitting = [start for start in PLACES if module == start or module.startswith(f"{start}.")]
    return PLACES[max(fitting, key=len)] if fitting else None


def modules() -> dict[str, Path]:
    files = sorted((ROOT / "snacpack").rglob("*.py"))
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each import that runs, in functions too; those for types alone do not run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from imports(ast.Module(node.orelse, []))
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A name may be a module of the package. The dots of a relative import stay, and the test refuses them.
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{name.name}") for name in node.names)
        yield from imports(node)


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_from_its_room_and_from_those_below(module):
    path, room, wrong = modules()[module], room_of(module), []
    for line, name in imports(ast.parse(path.read_text())):
        other = room_of(name) if name.startswith("snacpack.") else None
        if room is not None and other is not None and HEIGHT[other] > HEIGHT[room]:
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}: {other} is above {room}")
        if name.startswith("."):
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}: write the whole name, snacpack...")
        if name.split(".")[0] == "snakemake" and room != "run":
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports Snakemake")
    assert not wrong, "\n".join(wrong)


def test_every_module_has_a_room():
    assert [name for name in modules() if room_of(name) is None] == ["snacpack"]
    assert {room_of(name) for name in modules()} - {None} == {name for name, _ in ROOMS}


def test_the_documents_list_the_rooms_in_this_order():
    page = (ROOT / "docs" / "design.md").read_text()
    listed = re.search(r"<!-- rooms -->\n(.*?)\n<!-- end -->", page, re.DOTALL).group(1)
    assert re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE) == [name for name, _ in ROOMS]


@pytest.mark.parametrize("room", LIGHT)
def test_a_light_room_imports_few_libraries(room):
    """Each job would wait for others; a module that needs one imports it in the function."""
    names = [name for name in modules() if room_of(name) == room]
    loaded = set()
    for name in names:
        tree = ast.parse(modules()[name].read_text())
        top = ast.Module([node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))], [])
        loaded |= {found.split(".")[0] for _, found in imports(top)}
    foreign = {name for name in loaded if name not in sys.stdlib_module_names and name != "snacpack"}
    assert foreign <= LIBRARIES_OF_LIGHT


def test_an_arrow_upwards_is_found():
    text = "def f():\n    from snacpack.report import page\nif TYPE_CHECKING:\n    import snacpack.run.locks\n"
    assert [name for _, name in imports(ast.parse(text))] == ["snacpack.report.page"]
    text = "if not TYPE_CHECKING:\n import snacpack.run\nif TYPE_CHECKING:\n pass\nelse:\n import snacpack.costs\n"
    assert list(imports(ast.parse(text))) == [(2, "snacpack.run"), (6, "snacpack.costs")]
    assert [name for _, name in imports(ast.parse("from ..report import page"))] == ["..report.page"]
    assert room_of("snacpack.data.sources.arrays") == "sources"
    assert room_of("snacpack.data.dataset") == "data"


def test_networks_are_imported_without_torch():
    code = "import sys, snacpack.networks.integers, snacpack.networks.architecture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_function_has_a_long_list_of_parameters():
    """Parameters that go together are a type: a recipe, a machine, a circuit to be synthesised."""
    long = []
    for path in modules().values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                names = [argument.arg for argument in named if argument.arg not in ("self", "cls")]
                if len(names) > MOST_PARAMETERS:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {', '.join(names)}")
    assert long == []


def test_tests_have_the_librarys_folders():
    folders = {
        path.parent.relative_to(ROOT / "tests" / "unit") for path in (ROOT / "tests" / "unit").rglob("test_*.py")
    }
    assert {str(folder) for folder in folders if not (ROOT / "snacpack" / folder).is_dir()} == set()
