"""Objectives: one file each, of the workflow or of a plugin, from which all else follows."""

import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from helpers import ROOT
from helpers.configs import merged
from helpers.objectives import documented_objectives, table_of_objectives
from snacpack.compression.choice import choose_finalist
from snacpack.config import ConfigError, validate_config
from snacpack.core.files import write_json
from snacpack.core.plugins import PluginError, describe_plugins, import_plugin, use_plugins
from snacpack.costs import registry
from snacpack.costs.example import example_network
from snacpack.costs.objective import DA4ML, MAXIMISED, MINIMISED, RULE4ML, FloatNetwork, Measure, Objective
from snacpack.costs.registry import (
    ARCHITECTURES,
    COMPRESSIONS,
    REGISTRY,
    RESERVED,
    compute,
    costs_of,
    find_measure,
    find_objective,
    measures_of,
    plugin_digests,
    shown_costs,
)
from snacpack.hardware.circuit import COSTS
from snacpack.hardware.costs import costs_table, estimate_costs
from snacpack.hardware.surrogate import TARGETS, Surrogate, estimated_by
from snacpack.networks.architecture import Architecture
from snacpack.problems.architectures import Architectures
from snacpack.problems.compressions import Compressions
from snacpack.report.projections import PROJECTIONS, projections
from snacpack.report.tables import table2_formats
from snacpack.run.provenance import describe_files
from snacpack.search.compression_space import CompressionSpace
from snacpack.search.hypervolume import hypervolume, search_limits
from snacpack.search.records import proposals, trials_table
from snacpack.search.selection import select_finalists
from snacpack.search.space import SearchSpace

NETWORK = FloatNetwork(Architecture((16, 8), n_inputs=24), 8)
EXAMPLE, COMPRESSED = (documented_objectives()[name] for name in ("widest_layer.py", "largest_weight.py"))


@pytest.fixture(autouse=True)
def without_plugins():
    yield
    use_plugins([])


@pytest.fixture
def plugin(tmp_path):
    """The documented examples, in use."""
    (tmp_path / "mine" / "objectives").mkdir(parents=True)
    for name, text in documented_objectives().items():
        (tmp_path / "mine" / "objectives" / name).write_text(text)
    use_plugins([tmp_path / "mine"])
    return tmp_path / "mine"


def write(folder, name="widest_layer.py", text=EXAMPLE):
    (folder / "objectives").mkdir(parents=True, exist_ok=True)
    (folder / "objectives" / name).write_text(text)
    return folder


def problems(*folders):
    with pytest.raises(PluginError) as error:
        use_plugins(folders)
    return error.value.problems


def test_each_objective_is_the_file_of_its_name():
    files = {path.stem for path in (ROOT / "snacpack" / "costs" / "objectives").glob("[a-z]*.py")}
    assert files == {*measures_of(ARCHITECTURES), *measures_of(COMPRESSIONS)}
    assert all(find_objective(name).name == name for name in files)


def test_columns_keep_their_order():
    assert costs_of(ARCHITECTURES) == [
        *("macs", "bops", "bram", "dsp", "ff", "lut", "average_resources", "clock_cycles", "initiation_interval")
    ]
    assert costs_of(COMPRESSIONS) == ["lut", "ff", "clock_cycles", "bops", "ebops"]
    assert list(table2_formats()) == [
        *("model", "architecture", "accuracy_percent", "accuracy_low", "accuracy_high", "macs", "bops"),
        *("est_average_resources_percent", "est_clock_cycles", "extrapolated"),
    ]


def test_sources_give_what_is_said_of_them():
    architectures, compressions = measures_of(ARCHITECTURES), measures_of(COMPRESSIONS)
    everything = {name for kind in TARGETS for name in estimated_by(kind)}
    assert {name for name, measure in architectures.items() if measure.by == RULE4ML} == everything
    assert {name for name, measure in compressions.items() if measure.by == DA4ML} == set(COSTS)


def test_readme_has_every_objective():
    assert table_of_objectives() in (ROOT / "config" / "README.md").read_text()


def test_names_of_columns_are_reserved():
    space = SearchSpace.from_config(merged("config", "test")["search"]["space"], n_inputs=24, n_outputs=5)
    (trial,) = proposals([next(iter(space.largest()))], space, 0)["trials"]
    result = {"accuracy": 0.5, "loss": 1.0, "epochs": 1, "seed": 1, "failure": None, "generation": 0}
    (cost,) = estimate_costs([NETWORK.architecture], Surrogate(), 8)
    table = trials_table(Architectures, [{**trial, **result, **cost}], ["accuracy"], Surrogate())
    known = {*RESERVED, *measures_of(ARCHITECTURES), *measures_of(COMPRESSIONS), *registry._reference_columns()}
    assert {*table, *trial, *cost} - known == set()
    assert {*costs_table({"a": NETWORK.architecture}, Surrogate(), 8), *table2_formats()} - known == set()
    space = CompressionSpace.from_config(merged("config")["compression"]["search"]["space"], 2)
    (trial,) = proposals([(0,) * len(space.option_counts)], space, 0)["trials"]
    assert {*trials_table(Compressions, [{**trial, **result}], ["accuracy"]), *trial} - known == set()


def test_a_plugin_has_columns_behind_all_others(plugin):
    assert costs_of(ARCHITECTURES)[-1] == "widest_layer"
    assert costs_of(COMPRESSIONS)[-1] == "largest_weight"
    computed = compute(ARCHITECTURES, NETWORK)
    assert list(computed) == ["macs", "bops", "widest_layer"]
    assert (computed["macs"], computed["widest_layer"]) == (552, 16)
    table = costs_table({"a": NETWORK.architecture}, Surrogate(), 8)
    assert list(table)[-2:] == ["extrapolated", "widest_layer"]
    assert list(table2_formats(["widest_layer"]))[-2:] == ["extrapolated", "widest_layer"]
    assert shown_costs(ARCHITECTURES, ["accuracy", "widest_layer", "bops"])[-1] == "widest_layer"
    assert projections(["accuracy", "bops"]) == list(PROJECTIONS)
    assert [p.name for p in projections(["accuracy", "lut", "widest_layer"])][4:] == ["fig5", "fig6"]
    title = projections(["accuracy", "widest_layer"])[-1].title([])
    assert title == "Units of the widest layer versus validation accuracy"


def test_a_plugin_is_known_by_its_content(tmp_path, plugin, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = plugin / "objectives" / "widest_layer.py"
    before = plugin_digests(ARCHITECTURES)
    assert before == {"widest_layer": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert list(plugin_digests(COMPRESSIONS)) == ["largest_weight"]
    # The file keeps its length and time, so that Python's cache would give the former module.
    path.write_text(path.read_text().replace("max(network", "min(network"))
    use_plugins([plugin])
    assert compute(ARCHITECTURES, NETWORK)["widest_layer"] == 8
    assert plugin_digests(ARCHITECTURES) != before
    assert describe_plugins([plugin]) == describe_files(sorted(plugin.glob("objectives/*.py")))
    assert not list(plugin.rglob("__pycache__"))


DATACLASS = """from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bits:
    number: int


"""


def test_a_plugin_may_define_dataclasses_and_two_folders_files_of_one_name(tmp_path):
    first = write(tmp_path / "a" / "mine", text=DATACLASS + EXAMPLE)
    second = write(tmp_path / "b" / "mine", text=EXAMPLE)
    use_plugins([first])
    modules = [import_plugin(folder / "objectives" / "widest_layer.py") for folder in (first, second)]
    assert modules[0].__name__ != modules[1].__name__
    assert [sys.modules[module.__name__] for module in modules] == modules
    (second / "objectives" / "widest_layer.py").write_text("1 / 0\n")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        import_plugin(second / "objectives" / "widest_layer.py")
    assert modules[1].__name__ not in sys.modules


def start(folder, params):
    """Return the log of a job that starts with these parameters, and does nothing else."""
    code = (
        "import json, sys; from types import SimpleNamespace; from snacpack.run.workflow import start_job\n"
        "start_job(SimpleNamespace(rule='estimate_hardware', threads=1, log=['job.log'], output=[], input={},\n"
        "    resources=SimpleNamespace(), config={'plugins': ['mine']}, params=json.loads(sys.argv[1])))\n"
        "print('its own work')"
    )
    subprocess.run([sys.executable, "-c", code, json.dumps(params)], cwd=folder, check=False, capture_output=True)
    return (folder / "job.log").read_text()


def test_a_job_refuses_a_plugin_that_changed_since_the_start(tmp_path, plugin, monkeypatch):
    monkeypatch.chdir(tmp_path)
    use_plugins(["mine"])
    begun = plugin_digests(ARCHITECTURES)
    assert start(tmp_path, {"plugins": begun}).endswith("its own work\n")
    path = plugin / "objectives" / "widest_layer.py"
    path.write_text(EXAMPLE.replace("max(network", "min(network"))
    changed = "the plugin mine/objectives/widest_layer.py changed since this run started; start the command again"
    assert start(tmp_path, {"plugins": begun}).endswith(f"Error: {changed}\n")
    # A rule without that objective goes on, and a job on another machine is told the digest of the start.
    assert start(tmp_path, {"plugins": plugin_digests(COMPRESSIONS)}).endswith("its own work\n")
    assert plugin_digests(ARCHITECTURES, trust=True) == begun
    assert plugin_digests(ARCHITECTURES) != begun
    path.unlink()
    use_plugins(["mine"])
    with pytest.raises(PluginError, match=r"the plugin widest_layer\.py changed since"):
        REGISTRY.check_unchanged(begun)


def test_the_configuration_may_name_it(tmp_path, plugin):
    config = merged("config")
    config["plugins"] = [str(plugin)]
    config["search"]["objectives"] = ["accuracy", "widest_layer"]
    config["compression"]["search"]["objectives"] = ["accuracy", "largest_weight"]
    validate_config(config)
    config["search"]["objectives"] = ["accuracy", "largest_weight"]
    with pytest.raises(ConfigError, match=r"search.objectives.1: 'largest_weight' is not one of .*'widest_layer'"):
        validate_config(config)
    config["plugins"] = []
    config["search"]["objectives"] = ["accuracy", "widest_layer"]
    with pytest.raises(ConfigError, match=r"search.objectives.1: 'widest_layer' is not one of .*'lut'"):
        validate_config(config)


FAULTS = {
    "no code": ("mine.py", "def (", "line 1: ", "mend it"),
    "an error": ("mine.py", "import math\nmath.sqrt(-1)\n", "line 2: ValueError", "mend it"),
    "a library that is not there": ("mine.py", "import nothing_of_the_kind\n", "ModuleNotFoundError", "mend it"),
    "the end of the process": ("mine.py", "raise SystemExit('bye')\n", "SystemExit: bye", "mend it"),
    "no objective": ("mine.py", "X = 1\n", "holds no Objective", "OBJECTIVE = Objective"),
    "two objectives": (
        "mine.py",
        EXAMPLE + EXAMPLE.replace("OBJECTIVE", "OTHER"),
        "holds 2 objectives",
        "file of its own",
    ),
    "another name": ("mine.py", EXAMPLE, "holds the objective 'widest_layer'", "name the file widest_layer.py"),
    "a taken name": ("lut.py", EXAMPLE.replace('"widest_layer"', '"lut"'), "'lut' is taken by an objective", "another"),
    "a column": ("loss.py", EXAMPLE.replace('"widest_layer"', '"loss"'), "'loss' is taken by a column", "another"),
    "a name in capitals": ("A.py", EXAMPLE.replace('"widest_layer"', '"A"'), "name is 'A'", "small letters"),
    "no direction": ("widest_layer.py", EXAMPLE.replace("    MINIMISED,", "    0,"), "direction is 0", "MAXIMISED"),
    "no words": ("widest_layer.py", EXAMPLE.replace('"units of the widest layer"', '""'), "words is ''", "a text"),
    "an unknown source": ("widest_layer.py", EXAMPLE.replace("by=widest_layer", "by='me'"), "by is 'me'", "a function"),
    "a source": (
        "widest_layer.py",
        EXAMPLE.replace("by=widest_layer", "by='rule4ml'"),
        "by of its architectures is 'rule4ml'",
        "must be a function",
    ),
    "a note that is no text": ("widest_layer.py", EXAMPLE.replace("digits=0", "note=5"), "note is 5", "a text"),
    "a unit that is no text": ("widest_layer.py", EXAMPLE.replace('unit="units"', "unit=5"), "unit is 5", "a text"),
    "a place in words": (
        "widest_layer.py",
        EXAMPLE.replace("digits=0", "column='last'"),
        "column is 'last'",
        "whole number",
    ),
    "shown in words": ("widest_layer.py", EXAMPLE.replace("digits=0", "shown='no'"), "shown is 'no'", "True or False"),
    "an ideal in words": (
        "widest_layer.py",
        EXAMPLE.replace("    MINIMISED,", "    MINIMISED, ideal='low',"),
        "ideal is 'low'",
        "finite number",
    ),
}
FAULTS_OF_FUNCTIONS = {
    "a wrong field of the network": (
        "widest_layer.py",
        EXAMPLE.replace("architecture.units", "architecture.unit[0]"),
        "the function of architectures fails for",
        "mend it",
    ),
    "a function that ends the process": (
        "widest_layer.py",
        EXAMPLE.replace("return max(network.architecture.units)", "raise SystemExit"),
        "with SystemExit",
        "mend it",
    ),
    "no number": (
        "widest_layer.py",
        EXAMPLE.replace("return max(network.architecture.units)", "return None"),
        "the function of architectures gives None for",
        "return a finite number",
    ),
    "a wrong field of the compressed network": (
        "largest_weight.py",
        COMPRESSED.replace("network.integers.weights", "network.weights"),
        "the function of compressions fails for 6-5-4-3 with AttributeError",
        "mend it",
    ),
    "an unknown field": ("widest_layer.py", EXAMPLE.replace("unit=", "units="), "TypeError", "mend it"),
}


def refusal(folder, name, text):
    """Return the one problem of a configuration with this plugin, which names the plugin's file."""
    config = merged("config")
    config["plugins"] = [str(write(folder, name, text))]
    with pytest.raises(ConfigError) as error:
        validate_config(config)
    told = str(error.value).splitlines()
    assert len(told) == 2
    assert told[1].startswith(f"  plugins: {folder}/objectives/{name}")
    return told[1]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_and_cure(tmp_path, fault):
    name, text, reason, cure = FAULTS[fault]
    told = refusal(tmp_path / "mine", name, text)
    assert reason in told
    assert cure in told
    assert set(costs_of(ARCHITECTURES)) <= set(table_of_objectives().split("`"))


@pytest.mark.parametrize("fault", FAULTS_OF_FUNCTIONS)
def test_a_function_is_tried_before_the_first_job(tmp_path, fault):
    name, text, reason, cure = FAULTS_OF_FUNCTIONS[fault]
    told = refusal(tmp_path / "mine", name, text)
    assert reason in told
    assert cure in told


def test_functions_are_tried_on_a_network_that_can_be_computed():
    network = example_network()
    assert network.integers.run(np.ones((2, 6)))[0].shape == (2, 3)
    assert network.precision.weight_bits == (4, 4, 4)
    assert all(0 < density < 1 for density in network.densities)
    assert all(math.isfinite(value) for value in compute(COMPRESSIONS, network).values())


def test_faulty_folders_are_named_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "empty" / "objectives").mkdir(parents=True)
    told = problems("nowhere", "file", "empty")
    assert [fault.split()[0] for fault in told] == ["there", "file", "empty"]
    assert str(tmp_path) in told[0]
    (fault,) = problems(write(tmp_path / "a"), write(tmp_path / "b"))
    assert f"is taken by {tmp_path}/a/objectives/widest_layer.py" in fault


@pytest.mark.parametrize("plugins", [None, "mine", [1], [""], ["a", "a"], {"mine": 1}])
def test_what_is_no_list_of_folders_is_refused(plugins):
    config = merged("config")
    config["plugins"] = plugins
    with pytest.raises(ConfigError, match=r"plugins"):
        validate_config(config)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "12", True, np.array([1, 2]), 10**400])
def test_a_function_that_gives_no_number_is_named(tmp_path, value):
    given = f"from numpy import array, nan, inf\n    return {value!r}"
    text = EXAMPLE.replace("return max(network.architecture.units)", given)
    use_plugins([write(tmp_path / "mine", text=text)])
    with pytest.raises(RuntimeError, match=r"objective widest_layer .*widest_layer\.py\) gives .* for 24-16-8-5"):
        compute(ARCHITECTURES, NETWORK)


def test_a_function_that_fails_is_named_and_numbers_of_numpy_are_written(tmp_path):
    text = EXAMPLE.replace("return max(network.architecture.units)", "return 1 // 0")
    use_plugins([write(tmp_path / "mine", text=text)])
    with pytest.raises(RuntimeError, match=r"widest_layer\.py\) fails for 24-16-8-5 with ZeroDivisionError"):
        compute(ARCHITECTURES, NETWORK)
    text = EXAMPLE.replace("return max(", "import numpy\n    return numpy.max(")
    use_plugins([write(tmp_path / "mine", text=text)])
    write_json(compute(ARCHITECTURES, NETWORK), tmp_path / "costs.json")


def test_hypervolume_of_what_is_maximised_and_of_what_has_no_ideal(tmp_path):
    maximised = EXAMPLE.replace("MINIMISED", "MAXIMISED")
    use_plugins([write(tmp_path / "mine", text=maximised)])
    space = SearchSpace.from_config(merged("config", "test")["search"]["space"], n_inputs=24, n_outputs=5)
    limits = search_limits(space, [{"widest_layer": width} for width in (4, 8, 12)])
    assert limits["widest_layer"] == {"lowest": 4, "highest": 12}

    def reached(width):
        return hypervolume([{"failure": None, "widest_layer": width}], ["widest_layer"], limits)

    assert [reached(width) for width in (4, 6, 12)] == [0, 0.25, 1]
    use_plugins([write(tmp_path / "mine", text=EXAMPLE)])
    assert [reached(width) for width in (12, 10, 4)] == [0, 0.25, 1]
    # An ideal that the worst network exceeds cannot be the end of a scale.
    use_plugins([write(tmp_path / "mine", text=EXAMPLE.replace("    MINIMISED,", "    MINIMISED, ideal=13,"))])
    assert reached(10) == 0.25


@pytest.mark.parametrize(("direction", "trial"), [("MINIMISED", 2), ("MAXIMISED", 1)])
def test_the_first_cost_decides_between_finalists_by_its_direction(tmp_path, direction, trial):
    text = documented_objectives()["largest_weight.py"].replace("MINIMISED", direction)
    use_plugins([write(tmp_path / "mine", "largest_weight.py", text)])
    fields = {"failure": None, "iteration": 0, "sparsity": 0.5, "validation_accuracy": 0.6}
    rows = [{**fields, "trial": i, "largest_weight": bits} for i, bits in enumerate((5, 7, 3))]
    chosen = choose_finalist(rows, "largest_weight", 0.5)
    assert chosen["trial"] == trial
    assert chosen["reason"].startswith(f"the {'least' if trial == 2 else 'most'} largest_weight of")
    table = pd.DataFrame(rows).assign(accuracy=0.6, pareto=True)
    assert select_finalists(table, "largest_weight", 0.5, 3) == ([2, 0, 1] if trial == 2 else [1, 0, 2])


def test_descriptions_write_numbers():
    measure = Measure("a", "A", by=len, unit="ns", digits=1, note="a at {bit_width} bits")
    assert (measure.heading, measure.format, measure.write(1234.56)) == ("A [ns]", ".1f", "1,234.6")
    assert measure.define(8) == "a at 8 bits"
    assert find_measure(ARCHITECTURES, "bops").write(2073280.4) == "2,073,280"
    with pytest.raises(ValueError, match="no search measures it"):
        Objective("a", MAXIMISED)
    with pytest.raises(ValueError, match="finite"):
        Objective("a", MINIMISED, architectures=measure, ideal=math.nan)
    with pytest.raises(ValueError, match="there are accuracy, macs"):
        find_measure(ARCHITECTURES, "ebops")
