"""Simulate jets: Pythia 8 collisions, a parametric detector, anti-kT jets from FastJet."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import awkward as ak
import fastjet
import numpy as np
import pythia8mc
from tqdm import tqdm

from snacpack.files import whole_file
from snacpack.jets.detector import Detector, Particles
from snacpack.jets.layout import MAX_CONSTITUENTS, JetFileWriter
from snacpack.jets.observables import COMPUTED, constituent_columns, jet_columns

JET_RADIUS = 0.8
MIN_JET_PT_GEV, MAX_JET_PT_GEV = 800.0, 1600.0

_COMMON = (
    "Print:quiet = on",
    "Beams:eCM = 13000.",
    "PhaseSpace:pTHatMin = 990.",
    "PhaseSpace:pTHatMax = 1010.",
    "WeakZ0:gmZmode = 2",  # the Z alone, without the virtual photon
    "24:onMode = off",
    "24:onIfAny = 1 2 3 4 5",
    "23:onMode = off",
    "23:onIfAny = 1 2 3 4 5",
    "Random:setSeed = on",
)
_PROCESSES = {
    "g": ("HardQCD:gg2gg", "HardQCD:qqbar2gg"),
    "q": ("HardQCD:qq2qq", "HardQCD:gg2qqbar", "HardQCD:qqbar2qqbarNew"),
    "w": ("WeakDoubleBoson:ffbar2WW",),
    "z": ("WeakDoubleBoson:ffbar2gmZgmZ",),
    "t": ("Top:gg2ttbar", "Top:qqbar2ttbar"),
}
_EVENTS_PER_BATCH = 100  # 40 MB of event records
_MAX_PYTHIA_SEED = 900_000_000
_SUBJETTINESS = tuple(f"tau{n}_b{beta}" for beta in (1, 2) for n in (1, 2, 3, 32))


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


def simulate_jets(
    path: str | Path,
    jet_class: str,
    n_jets: int,
    seed: int,
    detector: Detector | None = None,
    n_subjettiness: bool = False,
) -> Stopwatch:
    """Simulate jets of one class and write them in the data set's layout.

    Proton collisions at 13 TeV whose hard process has a pT of 990 to 1010 GeV;
    W, Z and top decay to quarks. Of each event the two leading anti-kT jets of
    radius 0.8 are kept where their pT is 0.8 to 1.6 TeV.

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
    detector
        Left out, the default :class:`Detector`.
    n_subjettiness
        Also compute the eight ungroomed N-subjettiness columns (a tenth more
        time).

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
    that are computed; the others, which need slow groomers and correlators and
    which nothing here reads, are 0.
    """
    if jet_class not in _PROCESSES:
        raise ValueError(f"jet class {jet_class!r} is not one of {', '.join(_PROCESSES)}")
    if n_jets < 1:
        raise ValueError(f"the number of jets must be positive, got {n_jets}")
    detector = detector or Detector()
    stopwatch = Stopwatch()
    with stopwatch.time("Pythia"):
        pythia = start_pythia(jet_class, seed)
    rng = np.random.default_rng(seed)
    attributes = _attributes(pythia, jet_class, seed, detector, n_subjettiness)
    n_written = 0
    with (
        whole_file(path) as temporary,
        JetFileWriter(temporary, n_jets, attributes) as writer,
        tqdm(total=n_jets, unit="jet", desc=f"{jet_class} jets", mininterval=5) as bar,
    ):
        for momenta, jets, multiplicity in _generate(pythia, detector, rng, n_jets, stopwatch):
            with stopwatch.time("FastJet"):
                extra = _n_subjettiness(momenta) if n_subjettiness else {}
            with stopwatch.time("columns"):
                constituents = constituent_columns(momenta, jets)
                observables = jet_columns(momenta, jets, multiplicity, jet_class, extra)
            with stopwatch.time("writing"):
                n_new = min(len(jets), n_jets - n_written)
                writer.append(constituents[:n_new], observables[:n_new])
            n_written += n_new
            bar.update(n_new)
    return stopwatch


def _attributes(
    pythia: pythia8mc.Pythia, jet_class: str, seed: int, detector: Detector, n_subjettiness: bool
) -> dict[str, Any]:
    """What a simulated file says of itself."""
    return {
        "source": f"Pythia {pythia.parm('Pythia:versionNumber'):.3f} and FastJet {fastjet.version.__version__}",
        "jet_class": jet_class,
        "seed": seed,
        "computed_observables": " ".join(COMPUTED + (_SUBJETTINESS if n_subjettiness else ())),
        **{f"detector_{name}": value for name, value in asdict(detector).items()},
    }


def start_pythia(jet_class: str, seed: int) -> pythia8mc.Pythia:
    """Return Pythia, ready to generate the events of a jet class.

    Raises
    ------
    RuntimeError
        If it does not take a setting or does not start.
    """
    pythia = pythia8mc.Pythia("", False)
    settings = (
        *_COMMON,
        *(f"{process} = on" for process in _PROCESSES[jet_class]),
        # A seed of 0 would be taken from the clock.
        f"Random:seed = {1 + seed % (_MAX_PYTHIA_SEED - 1)}",
    )
    for setting in settings:
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not take the setting {setting!r}; is it version 8.317?")
    if not pythia.init():
        raise RuntimeError(f"Pythia did not start for class {jet_class}; its messages are above")
    return pythia


def _generate(
    pythia: pythia8mc.Pythia, detector: Detector, rng: np.random.Generator, n_jets: int, stopwatch: Stopwatch
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield constituents ``(n, 150, 4)``, jets ``(n, 4)`` and multiplicities until there are enough jets."""
    n_made = n_empty = 0
    while n_made < n_jets:
        n_events = min(_EVENTS_PER_BATCH, (n_jets - n_made) // 2 + 5)
        with stopwatch.time("Pythia"):
            events = pythia.nextBatch(n_events)
        with stopwatch.time("event records"):
            generated = _final_particles(events)
        with stopwatch.time("detector"):
            measured = detector.measure(generated, rng)
        with stopwatch.time("FastJet"):
            constituents, jet_of = cluster(measured, len(events))
        with stopwatch.time("columns"):
            momenta, jets, multiplicity = _select(constituents, jet_of)
        n_empty = 0 if len(jets) else n_empty + 1
        if n_empty == 10:
            raise RuntimeError("10 batches of events in a row gave no jet of 0.8 to 1.6 TeV; check the detector's keys")
        n_made += len(jets)
        yield momenta, jets, multiplicity


def _final_particles(events: ak.Array) -> Particles:
    records = events.prt
    status = ak.flatten(records.status).to_numpy()
    final = np.flatnonzero(status > 0)
    event = np.repeat(np.arange(len(events)), ak.num(records, axis=1).to_numpy())[final]
    momentum = (ak.flatten(records.p[name]).to_numpy()[final] for name in ("px", "py", "pz", "e"))
    return Particles(*momentum, np.abs(ak.flatten(records.id).to_numpy()[final]), event)


def cluster(particles: Particles, n_events: int) -> tuple[Particles, np.ndarray]:
    """Find the anti-kT jets above the lowest pT.

    Parameters
    ----------
    particles
        Sorted by event.
    n_events
        Events, those without particles included.

    Returns
    -------
    constituents
        The particles of all jets, jet by jet.
    jet_of
        ``(constituents,)`` the jet each belongs to, counted over all events.
    """
    n_particles = np.bincount(particles.event, minlength=n_events)
    momenta = {"px": particles.px, "py": particles.py, "pz": particles.pz, "E": particles.e}
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, JET_RADIUS)
    sequence = fastjet.ClusterSequence(ak.unflatten(ak.zip(momenta, with_name="Momentum4D"), n_particles), definition)
    index = sequence.constituent_index(min_pt=MIN_JET_PT_GEV)
    # FastJet counts the particles of each event from 0.
    first_particle = np.cumsum(n_particles) - n_particles
    position = ak.flatten(index + first_particle, axis=None).to_numpy()
    n_constituents = ak.flatten(ak.num(index, axis=2)).to_numpy()
    return particles.take(position), np.repeat(np.arange(len(n_constituents)), n_constituents)


def _select(constituents: Particles, jet_of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the two leading jets of each event, in the pT window, as zero-padded arrays in falling pT."""
    four = np.stack(constituents[:4], axis=1)
    pt = np.hypot(constituents.px, constituents.py)
    four, jet_of, event = (column[np.lexsort((-pt, jet_of))] for column in (four, jet_of, constituents.event))
    first = np.flatnonzero(np.diff(jet_of, prepend=-1))
    if not len(first):
        return np.zeros((0, MAX_CONSTITUENTS, 4)), np.zeros((0, 4)), np.zeros(0, dtype=np.int64)
    jets = np.add.reduceat(four, first)
    multiplicity = np.diff(first, append=len(four))
    padded = np.zeros((len(jets), MAX_CONSTITUENTS, 4))
    place = np.arange(len(four)) - np.repeat(first, multiplicity)
    fits = place < MAX_CONSTITUENTS
    padded[jet_of[fits], place[fits]] = four[fits]

    jet_pt, jet_event = np.hypot(jets[:, 0], jets[:, 1]), event[first]
    order = np.lexsort((-jet_pt, jet_event))
    is_leading = np.ones(len(jets), dtype=bool)
    is_leading[2:] = jet_event[order][2:] != jet_event[order][:-2]
    kept = order[is_leading]
    kept = kept[(jet_pt[kept] > MIN_JET_PT_GEV) & (jet_pt[kept] < MAX_JET_PT_GEV)]
    return padded[kept], jets[kept], multiplicity[kept]


def _n_subjettiness(momenta: np.ndarray) -> dict[str, np.ndarray]:
    """N-subjettiness of jets ``(n, 150, 4)`` with one-pass kT axes, unnormalised, in GeV (arXiv:1108.2701)."""
    exists = momenta[:, :, 3] > 0
    fields = {name: momenta[:, :, i][exists] for i, name in enumerate(("px", "py", "pz", "E"))}
    particles = ak.unflatten(ak.zip(fields, with_name="Momentum4D"), exists.sum(axis=1))
    sequence = fastjet.ClusterSequence(particles, fastjet.JetDefinition(fastjet.kt_algorithm, JET_RADIUS))
    taus: dict[str, np.ndarray] = {}
    for beta in (1, 2):
        values = sequence.njettiness("UnnormalizedMeasure", "OnePass_KT_Axes", njets=[1, 2, 3], beta=float(beta))
        taus.update({f"tau{n}_b{beta}": column for n, column in enumerate(ak.to_numpy(values).T, start=1)})
        ratio = np.divide(
            taus[f"tau3_b{beta}"], taus[f"tau2_b{beta}"], where=taus[f"tau2_b{beta}"] > 0, out=np.zeros(len(values))
        )
        taus[f"tau32_b{beta}"] = ratio
    return taus
