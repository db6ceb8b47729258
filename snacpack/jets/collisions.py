"""Collisions of protons from Pythia 8, ready to be generated in batches."""

import re

import awkward as ak
import pythia8mc

from snacpack.jets.recipe import Recipe
from snacpack.jets.showers import ShowerModel

PROCESSES = {
    "g": ("HardQCD:gg2gg", "HardQCD:qqbar2gg"),
    "q": ("HardQCD:qq2qq", "HardQCD:gg2qqbar", "HardQCD:qqbar2qqbarNew"),
    "w": ("WeakDoubleBoson:ffbar2WW",),
    "z": ("WeakDoubleBoson:ffbar2gmZgmZ",),
    "t": ("Top:gg2ttbar", "Top:qqbar2ttbar"),
}
"""Pythia's hard processes of each jet class."""

BEAM_ENERGY_GEV = 6500.0
_MAX_PYTHIA_SEED = 900_000_000
_PROTON = 2212
# Decays to quarks; no Z to b quarks.
_DECAYS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5", "23:onMode = off", "23:onIfAny = 1 2 3 4")
# The hard process alone, its W, Z and top undecayed.
_UNDECAYED = ("ProcessLevel:resonanceDecays = off", "PartonLevel:all = off")
# Status of a particle in Pythia's hard process: incoming, intermediate; all others are outgoing.
_INCOMING, _INTERMEDIATE = -21, -22


class Collisions:
    """Collisions whose hard process makes jets of one class.

    Parameters
    ----------
    jet_class
        One of :data:`snacpack.jets.layout.CLASSES`.
    seed
        The same seed gives the same collisions.
    recipe
        The hard process' momenta, decays and further settings.

    Raises
    ------
    ValueError
        If the class is unknown.
    RuntimeError
        If Pythia does not take a setting or does not start.

    Notes
    -----
    Where W, Z and top are on shell, a first Pythia makes the hard process and
    hands each event undecayed to a second one, as a file of events would. An
    event that comes from outside has no angular correlations for Pythia, which
    lets its resonances decay isotropically.
    """

    def __init__(self, jet_class: str, seed: int, recipe: Recipe) -> None:
        if jet_class not in PROCESSES:
            raise ValueError(f"jet class {jet_class!r} is not one of {', '.join(PROCESSES)}")
        hard = _hard_process(jet_class, recipe)
        self._pythia = pythia8mc.Pythia("", False)
        # Further settings may be of showers that the faster ones were not compared with.
        if not recipe.pythia_settings:
            # Pythia keeps no Python object alive: this one has to.
            self._showers = ShowerModel(self._pythia.partonSystems)
            self._pythia.setShowerModelPtr(self._showers)
        if recipe.resonances == "correlated" or jet_class in "gq":
            _start(self._pythia, (*hard, *_DECAYS, *recipe.pythia_settings), seed, jet_class)
            return
        first = pythia8mc.Pythia("", False)
        _start(first, (*hard, *recipe.pythia_settings, *_UNDECAYED), seed, jet_class)
        self._events = _UndecayedEvents(first)
        self._pythia.setLHAupPtr(self._events)
        decays = ("Beams:frameType = 5", *_DECAYS, "TimeShower:QEDshowerByOther = off", *recipe.pythia_settings)
        # Two generators of one seed would run in step.
        _start(self._pythia, decays, seed + _MAX_PYTHIA_SEED // 2, jet_class)

    @property
    def version(self) -> str:
        """Pythia's own version, ``8.317``."""
        return f"{self._pythia.parm('Pythia:versionNumber'):.3f}"

    def next_batch(self, n_events: int) -> ak.Array:
        """Generate collisions.

        Returns
        -------
        awkward.Array
            The field ``prt`` holds the particles of each event; see Pythia's ``nextBatch``.
        """
        return self._pythia.nextBatch(n_events)


def _hard_process(jet_class: str, recipe: Recipe) -> list[str]:
    limit = recipe.max_parton_pt_gev[jet_class]
    settings = [
        f"PhaseSpace:pTHatMin = {recipe.min_parton_pt_gev}",
        *([] if limit is None else [f"PhaseSpace:pTHatMax = {limit}"]),
        "WeakZ0:gmZmode = 2",  # the Z alone, without the virtual photon
        *(f"{process} = on" for process in PROCESSES[jet_class]),
    ]
    if recipe.resonances == "on_shell":
        settings.append("PhaseSpace:useBreitWigners = off")
    return settings


def check_settings(settings: tuple[str, ...]) -> None:
    """Check that Pythia takes settings.

    Raises
    ------
    ValueError
        If it does not take one, or one would make Pythia read another file or run another library; the message
        holds it.
    """
    if not settings:
        return
    for setting in settings:
        name, _, value = setting.lower().partition("=")
        # "include = FILE", "Init:plugins = {lib.so::X}", "Beams:LHEF = FILE", "PDF:pSet = LHAPDF6:SET".
        reserved = name.strip().startswith(("init:", "main:", "random:", "beams:lhef"))
        if ":" not in name or reserved or re.search(r"/|::|lhapdf", value):
            raise ValueError(
                f"data.pythia.pythia_settings: {setting!r} is refused: it is no 'Name:key = value', sets a seed, "
                "or names a file or a library that Pythia would read; take it out"
            )
    pythia = pythia8mc.Pythia("", False)
    pythia.readString("Print:quiet = on")
    for setting in settings:
        if not pythia.readString(setting):
            raise ValueError(
                f"data.pythia.pythia_settings: Pythia does not take {setting!r}; write it as 'Name:key = value' with a "
                "name of its manual, or take it out"
            )


def _start(pythia: pythia8mc.Pythia, settings: tuple[str, ...], seed: int, jet_class: str) -> None:
    """Make Pythia ready to generate."""
    common = (
        "Print:quiet = on",
        # Pythia's check of each event for bugs of its own takes 3% of the time and changes no event that passes.
        "Check:event = off",
        f"Beams:eCM = {2 * BEAM_ENERGY_GEV}",
        "Random:setSeed = on",
        # A seed of 0 would be taken from the clock.
        f"Random:seed = {1 + seed % (_MAX_PYTHIA_SEED - 1)}",
    )
    for setting in (*common, *settings):
        if not pythia.readString(setting):
            raise RuntimeError(f"Pythia does not take the setting {setting!r}; is it version 8.317?")
    if not pythia.init():
        raise RuntimeError(f"Pythia did not start for class {jet_class}; its messages are above")


class _UndecayedEvents(pythia8mc.LHAup):
    """The hard processes of a Pythia, one by one, as if they stood in a file."""

    def __init__(self, pythia: pythia8mc.Pythia) -> None:
        # Events of weight one.
        super().__init__(3)
        self._pythia = pythia

    def setInit(self) -> bool:
        """Tell Pythia what collides."""
        self.setBeamA(_PROTON, BEAM_ENERGY_GEV)
        self.setBeamB(_PROTON, BEAM_ENERGY_GEV)
        self.addProcess(1, 1.0, 0.0, 1.0)
        return True

    def setEvent(self, idProcess: int = 0) -> bool:
        """Give Pythia an event."""
        while not self._pythia.next():
            pass
        info = self._pythia.infoPython()
        self.setProcess(1, 1.0, info.pTHat(), info.alphaEM(), info.alphaS())
        process = self._pythia.process
        # Before them stand the whole event and the two protons, which a file does not list.
        for number in range(3, process.size()):
            p = process[number]
            place = {_INCOMING: (-1, 0, 0), _INTERMEDIATE: (2, 1, 2)}.get(p.status(), (1, 1, 2))
            momentum = (p.px(), p.py(), p.pz(), p.e(), p.m())
            self.addParticle(p.id(), *place, p.col(), p.acol(), *momentum)
        return True
