"""How many jets each simulation job makes."""

from collections.abc import Mapping
from typing import Any

from snacpack.jets.layout import CLASSES


def jets_of_parts(n_jets: int, jet_class: str, jets_per_job: int) -> dict[str, int]:
    """Divide one class's share of a sample into files.

    Parameters
    ----------
    n_jets
        Jets of the whole sample; the classes share them evenly.
    jet_class
        One of :data:`snacpack.jets.layout.CLASSES`.
    jets_per_job
        Jets of a file; the last one may hold fewer.

    Returns
    -------
    dict
        Jets of each file by its number as text, ``"00"`` and so on.

    Raises
    ------
    ValueError
        If a class gets no jet or more than 1000 files.
    """
    share, left_over = divmod(n_jets, len(CLASSES))
    share += CLASSES.index(jet_class) < left_over
    if share < 1 or jets_per_job < 1:
        raise ValueError(
            f"{n_jets} jets in files of {jets_per_job} are too few for five classes; "
            "raise data.pythia.train_jets, test_jets or jets_per_job"
        )
    n_parts = -(-share // jets_per_job)
    if n_parts > 1000:
        raise ValueError(f"class {jet_class} would need {n_parts} files; raise data.pythia.jets_per_job")
    return {f"{part:02d}": min(jets_per_job, share - part * jets_per_job) for part in range(n_parts)}


def jets_of_sample(pythia: Mapping[str, Any], split: str) -> dict[tuple[str, str], int]:
    """Return the jets of each simulated file of a split, by class and the file's number.

    Parameters
    ----------
    pythia
        The config's section ``data.pythia``; the numbers of jets count.
    split
        ``train``, or ``val`` for the test sample.

    Raises
    ------
    ValueError
        As :func:`jets_of_parts`.
    """
    n_jets = pythia["train_jets" if split == "train" else "test_jets"]
    return {
        (jet_class, part): count
        for jet_class in CLASSES
        for part, count in jets_of_parts(n_jets, jet_class, pythia["jets_per_job"]).items()
    }
