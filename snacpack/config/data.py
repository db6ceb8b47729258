"""The configuration's section ``data``: where examples come from, and how they are prepared."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from snacpack.config.keys import EACH_ONCE, Entry, Says, Section, key, section
from snacpack.config.types import Name, Names, OpenFraction, Paths, Positive
from snacpack.data.normalisation import METHODS
from snacpack.jets import detector
from snacpack.jets.layout import CONSTITUENT_COLUMNS, HLF, MAX_CONSTITUENTS
from snacpack.jets.recipe import MAX_PARTON_PT_GEV, Recipe

Jets = Annotated[int, Field(ge=100, le=100_000_000)]
Momentum = Annotated[float, Field(gt=0, le=6500)]
Limit = Momentum | None
AboveZero = Annotated[float, Field(gt=0)]
FromZero = Annotated[float, Field(ge=0)]
ColumnName = Literal[*CONSTITUENT_COLUMNS]


def _sources() -> Iterable[str]:
    from snacpack.data.sources import REGISTRY

    return REGISTRY.known()


def _describe_sources() -> str:
    from snacpack.data.sources import describe_choices

    return describe_choices()


class Partons(Section):
    """Limits of the hard process by class of jets."""

    g: Limit = key(MAX_PARTON_PT_GEV["g"], "limit for gluon jets in GeV; null for none")
    q: Limit = key(MAX_PARTON_PT_GEV["q"], "limit for light-quark jets in GeV; null for none")
    w: Limit = key(MAX_PARTON_PT_GEV["w"], "limit for W jets in GeV; null for none")
    z: Limit = key(MAX_PARTON_PT_GEV["z"], "limit for Z jets in GeV; null for none")
    t: Limit = key(MAX_PARTON_PT_GEV["t"], "limit for top jets in GeV; null for none")


class Detector(Section):
    """Parameters of the detector model."""

    max_abs_eta: AboveZero = key(detector.Detector.max_abs_eta, "largest pseudorapidity of the calorimeters")
    max_track_abs_eta: AboveZero | None = key(
        detector.Detector.max_track_abs_eta, "largest pseudorapidity of tracks; null is no limit"
    )
    track_electrons: bool = key(
        detector.Detector.track_electrons, "whether electrons are tracks; if not, the ECAL measures them"
    )
    max_track_pt_gev: AboveZero = key(
        detector.Detector.max_track_pt_gev, "charged hadrons above it, in GeV, are measured by the HCAL"
    )
    ecal_cell: AboveZero = key(
        detector.Detector.ecal_cell, "width of a cell of the ECAL in pseudorapidity, and about that in azimuth"
    )
    hcal_cell: AboveZero = key(detector.Detector.hcal_cell, "the same for the HCAL")
    track_constant: FromZero = key(
        detector.Detector.track_constant,
        "constant c of a track's relative pT resolution, the root of c^2 + (slope pT)^2",
    )
    track_slope_per_gev: FromZero = key(detector.Detector.track_slope_per_gev, "slope of a track's resolution, per GeV")
    ecal_stochastic: FromZero = key(
        detector.Detector.ecal_stochastic,
        "term s of the relative energy resolution of an ECAL cell, the root of s^2 / E + (n / E)^2 + c^2, E in GeV",
    )
    ecal_noise_gev: FromZero = key(detector.Detector.ecal_noise_gev, "noise n of an ECAL cell, in GeV")
    ecal_constant: FromZero = key(detector.Detector.ecal_constant, "constant c of an ECAL cell's resolution")
    hcal_stochastic: FromZero = key(detector.Detector.hcal_stochastic, "term s of an HCAL cell's resolution")
    hcal_noise_gev: FromZero = key(detector.Detector.hcal_noise_gev, "noise n of an HCAL cell, in GeV")
    hcal_constant: FromZero = key(detector.Detector.hcal_constant, "constant c of an HCAL cell's resolution")


class Pythia(Section):
    """Jets simulated with Pythia; but for the numbers of jets, the defaults are those of the published jets."""

    train_jets: Jets = key(40_000, "jets over all five classes for training and validation")
    test_jets: Jets = key(10_000, "jets over all five classes for the test")
    jets_per_job: Positive = key(2000, "jets of one class that one job simulates into one file")
    jet_radius: Annotated[float, Field(gt=0, le=1.5)] = key(
        Recipe.jet_radius,
        "radius of the anti-kT jets, 0.4 for the published ones",
        "This default and the next ones are those of the published jets "
        "([docs/data.md](../docs/data.md#simulated-jets-datasource-pythia-the-default)).",
    )
    jets_per_event: Positive = key(Recipe.jets_per_event, "leading jets of a collision that are kept")
    min_jet_pt_gev: Momentum = key(Recipe.min_jet_pt_gev, "least transverse momentum of a jet in GeV")
    max_jet_pt_gev: Limit = key(Recipe.max_jet_pt_gev, "largest transverse momentum of a jet in GeV; null for no limit")
    min_constituent_pt_gev: FromZero = key(
        Recipe.min_constituent_pt_gev,
        "softer constituents, in GeV, belong to the jet and are not written",
        formerly="detector.min_pt_gev",
    )
    min_parton_pt_gev: Momentum = key(Recipe.min_parton_pt_gev, "least transverse momentum of the hard process in GeV")
    max_parton_pt_gev: Partons = section(Partons, "largest transverse momentum of the hard process, by class of jets")
    resonances: Literal["on_shell", "correlated"] = key(
        Recipe.resonances,
        "decays of W, Z and top: `on_shell` (exact mass, isotropic) or `correlated` (with widths and spin "
        "correlations)",
    )
    pythia_settings: list[Annotated[str, Field(min_length=1), Says("a line such as 'PartonLevel:MPI = off'")]] = key(
        [],
        "further settings of Pythia, read last",
        "With any of them, Pythia's own, slower final-state shower is used.",
    )
    detector: Annotated[Detector, Says("a section with keys of the detector")] = key(
        {},
        "parameters of the detector model that differ from their defaults",
        "They are listed [below](#the-detector).",
    )
    n_subjettiness: bool = key(
        Recipe.n_subjettiness, "whether the tau columns of the files are computed; the networks do not see them"
    )
    high_level: bool = key(
        Recipe.high_level,
        "whether the groomed observables that `features: hlf` needs are computed",
        "They take an eighth (W) to nearly a third (gluon) more time.",
    )


ArchiveName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*\.(tar\.gz|tgz)$"),
    Says("the name of a .tar.gz or .tgz, no folders"),
]


class TrainArchive(Section):
    """The archive with the training jets."""

    name: ArchiveName = key("hls4ml_LHCjet_150p_train.tar.gz", "file name of the archive")
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$"), Says("32 hexadecimal digits")] | None = key(
        None,
        "checksum of the archive; null for no check",
        "A plain `http` address of another machine needs it.",
    )
    bytes: Positive | None = key(None, "length of the archive; null to accept the server's")


class ValArchive(TrainArchive):
    """The archive with the other jets."""

    name: ArchiveName = key("hls4ml_LHCjet_150p_val.tar.gz", "file name of the archive")


class Archives(Section):
    """The archives of the published data set."""

    train: TrainArchive = section(TrainArchive)
    val: ValArchive = section(ValArchive)


class Zenodo(Section):
    """The published data set of jets."""

    url: Annotated[
        str,
        Field(pattern=r"^https?://[^\s]+$", max_length=2000),
        Says("http:// or https://, without spaces"),
    ] = key(
        "https://zenodo.org/records/3602260/files",
        "address of the folder that holds the archives",
        "A mirror works too.",
    )
    archives: Archives = section(Archives)


class Files(Section):
    """The user's folder of jets."""

    folder: Annotated[str, Says("a folder")] | None = key(
        None,
        "folder with `train/` beside `val/` or `test/` or both, or with the files themselves, which are split",
        "`source: files` needs it ([docs/data.md](../docs/data.md#your-own-jets-datasource-files)).",
    )


class PathsBySplit(Section):
    """Files by split."""

    train: Paths = key(..., "files of training examples")
    val: Paths = key(None, "files of validation examples")
    test: Paths = key(None, "files of test examples")


class NamesBySplit(Section):
    """Keys or columns by split."""

    train: Names = key(..., "of training examples")
    val: Names = key(None, "of validation examples")
    test: Names = key(None, "of test examples")


class NameBySplit(Section):
    """A key by split."""

    train: Name = key(..., "of training examples")
    val: Name | None = key(None, "of validation examples")
    test: Name | None = key(None, "of test examples")


UserFiles = Annotated[
    Paths | PathsBySplit | None,
    Says("a file, a pattern such as my_data/*.npz, a list of them, these by split (train, val, test), or null"),
]
UserNames = Annotated[
    Names | NamesBySplit | None,
    Says("a name of an array or a column, a list of different ones, these by split (train, val, test), or null"),
]
WeightName = Annotated[
    Name | NameBySplit | None,
    Says("a name of an array or a column, or one for each split (train, val, test), or null"),
]
Signals = Annotated[
    dict[Name, Paths],
    Field(min_length=1),
    Says("a section with a file, a pattern or a list of them for each name"),
]
Classes = Annotated[list[str | int], Field(min_length=2, max_length=1000), EACH_ONCE]


class Arrays(Section):
    """The user's own labelled arrays."""

    name: Annotated[str, Field(min_length=1, max_length=60), Says("1 to 60 characters")] | None = key(
        None, "name of the data set in the report; null is the first file's"
    )
    files: UserFiles = key(
        None,
        "files of the examples",
        "They are `.npz`, `.npy`, `.h5`, `.hdf5`, `.csv`, `.tsv`, `.csv.gz`, `.parquet` (needs pyarrow) or `.root` "
        "(needs uproot).",
    )
    target_files: UserFiles = key(
        None,
        "files of the classes, where `.npy` files hold one array each",
        "There is one beside each of `files`. Two patterns must match the same in each pair, such as `x_*.npy` and "
        "`y_*.npy`.",
    )
    signals: Signals | None = key(
        None,
        "files by the name of a signal, where `files` holds background alone; for the task `anomaly`",
        "They have the inputs of `files`, such as `{wprime: wprime.npz}`. There is no `target` then.",
    )
    inputs: UserNames = key(
        None,
        "key of an array (examples first), or keys or columns that are joined; null takes all that have no other role",
        "They are joined along the last axis.",
    )
    target: UserNames = key(
        None,
        "key or column of the classes, or keys or columns of a regression's numbers",
        "Classes are names, whole numbers, or one column for each class.",
    )
    classes: Annotated[Classes | None, Says("a list of two or more different names or whole numbers, or null")] = key(
        None,
        "values of the target in the order of the outputs, or names of its classes 0, 1, ...; null takes all in order",
        'For a target of numbers or booleans, numbers and `"true"` and `"false"` are always values, never names. '
        "A target of one column for each class needs a name for each.",
    )
    feature_names: Annotated[
        Annotated[list[Name], Field(min_length=1), EACH_ONCE] | None, Says("a list of different names, or null")
    ] = key(None, "names along the last axis of an example; null takes the columns' names, or numbers")
    leave_out: Annotated[list[Name], EACH_ONCE, Says("a list of different names")] = key(
        [], "features that the networks do not see"
    )
    split: Name | None = key(None, "key or column that says `train`, `val` or `test` of each example")
    group: Name | None = key(
        None, "key or column, such as a run or a patient, whose examples stay together in one split"
    )
    weights: WeightName = key(
        None,
        "key or column with the weight of each example, in losses and in all that is measured",
        "Weights are positive, and only their ratios count.",
    )
    allow_repeated: bool = key(False, "whether equal examples may stand in two splits")


class Data(Section):
    """The origin of examples, and their preparation."""

    source: Annotated[str, Entry(_sources, _describe_sources)] = key("pythia", "where examples come from")
    options: Annotated[dict[str, Any], Says("a section with options of the source")] = key(
        {},
        "options of a source of your own",
        "[Sources of yours](../docs/sources.md) are files of `plugins`; the workflow's have sections of their own.",
    )
    n_constituents: Annotated[int, Field(ge=1, le=MAX_CONSTITUENTS)] = key(
        8, "leading constituents of a jet that the network sees"
    )
    min_constituent_pt_gev: Annotated[float, Field(ge=0, le=1000)] = key(
        2.0, "constituents below this transverse momentum are left out, in GeV (2.0, not 2000)"
    )
    features: Annotated[list[ColumnName], Field(min_length=1), EACH_ONCE] | Literal[HLF] = key(
        ["pt", "etarel", "phirel"],
        "names of the constituents' columns; or `hlf`, the 16 high-level observables of the jet",
        "A column is named as in `particleFeatureNames` without `j1_`.",
    )
    validation_fraction: OpenFraction = key(
        0.15, "share of the training files' examples for validation, if the source has no validation files"
    )
    test_fraction: OpenFraction = key(0.15, "share of the examples for the test, if the source has no test files")
    normalisation: Literal[*METHODS] = key(
        "quantiles",
        "common scale of each feature, from the training examples",
        "`quantiles` is (x - median) / (95% - 5% quantile), `standard` (x - mean) / standard deviation, `minmax` from "
        "0 to 1, `power_of_two` x / the least power of two that is not below the largest absolute value.",
    )
    pythia: Pythia = section(Pythia)
    zenodo: Zenodo = section(Zenodo)
    files: Files = section(Files)
    arrays: Arrays = section(Arrays)
