"""The files of config/ that follow from the definitions of the keys."""

import math
from dataclasses import asdict
from functools import cache
from typing import get_args

import jsonschema
import pytest
import yaml

from helpers import ROOT
from helpers.configs import merged
from snacpack.config import complete_config
from snacpack.config.completion import fill_in
from snacpack.config.configuration import Configuration
from snacpack.config.data import Detector
from snacpack.config.documents import documents, with_tables
from snacpack.config.keys import fill, keys_of
from snacpack.config.search import Search
from snacpack.config.wording import flow
from snacpack.core.plugins import use_plugins
from snacpack.jets import detector
from snacpack.search.nsga2 import METHODS

CONFIG = ROOT / "config"
KEYS = {".".join(key.path): key for key in keys_of(Configuration)}
PRESETS = {"paper": ["config"], "nac": ["config", "paper"], "test": ["config"]}


@pytest.fixture(autouse=True)
def without_plugins():
    """The files tell of the workflow's own entries."""
    use_plugins([])


@pytest.mark.parametrize("name", ["README.md", "config.yaml", "config.schema.yaml"])
def test_files_are_what_make_config_writes(name):
    assert (CONFIG / name).read_text() == documents(CONFIG)[name]


def test_the_file_of_defaults_has_the_defaults():
    """All of them, in their own types: a rule whose parameter changes from 100 to 100.0 is run again."""
    given = merged("config")
    assert repr(given) == repr(fill(Configuration, {}))
    assert repr(complete_config(given)) == repr(fill_in({}))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_holds_only_what_differs(name):
    assert list(same_values(merged(name), merged(*PRESETS[name]))) == []


def same_values(preset, below, *path):
    for name, value in preset.items():
        if isinstance(value, dict):
            yield from same_values(value, below[name], *path, name)
        elif value == below[name]:
            yield ".".join((*path, name))


@pytest.mark.parametrize("path", KEYS)
def test_a_key_has_words(path):
    """A phrase, to stand in a sentence, in a cell of a table and in a comment."""
    words, more = KEYS[path].words, KEYS[path].more
    assert words
    assert not words.endswith(".")
    assert "\n" not in words + more
    assert not more or more.endswith(".")


def test_readme_has_each_key_once():
    lines = (CONFIG / "README.md").read_text().splitlines()
    for path in ("synthesis.clock_period_ns", "compression.search.start", "data.pythia.jet_radius"):
        (row,) = [line for line in lines if line.startswith("| ") and KEYS[path].words in line]
        assert f"| `{flow(KEYS[path].field.default)}` |" in row


def test_a_table_that_names_no_key_is_refused():
    text = (CONFIG / "README.md").read_text()
    with pytest.raises(ValueError, match=r"names keys that there are not: compression\.methods"):
        with_tables(text.replace("<!-- keys compression: method ", "<!-- keys compression: methods "))
    with pytest.raises(ValueError, match=r"no table for compression\.method$"):
        with_tables(text.replace("<!-- keys compression: method ", "<!-- keys compression: "))


def test_the_detectors_keys_are_its_parameters():
    assert fill(Detector, {}) == asdict(detector.Detector())


def test_the_searches_methods_are_those_of_the_configuration():
    assert get_args(Search.model_fields["method"].annotation) == tuple(METHODS)


# The schema for editors, in the words of another program.


@cache
def schema():
    return jsonschema.Draft202012Validator(yaml.safe_load((CONFIG / "config.schema.yaml").read_text()))


@pytest.mark.parametrize("names", [[], ["config"], ["config", "paper", "nac"], ["config", "test"], ["paper"], ["test"]])
def test_the_schema_takes_the_projects_own_configurations(names):
    schema().check_schema(schema().schema)
    schema().validate(merged(*names))


@pytest.mark.parametrize(
    "given",
    [
        {"run": "Quick"},
        {"typo": 1},
        {"training": {"epochs": 0}},
        {"training": {"device": "tpu"}},
        {"synthesis": {"available": {"lut": 1}}},
        {"search": {"objectives": ["accuracy", "accuracy"]}},
        {"compression": {"search": {"objectives": ["lut", "ff"]}}},
        {"references": {"snac-1": {"units": [8]}}},
        {"references": {"mine": {"units": [8], "learning_rate": 2}}},
        {"data": {"arrays": {"files": {"val": "x.npz"}}}},
        {"data": {"features": ["energy"]}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_check_refuses(given):
    assert not schema().is_valid(given)
    assert schema().is_valid({"data": {"min_constituent_pt_gev": math.pi}})
