"""How jets are simulated: the collisions, the decays, the detector, and which jets are kept."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from snacpack.jets.detector import Detector

NUMBERS_OF_JETS = ("train_jets", "test_jets", "jets_per_job")
"""Keys of the config's ``data.pythia`` that are no part of the recipe."""

MAX_PARTON_PT_GEV = MappingProxyType({"g": None, "q": 1010, "w": 1010, "z": 1010, "t": 1010})
"""Largest transverse momentum of the hard process, by jet class, of the published jets."""


@dataclass(frozen=True)
class Recipe:
    """Settings of a simulation; the defaults are those of the published jets.

    Parameters
    ----------
    jet_radius
        Radius of the anti-kT algorithm.
    jets_per_event
        Leading jets of each collision that are kept.
    min_jet_pt_gev, max_jet_pt_gev
        Jets outside are left out; ``None`` is no upper limit.
    min_constituent_pt_gev
        Softer constituents belong to the jet, and are not written.
    min_parton_pt_gev
        Lowest transverse momentum of the hard process.
    max_parton_pt_gev
        The highest, by jet class; ``None`` is no limit.
    resonances
        ``on_shell``: W, Z and top have their exact masses and decay
        isotropically. ``correlated``: they have widths, and their decays the
        angular correlations of the hard process.
    pythia_settings
        Lines such as ``"PartonLevel:MPI = off"``, which Pythia reads last.
    n_subjettiness
        Whether the files' eight ungroomed N-subjettiness columns are computed.
    high_level
        Whether the groomed observables of the 16-feature benchmark are.
    detector
        The detector that measures the particles.

    Raises
    ------
    ValueError
        If two values do not fit together; the message names the key.

    Notes
    -----
    Read from the code that made the published files (trackObservables, branch
    boostedPrecision-hls4ml, ``processing/anaSubstructure.cpp``): anti-kT jets
    above 100 GeV, no window. Inferred from the published jets themselves:

    - R = 0.4: their constituents end 0.40 from the jet's axis. The papers'
      0.8 is that of an older version of the code.
    - One jet an event, the leading one: the jet pT spectra.
    - No constituents below 0.3 GeV, though the jets have them: of the published
      jets' 30 leading ones none is more than 1.62 in pseudorapidity from the
      jet, which softer protons would be (2.8 in a few thousand jets), and light
      quarks, which alone have fewer constituents, are as far from the statistics
      of the package jetnet as noise is, instead of 0.4. That the jets have them
      is an inference too: without them jets are a little softer, and gluons' and
      light quarks' spectra a little farther from the published ones.
    - Parton pT of 1000 to 1010 GeV, for gluons without an upper limit: the
      spectra again. A window makes the gluons' impossible (Kolmogorov distance
      0.40, without it 0.011).
    - W, Z and top on shell, with isotropic decays, and Z without b quarks: the
      events came as files of undecayed bosons and tops.
    """

    jet_radius: float = 0.4
    jets_per_event: int = 1
    min_jet_pt_gev: float = 100
    max_jet_pt_gev: float | None = None
    min_constituent_pt_gev: float = 0.3
    min_parton_pt_gev: float = 1000
    max_parton_pt_gev: Mapping[str, float | None] = field(default_factory=lambda: MAX_PARTON_PT_GEV)
    resonances: str = "on_shell"
    pythia_settings: tuple[str, ...] = ()
    n_subjettiness: bool = False
    high_level: bool = False
    detector: Detector = field(default_factory=Detector)

    def __post_init__(self) -> None:
        object.__setattr__(self, "max_parton_pt_gev", MappingProxyType(dict(self.max_parton_pt_gev)))
        object.__setattr__(self, "pythia_settings", tuple(self.pythia_settings))
        if self.max_jet_pt_gev is not None and not self.max_jet_pt_gev > self.min_jet_pt_gev:
            raise ValueError(
                f"data.pythia.max_jet_pt_gev, {self.max_jet_pt_gev}, must be above min_jet_pt_gev, "
                f"{self.min_jet_pt_gev}; raise it, or set it to null for no limit"
            )
        for jet_class, limit in self.max_parton_pt_gev.items():
            if limit is not None and not limit > self.min_parton_pt_gev:
                raise ValueError(
                    f"data.pythia.max_parton_pt_gev.{jet_class}, {limit}, must be above min_parton_pt_gev, "
                    f"{self.min_parton_pt_gev}; raise it, or set it to null for no limit"
                )

    @classmethod
    def from_config(cls, pythia: Mapping[str, Any]) -> "Recipe":
        """Build from the config's ``data.pythia``, whose numbers of jets are no part of the recipe.

        Raises
        ------
        ValueError
            If two values do not fit together.
        """
        values = {name: value for name, value in pythia.items() if name not in NUMBERS_OF_JETS}
        return cls(**{**values, "detector": Detector(**values.get("detector", {}))})

    def describe(self) -> dict[str, Any]:
        """Return the settings as attributes of a file; what has no limit is left out."""
        described = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        described |= {f"detector_{name}": value for name, value in asdict(described.pop("detector")).items()}
        limits = described.pop("max_parton_pt_gev")
        described |= {f"max_parton_pt_gev_{jet_class}": limit for jet_class, limit in limits.items()}
        described["pythia_settings"] = "; ".join(self.pythia_settings)
        return {name: value for name, value in described.items() if value is not None}
