import copy
from pathlib import Path

import pytest
import yaml

from snacpack.config import ConfigError, validate_config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "config" / "config.schema.yaml"


def merged(*names):
    """Configurations laid over each other as Snakemake does."""
    config = {}
    for name in names:
        update(config, yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()))
    return config


def update(config, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            update(config[key], value)
        else:
            config[key] = value


def with_value(key, value):
    config = copy.deepcopy(merged("config"))
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    return config


@pytest.mark.parametrize("names", [["config"], ["config", "paper"], ["config", "nac"], ["config", "test"]])
def test_the_projects_own_configurations_are_sound(names):
    validate_config(merged(*names), SCHEMA)


def test_the_papers_settings():
    config = merged("config", "paper")
    assert (config["search"]["trials"], config["search"]["population"]) == (500, 20)
    assert config["search"]["objectives"] == ["accuracy", "average_resources", "clock_cycles"]
    assert config["training"] == {"epochs": 5, "batch_size": 128, "device": "cpu"}
    n_training = config["data"]["pythia"]["train_jets"] * (1 - config["data"]["validation_fraction"])
    assert n_training == pytest.approx(600_000, rel=0.01)
    compression = config["compression"]
    assert (compression["warmup_epochs"], compression["iterations"], compression["epochs_per_iteration"]) == (5, 10, 10)
    nac = merged("config", "nac")
    assert nac["search"]["objectives"] == ["accuracy", "bops"]
    nac["search"]["objectives"], nac["run"] = config["search"]["objectives"], config["run"]
    assert nac == config


BROKEN = [
    ("run", "../other", "run"),
    ("run", "two words", "run"),
    ("seed", -1, "seed"),
    ("seed", "one", "seed"),
    ("typo", 1, "unknown key 'typo'"),
    ("data.typo", 1, "data: unknown key 'typo'"),
    ("data.source", "internet", "data.source"),
    ("data.features", ["pt", "pt"], "data.features"),
    ("data.features", ["energy"], "energy"),
    ("data.n_constituents", 0, "data.n_constituents"),
    ("data.validation_fraction", 1.0, "between 0 and 1"),
    ("data.pythia.train_jets", 10, "at least 100"),
    ("data.pythia.detector", {"magnet_tesla": 3.8}, "data.pythia.detector"),
    ("data.zenodo.url", "file:///etc", "data.zenodo.url"),
    ("data.zenodo.archives.train.name", "../../x.tar.gz", "archives.train.name"),
    ("training.epochs", 0, "training.epochs"),
    ("training.epochs", -5, "training.epochs"),
    ("training.batch_size", 1, "training.batch_size"),
    ("hardware.surrogate.weights", "v9", "hardware.surrogate.weights"),
    ("hardware.surrogate.board", "alveo-u250", "alveo-u200"),
    ("hardware.surrogate.precision", "8 bits", "ap_fixed<8,3>"),
    ("references", {}, "references"),
    ("references", {"../x": {"units": [4]}}, "references"),
    ("references", {"snac-0001": {"units": [4]}}, "references"),
    ("references.baseline.units", [], "references.baseline.units"),
    ("references.baseline.learning_rate", "1e-3", "YAML wants a point"),
    ("search.method", "annealing", "search.method"),
    ("search.trials", 257, "take 256 trials"),
    ("search.population", 10, "multiple of four"),
    ("search.objectives", [], "search.objectives"),
    ("search.objectives", ["accuracy", "speed"], "speed"),
    ("search.objectives", ["accuracy", "initiation_interval"], "v2-gnn"),
    ("search.shards", 17, "search.shards"),
    ("search.space.n_layers", [9], "search.space.n_layers"),
    ("search.space.units", [[64], []], "search.space.units"),
    ("search.space.activation", ["swish"], "swish"),
    ("search.space.dropout", [1.5], "search.space.dropout"),
    ("selection.min_accuracy", "the best", "references are baseline"),
    ("selection.min_accuracy", 63.8, "selection.min_accuracy"),
    ("selection.max_candidates", 0, "selection.max_candidates"),
    ("compression.schemes", [], "compression.schemes"),
    ("compression.schemes", ["8bit"], "compression.schemes"),
    ("compression.schemes", ["w0a8"], "compression.schemes"),
    ("compression.pruned_per_iteration", 1.0, "compression.pruned_per_iteration"),
    ("compression.target_sparsity", 1.2, "compression.target_sparsity"),
    ("compression.target_sparsity", 0.9, "11 would reach it"),
    ("compression.schemes", ["w16a16"], "'w16a16': weight_bits is 16"),
    ("data", None, "it is empty"),
    ("synthesis.backend", "quartus", "synthesis.backend"),
    ("synthesis.part", "xc-unknown", "synthesis.part"),
    ("synthesis.clock_period_ns", 0, "synthesis.clock_period_ns"),
    ("synthesis.clock_period_ns", 0.5, "less than one addition takes"),
    ("references", {"baseline": None}, "references: all are null"),
    ("compression.schemes", ["w8a8i8"], "as 'w8a8'"),
    ("data.zenodo.archives.train.name", "x.tar", "archives.train.name"),
]


@pytest.mark.parametrize(("key", "value", "message"), BROKEN, ids=[f"{key}={value}" for key, value, _ in BROKEN])
def test_a_broken_configuration_is_refused_by_the_key(key, value, message):
    with pytest.raises(ConfigError) as error:
        validate_config(with_value(key, value), SCHEMA)
    assert message in str(error.value)


def test_more_trials_than_networks():
    config = with_value("search.space", {**merged("config")["search"]["space"], "n_layers": [1], "units": [[4]]})
    config["search"]["space"].update(activation=["relu"], dropout=[0.0], l1=[0.0])
    with pytest.raises(ConfigError, match=r"search\.space has 6"):
        validate_config(config, SCHEMA)


def test_a_backend_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"synthesis\.backend"):
        validate_config(with_value("synthesis.backend", "vitis"), SCHEMA)


def test_a_part_that_the_open_flow_cannot_map_is_refused():
    config = with_value("synthesis.part", "xcvc1902-vsva2197-2mp-e-s")
    config["synthesis"].update(backend="open", available={"lut": 1, "ff": 1, "dsp": 1, "bram": 1})
    with pytest.raises(ConfigError, match="the open backend maps"):
        validate_config(config, SCHEMA)


def test_a_reference_can_be_taken_out():
    config = with_value("references", {"baseline": None, "mine": {"units": [8]}})
    config["selection"]["min_accuracy"] = "mine"
    validate_config(config, SCHEMA)
    config["selection"]["min_accuracy"] = "baseline"
    with pytest.raises(ConfigError, match="references are mine"):
        validate_config(config, SCHEMA)


def test_a_missing_folder_is_named():
    config = with_value("data.source", "files")
    with pytest.raises(ConfigError, match=r"data\.files\.folder"):
        validate_config(config, SCHEMA)
    config["data"]["files"]["folder"] = "/no/such/folder"
    with pytest.raises(ConfigError, match="/no/such/folder"):
        validate_config(config, SCHEMA)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "it holds nothing"),
        (["a.hdf5"], "it holds a.hdf5"),
        (["val/a.h5"], "it holds val"),
        (["a.h5", "val/b.h5"], r"it holds a\.h5, val"),
        (["a.h5", "train/b.h5", "val/c.h5"], r"it holds a\.h5, train, val"),
        (["train/a.h5", "val/b.txt"], "val is not a folder with"),
    ],
)
def test_a_folder_of_jets_that_is_not_one_is_refused(tmp_path, files, message):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = with_value("data.source", "files")
    config["data"]["files"]["folder"] = str(tmp_path)
    with pytest.raises(ConfigError, match=message):
        validate_config(config, SCHEMA)


def test_all_problems_are_told_at_once():
    config = with_value("training.epochs", 0)
    config["seed"] = -1
    with pytest.raises(ConfigError) as error:
        validate_config(config, SCHEMA)
    assert "training.epochs" in str(error.value)
    assert "seed" in str(error.value)
