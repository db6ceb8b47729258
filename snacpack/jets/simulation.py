"""Simulate jets: Pythia 8 collisions, a parametric detector, anti-kT jets from FastJet."""

import gc
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import awkward as ak
import fastjet
import numpy as np
from tqdm import tqdm

from snacpack.core.files import whole_file
from snacpack.jets.clustering import find_jets
from snacpack.jets.collisions import Collisions
from snacpack.jets.detector import Particles
from snacpack.jets.layout import MAX_CONSTITUENTS, JetFileWriter
from snacpack.jets.observables import COMPUTED, constituent_columns, jet_columns
from snacpack.jets.recipe import Recipe
from snacpack.jets.substructure import HIGH_LEVEL, SUBJETTINESS, high_level_observables, n_subjettiness

_EVENTS_PER_BATCH = 100  # 40 MB of event records


class Stopwatch:
    """CPU seconds spent by kind of work."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @contextmanager
    def time(self, kind: str) -> Iterator[None]:
        """Add the CPU time of the block to ``kind``."""
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds[kind] += time.process_time() - start

    @property
    def total(self) -> float:
        """CPU seconds in all."""
        return sum(self.seconds.values())

    def __str__(self) -> str:
        return ", ".join(f"{kind} {seconds / self.total:.1%}" for kind, seconds in self.seconds.most_common())


def simulate_jets(path: str | Path, jet_class: str, n_jets: int, seed: int, recipe: Recipe | None = None) -> Stopwatch:
    """Simulate jets of one class and write them in the data set's layout.

    Parameters
    ----------
    path
        The HDF5 file to make.
    jet_class
        One of :data:`snacpack.jets.layout.CLASSES`.
    n_jets
        Jets to write.
    seed
        Of Pythia and of the detector; the same seed gives the same file.
    recipe
        Left out, the default :class:`Recipe`: that of the published jets.

    Returns
    -------
    Stopwatch
        CPU seconds by kind of work.

    Raises
    ------
    ValueError
        If the class is unknown or the number not positive.
    RuntimeError
        If Pythia does not start, or its events give no jets.

    Notes
    -----
    The file's attribute ``computed_observables`` lists the jet observables
    that are computed; the others, which need slow groomers and correlators, are 0.
    """
    if n_jets < 1:
        raise ValueError(f"the number of jets must be positive, got {n_jets}")
    recipe = recipe or Recipe()
    stopwatch = Stopwatch()
    # Objects of now stay to the end: Python need not look through them for garbage after every few events.
    gc.freeze()
    with stopwatch.time("Pythia"):
        collisions = Collisions(jet_class, seed, recipe)
    rng = np.random.default_rng(seed)
    computed = COMPUTED + SUBJETTINESS * recipe.n_subjettiness + HIGH_LEVEL * recipe.high_level
    attributes = {
        "source": f"Pythia {collisions.version} and FastJet {fastjet.version.__version__}",
        "jet_class": jet_class,
        "seed": seed,
        "computed_observables": " ".join(computed),
        **recipe.describe(),
    }
    n_written = 0
    with (
        whole_file(path) as temporary,
        JetFileWriter(temporary, n_jets, attributes) as writer,
        tqdm(total=n_jets, unit="jet", desc=f"{jet_class} jets", mininterval=5) as bar,
    ):
        for momenta, jets, multiplicity in _generate(collisions, recipe, rng, n_jets, stopwatch):
            with stopwatch.time("substructure"):
                extra = n_subjettiness(momenta) if recipe.n_subjettiness else {}
                extra |= high_level_observables(momenta) if recipe.high_level else {}
            with stopwatch.time("columns"):
                constituents = constituent_columns(momenta, jets)
                observables = jet_columns(momenta, jets, multiplicity, jet_class, extra)
            with stopwatch.time("writing"):
                n_new = min(len(jets), n_jets - n_written)
                writer.append(constituents[:n_new], observables[:n_new])
            n_written += n_new
            bar.update(n_new)
    return stopwatch


def _generate(
    collisions: Collisions, recipe: Recipe, rng: np.random.Generator, n_jets: int, stopwatch: Stopwatch
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield constituents ``(n, 150, 4)``, jets ``(n, 4)`` and multiplicities until there are enough jets."""
    n_made = n_empty = 0
    while n_made < n_jets:
        n_events = min(_EVENTS_PER_BATCH, (n_jets - n_made) // recipe.jets_per_event + 5)
        with stopwatch.time("Pythia"):
            events = collisions.next_batch(n_events)
        with stopwatch.time("event records"):
            generated = _final_particles(events)
        with stopwatch.time("detector"):
            measured = recipe.detector.measure(generated, rng)
        with stopwatch.time("FastJet"):
            constituents, jet_of = find_jets(
                measured, len(events), recipe.jet_radius, recipe.min_jet_pt_gev, recipe.jets_per_event
            )
        with stopwatch.time("columns"):
            momenta, jets, multiplicity = _select(constituents, jet_of, recipe)
        n_empty = 0 if len(jets) else n_empty + 1
        if n_empty == 10:
            raise RuntimeError(
                "10 batches of events in a row gave no jet between data.pythia.min_jet_pt_gev and max_jet_pt_gev; "
                "check these and data.pythia.detector"
            )
        n_made += len(jets)
        yield momenta, jets, multiplicity


def _final_particles(events: ak.Array) -> Particles:
    records = events.prt
    status = ak.flatten(records.status).to_numpy()
    final = np.flatnonzero(status > 0)
    event = np.repeat(np.arange(len(events)), ak.num(records, axis=1).to_numpy())[final]
    momentum = (ak.flatten(records.p[name]).to_numpy()[final] for name in ("px", "py", "pz", "e"))
    return Particles(*momentum, np.abs(ak.flatten(records.id).to_numpy()[final]), event)


def _select(constituents: Particles, jet_of: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the leading jets of each event, in the pT window, as zero-padded arrays in falling pT."""
    four = np.stack(constituents[:4], axis=1)
    pt = np.hypot(constituents.px, constituents.py)
    four, jet_of, event = (column[np.lexsort((-pt, jet_of))] for column in (four, jet_of, constituents.event))
    first = np.flatnonzero(np.diff(jet_of, prepend=-1))
    if not len(first):
        return np.zeros((0, MAX_CONSTITUENTS, 4)), np.zeros((0, 4)), np.zeros(0, dtype=np.int64)
    jets = np.add.reduceat(four, first)
    # The softest, which stand last in each jet, are counted and written no more.
    written = np.hypot(four[:, 0], four[:, 1]) >= recipe.min_constituent_pt_gev
    multiplicity = np.add.reduceat(written.astype(np.int64), first)
    padded = np.zeros((len(jets), MAX_CONSTITUENTS, 4))
    place = np.arange(len(four)) - np.repeat(first, np.diff(first, append=len(four)))
    fits = written & (place < MAX_CONSTITUENTS)
    padded[jet_of[fits], place[fits]] = four[fits]

    jet_pt, jet_event = np.hypot(jets[:, 0], jets[:, 1]), event[first]
    order = np.lexsort((-jet_pt, jet_event))
    n_leading = recipe.jets_per_event
    is_leading = np.ones(len(jets), dtype=bool)
    is_leading[n_leading:] = jet_event[order][n_leading:] != jet_event[order][:-n_leading]
    kept = order[is_leading]
    if recipe.max_jet_pt_gev is not None:
        kept = kept[jet_pt[kept] < recipe.max_jet_pt_gev]
    return padded[kept], jets[kept], multiplicity[kept]
