import copy

import pytest

from helpers.configs import SCHEMA, merged
from snacpack.config import ConfigError, validate_config


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


def test_all_problems_are_told_at_once():
    config = with_value("training.epochs", 0)
    config["seed"] = -1
    with pytest.raises(ConfigError) as error:
        validate_config(config, SCHEMA)
    assert "training.epochs" in str(error.value)
    assert "seed" in str(error.value)
