import copy

import pytest

from helpers.configs import merged
from snacpack.config import ConfigError, complete_config, configuration_warnings, validate_config
from snacpack.config.completion import fill_in
from snacpack.config.configuration import Configuration
from snacpack.config.keys import keys_of


def with_value(key, value):
    config = copy.deepcopy(merged("config"))
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    return config


@pytest.mark.parametrize("names", [["config"], ["config", "paper"], ["config", "paper", "nac"], ["config", "test"]])
def test_the_projects_own_configurations_are_sound(names):
    validate_config(merged(*names))


def test_the_papers_settings():
    config = merged("config", "paper")
    assert (config["search"]["trials"], config["search"]["population"]) == (500, 20)
    assert config["search"]["objectives"] == ["accuracy", "average_resources", "clock_cycles"]
    assert config["training"] == {"epochs": 5, "batch_size": 128, "class_weights": None, "device": "cpu"}
    n_training = config["data"]["pythia"]["train_jets"] * (1 - config["data"]["validation_fraction"])
    assert n_training == pytest.approx(600_000, rel=0.01)
    compression = config["compression"]
    assert (compression["warmup_epochs"], compression["iterations"], compression["epochs_per_iteration"]) == (5, 10, 10)
    nac = merged("config", "paper", "nac")
    assert nac["search"]["objectives"] == ["accuracy", "bops"]
    nac["search"]["objectives"], nac["run"] = config["search"]["objectives"], config["run"]
    assert nac == config


def test_a_backend_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"synthesis\.backend"):
        validate_config(with_value("synthesis.backend", "vitis"))


def test_a_part_of_an_unknown_family_is_refused_whatever_it_holds():
    config = with_value("synthesis.part", "xcvc1902-vsva2197-2MP-e-S")
    config["synthesis"]["available"] = {"lut": 1, "ff": 1, "dsp": 1, "bram": 1}
    with pytest.raises(ConfigError, match="7 series, UltraScale or UltraScale"):
        validate_config(config)


def test_every_key_has_a_value_once_the_configuration_is_complete():
    complete = fill_in({"references": {"mine": {"units": [32, 16]}}, "training": {"epochs": 3}})
    assert complete["training"] == {"epochs": 3, "batch_size": 128, "class_weights": None, "device": "cpu"}
    assert complete["data"]["pythia"]["max_parton_pt_gev"]["q"] == 1010
    assert complete["data"]["pythia"]["detector"] == {}
    for key in keys_of(Configuration):
        value = complete
        for name in key.path:
            value = value[name]
    validate_config(complete | {"selection": {"min_score": "mine"}})


def test_defaults_are_not_shared():
    fill_in({})["references"]["baseline"]["units"].append(8)
    fill_in({})["data"]["features"].append("e")
    assert fill_in({}) == complete_config(merged("config"))


def test_a_complete_configuration_leaves_what_was_given_as_it_was():
    given = with_value("references", {"baseline": None, "mine": {"units": [32, 16], "learning_rate": 0.002}})
    before = copy.deepcopy(given)
    complete = complete_config(given)
    assert given == before
    assert complete["references"] == {
        "mine": {
            "units": [32, 16],
            "activation": "relu",
            "batch_norm": False,
            "learning_rate": 0.002,
            "l1": 0.0,
            "dropout": 0.0,
            "family": "dense",
            "options": {},
        }
    }
    assert complete["synthesis"]["available"] is None
    assert complete_config(complete) == complete


def test_a_reference_can_be_taken_out():
    config = with_value("references", {"baseline": None, "mine": {"units": [8]}})
    config["selection"]["min_score"] = "mine"
    validate_config(config)
    config["selection"]["min_score"] = "baseline"
    with pytest.raises(ConfigError, match="references are mine"):
        validate_config(config)


def test_networks_unlike_those_of_the_surrogates_training_are_named_before_the_first_job():
    config = with_value("hardware.surrogate.weights", "v2-gnn")
    assert configuration_warnings(config) == []
    config["search"]["space"]["units"][0] = [64, 256]
    config["references"]["wide"] = {"units": [512, 8]}
    (warning,) = configuration_warnings(config)
    for told in ("hardware.surrogate.weights", "search.space: networks with", "references.wide", "512"):
        assert told in warning
    assert "references.baseline" not in warning


def test_a_reuse_factor_that_hls4ml_replaces_is_told_for_the_references():
    config = with_value("hardware.surrogate.weights", "v2-gnn")
    config["synthesis"]["reuse_factor"] = 7
    assert configuration_warnings(config) == []
    config["synthesis"]["strategy"] = "resource"
    config["references"] = {"mine": {"units": [16, 12]}, "taken_out": None}
    (warning,) = configuration_warnings(config)
    assert "synthesis.reuse_factor: 7 does not fit every layer of references.mine" in warning
    assert "write 6, 8, 6 for" in warning
    config["references"] = {"mine": {"units": [14, 7]}}
    config["synthesis"]["reuse_factor"] = 1
    assert configuration_warnings(config) == []


def test_all_problems_are_told_at_once():
    config = with_value("training.epochs", 0)
    config["seed"] = -1
    with pytest.raises(ConfigError) as error:
        validate_config(config)
    assert "training.epochs" in str(error.value)
    assert "seed" in str(error.value)
