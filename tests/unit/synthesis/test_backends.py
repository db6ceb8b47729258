"""Backends: one file each, of the workflow or of a plugin, from which all else follows."""

from dataclasses import replace
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.backends import BackendTests, bare_path, documented_backend, table_of_backends
from helpers.configs import merged
from helpers.running import program
from helpers.vendor_reports import leave_reports
from snacpack.config import ConfigError, validate_config
from snacpack.core.plugins import PluginError, describe_plugins, use_plugins
from snacpack.synthesis.backend import Backend, Numbers
from snacpack.synthesis.registry import REGISTRY, choose_backend, find_backend, missing_tool

NAME, EXAMPLE = documented_backend()


@pytest.fixture(autouse=True)
def without_plugins():
    yield
    use_plugins([])


def write(folder: Path, name: str = NAME, text: str = EXAMPLE) -> Path:
    (folder / "backends").mkdir(parents=True, exist_ok=True)
    (folder / "backends" / name).write_text(text)
    return folder


class TestOpen(BackendTests):
    name = "open"


class TestVitis(BackendTests):
    name = "vitis"

    def stand_in(self, folder: Path) -> str:
        return leave_reports(folder)


class TestVivado(BackendTests):
    name = "vivado"

    def stand_in(self, folder: Path) -> str:
        return leave_reports(folder)


class TestDocumentedExample(BackendTests):
    name = "estimate"

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Backend:
        use_plugins([write(tmp_path / "mine")])
        return find_backend(self.name)


def test_a_project_of_another_form_is_refused():
    with pytest.raises(ValueError, match=r"hls4ml is 'Quartus'; write 'Vitis' or 'Vivado'"):
        replace(find_backend("open"), hls4ml="Quartus")


def test_each_backend_is_the_file_of_its_name_and_has_its_tests():
    files = {path.stem for path in (ROOT / "snacpack" / "synthesis" / "backends").glob("[a-z]*.py")}
    assert files == set(REGISTRY.built_in)
    assert files == {tests.name for tests in BackendTests.__subclasses__()} - {"estimate"}


def test_readme_has_every_backend():
    assert table_of_backends() in (ROOT / "config" / "README.md").read_text()


def test_auto_takes_the_first_tool_there_is(tmp_path, monkeypatch):
    folder = bare_path(monkeypatch, tmp_path / "bin")
    assert missing_tool("auto") is None
    assert choose_backend("auto").name == "open"
    program(folder / "vivado_hls", "exit 0")
    assert choose_backend("auto").name == "vivado"
    program(folder / "vitis_hls", "exit 0")
    assert choose_backend("auto").name == "vitis"
    assert choose_backend("open").name == "open"
    use_plugins([write(tmp_path / "mine")])
    assert choose_backend("auto").name == "vitis"
    assert choose_backend("estimate").name == "estimate"


def test_an_unknown_one_is_named_with_all_there_are():
    assert missing_tool("quartus") == "'quartus' is not one of auto, vitis, vivado, open"
    with pytest.raises(ValueError, match=r"synthesis\.backend: 'quartus' is not one of"):
        choose_backend("quartus")


def test_the_configuration_may_name_a_plugin(tmp_path):
    config = merged("config")
    config["synthesis"]["backend"] = "estimate"
    with pytest.raises(ConfigError, match=r"synthesis\.backend: 'estimate' is not one of .*'vivado'"):
        validate_config(config)
    config["plugins"] = [str(write(tmp_path / "mine"))]
    validate_config(config)


def test_a_plugin_is_known_by_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plugin = write(Path("mine"))
    use_plugins([plugin])
    before = REGISTRY.digest_of("estimate")
    assert describe_plugins([plugin]) == {f"mine/backends/{NAME}": before["estimate"]}
    assert REGISTRY.digest_of("open") == {}
    write(plugin, text=EXAMPLE.replace("Nothing was synthesised", "None was synthesised"))
    with pytest.raises(PluginError, match=r"mine/backends/estimate\.py changed since this run started"):
        REGISTRY.check_unchanged(before)


FAULTS = {
    "no backend": ("mine.py", "X = 1\n", "holds no Backend", "BACKEND = Backend"),
    "another name": ("mine.py", EXAMPLE, "holds the backend 'estimate'", "name the file estimate.py"),
    "a taken name": (
        "open.py",
        EXAMPLE.replace('    "estimate"', '    "open"'),
        "taken by a backend of the",
        "another",
    ),
    "auto": (
        "auto.py",
        EXAMPLE.replace('    "estimate"', '    "auto"'),
        "the first backend that is there",
        "write another",
    ),
    "a place in auto": (NAME, EXAMPLE.replace("synthesise=", "auto=0,\n    synthesise="), "auto is 0", "leave it out"),
    "no note": (NAME, EXAMPLE.replace("note=", "note=5 or "), "note is 5", "a text"),
    "no function": (NAME, EXAMPLE.replace("synthesise=estimate", "synthesise=5"), "synthesise is 5", "a function"),
    "an unknown tool": (
        NAME,
        EXAMPLE.replace("synthesise=", "tools=('quartus',),\n    synthesise="),
        "tools has quartus",
        "there are compiler",
    ),
    "a program in words": (
        NAME,
        EXAMPLE.replace("synthesise=", "programs='quartus',\n    synthesise="),
        "programs is 'quartus'",
        "a tuple",
    ),
    "a vendor in words": (
        NAME,
        EXAMPLE.replace("synthesise=", "vendor='no',\n    synthesise="),
        "vendor is 'no'",
        "True or False",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_and_cure(tmp_path, fault):
    name, text, reason, cure = FAULTS[fault]
    config = merged("config")
    config["plugins"] = [str(write(tmp_path / "mine", name, text))]
    with pytest.raises(ConfigError) as error:
        validate_config(config)
    told = str(error.value).splitlines()
    assert len(told) == 2
    assert told[1].startswith(f"  plugins: {tmp_path}/mine/backends/{name}")
    assert reason in told[1]
    assert cure in told[1]


def test_folders_of_several_kinds_are_read_together(tmp_path):
    both = write(tmp_path / "both")
    (both / "objectives").mkdir()
    (both / "objectives" / "broken.py").write_text("X = 1\n")
    with pytest.raises(PluginError) as error:
        use_plugins([both, write(tmp_path / "other", "wrong.py", "X = 1\n")])
    assert [problem.split()[0] for problem in error.value.problems] == [
        str(both / "objectives" / "broken.py"),
        str(tmp_path / "other" / "backends" / "wrong.py"),
    ]
    assert not REGISTRY.plugins
    (tmp_path / "empty" / "backends").mkdir(parents=True)
    with pytest.raises(PluginError, match=r"^\S+/empty has no files objectives/\*.py or .*backends/\*.py and adds"):
        use_plugins([tmp_path / "empty", both])


def test_numbers_without_their_origin_are_refused():
    resources = {"lut": 1, "ff": 1, "dsp": 0, "bram": 0}
    origin = {**dict.fromkeys(resources, "counted"), "latency_cycles": "counted", "ii_cycles": "counted"}
    Numbers("a tool", 1, 1, resources, origin)
    for missing in origin:
        with pytest.raises(ValueError, match=f"origin lacks {missing}; "):
            Numbers("a tool", 1, 1, resources, {name: text for name, text in origin.items() if name != missing})
    with pytest.raises(ValueError, match="resources lacks bram; "):
        Numbers("a tool", 1, 1, {"lut": 1, "ff": 1, "dsp": 0}, origin)
    with pytest.raises(ValueError, match="origin lacks timing; "):
        Numbers("a tool", 1, 1, resources, origin, timing={"meets_target": True})
