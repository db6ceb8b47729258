"""Reading a run's files for its tables and figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from snacpack.core.files import REMAKE, contents_of, read_json, read_table
from snacpack.costs.registry import ARCHITECTURES, measures_of, shown_costs, validated
from snacpack.data.dataset import count_examples, read_info
from snacpack.data.info import DataInfo
from snacpack.networks.scheme import MIXED

Key = tuple[str, str]
"""A model and a scheme."""

_TRIAL_COLUMNS = ("trial", "generation", "architecture", "activation", "accuracy", "failure", "pareto", "extrapolated")
# How the source reads where snacpack.jets.simulation made the jets, and in files that do not say it themselves.
_SIMULATED = ("Pythia ", "simulated with Pythia")


@dataclass(frozen=True)
class DataSet:
    """The examples behind a table, as its notes describe them.

    Parameters
    ----------
    info
        The data set's own description.
    n_examples
        Examples of each split: ``train``, ``val`` and ``test``.
    """

    info: DataInfo
    n_examples: Mapping[str, int]

    @property
    def simulated(self) -> bool:
        """Whether the examples are jets that this package has simulated."""
        return self.info.examples == "jets" and self.info.source.startswith(_SIMULATED)


def read_data_set(path: str | Path) -> DataSet:
    """Read the description, not the examples, of a run's data set."""
    return DataSet(read_info(path), count_examples(path))


@dataclass(frozen=True)
class CompressionSearch:
    """A model's search over its compressions.

    Parameters
    ----------
    trials
        ``searches/architectures/trials.csv``; ``failure`` is empty where there was none.
    finalists
        ``metrics.csv``: the trials that were trained on, numbered by ``iteration``; ``failure`` as in the trials.
    chosen
        ``chosen.json``: the finalist that was synthesised, and the accuracy that was asked for.
    """

    trials: pd.DataFrame
    finalists: pd.DataFrame
    chosen: Mapping[str, Any]

    @property
    def choice(self) -> pd.Series:
        """The finalist that was synthesised."""
        return self.finalists.set_index("iteration").loc[self.chosen["iteration"]]


def by_model(paths: Iterable[str | Path]) -> dict[str, Any]:
    """Read JSON files ``.../{model}/name.json`` into a mapping from model, in the order given."""
    return {Path(path).parent.name: read_json(path) for path in paths}


def model_and_scheme(path: str | Path) -> Key:
    """Return the model and the scheme that a path ``.../{model}/{scheme}/name`` belongs to."""
    folder = Path(path).parent
    return folder.parent.name, folder.name


def by_scheme(paths: Iterable[str | Path]) -> dict[Key, Any]:
    """Read JSON files ``.../{model}/{scheme}/name.json`` into a mapping from both, in the order given."""
    return {model_and_scheme(path): read_json(path) for path in paths}


def metrics_by_scheme(paths: Iterable[str | Path]) -> dict[Key, pd.DataFrame]:
    """Read CSV files ``.../{model}/{scheme}/metrics.csv`` into a mapping from both, in the order given."""
    return {model_and_scheme(path): read_table(path) for path in paths}


def compression_searches(
    trials: Iterable[str | Path], metrics: Mapping[Key, pd.DataFrame], chosen: Mapping[Key, Mapping[str, Any]]
) -> dict[str, CompressionSearch]:
    """Return the search over each model's compressions, in the order given.

    Parameters
    ----------
    trials
        Files ``trials.csv`` of the searches, in the order of the models in ``chosen``.
    metrics, chosen
        Content of ``metrics.csv`` and ``chosen.json`` by model and scheme, those of ``mixed`` among them.
    """
    searches = {}
    models = [model for model, scheme in chosen if scheme == MIXED]
    for model, path in zip(models, trials, strict=True):
        tables = [_with_failures(table) for table in (read_table(path), metrics[model, MIXED])]
        searches[model] = CompressionSearch(*tables, chosen[model, MIXED])
    return searches


def _with_failures(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose ``failure`` holds words alone, none where there was no failure."""
    return table.assign(failure=["" if pd.isna(failure) else str(failure) for failure in table["failure"]])


def in_model_order(keys: Iterable[Key], models: Sequence[str], schemes: Sequence[str]) -> list[Key]:
    """Sort pairs of model and scheme by the run's order of models, then of schemes."""
    return sorted(keys, key=lambda key: (models.index(key[0]), schemes.index(key[1])))


def model_names(references: Iterable[str], selected: Mapping[str, Any]) -> list[str]:
    """Return the references in the config's order, then the candidates in the order of their choice."""
    return [*references, *(candidate["name"] for candidate in selected["candidates"])]


def read_trials(path: str | Path, objectives: Sequence[str] = ()) -> pd.DataFrame:
    """Read ``trials.csv``; accuracies are fractions, NaN where the training failed.

    Parameters
    ----------
    path
        The file.
    objectives
        Names of objectives that it must have beside those that every report shows.

    Raises
    ------
    ValueError
        If a column is missing; the message names it.
    """
    text = dict.fromkeys(("architecture", "activation", "units", "genome", "failure"), str)
    trials = read_table(path, dtype=text)
    needed = [*_TRIAL_COLUMNS, *shown_costs(ARCHITECTURES, objectives), *validated(ARCHITECTURES, objectives)]
    missing = [name for name in needed if name not in trials]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; {REMAKE}")
    for name in ("pareto", "extrapolated"):
        trials[name] = trials[name].astype(str).str.lower() == "true"
    trials["failure"] = trials["failure"].fillna("")
    return trials


def read_models(
    references_csv: str | Path,
    trials: pd.DataFrame,
    selected: Mapping[str, Any],
    references: Sequence[str],
    trained: Mapping[str, Mapping[str, Any]],
    objectives: Sequence[str] = (),
) -> pd.DataFrame:
    """Return architecture and estimated cost of every final model, one row each, in the run's order.

    Parameters
    ----------
    references_csv
        The run's ``references/hardware.csv``.
    trials
        Result of :func:`read_trials`.
    selected
        Content of ``candidates/selected.json``.
    references
        Names of the references in the config's order.
    trained
        Content of ``float.json`` by model.
    objectives
        Names of objectives that are wanted beside those that every report shows.

    Returns
    -------
    Index ``model``; columns ``kind`` (reference or candidate), ``architecture``, ``accuracy`` (on validation jets;
    a candidate's is the one that the search saw), the costs and ``extrapolated``, whether rule4ml was
    trained on no such network.

    Raises
    ------
    ValueError
        If a reference or a trial is missing from its file.
    """
    costs, metrics = shown_costs(ARCHITECTURES, objectives), validated(ARCHITECTURES, objectives)
    measures = measures_of(ARCHITECTURES)
    names = {measures[cost].reference_column: cost for cost in costs if measures[cost].reference_column}
    known = read_table(references_csv, dtype={"model": str}).rename(columns=names)
    with contents_of(references_csv):
        known = known.set_index("model")[["architecture", *costs, "extrapolated"]]
    absent = [name for name in references if name not in known.index]
    if absent:
        raise ValueError(f"{references_csv} has no row for {', '.join(absent)}; rerun estimate_references")
    rows = [
        {
            "model": name,
            "kind": "reference",
            "accuracy": trained[name]["validation_accuracy"],
            **{metric: trained[name][metric] for metric in metrics},
            **known.loc[name, ["architecture", *costs, "extrapolated"]],
        }
        for name in references
    ]
    by_trial = trials.set_index("trial")
    for candidate in selected["candidates"]:
        if candidate["trial"] not in by_trial.index:
            raise ValueError(f"{candidate['name']} is trial {candidate['trial']}, which trials.csv does not have")
        trial = by_trial.loc[candidate["trial"], ["architecture", "accuracy", *metrics, *costs, "extrapolated"]]
        rows.append({"model": candidate["name"], "kind": "candidate", **trial})
    columns = ["model", "kind", "architecture", "accuracy", *metrics, *costs, "extrapolated"]
    return pd.DataFrame(rows, columns=columns).set_index("model")
