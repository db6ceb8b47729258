"""Compare simulated jets with published ones: spectra, a two-sample test, FPND, and networks trained on one of them.

Usage: python benchmarks/jet_realism.py --published FOLDER [--simulated FOLDER] [--jets 20000] [--cores N]
       [--before FILE] [--seeds 4] [--no-fpnd] [--out FILE] [--figure FILE]

FOLDER of published jets holds the data set's own files (train/ and val/, or *.h5) or the pieces of it that other
repositories keep: jets_1500.npz (x: (n, 32, 3) pT, etarel, phirel of the leading constituents above 2 GeV; y: classes),
pt_spectrum.csv (jet pT of all 880,000 by class) and deep_sets_published.npz (Deep Sets that were trained on published
jets); the last two may also lie beside the data set's own files. Simulated jets are those of a run
(results/{run}/data/simulated), or are simulated here, --jets of each class, which measures the speed; with both, the
run's jets are compared and the others are only timed. Spectra of jet pT are those of all simulated jets, all else is
compared with --compared-jets of each class. --before names an earlier result, which the figure shows beside
this one. FPND needs the files of the package jetnet (pip install --no-deps jetnet==0.2.5). The results are printed and
written to benchmarks/results/jet_realism.json, the figure to docs/images/jet_realism.png. All numbers depend on the
jets and --seed alone, but for the speed.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import h5py
import numpy as np
import torch
import yaml
from jet_quantities import MIN_PT_GEV, N_LEADING, jet_quantities
from jet_realism_figure import draw
from jet_statistics import auc_with_error, binned_distance, binned_quantiles, kolmogorov_test
from machine import describe_machine
from particle_net import CLASSES as FPND_CLASSES
from particle_net import N_PARTICLES, N_REFERENCE, activations, fpnd, fpnd_floor, load_particle_net, resource_folder
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from snacpack import training
from snacpack.core.files import read_json, write_json
from snacpack.core.seeds import derive_seed
from snacpack.core.versions import package_versions
from snacpack.data.dataset import describe_attributes, load_dataset
from snacpack.data.info import SPLITS
from snacpack.data.sources import describe_source
from snacpack.jets.folders import find_samples
from snacpack.jets.layout import CLASSES, read_jets, read_observables, read_source
from snacpack.jets.preprocessing import Preprocessing, preprocess_jets, select_constituents
from snacpack.networks.architecture import Architecture
from snacpack.training.recipe import Machine, Recipe

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "jet_realism.json"
FIGURE = ROOT / "docs" / "images" / "jet_realism.png"
PIECES, SPECTRUM, DEEP_SETS = "jets_1500.npz", "pt_spectrum.csv", "deep_sets_published.npz"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FEATURES = ("pt", "etarel", "phirel")
N_INPUT_CONSTITUENTS = 8
N_FOLDS = 5


@dataclass
class Jets:
    """Jets with what the comparisons need of them.

    ``x``: ``(n, 32, 3)`` pT in GeV, etarel and phirel of the leading constituents above 2 GeV, in falling pT, zero
    padded; ``y``: ``(n,)`` positions in CLASSES. The pieces of the published jets have no more; files of jets also
    give ``pt``, ``(n,)`` the jets' pT in GeV, and ``particles``, ``(n, 30, 3)`` etarel, phirel and ptrel of the leading
    constituents, whatever their pT.
    """

    x: np.ndarray
    y: np.ndarray
    pt: np.ndarray | None = None
    particles: np.ndarray | None = None

    def take(self, which: np.ndarray) -> "Jets":
        """Return the jets at these positions or of this mask."""
        return Jets(*(None if column is None else column[which] for column in vars(self).values()))

    def of_class(self, jet_class: str) -> "Jets":
        """Return the jets of a class."""
        return self.take(self.y == CLASSES.index(jet_class))

    def counts(self) -> dict[str, int]:
        """Return the number of jets by class."""
        return {name: int((self.y == i).sum()) for i, name in enumerate(CLASSES)}


@dataclass
class Spectrum:
    """Published spectra of jet pT: ``edges``, ``(bins + 1,)`` in GeV, and ``counts`` by class, ``(bins,)`` each."""

    edges: np.ndarray
    counts: dict[str, np.ndarray]

    def count(self, pt: np.ndarray) -> np.ndarray:
        """Return how many of these jets lie in each bin; what lies outside belongs to the outermost ones."""
        return np.histogram(np.clip(pt, self.edges[0], self.edges[-1]), self.edges)[0]


def load_pieces(path: Path) -> Jets:
    """Load the published jets that other repositories keep."""
    with np.load(path) as file:
        classes = file["classes"].tolist()
        if tuple(classes) != CLASSES or file["x"].shape[1:] != (N_LEADING, len(FEATURES)):
            raise ValueError(
                f"{path}: classes must be {', '.join(CLASSES)} and x (jets, {N_LEADING}, 3), got "
                f"{', '.join(classes)} and {file['x'].shape}; take the file as it was published"
            )
        return Jets(file["x"], file["y"].astype(np.int64))


def load_files(files: Sequence[Path], per_class: int, seed: int) -> Jets:
    """Load up to ``per_class`` jets of each class from files of the data set's layout, the files in a random order.

    Jets without a constituent above 2 GeV are left out.
    """
    n_found = np.zeros(len(CLASSES), dtype=np.int64)
    pieces: list[Jets] = []
    for path in np.random.default_rng(seed).permutation(np.array(files, dtype=object)):
        if (n_found >= per_class).all():
            break
        for jets in _read_file(path):
            is_class = jets.y[:, None] == np.arange(len(CLASSES))
            # How many of its class there are up to each jet.
            rank = (n_found + np.cumsum(is_class, axis=0))[is_class]
            jets = jets.take(rank <= per_class)
            n_found += np.bincount(jets.y, minlength=len(CLASSES))
            pieces.append(jets)
    missing = [name for name, n in zip(CLASSES, n_found, strict=True) if not n]
    if missing:
        raise ValueError(f"{files[0].parent} has no jets of class {', '.join(missing)}; simulate or download them too")
    return Jets(*(np.concatenate(columns) for columns in zip(*(vars(piece).values() for piece in pieces), strict=True)))


def _read_file(path: Path) -> Iterator[Jets]:
    pieces = zip(read_jets(path, (*FEATURES, "ptrel")), read_observables(path, ("pt",)), strict=True)
    for (constituents, y), observed in pieces:
        pt = constituents[:, :, 0]
        x, multiplicity = select_constituents(pt, constituents[:, :, :3], N_LEADING, MIN_PT_GEV)
        particles, _ = select_constituents(pt, constituents[:, :, 1:], N_PARTICLES, 0.0)
        yield Jets(x, y, observed[:, 0], particles).take(multiplicity > 0)


def jet_momenta(files: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return pT in GeV of all jets of the files, by class."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in CLASSES}
    for path in files:
        for (_, y), observed in zip(read_jets(path, ("pt",)), read_observables(path, ("pt",)), strict=True):
            for i, name in enumerate(CLASSES):
                found[name].append(observed[y == i, 0])
    return {name: np.concatenate(pieces) for name, pieces in found.items()}


def published_jets(folder: Path, per_class: int, seed: int) -> Jets:
    """Load published jets from their pieces or from the data set's own files."""
    if (folder / PIECES).is_file():
        return load_pieces(folder / PIECES)
    return load_files(_files(folder), per_class, seed)


def published_spectrum(folder: Path, jets: Jets) -> Spectrum:
    """Return the published spectra of jet pT: of all jets where the folder has them, else of those that were read."""
    path = folder / SPECTRUM
    if path.is_file():
        table = np.genfromtxt(path, delimiter=",", names=True)
        edges = np.append(table["pt_low_GeV"], table["pt_high_GeV"][-1])
        return Spectrum(edges, {name: table[name] for name in CLASSES})
    if jets.pt is None:
        raise ValueError(f"{folder} has neither {SPECTRUM} nor files of jets with their pT; add one of them")
    edges = np.geomspace(100, 6500, 401)
    return Spectrum(edges, {name: np.histogram(jets.of_class(name).pt, edges)[0] for name in CLASSES})


def _files(folder: Path) -> list[Path]:
    return [path for paths in find_samples(folder).values() for path in paths]


def _simulate(path: Path, jet_class: str, n_jets: int, seed: int) -> float:
    from snacpack.jets.simulation import simulate_jets

    return simulate_jets(path, jet_class, n_jets, seed).total


def simulate_sample(folder: Path, per_class: int, jets_per_job: int, cores: int, seed: int) -> dict[str, float]:
    """Simulate files by the default recipe; return jets per second of CPU time, by class and ``all``."""
    jobs = [
        (folder / f"{name}_{part:03d}.h5", name, min(jets_per_job, per_class - start), derive_seed(seed, name, part))
        for part, start in enumerate(range(0, per_class, jets_per_job))
        for name in CLASSES
    ]
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        seconds = list(pool.map(_simulate, *zip(*jobs, strict=True)))
    totals = {name: sum(spent for job, spent in zip(jobs, seconds, strict=True) if job[1] == name) for name in CLASSES}
    return {
        **{name: round(per_class / spent, 1) for name, spent in totals.items()},
        "all": round(per_class * len(CLASSES) / sum(seconds), 1),
    }


def compare_spectra(momenta: Mapping[str, np.ndarray], spectrum: Spectrum, seed: int) -> dict[str, dict[str, Any]]:
    """Compare simulated jets' pT in GeV with the published spectra, by class: quantiles and Kolmogorov distances.

    Both are binned alike, so that what binning does to a quantile is the same; errors are those of the simulated
    sample, from drawing it anew.
    """
    rng = np.random.default_rng(derive_seed(seed, "spectra"))
    quantiles, distances = {}, {}
    for name in CLASSES:
        published = spectrum.counts[name]
        counts = spectrum.count(momenta[name])
        drawn = rng.multinomial(counts.sum(), counts / counts.sum(), size=200)
        theirs, ours = (binned_quantiles(spectrum.edges, values, QUANTILES) for values in (published, counts))
        errors = np.std([binned_quantiles(spectrum.edges, values, QUANTILES) for values in drawn], axis=0)
        columns = {"published": theirs, "simulated": ours, "simulated_error": errors, "ratio": ours / theirs}
        quantiles[name] = {
            f"{share:.0%}": {key: round(float(values[i]), 5) for key, values in columns.items()}
            for i, share in enumerate(QUANTILES)
        }
        distance, noise = binned_distance(counts, published)
        distances[name] = {"distance": round(distance, 5), "noise": round(noise, 5)}
    return {"pt_quantiles_gev": quantiles, "pt_spectrum_distance": distances}


def compare_quantities(simulated: Jets, published: Jets, n_permutations: int, seed: int) -> dict[str, Any]:
    """Return the Kolmogorov distances of the quantities of jets by class, with those of samples of one distribution."""
    by_class = {}
    for name in CLASSES:
        rng = np.random.default_rng(derive_seed(seed, "quantities", name))
        ours, theirs = (jet_quantities(jets.of_class(name).x) for jets in (simulated, published))
        by_class[name] = {
            quantity: {
                key: round(value, 5)
                for key, value in kolmogorov_test(theirs[quantity], ours[quantity], n_permutations, rng).items()
            }
            for quantity in ours
        }
    tests = [test for quantities in by_class.values() for test in quantities.values()]
    summary = {f"mean_{key}": round(float(np.mean([test[key] for test in tests])), 5) for key in ("distance", "noise")}
    above = float(np.mean([test["distance"] > test["noise_95"] for test in tests]))
    return {**summary, "share_above_noise_95": round(above, 4), "by_class": by_class}


def two_sample_test(simulated: Jets, published: Jets, repeats: int, seed: int) -> dict[str, float]:
    """Tell simulated from published jets by boosted trees; return the AUC by class and of ``all``, with errors.

    Each published jet is scored by trees that did not see it (five folds). The trees see the constituents, the
    quantities and the class; ten times as many simulated jets as published ones are drawn anew in each repeat, class by
    class. The error is DeLong's of one repeat: repeats share the published jets, whose number decides it.
    """
    rng = np.random.default_rng(derive_seed(seed, "two samples"))
    areas: list[dict[str, tuple[float, float]]] = []
    for repeat in range(repeats):
        jets, is_published = _mixed(simulated, published, rng)
        features = np.column_stack([*jet_quantities(jets.x).values(), jets.x.reshape(len(jets.x), -1), jets.y])
        trees = HistGradientBoostingClassifier(
            learning_rate=0.05, max_iter=150, max_leaf_nodes=15, l2_regularization=1.0,
            early_stopping=False, random_state=repeat,
        )  # fmt: skip
        strata = 2 * jets.y + is_published
        folds = list(StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat).split(features, strata))
        scores = cross_val_predict(trees, features, is_published, cv=folds, method="predict_proba")[:, 1]
        masks = {"all": np.ones(len(scores), dtype=bool), **{name: jets.y == i for i, name in enumerate(CLASSES)}}
        areas.append(
            {
                name: auc_with_error(scores[mask & is_published], scores[mask & ~is_published])
                for name, mask in masks.items()
            }
        )
    result = {}
    for name in areas[0]:
        area, error = np.mean([record[name] for record in areas], axis=0)
        result |= {name: round(float(area), 4), f"{name}_error": round(float(error), 4)}
    return result


def _mixed(simulated: Jets, published: Jets, rng: np.random.Generator) -> tuple[Jets, np.ndarray]:
    """Return published jets and a draw of simulated ones with the same shares of the classes; True for published."""
    theirs, ours = (np.array(list(jets.counts().values())) for jets in (published, simulated))
    ratio = min(10.0, (ours / theirs).min())
    drawn = np.concatenate(
        [
            rng.choice(np.flatnonzero(simulated.y == i), int(ratio * theirs[i]), replace=False)
            for i in range(len(CLASSES))
        ]
    )
    parts = (Jets(published.x, published.y), Jets(simulated.x[drawn], simulated.y[drawn]))
    mixed = Jets(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y")))
    return mixed, np.arange(len(mixed.y)) < len(published.y)


def measure_fpnd(simulated: Jets, device: str, seed: int) -> dict[str, Any]:
    """Return the Frechet ParticleNet distance of g, q and t, and what as many published jets would have."""
    network = load_particle_net().to(device)
    result: dict[str, Any] = {}
    for name in FPND_CLASSES:
        particles = simulated.of_class(name).particles[:N_REFERENCE]
        values = activations(network, particles)
        rng = np.random.default_rng(derive_seed(seed, "fpnd", name))
        result |= {
            name: round(fpnd(values, name), 4),
            f"{name}_floor": round(fpnd_floor(values, 5, rng), 4),
            f"{name}_jets": len(values),
        }
    return result


def deep_sets_accuracy(path: Path, samples: dict[str, Jets]) -> dict[str, Any]:
    """Return the accuracy on each sample of the Deep Sets that were trained on published jets, by constituents."""
    with np.load(path) as file:
        weights = {name: file[name] for name in file.files}
    result = {}
    for n in sorted(int(name.removeprefix("scale_")) for name in weights if name.startswith("scale_")):
        result[str(n)] = {}
        for sample, jets in samples.items():
            accuracies = [
                float((_deep_sets(weights, n, fold, jets.x).argmax(axis=1) == jets.y).mean()) for fold in range(N_FOLDS)
            ]
            mean = float(np.mean(accuracies))
            result[str(n)] |= {
                sample: round(mean, 4),
                f"{sample}_error": round(float(np.sqrt(mean * (1 - mean) / len(jets.y))), 4),
                f"{sample}_by_fold": [round(value, 4) for value in accuracies],
            }
    return result


def _deep_sets(weights: dict[str, np.ndarray], n: int, fold: int, x: np.ndarray) -> np.ndarray:
    """Return the logits, ``(jets, 5)``, of a published network: layers on each constituent, the mean, and two more."""
    layers = [(weights[f"n{n}_fold{fold}_w{i}"], weights[f"n{n}_fold{fold}_b{i}"]) for i in range(5)]
    values = (x[:, :n] / weights[f"scale_{n}"]).astype(np.float32)
    for weight, bias in layers[:3]:
        values = np.maximum(values @ weight + bias, 0)
    # The padding is in the mean too, as it was in training.
    hidden = np.maximum(values.mean(axis=1) @ layers[3][0] + layers[3][1], 0)
    return hidden @ layers[4][0] + layers[4][1]


def train_on_simulated(
    files: Sequence[Path], published: Jets, config: dict[str, Any], options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """Train the paper's baseline as the workflow does, test it on both kinds of jets, and do the reverse."""
    path = folder / "jets.h5"
    named = {field.name for field in fields(Preprocessing)}
    settings = {name: value for name, value in config["data"].items() if name in named}
    settings |= {"n_constituents": N_INPUT_CONSTITUENTS, "features": FEATURES, "min_constituent_pt_gev": MIN_PT_GEV}
    preprocess_jets(files, [], path, Preprocessing(**settings, seed=options.seed), "a benchmark")
    splits = load_dataset(path, SPLITS)
    scale = describe_attributes(path)["normalisation"]
    inputs = published.x[:, :N_INPUT_CONSTITUENTS] - np.array(scale["median"])
    theirs = ((inputs / np.array(scale["range"])).astype(np.float32).reshape(len(inputs), -1), published.y)
    baseline = Architecture.from_dict({**config["references"]["baseline"], **describe_source(config).sizes})
    forward = training.train(
        [baseline] * options.seeds,
        [derive_seed(options.seed, "baseline", i) for i in range(options.seeds)],
        *(splits["train"], splits["val"]),
        Recipe(**{name: config["training"][name] for name in ("epochs", "batch_size")}),
        Machine(threads=options.cores),
    )
    accuracies = {
        "baseline_simulated": [training.evaluate(result.network, *splits["test"])[1] for result in forward],
        "baseline_published": [training.evaluate(result.network, *theirs)[1] for result in forward],
    }
    sizes = {"baseline_simulated": len(splits["test"][1]), "baseline_published": len(published.y)}
    accuracy: dict[str, Any] = {}
    for name, values in accuracies.items():
        mean = float(np.mean(values))
        accuracy |= {
            name: round(mean, 4),
            f"{name}_error": round(float(np.sqrt(mean * (1 - mean) / sizes[name])), 4),
            f"{name}_by_seed": [round(value, 4) for value in values],
        }
    reverse = train_on_published(theirs, splits["test"], baseline, config, options)
    return {"accuracy": accuracy, "accuracy_reverse": reverse, "n_train": len(splits["train"][1]), "n_test": sizes}


def train_on_published(
    published: tuple[np.ndarray, np.ndarray],
    simulated: tuple[np.ndarray, np.ndarray],
    baseline: Architecture,
    config: dict[str, Any],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Train on four fifths of the published jets, and test on the last fifth and on simulated jets.

    A few jets are passed through more often, up to 60 times, so that steps enough are taken.
    """
    x, y = published
    batch = config["training"]["batch_size"]
    epochs = int(np.clip(60_000 // len(y), config["training"]["epochs"], 60))
    correct, on_simulated = np.zeros(len(y)), []
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=options.seed)
    for fold, (train, test) in enumerate(folds.split(x, y)):
        seeds = [derive_seed(options.seed, "reverse", fold, i) for i in range(options.seeds)]
        tested = (x[test], y[test])
        results = training.train(
            [baseline] * len(seeds),
            seeds,
            (x[train], y[train]),
            tested,
            Recipe(epochs, batch),
            Machine(threads=options.cores),
        )
        for result in results:
            correct[test] += (training.predict(result.network, x[test]).argmax(dim=1).numpy() == y[test]) / len(seeds)
            on_simulated.append(training.evaluate(result.network, *simulated)[1])
    return {
        "baseline_published": round(float(correct.mean()), 4),
        "baseline_published_error": round(float(correct.std() / np.sqrt(len(y))), 4),
        "baseline_simulated": round(float(np.mean(on_simulated)), 4),
        "n_train": len(y) - len(y) // N_FOLDS,
        "epochs": epochs,
    }


def histograms(
    simulated: Jets, published: Jets, momenta: Mapping[str, np.ndarray], spectrum: Spectrum
) -> dict[str, Any]:
    """Return what the figure draws: spectra of jet pT, and a few quantities, by class."""
    ranges = {"mass": (0, 260), "pT of constituent 1": (0, 600), "width": (0, 0.25)}
    quantities = {name: [jet_quantities(jets.of_class(name).x) for jets in (simulated, published)] for name in CLASSES}
    result: dict[str, Any] = {"jet pT": {"edges": spectrum.edges.tolist()}}
    for name in CLASSES:
        counts = spectrum.count(momenta[name])
        result["jet pT"][name] = {"simulated": counts.tolist(), "published": spectrum.counts[name].tolist()}
    for quantity, (low, high) in ranges.items():
        edges = np.linspace(low, high, 27)
        result[quantity] = {"edges": edges.tolist()}
        for name, (ours, theirs) in quantities.items():
            pair = {"simulated": ours, "published": theirs}
            result[quantity][name] = {
                key: np.histogram(np.clip(values[quantity], low, high), edges)[0].tolist()
                for key, values in pair.items()
            }
    return result


def recipe(files: Sequence[Path]) -> dict[str, Any]:
    """Return what the simulated files say of how they were made."""
    with h5py.File(files[0]) as file:
        said = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in file.attrs.items()
            if name not in ("seed", "jet_class")
        }
    return {**said, "source": read_source(files[0])}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the comparison uses."""
    found = package_versions()
    for name in ("scikit-learn", "scipy", "jetnet"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def compare(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Compare simulated with published jets in every way; return the record."""
    published = published_jets(options.published, options.compared_jets, options.seed)
    spectrum = published_spectrum(options.published, published)
    speed = None
    if options.jets is not None:
        made = folder / "simulated"
        speed = simulate_sample(made, options.jets, options.jets_per_job, options.cores, options.seed)
        print(f"simulated; jets per second and core: {speed}", flush=True)
    files = _files(options.simulated or made)
    simulated = load_files(files, options.compared_jets, options.seed)
    momenta = jet_momenta(files)
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    record: dict[str, Any] = {
        "jets": {"simulated": simulated.counts(), "published": published.counts()},
        "jets_of_spectra": {name: len(pt) for name, pt in momenta.items()},
        "jets_per_second_and_core": speed,
        "machine": describe_machine(),
        "recipe": recipe(files),
        "seed": options.seed,
        "seeds": options.seeds,
        "versions": versions(),
    }
    steps = {
        "spectra": lambda: compare_spectra(momenta, spectrum, options.seed),
        "quantities": lambda: {
            "kolmogorov": compare_quantities(simulated, published, options.permutations, options.seed)
        },
        "two-sample test": lambda: {
            "two_sample_auc": two_sample_test(simulated, published, options.repeats, options.seed)
        },
        "networks": lambda: train_on_simulated(files, published, config, options, folder),
        "histograms": lambda: {"histograms": histograms(simulated, published, momenta, spectrum)},
    }
    if options.fpnd:
        steps["FPND"] = lambda: {"fpnd": measure_fpnd(simulated, options.device, options.seed)}
    if (options.published / DEEP_SETS).is_file():
        samples = {"simulated": simulated, "published": published}
        steps["published Deep Sets"] = lambda: {
            "published_deep_sets": deep_sets_accuracy(options.published / DEEP_SETS, samples)
        }
    for name, step in steps.items():
        start = perf_counter()
        record |= step()
        print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    return record


def print_record(record: dict[str, Any]) -> None:
    """Print the numbers that decide."""
    print(f"jets: {record['jets']}; jets per second and core: {record['jets_per_second_and_core']}")
    print(f"AUC of the two-sample test: {record['two_sample_auc']}")
    kolmogorov = {name: value for name, value in record["kolmogorov"].items() if name != "by_class"}
    print(f"Kolmogorov distances of 22 quantities: {kolmogorov}; of jet pT: {record['pt_spectrum_distance']}")
    for name, quantiles in record["pt_quantiles_gev"].items():
        ratios = ", ".join(
            f"{share} {row['ratio']:.4f} (+- {row['simulated_error'] / row['published']:.4f})"
            for share, row in quantiles.items()
        )
        print(f"quantiles of jet pT, simulated / published, {name}: {ratios}")
    for name in ("fpnd", "accuracy", "accuracy_reverse", "n_train", "published_deep_sets"):
        print(f"{name}: {record.get(name)}")


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--published", type=Path, required=True, help="folder of published jets")
    parser.add_argument("--simulated", type=Path, help="folder of simulated jets")
    parser.add_argument(
        "--jets", type=int, help="jets of each class to simulate, beside --simulated for the speed alone"
    )
    parser.add_argument("--jets-per-job", type=int, default=2000, help="jets of a job that simulates")
    parser.add_argument("--compared-jets", type=int, default=20_000, help="jets of each class that are compared")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="of ParticleNet")
    parser.add_argument("--no-fpnd", dest="fpnd", action="store_false", help="do without the package jetnet")
    parser.add_argument("--permutations", type=int, default=100, help="for the noise of Kolmogorov distances")
    parser.add_argument("--repeats", type=int, default=3, help="of the two-sample test, each with other simulated jets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=4, help="networks that are trained")
    parser.add_argument("--before", type=Path, help="an earlier result, for the figure")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    options = parser.parse_args()
    if options.simulated is None and options.jets is None:
        parser.error("give --simulated FOLDER, or the number of --jets to simulate")
    return options


def main() -> None:
    """Compare, print, write and draw."""
    options = parse_arguments()
    if options.fpnd:
        # A missing file is told before the long work.
        resource_folder()
    before = read_json(options.before) if options.before else None
    torch.set_num_threads(options.cores)
    with tempfile.TemporaryDirectory() as temporary:
        record = compare(options, Path(temporary))
    print_record(record)
    write_json(record, options.out)
    draw(record, before, options.figure)


if __name__ == "__main__":
    main()
