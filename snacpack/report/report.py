"""The report: one page with everything that a run found, and how far it can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd
import yaml

from snacpack.core.files import read_json
from snacpack.costs.registry import ARCHITECTURES, NAC_OBJECTIVES, extra_costs, find_measure
from snacpack.data.info import DataInfo
from snacpack.data.user_files import briefly
from snacpack.hardware.surrogate import Surrogate
from snacpack.jets.layout import HLF
from snacpack.networks.integers import FixedPointNetwork
from snacpack.networks.scheme import MIXED
from snacpack.report import compression, sections
from snacpack.report.estimators import estimate_rows, estimate_table, rule4ml_of_models
from snacpack.report.interactive import interactive_projection, plotly_library
from snacpack.report.layout import NOT_PUBLISHED, Table, backend_notes, joined, scheme_note, table1, table2, table3
from snacpack.report.page import picture, render
from snacpack.report.performance import FLOAT, performance_table
from snacpack.report.projections import projections
from snacpack.report.records import (
    CompressionSearch,
    DataSet,
    Key,
    by_model,
    by_scheme,
    compression_searches,
    in_model_order,
    metrics_by_scheme,
    model_and_scheme,
    model_names,
    read_data_set,
    read_models,
    read_trials,
)
from snacpack.report.tables import table1_rows, table2_rows, table3_rows
from snacpack.tasks.registry import find_task, titled
from snacpack.tasks.task import Task

FEATURE_WORDS = {"pt": "pT", "etarel": "η relative to the jet axis", "phirel": "φ relative to the jet axis"}


def _data_words(data: Mapping[str, Any], info: DataInfo) -> dict[str, Any]:
    """Say what the examples, the classes and the inputs are."""
    if info.examples == "jets":
        words = _jet_words(data, _shown_words(info))
        return {"is_of_jets": True, **words, "class_words": f"{words['class_words']}{_signal_words(info)}"}
    shape = " x ".join(map(str, info.input_shape))
    listed = briefly(info.features, most=12)
    along = "" if len(info.input_shape) == 1 else f" in the shape {shape}, flattened, with"
    return {
        "is_of_jets": False,
        "class_words": f"{_target_words(info)}{_signal_words(info)}",
        "input_words": f"{along.strip()} the {'features' if len(info.features) > 1 else 'feature'} {listed}".strip(),
        "card_words": f"{_shown_words(info)}: features {'by class' if info.classes else 'against a target'}, in the "
        "units of the files.",
    }


def _target_words(info: DataInfo) -> str:
    if info.classes:
        return f"An example of {info.name} has one of {info.n_outputs} classes: {', '.join(info.classes)}."
    named = f"{'targets' if len(info.targets) > 1 else 'target'} {briefly(info.targets, most=12)}"
    return f"The networks give numbers for each example of {info.name}: the {named}."


def _signal_words(info: DataInfo) -> str:
    """Say which classes the networks learn from, where they give back their inputs; nothing elsewhere."""
    if not info.background:
        return ""
    background, signals = (briefly(names, most=12) for names in (info.background, info.signals))
    several = len(info.signals) > 1
    return (
        f" The networks learn to give back the inputs of background ({background}). The "
        f"{'signals' if several else 'signal'} {signals} {'are' if several else 'is'} in no training, normalisation or "
        "loss."
    )


def _shown_words(info: DataInfo) -> str:
    """Say which examples the data card shows."""
    signals = f", and the test {info.examples} of the signals" if info.background else ""
    return f"The training {info.examples}{signals}"


def _jet_words(data: Mapping[str, Any], shown: str) -> dict[str, str]:
    card = f"{shown}: each feature"
    if data["features"] == HLF:
        inputs = "the high-level observables of the hls4ml jet benchmark (arXiv:1804.06913)"
    else:
        words = joined([FEATURE_WORDS.get(name, name) for name in data["features"]])
        inputs = (
            f"of each of the {data['n_constituents']} constituents with the highest transverse momentum its {words}"
        )
        card += " of the leading constituent, and the number of constituents above threshold"
    return {
        "class_words": "A jet is one of five kinds: light quark (q), gluon (g), W boson (W), Z boson (Z) or top quark "
        "(t).",
        "input_words": inputs,
        "card_words": f"{card}, by class.",
    }


@dataclass(frozen=True)
class RunFiles:
    """The files of a run that its report is made from; lists hold one path per model, or model and scheme.

    Parameters
    ----------
    jets, references, trials, selected
        ``data/jets.h5``, ``references/hardware.csv``, ``searches/architectures/trials.csv``,
        ``candidates/selected.json``.
    trained, metrics, chosen, compressed, fixed_points
        ``float.json``, ``metrics.csv``, ``chosen.json``, ``compressed.json`` and ``fixed_point.json`` of the models.
    compression_trials
        ``trials.csv`` of the searches over the models' compressions; none where no compressions were searched.
    circuits, verified
        ``report.json`` and ``verification.json`` of the models' syntheses.
    data_card, hypervolume, training_curves, estimates
        Pictures.
    pruning_curves, compression_fronts
        Pictures; none (an empty list) of a way of compression that the run does not take.
    fronts
        Pictures of the planes of :func:`snacpack.report.projections.projections`, in this order.
    measured, measured_compressed
        ``performance.json`` of the models in floating point, and of those in ``compressed``.
    pictures
        The task's pictures: for each model and scheme, in the order of ``compressed``, all of them.
    """

    jets: str
    references: str
    trials: str
    selected: str
    trained: Sequence[str]
    metrics: Sequence[str]
    chosen: Sequence[str]
    compressed: Sequence[str]
    fixed_points: Sequence[str]
    compression_trials: Sequence[str]
    circuits: Sequence[str]
    verified: Sequence[str]
    data_card: str
    hypervolume: str
    training_curves: str
    pruning_curves: str | Sequence[str]
    compression_fronts: str | Sequence[str]
    estimates: str
    fronts: Sequence[str]
    measured: Sequence[str]
    measured_compressed: Sequence[str]
    pictures: Sequence[str]

    @classmethod
    def from_inputs(cls, inputs: Any) -> "RunFiles":
        """Take the files from a rule's named inputs."""
        return cls(**{field.name: getattr(inputs, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class Run:
    """The content of a run's files, read once."""

    config: Mapping[str, Any]
    versions: Mapping[str, str]
    selected: Mapping[str, Any]
    trials: pd.DataFrame
    models: pd.DataFrame
    trained: Mapping[str, Any]
    metrics: Mapping[Key, pd.DataFrame]
    chosen: Mapping[Key, Any]
    searches: Mapping[str, CompressionSearch]
    compressed: Mapping[Key, Any]
    circuits: Mapping[Key, Any]
    verified: Mapping[Key, Any]
    order: Sequence[Key]

    @classmethod
    def read(cls, files: RunFiles, config: Mapping[str, Any], versions: Mapping[str, str]) -> "Run":
        """Read everything but the pictures."""
        references, objectives = list(config["references"]), config["search"]["objectives"]
        selected, trials = read_json(files.selected), read_trials(files.trials, objectives)
        trained, compressed = by_model(files.trained), by_scheme(files.compressed)
        metrics, chosen = metrics_by_scheme(files.metrics), by_scheme(files.chosen)
        names = model_names(references, selected)
        return cls(
            config=config,
            versions=versions,
            selected=selected,
            trials=trials,
            models=read_models(files.references, trials, selected, references, trained, objectives),
            trained={name: trained[name] for name in names},
            metrics=metrics,
            chosen=chosen,
            searches=compression_searches(files.compression_trials, metrics, chosen),
            compressed=compressed,
            circuits=by_scheme(files.circuits),
            verified=by_scheme(files.verified),
            order=in_model_order(compressed, names, [*config["compression"]["schemes"], MIXED]),
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
    task = find_task(config["task"]["name"])
    return render(
        "report.html.j2",
        run=run,
        data=data,
        not_published=NOT_PUBLISHED,
        config_text=yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True),
        commit=commit,
        objectives=joined([find_measure(ARCHITECTURES, name).words for name in config["search"]["objectives"]]),
        **_data_words(config["data"], data.info),
        method=sections.METHOD_WORDS[config["search"]["method"]],
        is_nac=set(config["search"]["objectives"]) == NAC_OBJECTIVES,
        plotly=plotly_library(),
        **_search_parts(run, files),
        required=compression.required_accuracy_words(config["selection"]["min_score"]),
        **_compression_parts(run, files, data.info.examples),
        **_hardware_parts(run, files, data),
        **_performance_parts(run, files, task, data),
        score=task.score_words[0],
        scores=task.score_words[1],
        scores_title=titled(task.score_words[1]),
        data_card=picture(files.data_card),
        hypervolume=picture(files.hypervolume),
        training_curves=picture(files.training_curves),
    )


def _search_parts(run: Run, files: RunFiles) -> dict[str, Any]:
    objectives, surrogate = run.config["search"]["objectives"], run.config["hardware"]["surrogate"]
    names = {candidate["trial"]: candidate["name"] for candidate in run.selected["candidates"]}
    chosen = run.trials.set_index("trial", drop=False).loc[list(names)]
    pareto = run.trials[run.trials["pareto"]].sort_values("accuracy", ascending=False)
    return {
        "fronts": [
            {
                "name": projection.name,
                "title": projection.title(objectives),
                "plot": interactive_projection(run.trials, run.models, projection, objectives),
                "picture": picture(path),
            }
            for projection, path in zip(projections(objectives), files.fronts, strict=True)
        ],
        "space_table": table1(table1_rows(run.config["search"]["space"])),
        "pareto_table": sections.network_table("Pareto-optimal networks", pareto, surrogate, objectives, names),
        "failed_table": sections.failed_table(run.trials),
        "only_relu": {*chosen["activation"], *(r["activation"] for r in run.config["references"].values())} <= {"relu"},
        "chosen_table": sections.network_table("The chosen networks", chosen, surrogate, objectives, names),
    }


def _compression_parts(run: Run, files: RunFiles, examples: str) -> dict[str, Any]:
    rows = table3_rows(run.order, run.compressed, run.circuits)
    schemes = list(dict.fromkeys(scheme for _, scheme in run.order))
    pruned = [scheme for scheme in schemes if scheme != MIXED]
    settings = run.config["compression"]
    return {
        "treatments": compression.treatments(schemes),
        "pruning": pruned
        and {
            "schemes": scheme_note(pruned),
            "warm_up": compression.warm_up_words(settings["warmup_epochs"], "at the scheme's bits"),
            "picture": picture(files.pruning_curves),
            "table": compression.compression_table(rows, run.metrics, run.chosen),
        },
        "searching": run.searches
        and {
            **compression.search_words(run.searches, run.config, examples),
            "method": sections.METHOD_WORDS[settings["search"]["method"]],
            "picture": picture(files.compression_fronts),
            "table": compression.search_table(run.searches, settings["search"]["objectives"]),
        },
    }


def _hardware_parts(run: Run, files: RunFiles, data: DataSet) -> dict[str, Any]:
    hardware, synthesis = run.config["hardware"], run.config["synthesis"]
    rows = table3_rows(run.order, run.compressed, run.circuits)
    costs = extra_costs(ARCHITECTURES, run.config["search"]["objectives"])
    return {
        "table2": table2(
            table2_rows(run.models, run.trained, costs),
            data,
            run.versions,
            hardware["surrogate"],
            hardware["bit_width"],
            costs,
        ),
        "table3": table3(rows, data, run.versions, run.circuits.values(), synthesis["part"]),
        "timing_table": sections.timing_table(run.order, run.circuits),
        "timing_sentence": sections.timing_sentence(run.order, run.circuits),
        "estimate_table": _estimates(run, files),
        "estimates": picture(files.estimates),
        "verification_table": sections.verification_table(run.order, run.verified, data.info.examples),
        "verification_sentence": sections.verification_sentence(run.verified),
        "origin_table": sections.origin_table(run.order, run.circuits),
        "backend_notes": backend_notes(rows),
        "circuit_sentences": sections.circuit_sentences(rows, list(run.config["references"]), data.info.examples),
        "parallelism": sections.parallelism(rows, synthesis),
    }


def _performance_parts(run: Run, files: RunFiles, task: Task, data: DataSet) -> dict[str, Any]:
    measured: dict[Key, Any] = {(model, FLOAT): entry for model, entry in by_model(files.measured).items()}
    measured |= by_scheme(files.measured_compressed)
    models = list(run.trained)
    order = sorted([*((model, FLOAT) for model in models), *run.order], key=lambda key: models.index(key[0]))
    n = len(task.pictures)
    drawn = {model_and_scheme(path): files.pictures[i * n : (i + 1) * n] for i, path in enumerate(files.compressed)}
    examples = data.info.examples
    return {
        "task": task,
        "performance_table": performance_table(
            order, measured, task, task.complete(run.config["task"]["options"]), examples
        ),
        "pictures": [
            {
                "heading": shown.heading,
                "caption": shown.caption.replace("{examples}", examples),
                "of": [{"model": m, "scheme": s, "picture": picture(drawn[m, s][number])} for m, s in run.order],
            }
            for number, shown in enumerate(task.pictures)
        ],
    }


def _estimates(run: Run, files: RunFiles) -> Table:
    surrogate = Surrogate(**run.config["hardware"]["surrogate"])
    rule4ml = rule4ml_of_models(files.references, run.trials, run.selected, list(run.config["references"]))
    networks = {model_and_scheme(path): FixedPointNetwork.load(path) for path in files.fixed_points}
    rows = estimate_rows(run.order, run.circuits, networks, rule4ml, surrogate)
    return estimate_table(rows, [circuit["tool"] for circuit in run.circuits.values() if circuit["tool"]], surrogate)


def _plain(value: Any) -> Any:
    """Return a config as the plain types that YAML's safe writer knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
