"""The report: one page with everything that a run found, and how far it can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd
import yaml

from snacpack.files import read_json
from snacpack.report import sections
from snacpack.report.fronts import NAC_OBJECTIVES, PROJECTIONS
from snacpack.report.interactive import interactive_projection, plotly_library
from snacpack.report.layout import NOT_PUBLISHED, backend_notes, table1, table2, table3
from snacpack.report.page import picture, render
from snacpack.report.records import (
    by_model,
    by_scheme,
    in_model_order,
    metrics_by_scheme,
    model_and_scheme,
    model_names,
    read_data_set,
    read_models,
    read_trials,
)
from snacpack.report.tables import table1_rows, table2_rows, table3_rows

Key = tuple[str, str]
FEATURE_WORDS = {"pt": "pT", "etarel": "η relative to the jet axis", "phirel": "φ relative to the jet axis"}


@dataclass(frozen=True)
class RunFiles:
    """The files of a run that its report is made from; lists hold one path per model, or model and scheme.

    Parameters
    ----------
    jets, references, trials, selected
        ``data/jets.h5``, ``references/hardware.csv``, ``search/trials.csv``, ``candidates/selected.json``.
    trained, metrics, chosen, compressed
        ``float.json``, ``metrics.csv``, ``chosen.json`` and ``compressed.json`` of the models.
    circuits, verified
        ``report.json`` and ``verification.json`` of the models' syntheses.
    data_card, hypervolume, training_curves, pruning_curves
        Pictures.
    fronts
        Pictures of figures 1 to 4, in this order.
    confusion
        A picture per model and scheme, in the order of ``compressed``.
    """

    jets: str
    references: str
    trials: str
    selected: str
    trained: Sequence[str]
    metrics: Sequence[str]
    chosen: Sequence[str]
    compressed: Sequence[str]
    circuits: Sequence[str]
    verified: Sequence[str]
    data_card: str
    hypervolume: str
    training_curves: str
    pruning_curves: str
    fronts: Sequence[str]
    confusion: Sequence[str]

    @classmethod
    def from_inputs(cls, inputs: Any) -> "RunFiles":
        """Take the files from a rule's named inputs."""
        return cls(**{field.name: getattr(inputs, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Run:
    """What a run's files hold, read once."""

    config: Mapping[str, Any]
    versions: Mapping[str, str]
    selected: Mapping[str, Any]
    trials: pd.DataFrame
    models: pd.DataFrame
    trained: Mapping[str, Any]
    metrics: Mapping[Key, pd.DataFrame]
    chosen: Mapping[Key, Any]
    compressed: Mapping[Key, Any]
    circuits: Mapping[Key, Any]
    verified: Mapping[Key, Any]
    order: Sequence[Key]

    @classmethod
    def read(cls, files: RunFiles, config: Mapping[str, Any], versions: Mapping[str, str]) -> "Run":
        """Read everything but the pictures."""
        references = list(config["references"])
        selected, trials = read_json(files.selected), read_trials(files.trials)
        trained, compressed = by_model(files.trained), by_scheme(files.compressed)
        names = model_names(references, selected)
        return cls(
            config=config,
            versions=versions,
            selected=selected,
            trials=trials,
            models=read_models(files.references, trials, selected, references, trained),
            trained={name: trained[name] for name in names},
            metrics=metrics_by_scheme(files.metrics),
            chosen=by_scheme(files.chosen),
            compressed=compressed,
            circuits=by_scheme(files.circuits),
            verified=by_scheme(files.verified),
            order=in_model_order(compressed, names, config["compression"]["schemes"]),
        )


def report_page(files: RunFiles, config: Mapping[str, Any], versions: Mapping[str, str], commit: str | None) -> str:
    """Return the report of a run as one HTML page that needs no other file and no network.

    Parameters
    ----------
    files
        The run's files.
    config
        The whole config of the run.
    versions, commit
        Versions of the packages that write the page, and the commit of the code if it is known.
    """
    run, data = Run.read(files, config, versions), read_data_set(files.jets)
    return render(
        "report.html.j2",
        run=run,
        data=data,
        not_published=NOT_PUBLISHED,
        config_text=yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True),
        commit=commit,
        objectives=sections.joined([sections.OBJECTIVE_WORDS[name] for name in config["search"]["objectives"]]),
        feature_words=sections.joined([FEATURE_WORDS.get(name, name) for name in config["data"]["features"]]),
        method=sections.METHOD_WORDS[config["search"]["method"]],
        is_nac=set(config["search"]["objectives"]) == NAC_OBJECTIVES,
        plotly=plotly_library(),
        **_search_parts(run, files),
        **_hardware_parts(run, files, data),
        data_card=picture(files.data_card),
        hypervolume=picture(files.hypervolume),
        training_curves=picture(files.training_curves),
        pruning_curves=picture(files.pruning_curves),
    )


def _search_parts(run: Run, files: RunFiles) -> dict[str, Any]:
    objectives = run.config["search"]["objectives"]
    names = {candidate["trial"]: candidate["name"] for candidate in run.selected["candidates"]}
    chosen = run.trials.set_index("trial", drop=False).loc[list(names)]
    pareto = run.trials[run.trials["pareto"]].sort_values("accuracy", ascending=False)
    return {
        "fronts": [
            {
                "name": projection.name,
                "title": projection.title(objectives),
                "plot": interactive_projection(run.trials, run.models, projection),
                "picture": picture(path),
            }
            for projection, path in zip(PROJECTIONS, files.fronts, strict=True)
        ],
        "space_table": table1(table1_rows(run.config["search"]["space"])),
        "pareto_table": sections.network_table("Pareto-optimal networks", pareto, names),
        "failed_table": sections.failed_table(run.trials),
        "only_relu": {*chosen["activation"], *(r["activation"] for r in run.config["references"].values())} <= {"relu"},
        "chosen_table": sections.network_table("The chosen networks", chosen, names),
    }


def _hardware_parts(run: Run, files: RunFiles, data: Any) -> dict[str, Any]:
    hardware, synthesis = run.config["hardware"], run.config["synthesis"]
    rows = table3_rows(run.order, run.compressed, run.circuits)
    pictures = {model_and_scheme(path): name for path, name in zip(files.compressed, files.confusion, strict=True)}
    return {
        "table2": table2(
            table2_rows(run.models, run.trained), data, run.versions, hardware["surrogate"], hardware["bit_width"]
        ),
        "table3": table3(rows, data, run.versions, run.circuits.values(), synthesis["part"]),
        "compression_table": sections.compression_table(rows, run.metrics, run.chosen),
        "estimate_table": sections.estimate_table(run.order, run.circuits),
        "verification_table": sections.verification_table(run.order, run.verified),
        "verification_sentence": sections.verification_sentence(run.verified),
        "origin_table": sections.origin_table(run.order, run.circuits),
        "backend_notes": backend_notes(rows),
        "circuit_sentences": sections.circuit_sentences(rows, list(run.config["references"])),
        "parallelism": sections.parallelism(rows, synthesis),
        "confusion": [{"model": key[0], "scheme": key[1], "picture": picture(pictures[key])} for key in run.order],
    }


def _plain(value: Any) -> Any:
    """Return a config as the plain types that YAML's safe writer knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
