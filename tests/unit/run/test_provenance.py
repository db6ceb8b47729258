"""The origin of a run's numbers."""

import json
import re

import h5py
import numpy as np
import pandas as pd
import pytest

from snacpack.core.versions import CODE, code_commit, job_line, package_versions, read_job_line
from snacpack.run.provenance import describe_data, describe_files, describe_jobs, table_sources


def test_versions_and_commit():
    versions = package_versions()
    assert versions["numpy"] == np.__version__
    assert {"Python", "snacpack", "torch", "hls4ml", "da4ml"} <= set(versions)
    commit = code_commit()
    assert commit is None or re.fullmatch(r"[0-9a-f]{40}( with local changes)?", commit)


def test_a_jobs_log_says_what_it_ran(tmp_path, monkeypatch):
    monkeypatch.setenv(CODE, "0123abc")
    (tmp_path / "job.log").write_text(f"rule x: 1 thread\n{job_line()}\nepoch 1\n")
    record = read_job_line(tmp_path / "job.log")
    assert record["code"] == "0123abc"
    assert record["versions"] == package_versions()
    assert record["machine"]["host"]


@pytest.mark.parametrize("text", ["", "epoch 1\n", "provenance: {\n", "\x00\xff"])
def test_a_log_that_says_nothing(tmp_path, text):
    (tmp_path / "job.log").write_text(text)
    assert read_job_line(tmp_path / "job.log") is None


def test_jobs_of_two_versions_are_told_apart(tmp_path, monkeypatch):
    for code, logs in (("new", ["train/a.log", "train/b.log", "one.log"]), ("old", ["train/c.log"])):
        monkeypatch.setenv(CODE, code)
        for log in logs:
            (tmp_path / log).parent.mkdir(exist_ok=True)
            (tmp_path / log).write_text(job_line() + "\n")
    described = describe_jobs(tmp_path)
    assert [(record["code"], record["jobs"]) for record in described] == [
        ("new", {"train": 2, "one": 1}),
        ("old", {"train": 1}),
    ]


def test_outside_a_repository_the_code_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv(CODE, "")
    (tmp_path / "job.log").write_text(job_line() + "\n")
    assert read_job_line(tmp_path / "job.log")["code"] is None


def test_files_are_known_by_their_content(tmp_path):
    (tmp_path / "a").write_text("abc")
    (tmp_path / "b").write_text("abd")
    digests = describe_files([tmp_path / "a", tmp_path / "b"])
    # NIST's example for SHA-256.
    assert digests[str(tmp_path / "a")] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digests[str(tmp_path / "a")] != digests[str(tmp_path / "b")]


def write_jets(path, x):
    with h5py.File(path, "w") as file:
        for split in ("train", "val", "test"):
            file[f"x_{split}"], file[f"y_{split}"] = x, np.arange(len(x)) % 5
        file.attrs["source"] = "somewhere"
        for name, value in (
            ("features", ["pt", "mass"]),
            ("classes", list("gqwzt")),
            ("normalisation", {}),
            ("dropped", {}),
        ):
            file.attrs[name] = json.dumps(value)


def test_jets_are_known_by_their_arrays(tmp_path):
    x = np.ones((6, 2), np.float32)
    write_jets(tmp_path / "first.h5", x)
    write_jets(tmp_path / "same.h5", x)
    x[3, 1] = 2
    write_jets(tmp_path / "other.h5", x)
    first, same, other = (describe_data(tmp_path / f"{name}.h5") for name in ("first", "same", "other"))
    assert first["jets"] == {"train": 6, "val": 6, "test": 6}
    assert first["source"] == "somewhere"
    assert first["sha256_of_arrays"] == same["sha256_of_arrays"] != other["sha256_of_arrays"]


@pytest.mark.parametrize("score", ["accuracy_percent", "score_percent"])
def test_every_column_of_a_table_has_its_file(tmp_path, score):
    for model in ("baseline", "snac-0003"):
        (tmp_path / "candidates" / model).mkdir(parents=True)
        (tmp_path / "candidates" / model / "float.json").write_text('{"seed": 7}')
    table2 = pd.DataFrame({"model": ["baseline", "snac-0003"], "architecture": "24-5", score: 50, "macs": 1})
    table3 = pd.DataFrame({"model": ["baseline"], "scheme": ["w8a8"], "sparsity": 0.5, score: 50, "lut": 1})
    estimates = pd.DataFrame({"model": ["snac-0003"], "scheme": ["mixed"], "lut": 1, "ebops": 2, "rule4ml_lut": 3})
    sources = table_sources(tmp_path, table2, table3, estimates, ["baseline"])
    first, second = sources["table2.csv"]
    assert first["training_seed"] == 7
    assert first["numbers_from"][f"{tmp_path}/references/hardware.csv"] == ["macs"]
    assert second["numbers_from"][f"{tmp_path}/searches/architectures/trials.csv"] == ["macs"]
    (circuit,) = sources["table3.csv"]
    assert circuit["numbers_from"] == {
        f"{tmp_path}/candidates/baseline/w8a8/compressed.json": ["sparsity", score],
        f"{tmp_path}/synthesis/baseline/w8a8/report.json": ["lut"],
    }
    (estimate,) = sources["estimates.csv"]
    assert estimate["numbers_from"][f"{tmp_path}/candidates/snac-0003/mixed/fixed_point.json"] == ["ebops"]
