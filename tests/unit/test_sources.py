"""Data sources: one file each, from which the check, the rules and the words follow."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from helpers import ROOT
from helpers.configs import merged
from helpers.jets_files import write_random_jets
from snacpack.config import ConfigError, validate_config
from snacpack.data.sources import REGISTRY, describe_choices, describe_source, find_source, source_faults
from snacpack.data.sources.files import content_of_jets
from snacpack.jets.folders import find_samples


@pytest.fixture
def configurations(tmp_path):
    """A configuration of each source that nothing is wrong with."""
    for seed, split in enumerate(("train", "val")):
        write_random_jets(tmp_path / "jets" / split / "a.h5", 300, seed)
    x = np.random.default_rng(0).normal(size=(300, 4))
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(300) % 3)
    config = {name: merged("config") for name in REGISTRY.built_in}
    for name in config:
        config[name]["data"]["source"] = name
    config["files"]["data"]["files"]["folder"] = str(tmp_path / "jets")
    config["arrays"]["data"]["arrays"] |= {"files": str(tmp_path / "d.npz"), "inputs": "x", "target": "y"}
    return config


def test_each_source_is_the_file_of_its_name_and_has_its_rules():
    files = {path.stem for path in (ROOT / "snacpack" / "data" / "sources").glob("[a-z]*.py")}
    assert files == set(REGISTRY.built_in)
    assert files == {path.stem.removeprefix("source_") for path in (ROOT / "rules").glob("source_*.smk")}


def test_nothing_else_tells_sources_apart():
    for folder, pattern in (("rules", "*.smk"), ("snacpack", "**/*.py"), ("workflow_scripts", "*.py")):
        for path in (ROOT / folder).glob(pattern):
            assert not re.search(r"""source["']\] *[!=]=|HAS_ARRAYS|HAS_FILES""", path.read_text()), path


def test_readme_has_every_source():
    assert f"| `source` | `pythia` | {describe_choices()} |" in (ROOT / "config" / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(REGISTRY.built_in))
def test_a_source_describes_its_data_set_before_the_first_job(configurations, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    config = configurations[name]
    assert list(source_faults(config)) == []
    validate_config(config)
    info, source = describe_source(config), find_source(name)
    assert source.describe(config, True) == info
    assert source.data_set == ("jets" if info.examples == "jets" else "dataset")
    assert (info.n_inputs, info.n_outputs) == ((24, 5) if info.examples == "jets" else (4, 3))
    assert source.words in describe_choices()


def test_an_unknown_source_is_named_with_all_there_are():
    with pytest.raises(ValueError, match=r"'internet' is not one of arrays, files, pythia, zenodo"):
        find_source("internet")
    config = merged("config")
    config["data"]["source"] = "internet"
    with pytest.raises(ConfigError, match=r"data\.source: 'internet' is not one of .*'zenodo'.*jets simulated here"):
        validate_config(config)


def test_the_job_refuses_jets_that_changed_since_the_start(configurations, tmp_path):
    config = configurations["files"]
    samples = find_samples(config["data"]["files"]["folder"])
    names = ("n_constituents", "min_constituent_pt_gev", "features", "normalisation")
    params = {name: config["data"][name] for name in (*names, "validation_fraction", "test_fraction")}
    others = {"seed": 1, "source": "files of a user", **params}
    given = {
        "input": {split: [str(path) for path in paths] for split, paths in samples.items()},
        "config": config,
    }
    code = (
        "import json, runpy, sys\n"
        "class Params(dict):\n    __getattr__ = dict.__getitem__\n"
        "given = {name: Params(value) for name, value in json.loads(sys.argv[2]).items()}\n"
        "job = Params(rule='preprocess_jets', threads=1, log=['job.log'], output=Params(jets='jets.h5'),\n"
        "    resources=object(), **given)\n"
        "runpy.run_path(sys.argv[1], {'snakemake': job})"
    )
    script = ROOT / "workflow_scripts" / "preprocess_jets.py"
    told = "data.files.folder: one of the files changed since this run started; start the command again"
    for content, made in (("another", False), (content_of_jets(samples, trust=False), True), (None, True)):
        given["params"] = {**others, **({} if content is None else {"content": content})}
        done = subprocess.run([sys.executable, "-c", code, script, json.dumps(given)], cwd=tmp_path, check=False)
        assert (done.returncode == 0) == made
        assert (told in (tmp_path / "job.log").read_text()) != made
