"""Every example of the documents runs as printed, in a copy of the repository whose configurations ask for less."""

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from example_data import WRITERS

from helpers.configs import merged, update
from helpers.documents import ROOT, Example, blocks, commands, configurations
from helpers.own_arrays import check_anomaly, check_classification, check_regression
from helpers.plugins import documented_plugins
from snacpack.config import validate_config
from snacpack.core.plugins import use_plugins
from snacpack.jets.layout import CLASSES
from snacpack.jets.simulation import simulate_jets

# The values of a run at a small scale, in place of those of the repository's own configurations.
SMALL = {
    "data.pythia.train_jets": 1000,
    "data.pythia.test_jets": 500,
    "data.pythia.jets_per_job": 200,
    "training.epochs": 2,
    "references.baseline.units": [16, 8],
    "search.trials": 4,
    "search.population": 4,
    "search.space.n_layers": [1, 2],
    "search.space.units": [[4, 6, 8], [4, 6]],
    "selection.max_candidates": 1,
    "compression.warmup_epochs": 2,
    "compression.iterations": 1,
    "compression.epochs_per_iteration": 1,
    "compression.pruned_per_iteration": 0.4,
    "compression.target_sparsity": 0.4,
    "compression.search.trials": 4,
    "compression.search.population": 4,
    "compression.search.warmup_epochs": 2,
    "compression.search.epochs": 1,
    "compression.search.finalists": 2,
    "compression.search.final_epochs": 1,
    "synthesis.n_verification_jets": 100,
    "synthesis.n_rtl_jets": 50,
}
# Folders of examples that no test may write to, and what stands for them.
ELSEWHERE = {"/scratch/me": "elsewhere"}
# Commands that no test starts, by their first words.
NOT_RUN = {
    "source .venv/bin/activate": "it changes the shell that it is typed in",
    "conda env create": "conda and its channels are not on every machine",
    "pip install --no-deps -e .": "it is the second half of the installation with conda",
    ".venv/bin/pip install": "it changes the environment that the tests run in; .ci/run does it",
    "tail": "it ends when someone stops it",
    "squeue": "it asks a Slurm cluster; tests/cluster has one",
    "vivado": "Vivado is needed",
    "vitis-run": "Vitis HLS is needed",
    "snakemake --profile profiles/htcondor": "HTCondor's plugin is no part of the environment; tests/cluster tries it",
}
# Options of Snakemake that do something with a run that is there; they have no plan.
ON_A_RUN = ("--report", "--unlock")


def listed(example: Example) -> str | None:
    """Return the reason why a command is not run, if it is listed above."""
    words = " ".join(example.words).removeprefix(".venv/bin/snakemake ")
    words = f"snakemake {words}" if example.words[0] == ".venv/bin/snakemake" else words
    return next((reason for start, reason in NOT_RUN.items() if f"{words} ".startswith(f"{start} ")), None)


def unique(program: str) -> list:
    """Return the commands of a program, each once, under the place where it stands first."""
    found: dict[tuple[str, ...], Example] = {}
    for example in commands():
        words = example.words
        if words[0].removeprefix(".venv/bin/") == program and not listed(example):
            found.setdefault(tuple(words[1:]), example)
    return [pytest.param(example, id=f"{example.place} {' '.join(words)}") for words, example in found.items()]


def test_every_block_says_its_language():
    """``bash`` and ``yaml`` blocks are run, ``python`` blocks are plugins that tests use; the rest is ``text``."""
    known = ("bash", "yaml", "text")
    others = {block.place: block.text for block in blocks() if block.language not in known}
    assert sorted(others.values()) == sorted(documented_plugins().values())


def test_every_command_is_run_or_listed_with_its_reason():
    programs = {"snakemake", "make", "python"}
    unknown = [
        f"{example.place}: {example.text}"
        for example in commands()
        if example.words[0].removeprefix(".venv/bin/") not in programs and not listed(example)
    ]
    assert unknown == []
    assert len(commands()) > 30


def shrink(configuration: dict) -> dict:
    """Replace the values that ``SMALL`` names, where a configuration has them."""
    for key, value in SMALL.items():
        *path, last = key.split(".")
        section = configuration
        for name in path:
            section = section.get(name) or {}
        if last in section:
            section[last] = value
    return configuration


class Copy:
    """A copy of the repository with small configurations, the documents' own among them, and jets of a user."""

    def __init__(self, folder: Path, n_jets: int = 4) -> None:
        self.folder = folder
        for name in ("rules", "workflow_scripts", "config", "profiles", "envs", "snacpack", "benchmarks"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", "Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        for name in ("config", "paper", "nac"):
            path = folder / "config" / f"{name}.yaml"
            path.write_text(yaml.safe_dump(shrink(yaml.safe_load(path.read_text())), sort_keys=False))
        for name, example in configurations().items():
            (folder / name).write_text(self._scaled(example.text))
        # The file that a finished run leaves, and that an example starts another run from.
        given = folder / "results" / "quick" / "config.yaml"
        given.parent.mkdir(parents=True)
        shutil.copy(folder / "config" / "config.yaml", given)
        for name, text in documented_plugins().items():
            (folder / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "mine" / name).write_text(text)
        self._write_jets(folder / "my_jets", n_jets)
        for name, write in WRITERS.items():
            write(folder / name)

    def run(self, words: list[str], expect: int = 0) -> str:
        """Run a command as it is printed and return what it wrote; fail with that text on another exit status."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != expect:
            pytest.fail(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
        return done.stdout

    def snakemake(self, words: list[str], *others: str) -> str:
        """Run a ``snakemake`` command of the documents, with other arguments in front of its own."""
        words = [ELSEWHERE.get(word, word) for word in words[1:]]
        return self.run([sys.executable, "-m", "snakemake", *others, *words])

    @staticmethod
    def _scaled(text: str) -> str:
        """Ask for fewer trials where a configuration gives their number, in proportion to the default's."""
        # So few jets cannot measure a smaller rate.
        text = text.replace("background_rate: 0.01", "background_rate: 0.2")
        defaults = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
        configuration = yaml.safe_load(text)
        for key in ("search.trials", "compression.search.trials"):
            *path, last = key.split(".")
            section, default = configuration, defaults
            for name in path:
                section, default = section.get(name) or {}, default[name]
            if last in section:
                section[last] = max(SMALL[key], section[last] * SMALL[key] // default[last] // 4 * 4)
        return yaml.safe_dump(configuration, sort_keys=False)

    @staticmethod
    def _write_jets(folder: Path, n_jets: int) -> None:
        """Write files of jets of each class for training, and as many for the test."""
        for seed, split in enumerate(("train", "val"), 1):
            (folder / split).mkdir(parents=True)
            for jet_class in CLASSES:
                simulate_jets(folder / split / f"{jet_class}.h5", jet_class, n_jets, seed)


def needs_a_run(example: Example) -> bool:
    """Tell whether a command does something with a run that is there."""
    return bool(set(ON_A_RUN) & set(example.words))


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    """A copy in which nothing has run: commands that only plan share it."""
    return Copy(tmp_path_factory.mktemp("examples"))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name", sorted(configurations().keys() - {word for example in commands() for word in example.words})
)
def test_a_configuration_of_the_documents_is_accepted(copy, name):
    printed = copy.snakemake(["snakemake", "--configfile", name], "--dry-run", "--cores", "1")
    assert "write_report" in printed


@pytest.mark.parametrize("name", sorted(configurations()))
def test_a_configuration_of_the_documents_fits_the_defaults(copy, monkeypatch, name):
    """The copy's defaults are smaller ones, to which other numbers fit."""
    monkeypatch.chdir(copy.folder)
    config = merged("config")
    update(config, yaml.safe_load(configurations()[name].text))
    try:
        validate_config(config)
    finally:
        use_plugins([])


@pytest.mark.thorough
@pytest.mark.parametrize("example", [case for case in unique("snakemake") if not needs_a_run(case.values[0])])
def test_a_command_of_the_documents_has_a_plan(copy, example):
    assert "This was a dry-run" in copy.snakemake(example.words, "--dry-run")


@pytest.mark.thorough
@pytest.mark.parametrize("example", unique("make"))
def test_make_knows_its_targets(copy, example):
    """The recipes themselves need a network and are run by .ci/run."""
    copy.run([*example.words, "--dry-run"])


@pytest.mark.thorough
@pytest.mark.parametrize("example", unique("python"))
def test_a_benchmark_knows_its_options(copy, example):
    """A benchmark measures for minutes or hours, so only its options are asked for."""
    printed = copy.run([sys.executable, example.words[1], "--help"])
    assert all(word in printed for word in example.words[2:] if word.startswith("--"))


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory) -> Path:
    """The folder ``results`` after the commands of docs/own_data.md, in their order."""
    copy = Copy(tmp_path_factory.mktemp("tutorial"))
    for name in WRITERS:
        (copy.folder / name).unlink()
    for example in commands():
        if example.page.name == "own_data.md" and example.words[0] == "python":
            copy.run([sys.executable, *example.words[1:]])
        elif example.page.name == "own_data.md" and example.words[0] == "snakemake":
            copy.snakemake(example.words)
    return copy.folder / "results"


@pytest.mark.thorough
@pytest.mark.xdist_group("tutorial")
def test_the_tutorial_goes_from_the_files_to_the_reports(tutorial):
    check_classification(tutorial / "digits", (8, 8, 1), [str(digit) for digit in range(10)], 80)
    check_classification(tutorial / "cancer", (30,), ["benign", "malignant"], 90)
    check_regression(tutorial / "diabetes", "progress", 30)
    check_anomaly(tutorial / "anomaly", "8", 50, 0.7)


@pytest.mark.thorough
def test_the_own_data_of_the_readme_goes_to_the_report(tmp_path):
    """The example has files, a part, a board, a reference and a space of its own."""
    copy = Copy(tmp_path, n_jets=120)
    (command,) = [example for example in commands() if example.words[-2:] == ["--configfile", "my.yaml"]]
    # With more jobs at a time than cores the run would need more memory and take no less time.
    words = [str(os.cpu_count()) if before == "--cores" else word for before, word in pairwise(["", *command.words])]
    assert "results/mine/report.html" in copy.snakemake(words)
    report = (copy.folder / "results" / "mine" / "report.html").read_text()
    given = yaml.safe_load((copy.folder / "my.yaml").read_text())
    assert given["synthesis"]["part"] in report
    assert all(name in report for name in given["references"])
    on_a_run = [case.values[0] for case in unique("snakemake") if needs_a_run(case.values[0])]
    assert len(on_a_run) == len(ON_A_RUN)
    for example in on_a_run:
        copy.snakemake([*example.words, "--configfile", "my.yaml"])
    assert (copy.folder / "snakemake-report.html").stat().st_size > 100_000
