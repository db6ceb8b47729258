"""The three sources of jets through the rules themselves, from files to the data card."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import pytest
import yaml

from helpers import ROOT
from helpers.jets_files import write_random_jets
from snacpack.data.dataset import describe_attributes, load_dataset

pytestmark = pytest.mark.thorough


def run_data_rules(folder: Path, data: dict, *options: str, target: str = "card.json") -> str:
    """Make the data card, or another file, by the workflow's own rules, and return what Snakemake says."""
    (folder / "mine.yaml").write_text(yaml.safe_dump({"run": "tried", "data": data}))
    command = [
        *(sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(folder / "mine.yaml"), *options),
        *("--", f"results/tried/data/{target}"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr


def read_card(folder: Path) -> dict:
    return json.loads((folder / "results/tried/data/card.json").read_text())


def count(card: dict, split: str) -> int:
    return sum(card["jets"][split].values()) + sum(card["dropped"][split].values())


def test_simulation_is_divided_into_jobs(tmp_path):
    plan = run_data_rules(tmp_path, {"pythia": {"train_jets": 121, "test_jets": 100, "jets_per_job": 20}}, "--dry-run")
    # 25 gluon jets and 24 of each other class to train with, 20 of each to test with, at most 20 in a file.
    assert re.search(r"^simulate_jets +15$", plan, re.MULTILINE)
    assert "Simulating 5 g jets (train, part 01)" in plan
    assert "Simulating 4 t jets (train, part 01)" in plan
    assert "Simulating 20 t jets (val, part 00)" in plan


def test_downloaded_jets(tmp_path):
    served = tmp_path / "served"
    for split, n_jets in (("train", 200), ("val", 100)):
        write_random_jets(served / split / f"jetImage_{split}.h5", n_jets, seed=n_jets)
        with tarfile.open(served / f"{split}.tar.gz", "w:gz") as tar:
            tar.add(served / split, arcname=split)
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    archives = {split: {"name": f"{split}.tar.gz", "md5": None, "bytes": None} for split in ("train", "val")}
    zenodo = {"url": f"http://127.0.0.1:{server.server_port}", "archives": archives}
    try:
        run_data_rules(tmp_path, {"source": "zenodo", "zenodo": zenodo})
    finally:
        server.shutdown()
        server.server_close()
    card = read_card(tmp_path)
    assert count(card, "train") + count(card, "val") == 200
    assert count(card, "test") == 100
    assert zenodo["url"] in card["source"]
    assert not list((tmp_path / "results/tried/data/archives").iterdir())


@pytest.mark.parametrize("has_folders", [True, False])
def test_jets_at_hand(tmp_path, has_folders):
    folder = tmp_path / "jets"
    names = ("train/a.h5", "val/b.h5") if has_folders else ("a.h5", "b.h5")
    for seed, name in enumerate(names):
        write_random_jets(folder / name, 300, seed)
    run_data_rules(tmp_path, {"source": "files", "files": {"folder": str(folder)}})
    card = read_card(tmp_path)
    assert sum(count(card, split) for split in ("train", "val", "test")) == 600
    if has_folders:
        assert count(card, "test") == 300
    else:
        assert 0 < count(card, "test") < 150
    described = describe_attributes(tmp_path / "results/tried/data/jets.h5")
    assert described["source"] == f"files of {folder}"
    assert (tmp_path / "results/tried/figures/data_card.svg").exists()


def is_done(folder: Path, data: dict) -> bool:
    """Tell whether a dry run finds nothing to do; it may only want to prepare the jets again otherwise."""
    plan = run_data_rules(folder, data, "--dry-run", target="jets.h5")
    if "Nothing to be done" in plan:
        return True
    assert re.search(r"^preprocess_jets +1$", plan, re.MULTILINE)
    return False


def put(source: Path, target: Path) -> None:
    """Put a file in another one's place that keeps an old date, as ``cp -p``, ``rsync -a`` and ``tar x`` do."""
    os.utime(source, (1e9, 1e9))
    os.replace(source, target)


def test_other_content_is_noticed_whatever_its_date(tmp_path):
    jets = tmp_path / "jets"
    for seed, name in enumerate(("train/a.h5", "train/b.h5", "val/c.h5")):
        write_random_jets(jets / name, 300, seed)
    data = {"source": "files", "files": {"folder": str(jets)}}
    run_data_rules(tmp_path, data, target="jets.h5")
    # The same jets with another date, newer or older, or as another file, are the same jets.
    os.utime(jets / "train/a.h5")
    os.utime(jets / "val/c.h5", (1e9, 1e9))
    put(shutil.copy(jets / "train/b.h5", tmp_path / "copy.h5"), jets / "train/b.h5")
    assert is_done(tmp_path, data)
    write_random_jets(tmp_path / "new.h5", 350, seed=9)
    put(tmp_path / "new.h5", jets / "val/c.h5")
    assert not is_done(tmp_path, data)
    run_data_rules(tmp_path, data, target="jets.h5")
    assert is_done(tmp_path, data)
    ((_, y),) = load_dataset(tmp_path / "results/tried/data/jets.h5", ["test"]).values()
    assert 330 < len(y) <= 350


def test_repacked_training_jets_are_no_test_sample(tmp_path):
    """Not the same bytes, and neither all constituents nor the same order: the jets alone tell."""
    jets = tmp_path / "jets"
    constituents, labels = write_random_jets(jets / "train" / "a.h5", 500)
    write_random_jets(jets / "val" / "b.h5", 5)
    with h5py.File(jets / "val" / "b.h5", "r+") as file:
        del file["jetConstituentList"], file["jets"]
        file["jetConstituentList"] = constituents[::-1, :30].astype("f8")
        file["jets"] = labels[::-1]
    with pytest.raises(
        RuntimeError, match=r"of the [\d,]+ test jets are training or validation jets too.*: \d+ of .*b\.h5"
    ):
        run_data_rules(tmp_path, {"source": "files", "files": {"folder": str(jets)}})
    assert not (tmp_path / "results/tried/data/jets.h5").exists()


def test_each_folder_is_used_as_its_name_says(tmp_path):
    jets = tmp_path / "jets"
    for seed, (name, n_jets) in enumerate((("train/a.h5", 300), ("val/b.h5", 200), ("test/c.h5", 250))):
        write_random_jets(jets / name, n_jets, seed)
    data = {"source": "files", "files": {"folder": str(jets)}}
    printed = run_data_rules(tmp_path, data)
    assert f"Jets of {jets}: train/ is for training, val/ for validation and test/ for testing" in printed
    card = read_card(tmp_path)
    assert {split: count(card, split) for split in ("train", "val", "test")} == {"train": 300, "val": 200, "test": 250}
    (jets / "test").rename(jets / "holdout")
    with pytest.raises(RuntimeError, match=rf"1 file that looks like jets would not be used: {jets}/holdout/c\.h5"):
        run_data_rules(tmp_path, data)
    shutil.rmtree(jets / "holdout")
    printed = run_data_rules(tmp_path, data)
    assert "val/ is for testing as in the published data set" in printed
    card = read_card(tmp_path)
    assert count(card, "test") == 200
    assert card["origin"]["test"]["folders"] == [str(jets / "val")]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=r"there is no folder .*nowhere"):
        run_data_rules(tmp_path, {"source": "files", "files": {"folder": str(tmp_path / "nowhere")}})
    with pytest.raises(RuntimeError, match=r"data\.files\.folder: needed"):
        run_data_rules(tmp_path, {"source": "files"})
