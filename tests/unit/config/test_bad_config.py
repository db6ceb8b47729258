"""Configurations that cannot be run: each is refused before the first job, by its key, with what to do."""

import copy
import math
import shutil
import subprocess
import sys
from datetime import date
from functools import cache

import h5py
import numpy as np
import pytest
import yaml

from helpers import ROOT
from helpers.configs import merged
from helpers.jets_files import write_random_jets
from snacpack.config import ConfigError, validate_config
from snacpack.config.configuration import Configuration
from snacpack.config.keys import keys_of
from snacpack.config.problems import key_problems
from snacpack.config.wording import allowed, plain

NAN, INFINITE = math.nan, math.inf


@cache
def default():
    return merged("config")


def with_value(key, value):
    config = copy.deepcopy(default())
    *path, last = key.split(".")
    section = config
    for part in path:
        section = section[part]
    section[last] = value
    return config


def reference(name="mine", **fields):
    return {"baseline": default()["references"]["baseline"], name: {"units": [8], **fields}}


def space(**options):
    return {**default()["search"]["space"], **options}


def problems(config, **options):
    with pytest.raises(ConfigError) as error:
        validate_config(config, **options)
    return str(error.value)


# The key that is set, what it is set to, the key that the error names, and words of what to do.
BROKEN = {
    # Names, which become folders, files and text in the report.
    "run up": ("run", "../other", "run", "small letters, digits"),
    "run in a folder": ("run", "a/b", "run", "small letters, digits"),
    "run absolute": ("run", "/etc", "run", "small letters, digits"),
    "run dots": ("run", "..", "run", "small letters, digits"),
    "run with a space": ("run", "two words", "run", "small letters, digits"),
    "run in capitals": ("run", "Quick", "run", "small letters, digits"),
    "run empty": ("run", "", "run", "small letters, digits"),
    "run too long": ("run", "x" * 101, "run", "at most 100"),
    "run with a line break": ("run", "quick\n", "run", "take it out"),
    "run that is a command": ("run", "x;touch y", "run", "small letters, digits"),
    "run that is a number": ("run", 7, "run", "in quotes if it is a number"),
    "run missing": ("run", None, "run", "give a value"),
    "reference up": ("references", reference("../x"), "references", "small letters, digits"),
    "reference with a slash": ("references", reference("a/b"), "references", "small letters, digits"),
    "reference in capitals": ("references", reference("Big"), "references", "small letters, digits"),
    "reference without a name": ("references", reference(""), "references", "small letters, digits"),
    "reference too long": ("references", reference("x" * 61), "references", "at most 60"),
    "reference that is HTML": ("references", reference("<script>"), "references", "small letters, digits"),
    "reference with a line break": ("references", reference("mine\n"), "references", "take it out"),
    "reference called as a candidate": ("references", reference("snac-0001"), "references", "candidates' names"),
    "reference called as NAC's": ("references", reference("nac-0001"), "references", "candidates' names"),
    "reference that a table reads as none": ("references", reference("nan"), "references", "no names in a table"),
    "reference that is a number": ("references", reference(1), "references", "put it in quotes"),
    "reference that YAML reads as true": ("references", reference(True), "references", "put it in quotes"),
    # Wrong types.
    "epochs true": ("training.epochs", True, "training.epochs", "whole number"),
    "epochs text": ("training.epochs", "5", "training.epochs", "whole number"),
    "epochs broken": ("training.epochs", 5.5, "training.epochs", "whole number"),
    "epochs a date": ("training.epochs", date(2026, 1, 1), "training.epochs", "whole number"),
    "epochs a list": ("training.epochs", [5], "training.epochs", "whole number"),
    "population with a point": ("search.population", 16.0, "search.population", "multiple of four"),
    "population text": ("search.population", "16", "search.population", "multiple of four"),
    "seed broken": ("seed", 1.5, "seed", "whole number from 0"),
    "seed text": ("seed", "one", "seed", "whole number from 0"),
    "seed true": ("seed", True, "seed", "whole number from 0"),
    "fraction text": ("data.validation_fraction", "15%", "data.validation_fraction", "between 0 and 1"),
    "rate text": ("references", reference(learning_rate="1e-3"), "references.mine.learning_rate", "write 0.001"),
    "batch norm text": ("references", reference(batch_norm="yes"), "references.mine.batch_norm", "true or false"),
    "section a number": ("data", 5, "data", "some of these keys: arrays, features"),
    "section a list": ("search", [], "search", "some of these keys"),
    "section text": ("synthesis", "open", "synthesis", "some of these keys"),
    "section empty": ("data", None, "data", "give a value"),
    "references a list": ("references", [], "references", "by name"),
    "reference a list": ("references", {"mine": [8]}, "references.mine", "some of these keys: activation"),
    "units a number": ("references", reference(units=8), "references.mine.units", "hidden units of each layer"),
    "observables that are not simulated": ("data.features", "hlf", "data.features", "data.pythia.high_level"),
    "radius": ("data.pythia.jet_radius", 3, "data.pythia.jet_radius", "0.4 for the published ones"),
    "no jet of an event": ("data.pythia.jets_per_event", 0, "data.pythia.jets_per_event", "expected"),
    "window of jets": ("data.pythia.max_jet_pt_gev", 90, "data.pythia.max_jet_pt_gev", "null for no limit"),
    "window of partons": ("data.pythia.max_parton_pt_gev", {"q": 900}, "max_parton_pt_gev.q", "raise it"),
    "parton above its limit": ("data.pythia.min_parton_pt_gev", 2000, "max_parton_pt_gev.q", "raise it"),
    "resonances": ("data.pythia.resonances", "on", "data.pythia.resonances", "on_shell"),
    "a library for Pythia": (
        *("data.pythia.pythia_settings", ["Init:plugins = lib.so::X"], "pythia_settings", "take it out"),
    ),
    "a seed for Pythia": ("data.pythia.pythia_settings", ["Random:seed = 3"], "pythia_settings", "take it out"),
    "a file for Pythia": ("data.pythia.pythia_settings", ["include = cards.txt"], "pythia_settings", "take it out"),
    "a set of LHAPDF for Pythia": (
        *("data.pythia.pythia_settings", ["PDF:pSet = LHAPDF6:CT18NLO"], "pythia_settings", "take it out"),
    ),
    "Pythia's settings": ("data.pythia.pythia_settings", ["No:such = 1"], "pythia_settings", "does not take 'No:such"),
    "features text": ("data.features", "pt", "data.features", "names of the constituents' columns"),
    "objectives text": ("search.objectives", "accuracy", "search.objectives", "an objective of the search"),
    "clock text": ("synthesis.clock_period_ns", "5 ns", "synthesis.clock_period_ns", "in ns"),
    # Unknown keys, and what is not on the list.
    "unknown key": ("typo", 1, "typo", "known are compression, data"),
    "unknown key that is a number": (3, 1, "the configuration", "known are compression, data"),
    "unknown key of data": ("data.typo", 1, "data", "known are arrays, features"),
    "unknown key of a reference": ("references", reference(layers=3), "references.mine", "known are activation"),
    "unknown key of the space": ("search.space", space(width=[8]), "search.space", "known are activation"),
    "unknown key of the detector": ("data.pythia.detector", {"magnet": 3.8}, "data.pythia.detector", "known are"),
    "source": ("data.source", "internet", "data.source", "pythia"),
    "feature": ("data.features", ["energy"], "data.features.0", "etarel"),
    "no feature": ("data.features", [], "data.features", "one or more different values"),
    "method": ("search.method", "annealing", "search.method", "nsga2"),
    "objective": ("search.objectives", ["accuracy", "speed"], "search.objectives.1", "average_resources"),
    "objective of the other search": ("search.objectives", ["accuracy", "ebops"], "search.objectives.1", "bops"),
    "objective of v2": ("search.objectives", ["accuracy", "initiation_interval"], "search.objectives", "v2-gnn"),
    "activation": ("references", reference(activation="swish"), "references.mine.activation", "sigmoid"),
    "device": ("training.device", "cuda:7", "training.device", "auto"),
    "weights": ("hardware.surrogate.weights", "v9", "hardware.surrogate.weights", "v2-gnn"),
    "board": ("hardware.surrogate.board", "alveo-u250", "hardware.surrogate.board", "alveo-u200"),
    "backend": ("synthesis.backend", "quartus", "synthesis.backend", "open (da4ml and Yosys)"),
    "part": ("synthesis.part", "xc-unknown", "synthesis.part", "Vivado's get_parts"),
    "part's resources": ("synthesis.available", {"lut": 1}, "synthesis.available", "config/README.md"),
    "io type": ("synthesis.io_type", "parallel", "synthesis.io_type", "io_parallel"),
    "compression": ("compression.method", "prune", "compression.method", "magnitude"),
    # Values that may have one of several types.
    "files a number": ("data.arrays.files", 5, "data.arrays.files", "a file, a pattern"),
    "files a number in a list": ("data.arrays.files", ["a.npz", 5], "data.arrays.files.1", "a file, or a pattern"),
    "files without a training part": ("data.arrays.files", {"val": "a.npz"}, "data.arrays.files", "train is missing"),
    "files of an unknown split": ("data.arrays.files", {"train": "a", "dev": "b"}, "data.arrays.files", "are test, tr"),
    "files of a split, nothing": ("data.arrays.files", {"train": "a", "val": None}, "data.arrays.files.val", "a value"),
    "one class": ("data.arrays.classes", ["signal"], "data.arrays.classes", "two or more"),
    "a method of two that is none": ("compression.method", ["search", "prune"], "compression.method.1", "'magnitude'"),
    "text that is a number": ("seed", "7", "seed", "write 7;"),
    # Out of range.
    "epochs negative": ("training.epochs", -5, "training.epochs", "from 1"),
    "epochs zero": ("training.epochs", 0, "training.epochs", "from 1"),
    "epochs huge": ("training.epochs", 10**9, "training.epochs", "100000"),
    "seed negative": ("seed", -1, "seed", "whole number from 0"),
    "batch of one": ("training.batch_size", 1, "training.batch_size", "from 2 to"),
    "no constituents": ("data.n_constituents", 0, "data.n_constituents", "1 to 150"),
    "too many constituents": ("data.n_constituents", 151, "data.n_constituents", "1 to 150"),
    "threshold in MeV": ("data.min_constituent_pt_gev", 2000, "data.min_constituent_pt_gev", "2.0, not 2000"),
    "all jets for validation": ("data.validation_fraction", 1.0, "data.validation_fraction", "between 0 and 1"),
    "few jets": ("data.pythia.train_jets", 10, "data.pythia.train_jets", "from 100 to"),
    "endless jets": ("data.pythia.test_jets", 10**12, "data.pythia.test_jets", "to 100000000"),
    "a file per jet": ("data.pythia.jets_per_job", 1, "data.pythia.train_jets", "raise data.pythia.jets_per_job"),
    "cell": ("data.pythia.detector", {"ecal_cell": -1.0}, "data.pythia.detector.ecal_cell", "a number above 0"),
    "cell of nothing": ("data.pythia.detector", {"ecal_cell": None}, "data.pythia.detector.ecal_cell", "give a value"),
    "noise below zero": ("data.pythia.detector", {"ecal_noise_gev": -1}, "detector.ecal_noise_gev", "a number from 0"),
    "constant true": ("data.pythia.detector", {"track_constant": True}, "detector.track_constant", "a number from 0"),
    "electrons one": ("data.pythia.detector", {"track_electrons": 1}, "detector.track_electrons", "true or false"),
    "jets of no momentum": ("data.pythia.min_jet_pt_gev", 0, "data.pythia.min_jet_pt_gev", "a number above 0"),
    "precision of no bits": (
        *("hardware.surrogate.precision", "ap_fixed<0,0>", "hardware.surrogate.precision"), "1 to 99 bits"
    ),
    "precision in words": ("hardware.surrogate.precision", "8 bits", "hardware.surrogate.precision", "ap_fixed<8,3>"),
    "precision without a sign": (
        *("hardware.surrogate.precision", "ap_ufixed<8,3>", "hardware.surrogate.precision"), "signed types"
    ),
    "reuse factor": ("synthesis.reuse_factor", 10**9, "synthesis.reuse_factor", "65536"),
    "layer of no units": ("references", reference(units=[8, 0]), "references.mine.units.1", "1 to 4096"),
    "layer of a billion units": ("references", reference(units=[10**9]), "references.mine.units.0", "1 to 4096"),
    "ten thousand layers": ("references", reference(units=[8] * 10**4), "references.mine.units", "1 to 64 values"),
    "no layers": ("references", reference(units=[]), "references.mine.units", "hidden units of each layer"),
    "rate too high": ("references", reference(learning_rate=1e30), "references.mine.learning_rate", "at most 1"),
    "everything dropped": ("references", reference(dropout=1.0), "references.mine.dropout", "below 1"),
    "accuracy in percent": ("selection.min_score", 63.8, "selection.min_score", "a number from 0 to 1"),
    "accuracy in percent of a circuit": (
        *("compression.search.min_score", 56, "compression.search.min_score"), "as a fraction"
    ),
    "accuracy of nobody": ("selection.min_score", "basline", "selection.min_score", "references are baseline"),
    "accuracy by its former name": (
        *("selection.min_accuracy", 0.6, "selection.min_accuracy"), "is now selection.min_score; rename it"
    ),
    "accuracy of a circuit by its former name": (
        *("compression.search.min_accuracy", None, "compression.search.min_accuracy"), "now compression.search.min_sc"
    ),
    "no candidates": ("selection.max_candidates", 0, "selection.max_candidates", "from 1"),
    "sparsity in percent": ("compression.target_sparsity", 50, "compression.target_sparsity", "from 0 to 1"),
    "everything pruned": (
        *("compression.pruned_per_iteration", 1.0, "compression.pruned_per_iteration"), "between 0 and 1"
    ),
    "clock in ps": ("synthesis.clock_period_ns", 5000.0, "synthesis.clock_period_ns", "in ns"),
    "clock in s": ("synthesis.clock_period_ns", 5e-9, "synthesis.clock_period_ns", "take a slower clock"),
    "clock of zero": ("synthesis.clock_period_ns", 0, "synthesis.clock_period_ns", "in ns"),
    "no time": ("synthesis.timeout_minutes", 0, "synthesis.timeout_minutes", "in minutes"),
    "one bit": ("compression.search.space.weight_bits", [1], "space.weight_bits.0", "2 to 12"),
    "scheme of no precision": ("compression.schemes", ["8bit"], "compression.schemes.0", "w8a8"),
    "scheme of 99 bits": ("compression.schemes", ["w99a99"], "compression.schemes", "must be 2 to 12"),
    "scheme with two names": ("compression.schemes", ["w8a8i8"], "compression.schemes", "as 'w8a8'"),
    "scheme twice": ("compression.schemes", ["w8a8", "w8a8"], "compression.schemes", "different values"),
    "start of too many bits": ("compression.search.start", "w12a12", "compression.search.start", "choose fewer bits"),
    # No numbers.
    "fraction NaN": ("data.validation_fraction", NAN, "data.validation_fraction", "finite"),
    "threshold infinite": ("data.min_constituent_pt_gev", INFINITE, "data.min_constituent_pt_gev", "finite"),
    "rate infinite": ("references", reference(learning_rate=INFINITE), "references.mine.learning_rate", "finite"),
    "l1 NaN": ("references", reference(l1=NAN), "references.mine.l1", "finite"),
    "rate NaN in the space": ("search.space", space(learning_rate=[NAN]), "search.space.learning_rate.0", "finite"),
    "probability NaN": ("search.crossover_probability", NAN, "search.crossover_probability", "finite"),
    "accuracy NaN": ("selection.min_score", NAN, "selection.min_score", "finite"),
    "sparsity NaN": ("compression.target_sparsity", NAN, "compression.target_sparsity", "finite"),
    "clock NaN": ("synthesis.clock_period_ns", NAN, "synthesis.clock_period_ns", "finite"),
    "time infinite": ("synthesis.timeout_minutes", INFINITE, "synthesis.timeout_minutes", "finite"),
    "a number for a section in a section": (
        *("data.pythia.max_parton_pt_gev", 0, "data.pythia.max_parton_pt_gev"), "with some of these keys"
    ),
    "options that are none": ("data.options", 3, "data.options", "a section with options of the source"),
    # Searches and spaces that are impossible.
    "population of ten": ("search.population", 10, "search.population", "the nearest is 8"),
    "population of six, compressed": ("compression.search.population", 6, "compression.search.population", "is 8"),
    "population of a billion": ("search.population", 10**9, "search.population", "to 100000"),
    "population above the trials": ("search.population", 1000, "search.trials", "or a smaller population"),
    "trials in no generations": ("search.trials", 257, "search.trials", "take 256 trials"),
    "trials in no generations, compressed": (
        *("compression.search.trials", 33, "compression.search.trials"), "take 24 trials"
    ),
    "trials above all networks": ("search.trials", 10**6, "search.trials", "choose fewer or add options"),
    "trillions of trials": ("search.trials", 10**12, "search.trials", "to 1000000"),
    "more jobs than networks": ("search.shards", 17, "search.shards", "choose fewer"),
    "more finalists than trials": ("compression.search.finalists", 1000, "compression.search.finalists", "fewer"),
    "no objectives": ("search.objectives", [], "search.objectives", "an objective of the search"),
    "objective twice": ("search.objectives", ["accuracy"] * 2, "search.objectives", "different values"),
    "compressed without accuracy": (
        *("compression.search.objectives", ["lut", "ff"], "compression.search.objectives"), "accuracy and at least one"
    ),
    "deeper than widths": ("search.space", space(n_layers=[9]), "search.space.n_layers", "add widths"),
    "no depth": ("search.space", space(n_layers=[]), "search.space.n_layers", "one or more"),
    "depth of zero": ("search.space", space(n_layers=[0]), "search.space.n_layers.0", "from 1"),
    "widths not in lists": ("search.space", space(units=[64, 32]), "search.space.units.0", "one or more different"),
    "layer without widths": ("search.space", space(units=[[64], []]), "search.space.units.1", "one or more"),
    "negative width": ("search.space", space(units=[[-4]] * 8), "search.space.units.0.0", "1 to 4096"),
    "width of a billion": ("search.space", space(units=[[10**9]] * 8), "search.space.units.0.0", "1 to 4096"),
    "width twice": ("search.space", space(units=[[8, 8]] * 8), "search.space.units.0", "different values"),
    "rate of zero": ("search.space", space(learning_rate=[0]), "search.space.learning_rate.0", "above 0"),
    "sparsity of one": ("compression.search.space.sparsity", [1.0], "search.space.sparsity.0", "below 1"),
    "few prunings for much": ("compression.target_sparsity", 0.9, "compression.target_sparsity", "11 would reach it"),
    "no references": ("references", {"baseline": None}, "references", "keep one"),
    # Values that would reach other files, machines or programs.
    "archive up": (
        *("data.zenodo.archives.train.name", "../../x.tar.gz", "data.zenodo.archives.train.name"), "no folders"
    ),
    "archive not packed": ("data.zenodo.archives.val.name", "x.tar", "data.zenodo.archives.val.name", "no folders"),
    "checksum": ("data.zenodo.archives.train.md5", "123", "data.zenodo.archives.train.md5", "32 hexadecimal digits"),
    "address of a file": ("data.zenodo.url", "file:///etc", "data.zenodo.url", "https://"),
    "address of nothing": ("data.zenodo.url", "https:///x", "data.zenodo.url", "has no host name"),
    "address with a password": ("data.zenodo.url", "https://me:secret@host/x", "data.zenodo.url", "~/.netrc"),
    "address that anyone can change": ("data.zenodo.url", "http://host/x", "archives.val.md5", "take an https"),
    "address of no port": ("data.zenodo.url", "https://host:99999/x", "data.zenodo.url", "https://host/folder"),
    "address with a brace": ("data.zenodo.url", "https://host/{x}", "data.zenodo.url", "rename it"),
    "folder with a brace": ("data.files.folder", "/data/{x}", "data.files.folder", "link to it"),
    "part that is a command": ("synthesis.part", "xcvu9p; exec rm", "synthesis.part", "letters, digits"),
    "part that Tcl runs": ("synthesis.part", "xcvu9p[exec ls]", "synthesis.part", "letters, digits"),
    "part of two lines": ("synthesis.part", "xcvu13p-flga2577-2-e\n", "synthesis.part", "take it out"),
    "part without its package": ("synthesis.part", "xcvu13p", "synthesis.part", "xcvu13p-flga2577-2-e"),
    "part with one dash too many": ("synthesis.part", "xc7z020-clg400-1", "synthesis.part", "'xc7z020clg400-1'"),
    "part in small letters": ("synthesis.part", "xcu250-figd2104-2l-e", "synthesis.part", "'xcu250-figd2104-2L-e'"),
    "part in capital letters": ("synthesis.part", "XCVU13P-FLGA2577-2-E", "synthesis.part", "'xcvu13p-flga2577-2-e'"),
    "part as it is ordered": ("synthesis.part", "XC7Z020-1CLG400C", "synthesis.part", "'xc7z020clg400-1'"),
    "part of another vendor": ("synthesis.part", "10AX115N2F45E1SG", "synthesis.part", "Vivado's get_parts"),
    "part of a family without delays": (
        *("synthesis.part", "xcvc1902-vsva2197-2MP-e-S", "synthesis.part", "7 series, UltraScale or UltraScale+"),
    ),
    "part that is not in the list": ("synthesis.part", "xcvu5p-flva2104-2-e", "synthesis.part", "synthesis.available"),
    "part that is an option": ("synthesis.part", "-h", "synthesis.part", "letters, digits"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_refused_by_its_key(name):
    key, value, named, remedy = BROKEN[name]
    config = with_value(key, value) if isinstance(key, str) else {**default(), key: value}
    lines = problems(config).splitlines()[1:]
    assert any(named in line and remedy in line for line in lines), lines
    assert max(map(len, lines)) < 600


@pytest.mark.parametrize("key", list(keys_of(Configuration)), ids=lambda key: ".".join(key.path))
def test_a_value_of_no_type_is_told_once_at_its_key_with_what_is_allowed(key):
    *above, name = key.path
    section = given = {}
    for part in above:
        section[part] = section = {}
    section[name] = date(2026, 1, 1)
    ((path, told),) = key_problems(Configuration, given).items()
    assert path == key.path
    words = [key.words, allowed(key.field.annotation, key.field.metadata)]
    assert "is not a section" in told or "is not one of" in told or all(plain(part) in told for part in words)


def test_a_password_is_not_repeated():
    assert "secret" not in problems(with_value("data.zenodo.url", "https://me:secret@host/x"))


def test_more_trials_than_networks():
    small = space(n_layers=[1], units=[[4]], activation=["relu"], dropout=[0.0], l1=[0.0])
    assert "search.space has 6; choose fewer or add options" in problems(with_value("search.space", small))


def test_a_configuration_that_contains_itself_is_refused():
    config = copy.deepcopy(default())
    config["data"]["features"] = config
    config["references"] = {"mine": config["references"]}
    config["references"]["mine"]["again"] = config["references"]
    assert "data.features" in problems(config)


def test_a_configuration_that_unfolds_without_end_is_refused(tmp_path):
    lines = ["a0: &a0 [x]", *(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]" for i in range(30))]
    (tmp_path / "mine.yaml").write_text("\n".join(lines))
    config = {**default(), **yaml.safe_load((tmp_path / "mine.yaml").read_text())}
    assert "unknown key 'a0'" in problems(config, files=[tmp_path / "mine.yaml"])


def test_a_key_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("run: mine\ntraining:\n  epochs: 5\n  batch_size: 128\n  epochs: 50\n")
    config = with_value("training.epochs", 50)
    found = problems(config, files=[tmp_path / "mine.yaml"])
    assert f"training.epochs: is given twice in {tmp_path / 'mine.yaml'}, in lines 3 and 5; remove one" in found
    (tmp_path / "mine.yaml").write_text("a: &a {b: *a}\n")
    validate_config(config, files=[tmp_path / "mine.yaml", tmp_path / "nowhere.yaml"])


# Data that are there before the run.


def files_of(folder):
    config = with_value("data.source", "files")
    config["data"]["files"]["folder"] = None if folder is None else str(folder)
    return config


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "it holds nothing"),
        (["a.hdf5"], "it holds a.hdf5"),
        (["val/a.h5"], "it holds val"),
        (["a.h5", "val/b.h5"], "it holds a.h5, val"),
        (["a.h5", "train/b.h5", "val/c.h5"], "it holds a.h5, train, val"),
        (["train/a.h5", "val/b.txt"], "val is not a folder with"),
        (["train/a.h5", "val/b.h5"], "a.h5 is empty; make or download it again"),
    ],
)
def test_a_folder_of_jets_that_is_not_one_is_refused(tmp_path, files, message):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = problems(files_of(tmp_path))
    assert "data.files.folder" in found
    assert str(tmp_path) in found
    assert message in found


def test_a_missing_folder_is_named():
    assert "data.files.folder: needed where data.source is 'files'" in problems(files_of(None))
    assert "data.files.folder: there is no folder /no/such/folder" in problems(files_of("/no/such/folder"))


def test_files_of_jets_are_looked_into(tmp_path):
    for seed, name in enumerate(("train/a.h5", "train/b.h5", "val/c.h5")):
        write_random_jets(tmp_path / name, 30, seed)
    validate_config(files_of(tmp_path))
    with h5py.File(tmp_path / "train" / "b.h5", "r+") as file:
        del file["jets"]
    assert f"{tmp_path}/train/b.h5 has no dataset 'jets'" in problems(files_of(tmp_path))
    with h5py.File(tmp_path / "train" / "b.h5", "r+") as file:
        file["jets"] = np.zeros((30, 59))
        short = file["jetConstituentList"][:, :5]
        del file["jetConstituentList"]
        file["jetConstituentList"] = short
    assert "b.h5: jetConstituentList has 5 constituents a jet; data.n_constituents asks for 8, lower it" in problems(
        files_of(tmp_path)
    )


@pytest.mark.parametrize("name", ["{a}", "<a>", "two\nlines", "a\ttab"])
def test_files_with_names_that_snakemake_cannot_handle_are_refused(tmp_path, name):
    write_random_jets(tmp_path / f"train/{name}.h5", 30, 1)
    write_random_jets(tmp_path / 'val/it\'s all "right" & $good.h5', 30, 2)
    (line,) = problems(files_of(tmp_path)).splitlines()[1:]
    assert repr(f"{tmp_path}/train/{name}.h5") in line
    assert "rename it" in line


@pytest.mark.parametrize("other", ["val/b.h5", "train/b.h5"])
def test_a_file_that_is_there_twice_is_refused(tmp_path, other):
    write_random_jets(tmp_path / "train/a.h5", 30, 1)
    write_random_jets(tmp_path / "val/c.h5", 30, 2)
    shutil.copy(tmp_path / "train/a.h5", tmp_path / other)
    found = problems(files_of(tmp_path))
    assert f"{tmp_path}/train/a.h5 and {tmp_path / other} are the same file" in found
    assert "remove one" in found


# Through Snakemake itself: one message, no traceback, nothing made.

WRITTEN = {
    "a wrong value": ("training: {epochs: .nan}\n", "mine.yaml", "training.epochs: nan is not a finite number"),
    "a name that leads out": ("run: ../../x\n", "mine.yaml", "run: '../../x' is not allowed"),
    "a key twice": ("run: mine\nseed: 1\nseed: 2\n", "mine.yaml", "seed: is given twice in"),
    "jets that are not there": (
        *("data: {source: files, files: {folder: nowhere}}\n", "mine.yaml"), "data.files.folder: there is no folder"
    ),
    "a tab": ("training:\n\tepochs: 5\n", "mine.yaml, line 2", "a tab stands before the key"),
    "a program": ('run: !!python/object/apply:os.system ["touch hacked"]\n', "mine.yaml, line 1", "has no meaning"),
    "a template": ("__use_yte__: true\n?open('hacked', 'w').write('x'): 1\n", "mine.yaml, line 1", "would run code"),
}  # fmt: skip


# One of them is enough to see that Snakemake hands a problem on; each takes a start of it.
@pytest.mark.parametrize(
    "name",
    ["a wrong value", *(pytest.param(name, marks=pytest.mark.thorough) for name in WRITTEN if name != "a wrong value")],
)
def test_snakemake_says_it_in_one_message(tmp_path, name):
    text, named, message = WRITTEN[name]
    (tmp_path / "mine.yaml").write_text(text)
    command = [
        *(sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(tmp_path), "--configfile", str(tmp_path / "mine.yaml")),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert named in said
    assert message in said
    assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} <= {"mine.yaml", ".snakemake"}
