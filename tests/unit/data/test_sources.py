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
from helpers.plugins import documented_plugins
from snacpack.config import ConfigError, validate_config
from snacpack.core.inputs import content_digest
from snacpack.core.plugins import PluginError, use_plugins
from snacpack.data.dataset import load_dataset, read_info
from snacpack.data.reading import content_of_files, prepare_source, settings_of
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


HEAD = """
import numpy as np
from snacpack.data.source import Arrays, Option, Source
from snacpack.tasks.task import NUMBERS
"""
DRAW = """
def read(options, seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(300, 4))
    return Arrays(x, {target}, {more})
SOURCE = Source("mine", "my examples", read=read, {fields})
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a plugin's source and return the configuration that names it."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, **data: object) -> dict:
        (tmp_path / "plugins" / "sources").mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugins" / "sources" / "mine.py").write_text(HEAD + text)
        config = merged("config")
        config["plugins"], config["data"]["source"] = ["plugins"], "mine"
        config["data"] |= data
        return config

    yield write
    use_plugins([])


def drawn(target: str = "np.arange(300) % 3", more: str = "", fields: str = "") -> str:
    return DRAW.format(target=target, more=more, fields=fields)


def test_a_source_of_a_plugin_gives_a_data_set(plugin, tmp_path):
    split = "np.array(['train'] * 200 + ['val'] * 50 + ['test'] * 50)"
    config = plugin(drawn(more=f"classes=('a', 'b', 'c'), weights=np.arange(300) + 1, split={split}"))
    validate_config(config)
    info, source = describe_source(config), find_source("mine")
    assert (info.input_shape, info.classes, info.weighted, info.source) == ((4,), ("a", "b", "c"), True, "my examples")
    prepare_source(source, settings_of(source, config), config["seed"]).write(tmp_path / "dataset.h5")
    assert read_info(tmp_path / "dataset.h5") == info
    sizes = {split: len(y) for split, (_, y) in load_dataset(tmp_path / "dataset.h5", ("train", "val", "test")).items()}
    assert sizes == {"train": 200, "val": 50, "test": 50}


def test_a_source_of_numbers_serves_a_regression(plugin):
    config = plugin(drawn(target="x[:, :2] + 1", fields="targets=(NUMBERS,)"))
    with pytest.raises(ConfigError, match=r"task\.name: classification takes classes, which data\.source 'mine'"):
        validate_config(config)
    config["task"]["name"] = "regression"
    config["search"]["objectives"] = ["accuracy", "average_resources"]
    validate_config(config)
    assert describe_source(config).targets == ("target_0", "target_1")


def test_a_file_that_a_source_reads_counts_by_its_content(plugin, tmp_path):
    options = "(Option('file', 'n.txt', {'type': 'string'}, 'a file'),)"
    text = drawn(
        target="np.arange(300) % int(open(options['file']).read())",
        fields=f"files=lambda options: [options['file']], options={options}",
    )
    config = plugin(text)
    with pytest.raises(ConfigError, match=r"data\.options: there is no file .*n\.txt, which mine reads"):
        validate_config(config)
    (tmp_path / "other.txt").write_text("4")
    config["data"]["options"] = {"file": "other.txt"}
    validate_config(config)
    assert describe_source(config).n_outputs == 4
    (tmp_path / "other.txt").write_text("12")
    content_digest.cache_clear()
    assert describe_source(config).n_outputs == 12


def test_a_change_of_the_plugins_file_describes_anew(plugin):
    config = plugin(drawn())
    validate_config(config)
    assert describe_source(config).n_outputs == 3
    config = plugin(drawn(target="np.arange(300) % 5"))
    validate_config(config)
    assert describe_source(config).n_outputs == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (drawn(target="1 / 0"), "data.source: the function read of mine.py fails with ZeroDivisionError: division by"),
        (drawn(target="np.arange(299) % 3"), "inputs has 300 examples, target has the shape (299,)"),
        (drawn(target="x[:, 0]"), "which is no class"),
        (drawn(target="None"), "target is no array of examples"),
        (drawn().replace("Arrays(x,", "Arrays(None,"), "inputs is no array of examples"),
        (drawn(more="split='train'"), "split has the shape ()"),
        (drawn(target="0 * np.arange(300)"), "has the single value '0'"),
        (drawn(more="feature_names=('a',)"), "data.arrays.feature_names: it has 1 names for 4 features"),
        (drawn(more="weights=-np.ones(300)"), "weights of example 0 is -1.0"),
        (drawn(more="split=['day'] * 300"), "split (one of train, val, test) has the value 'day'"),
        (drawn().replace("return Arrays", "return 'Arrays' or"), "returns a str; return Arrays"),
        (drawn(fields="files=lambda options: 1"), "the function files of mine.py fails with TypeError"),
        (drawn(target="np.arange(300) % 3").replace("(300, 4)", "(300, 4), scale=0"), "is the same in all training"),
    ],
)
def test_arrays_that_are_none_are_refused_before_the_first_job(plugin, text, told):
    with pytest.raises(ConfigError) as error:
        validate_config(plugin(text))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SOURCE = Source('mine', 'my examples')\n", "has both of read and describe, or none"),
        ("SOURCE = Source('mine', 'my examples', describe=print)\n", "it has no function read"),
        ("SOURCE = Source('other', 'my examples', read=print)\n", "name the file other.py"),
        ("SOURCE = Source('my data', 'my examples', read=print)\n", "name is 'my data'"),
    ],
)
def test_a_plugins_source_that_is_none_is_named_with_its_file(plugin, text, told):
    plugin(text)
    with pytest.raises(PluginError) as error:
        use_plugins(["plugins"])
    assert told in str(error.value)
    assert "mine.py" in str(error.value)


def test_options_are_those_of_the_source(plugin):
    with pytest.raises(ConfigError, match=r"data\.options: unknown key 'n'"):
        validate_config(plugin(drawn(), options={"n": 3}))
    config = merged("config")
    config["data"]["options"] = {"n": 3}
    with pytest.raises(ConfigError, match=r"data\.options: unknown key 'n'"):
        validate_config(config)


def test_the_source_of_the_documents_is_described(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine" / "sources" / "hits.py"
    path.parent.mkdir(parents=True)
    path.write_text(documented_plugins()["sources/hits.py"])
    config = merged("config")
    config["plugins"], config["data"]["source"] = ["mine"], "hits"
    try:
        validate_config(config)
        assert describe_source(config).input_shape == (8, 3)
        config["data"]["options"] = {"examples": 10}
        with pytest.raises(ConfigError, match=r"data\.options\.examples: 10 is not .*a whole number from 400"):
            validate_config(config)
    finally:
        use_plugins([])


def run_the_job(folder, config: dict) -> subprocess.CompletedProcess:
    """Run the script of the rule as a job does."""
    code = (
        "import json, runpy, sys\n"
        "class Params(dict):\n    __getattr__ = dict.__getitem__\n"
        "config, given = map(json.loads, sys.argv[2:])\n"
        "job = Params(rule='read_source', threads=1, log=['job.log'], output=Params(dataset='dataset.h5'),\n"
        "    resources=object(), config=config, input={}, params=Params(given))\n"
        "runpy.run_path(sys.argv[1], {'snakemake': job})"
    )
    source = find_source("mine")
    settings = settings_of(source, config)
    given = {
        "seed": config["seed"],
        "settings": settings,
        "source_plugins": REGISTRY.digest_of("mine"),
        "content": content_of_files(source, settings["options"], trust=False),
    }
    command = [sys.executable, "-c", code, str(ROOT / "workflow_scripts" / "read_source.py")]
    return subprocess.run([*command, json.dumps(config), json.dumps(given)], cwd=folder, capture_output=True, text=True)


def test_the_job_stores_what_was_described(plugin, tmp_path):
    config = plugin(drawn())
    validate_config(config)
    info = describe_source(config)
    done = run_the_job(tmp_path, config)
    assert done.returncode == 0, done.stderr
    assert read_info(tmp_path / "dataset.h5") == info


def test_arrays_that_are_others_each_time_are_refused(plugin, tmp_path):
    config = plugin(drawn().replace("default_rng(seed)", "default_rng()"))
    validate_config(config)
    done = run_the_job(tmp_path, config)
    assert done.returncode
    assert "mine.py gave other arrays than at the start of the run" in (tmp_path / "job.log").read_text() + done.stderr
    assert not (tmp_path / "dataset.h5").exists()
