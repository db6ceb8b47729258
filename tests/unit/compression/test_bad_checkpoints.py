"""Files between rules that were damaged, edited, swapped or put there by somebody else: named, with what to do."""

import io
import json
import os
import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from helpers.rule_files import ARCHITECTURE, SCHEME, checkpoint, read_generation, write_generation
from snacpack.compression.checkpoint import Checkpoint
from snacpack.core.files import read_json, read_table
from snacpack.networks.architecture import Architecture
from snacpack.networks.integers import FixedPointNetwork
from snacpack.problems.compressions import Compressions
from snacpack.report.records import read_models, read_trials


class Program:
    """A pickle that runs a program when it is loaded."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return os.mkdir, (self.file,)


def changed(**fields):
    """A checkpoint's fields, as they stand in the file, some of them changed."""

    def write(path):
        checkpoint().save(path)
        stored = torch.load(path, weights_only=True)
        torch.save({**stored, **{name: change(stored[name]) for name, change in fields.items()}}, path)

    return write


def without(field):
    def write(path):
        checkpoint().save(path)
        stored = torch.load(path, weights_only=True)
        del stored[field]
        torch.save(stored, path)

    return write


def with_program(path):
    checkpoint().save(path)
    torch.save({**torch.load(path, weights_only=True), "history": Program(path.with_name("hacked"))}, path)


def with_surprise(path):
    checkpoint().save(path)
    torch.save({**torch.load(path, weights_only=True), "surprise": 1}, path)


def cut(n_bytes):
    def write(path):
        checkpoint().save(path)
        path.write_bytes(path.read_bytes()[:n_bytes])

    return write


def zipped_text(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")


def first(change):
    """Change the first tensor of a mapping."""
    return lambda tensors: {**tensors, next(iter(tensors)): change(next(iter(tensors.values())))}


def flipped_weight(path):
    whole = checkpoint()
    whole.save(path)
    content, weights = bytearray(path.read_bytes()), whole.state["dense_0.weight"]
    at = content.index(weights.numpy().tobytes())
    content[at + 1] ^= 1
    path.write_bytes(content)


NONE = "is damaged or no checkpoint of a quantised network"
CHECKPOINTS = {
    "nothing": (lambda path: path.write_bytes(b""), NONE),
    "text": (lambda path: path.write_text("not a checkpoint"), NONE),
    "a zip file": (zipped_text, NONE),
    "truncated": (cut(-2000), NONE),
    "cut at its beginning": (cut(100), NONE),
    "another object": (lambda path: torch.save([1, 2, 3], path), NONE),
    "weights alone": (lambda path: torch.save(checkpoint().state, path), NONE),
    "a program": (with_program, "it holds other things than tensors, numbers and strings"),
    "a bare program": (lambda path: torch.save(Program(path.with_name("hacked")), path), "it holds other things"),
    "an old pickle of a program": (
        lambda path: path.write_bytes(pickle.dumps(Program(path.with_name("hacked")), protocol=2)),
        "it holds other things",
    ),
    "a whole network": (lambda path: torch.save(torch.nn.Linear(6, 3), path), "it holds other things"),
    "no masks": (without("masks"), NONE),
    "an unknown field": (with_surprise, "surprise"),
    "another precision": (
        lambda path: checkpoint(scheme="w8a8").save(path),
        "is of scheme w8a8, but w4a6 is wanted",
    ),
    "another architecture": (
        lambda path: checkpoint(Architecture((10, 4), n_inputs=6, n_outputs=3)).save(path),
        "is of architecture Architecture(units=(10, 4)",
    ),
    "another learning rate": (
        lambda path: checkpoint(replace(ARCHITECTURE, learning_rate=0.5)).save(path),
        "learning_rate=0.5",
    ),
    "renamed to another precision": (
        changed(precision=lambda bits: {**bits, "input_bits": 5}),
        "says w4a6, but its weights are of weights 4 4 4, activations 6 6, inputs 5",
    ),
    "an architecture of a billion units": (
        changed(architecture=lambda fields: {**fields, "units": [10**9, 10**9]}),
        "its masks are not those of 6-1000000000-1000000000-3",
    ),
    "weights of another size": (changed(state=first(lambda tensor: torch.zeros(3, 5, 7))), NONE),
    "weights that are NaN": (changed(state=first(lambda tensor: tensor * torch.nan)), "a weight is NaN or infinite"),
    "a flipped bit of a weight": (flipped_weight, "the checksum of "),
    "masks of another size": (changed(masks=first(lambda mask: mask[:-1])), "its masks are not those of 6-7-4-3"),
    "masks of fractions": (changed(masks=first(lambda mask: mask / 2)), "its masks are no masks"),
    "an accuracy in percent": (changed(validation_accuracy=lambda accuracy: 50.0), "its accuracy is 50.0"),
    "an accuracy in words": (changed(validation_accuracy=lambda accuracy: "good"), NONE),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_bad_checkpoint_is_refused(tmp_path, name):
    write, message = CHECKPOINTS[name]
    path = tmp_path / "prune_02.pt"
    write(path)
    with pytest.raises(ValueError, match=r"prune_02\.pt .*; delete it and rerun rule prune_candidate") as error:
        Checkpoint.load(path, ARCHITECTURE, SCHEME)
    assert message in str(error.value)
    assert "weights_only" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["prune_02.pt"]


@pytest.mark.parametrize(
    ("file", "rule"),
    [("warmup.pt", "warm_up_candidate"), ("refined.pt", "refine_front"), ("prune_01.pt", "prune_candidate")],
)
def test_the_rule_that_makes_it_again_is_named(tmp_path, file, rule):
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"{file} .* rerun rule {rule}"):
        Checkpoint.load(tmp_path / file)


def test_the_program_would_have_run(tmp_path):
    """Else the tests above would show nothing."""
    torch.load(io.BytesIO(saved(Program(tmp_path / "hacked"))), weights_only=False)
    assert (tmp_path / "hacked").exists()


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


# JSON and CSV between rules.

REMEDY = "delete it and start again, so that its rule makes it anew"


def edited(change):
    def write(path):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return write


def setting(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return edited(change)


def removing(*keys):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return edited(change)


def text(content):
    return lambda path: path.write_text(content)


RECORDS = {
    "cut": ("offspring", lambda path: path.write_text(path.read_text()[:-40]), "is not valid JSON"),
    "nothing": ("survivors", text(""), "is not valid JSON"),
    "bytes": ("survivors", lambda path: path.write_bytes(b"\xff\xfe\x00"), "is not valid JSON"),
    "NaN": ("trials_00", setting(0, "accuracy", value=float("nan")), "it holds NaN"),
    "nested without end": ("hardware", text("[" * 10**5), "is not valid JSON"),
    "a list for a mapping": ("offspring", text("[]"), "is not what its rule writes"),
    "a number": ("trials_00", text("5"), "is not what its rule writes"),
    "no trials": ("offspring", removing("trials"), "'trials' is missing"),
    "no genome": ("offspring", removing("trials", 1, "genome"), "'genome' is missing"),
    "no generation": ("offspring", removing("generation"), "'generation' is missing"),
    "a gene too many": ("offspring", setting("trials", 1, "genome", value=[0] * 9), "is not in the search space"),
    "an unknown gene": ("offspring", setting("trials", 1, "genome", 0, value=7), "is not in the search space"),
    "half a gene": ("offspring", setting("trials", 1, "genome", 0, value=1.0), "is not in the search space"),
    "an unknown field": ("offspring", setting("trials", 1, "architecture", "depth", value=3), "unknown architecture"),
    "an unknown activation": (
        "offspring", setting("trials", 1, "architecture", "activation", value="swish"), "is not one of relu"
    ),
    "a trial without a number": ("offspring", setting("trials", 1, "trial", value="two"), "is no trial's number"),
    "no accuracy": ("trials_00", removing(2, "accuracy"), "'accuracy' is missing"),
    "no survivors": ("survivors", removing("survivors"), "'survivors' is missing"),
    "empty survivors": ("survivors", setting("survivors", value=[]), "it has no survivors"),
    "an unknown objective": ("survivors", setting("objectives", value=["speed"]), "'speed'"),
    "a survivor without an objective": ("survivors", removing("survivors", 0, "bops"), "'bops' is missing"),
    "a survivor in words": ("survivors", setting("best", 0, "bops", value="few"), "could not convert string to float"),
    "a survivor of another space": ("survivors", setting("survivors", 0, "genome", 3, value=9), "is not in the search"),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_the_search_that_was_changed_is_named(tmp_path, name):
    file, change, message = RECORDS[name]
    write_generation(tmp_path)
    read_generation(tmp_path)
    change(tmp_path / f"{file}.json")
    with pytest.raises(ValueError, match=rf"{file}\.json is not") as error:
        read_generation(tmp_path)
    assert message in str(error.value)
    assert REMEDY in str(error.value)


def test_a_trial_that_is_not_there_is_named(tmp_path):
    write_generation(tmp_path)
    removing(2)(tmp_path / "hardware.json")
    with pytest.raises(ValueError, match=r"offspring\.json: trials \[2\] were not trained or not estimated; delete"):
        read_generation(tmp_path)


@pytest.mark.parametrize("content", ['{"trials": [{"trial": 0}]}', '{"trials": [{"trial": 0, "precision": {}}]}', "{}"])
def test_a_compression_that_was_changed_is_named(tmp_path, content):
    (tmp_path / "offspring.json").write_text(content)
    with pytest.raises(ValueError, match=rf"offspring\.json is not what its rule writes .*{REMEDY}"):
        Compressions.read(tmp_path / "offspring.json")


@pytest.mark.parametrize("content", ["{}", '{"input": {}, "nodes": []}', '{"input": {"bits": 8}, "nodes": 3}', "[]"])
def test_a_network_in_integers_that_was_changed_is_named(tmp_path, content):
    (tmp_path / "fixed_point.json").write_text(content)
    with pytest.raises(ValueError, match=rf"fixed_point\.json is not what its rule writes .*{REMEDY}"):
        FixedPointNetwork.load(tmp_path / "fixed_point.json")


def test_a_network_in_integers_of_an_earlier_version_is_named(tmp_path):
    (tmp_path / "fixed_point.json").write_text('{"input": {}, "layers": []}')
    with pytest.raises(ValueError, match=rf"lists layers, the form of an earlier version.*{REMEDY}"):
        FixedPointNetwork.load(tmp_path / "fixed_point.json")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n3,4,5\n", "a,b\n1,2\n3"])
def test_a_table_that_is_none_is_named(tmp_path, content):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"table\.csv .*{REMEDY}"):
        read_table(tmp_path / "table.csv")


def test_a_table_without_a_column_is_named(tmp_path):
    (tmp_path / "trials.csv").write_text("trial,accuracy\n0,0.5\n")
    with pytest.raises(ValueError, match=rf"trials\.csv has no column generation, .*{REMEDY}"):
        read_trials(tmp_path / "trials.csv")
    (tmp_path / "hardware.csv").write_text("model,macs\nbaseline,5\n")
    with pytest.raises(ValueError, match=rf"hardware\.csv is not what its rule writes .*{REMEDY}"):
        read_models(tmp_path / "hardware.csv", None, {"candidates": []}, ["baseline"], {})


def test_a_file_that_is_not_there_keeps_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        read_json(tmp_path / "nothing.json")
