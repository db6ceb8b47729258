"""Pythia's final-state shower, without the trial emissions that it makes again and again."""

import pythia8mc

# A collision has the hard parton system and some eight more; systems beyond this number share the last shower.
_N_SHOWERS = 40


class RememberingShower(pythia8mc.TimeShower):
    """Pythia's own shower of each parton system, which keeps its trial emission while its system does not change.

    In each of some 130 steps Pythia draws the next emission of every dipole of
    every system down to the hardest of all trials, though a step changes only
    one system: a third of the time. The dipoles of a system lie within it, and
    an emission is drawn without memory of scales above it. So a trial that was
    drawn once remains one, with the same distribution, until the evolution
    comes down to it or something happens to its system. The events differ from
    those of the same seed without this class, their distributions do not.
    """

    def __init__(self, systems: pythia8mc.PartonSystems) -> None:
        super().__init__()
        self.showers = [pythia8mc.SimpleTimeShower() for _ in range(_N_SHOWERS)]
        self._systems = systems
        self._trials: list[float] = []
        self._outdated: list[int] = []
        self._selected = 0

    # The names from here on are Pythia's.

    def init(self, beam_a: pythia8mc.BeamParticle, beam_b: pythia8mc.BeamParticle) -> None:
        """Initialise all showers."""
        for shower in self.showers:
            shower.init(beam_a, beam_b)

    def limitPTmax(self, event: pythia8mc.Event, q2_fac: float = 0.0, q2_ren: float = 0.0) -> bool:
        """Decide where the hard system's evolution begins."""
        return self.showers[0].limitPTmax(event, q2_fac, q2_ren)

    def enhancePTmax(self) -> float:
        """Return by how much more."""
        return self.showers[0].enhancePTmax()

    def prepareGlobal(self, event: pythia8mc.Event) -> None:
        """Take note of the hard process."""
        self.showers[0].prepareGlobal(event)

    def prepareProcess(self, *arguments: object) -> None:
        """Take note of resonances."""
        self.showers[0].prepareProcess(*arguments)

    def prepare(self, system: int, event: pythia8mc.Event, limit_pt_max: bool = True) -> None:
        """Set up the dipoles of a new system, the first of which begins an event."""
        number = min(system, _N_SHOWERS - 1)
        if system == 0:
            self._trials, self._outdated = [], []
        elif number == len(self._trials):
            # A shower that is asked for a system without partons forgets the last event's dipoles.
            self.showers[number].prepare(self._systems.addSys(), event, limit_pt_max)
            self._systems.popBack()
        if number == len(self._trials):
            self._trials.append(0.0)
        self.showers[number].prepare(system, event, limit_pt_max)
        self._outdated.append(number)

    def pTnext(
        self, event: pythia8mc.Event, pt_begin: float, pt_end: float, is_first: bool = False, is_trial: bool = False
    ) -> float:
        """Return the scale of the next emission; Pythia does nothing with one that is below ``pt_end``."""
        for number in self._outdated:
            self._trials[number] = self.showers[number].pTnext(event, pt_begin, 0.0, is_first, is_trial)
        self._outdated = []
        hardest = max(self._trials)
        self._selected = self._trials.index(hardest)
        return hardest

    def branch(self, event: pythia8mc.Event, is_interleaved: bool = False) -> bool:
        """Emit."""
        self._outdated.append(self._selected)
        return self.showers[self._selected].branch(event, is_interleaved)

    def system(self) -> int:
        """Return which system emitted."""
        return self.showers[self._selected].system()

    def update(self, system: int, event: pythia8mc.Event, has_weak_emission: bool = False) -> None:
        """Take note of an initial-state emission."""
        number = min(system, _N_SHOWERS - 1)
        self._outdated.append(number)
        self.showers[number].update(system, event, has_weak_emission)

    def showerQEDafterRemnants(self, event: pythia8mc.Event) -> int:
        """Leave to Pythia what follows the evolution."""
        return self.showers[0].showerQEDafterRemnants(event)


class ShowerModel(pythia8mc.SimpleShowerModel):
    """Pythia's default showers, the final-state one of which is a :class:`RememberingShower`."""

    def __init__(self, systems: pythia8mc.PartonSystems) -> None:
        super().__init__()
        self._final_state = RememberingShower(systems)
        self._decays, self._initial_state = pythia8mc.SimpleTimeShower(), pythia8mc.SimpleSpaceShower()

    def init(self, merging: object, merging_hooks: object, vertex: object, weights: object) -> bool:
        """Give Pythia the showers."""
        self.timesPtr, self.timesDecPtr, self.spacePtr = self._final_state, self._decays, self._initial_state
        for shower in (self._final_state, self._decays, self._initial_state, *self._final_state.showers):
            self.registerSubObject(shower)
        # Pythia does this for those that it knows of.
        for shower in self._final_state.showers:
            shower.initPtrs(merging_hooks, vertex, weights)
        return True
