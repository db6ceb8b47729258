"""The report's tables and words on compression: pruning at one precision, and searches for each layer's own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from snacpack.costs.objective import DA4ML, MINIMISED
from snacpack.costs.registry import (
    COMPRESSIONS,
    deciding_cost,
    extra_costs,
    find_measure,
    find_objective,
    shown_costs,
    validated,
)
from snacpack.networks.scheme import MIXED
from snacpack.report.layout import MISSING, Table, accuracy_with_interval, grouped, joined
from snacpack.report.records import CompressionSearch, Key
from snacpack.report.sections import cells
from snacpack.report.tables import Row
from snacpack.tasks.registry import score_word


def treatments(schemes: Sequence[str]) -> str:
    """Say how networks were compressed, to follow ``compressed``: ``to w8a8 and by a search for each layer's bits``."""
    pruned = [scheme for scheme in schemes if scheme != MIXED]
    ways = [f"to {joined(pruned)}"] if pruned else []
    return joined([*ways, *(["by a search for each layer's bits"] if MIXED in schemes else [])])


def warm_up_words(epochs: int, start: str) -> str:
    """Say how the epochs of a warm-up are spent, ``start`` being what its later part is trained at."""
    in_float = (epochs + 1) // 2
    if epochs == in_float:
        return "1 epoch in floating point"
    quantised = "the last one" if epochs - in_float == 1 else f"the last {epochs - in_float}"
    return (
        f"{epochs} epochs, the first {f'{in_float} ' if in_float > 1 else ''}in floating point and {quantised} {start}"
    )


def required_accuracy_words(wanted: float | str) -> str:
    """Say where an accuracy that is asked for, a ``min_score`` of the config, comes from."""
    if isinstance(wanted, str):
        return f"the {score_word()} of the reference {wanted} on them in floating point, trained by the same recipe"
    return "set in the configuration"


def compression_table(
    rows: Sequence[Row], metrics: Mapping[Key, pd.DataFrame], chosen: Mapping[Key, Mapping[str, Any]]
) -> Table:
    """Lay out the iteration of pruning that went to synthesis, for each of table 3's rows that was pruned so."""
    lines = []
    for row in rows:
        key = row["model"], row["scheme"]
        if row["scheme"] == MIXED:
            continue
        iteration = chosen[key]["iteration"]
        table = metrics[key].set_index("iteration")
        lines.append(
            cells(
                *key,
                chosen[key]["reason"],
                f"{iteration} of {table.index.max()}",
                f"{100 * chosen[key]['sparsity']:.1f}",
                f"{100 * chosen[key]['validation_accuracy']:.2f}",
                accuracy_with_interval(row),
                grouped(table.loc[iteration, "macs_left"], "d"),
                grouped(table.loc[iteration, "bops"], "d"),
            )
        )
    headings = ("Model", "Scheme", "Why this iteration", "Iteration", "Sparsity [%]", f"Val. {score_word()} [%]")
    headings += (f"Test {score_word()} [%] (68% interval)", "MACs left", "BOPs")
    return Table("The pruned networks", headings, tuple(lines), n_text=3)


def search_table(searches: Mapping[str, CompressionSearch], objectives: Sequence[str] = ()) -> Table:
    """Lay out what each search, by model in the run's order, chose, with its costs.

    Parameters
    ----------
    searches
        By model.
    objectives
        ``compression.search.objectives``; what is not among the costs of every report has columns of its own.
    """
    costs, lines = [*shown_costs(COMPRESSIONS, objectives), *validated(COMPRESSIONS, objectives)], []
    for model, search in searches.items():
        choice, wanted = search.choice, 100 * search.chosen["min_accuracy"]
        lines.append(
            cells(
                model,
                f"trial {choice['trial']}",
                choice["weight_bits"],
                choice["activation_bits"],
                choice["input_bits"],
                f"{100 * choice['sparsity']:.1f}",
                *(_cost(choice, name) for name in costs),
                f"{100 * choice['validation_accuracy']:.2f}",
                f"{wanted:.2f}, {'reached' if search.chosen['reached'] else 'not reached'}",
            )
        )
    headings = ("Model", "Choice", "Weight bits", "Activation bits", "Input bits", "Sparsity [%]")
    headings += tuple(find_measure(COMPRESSIONS, name).heading for name in costs)
    headings += (f"Val. {score_word()} [%]", "Asked for [%]")
    measures = [find_measure(COMPRESSIONS, name) for name in costs]
    estimated = [measure.note for measure in measures if measure.by == DA4ML]
    others = [measure for measure in measures if measure.by != DA4ML]
    notes = [
        "Bits: of each layer from the input on; the output layer has no activation. Sparsity: weights that are zero.",
        f"{joined(estimated)}: da4ml's estimates of the circuit, before synthesis; table 3 has the counts.",
        *(f"{measure.axis}: {measure.note or measure.words}." for measure in others),
        f"The choice used the validation {score_word()}, so this {score_word()} flatters the chosen networks; "
        "table 3's does not.",
    ]
    return Table("Networks that the searches chose", headings, tuple(lines), tuple(notes), n_text=4)


def _cost(choice: pd.Series, name: str) -> str:
    """Write a cost of a table's row, a dash where the table has none."""
    return MISSING if pd.isna(choice[name]) else find_measure(COMPRESSIONS, name).write(choice[name])


def reached_sentence(searches: Mapping[str, CompressionSearch], examples: str) -> str:
    """Say whose search reached the accuracy that was asked for."""
    reached = [model for model, search in searches.items() if search.chosen["reached"]]
    missed = [model for model in searches if model not in reached]
    words = (
        f"reached the required {score_word()} on validation {examples} with {joined(reached) or 'none of the networks'}"
    )
    return f"The search for each layer's bits {words}{f', not with {joined(missed)}' if reached and missed else ''}."


def failure_sentence(searches: Mapping[str, CompressionSearch]) -> str:
    """Say how many trials and finalists failed, and why the first did."""
    failures = []
    for model, search in searches.items():
        for table in (search.trials, search.finalists):
            failed = table[table["failure"] != ""]
            failures += [f"trial {row['trial']} of {model}: {row['failure']}" for _, row in failed.iterrows()]
    if not failures:
        return "None of their trials failed."
    return f"{len(failures)} of their trials failed and were left out; the first is {failures[0]}."


def search_words(searches: Mapping[str, CompressionSearch], config: Mapping[str, Any], examples: str) -> dict[str, Any]:
    """Return the words on the searches that the report's template fills in."""
    search = config["compression"]["search"]
    wanted = search["min_score"] if search["min_score"] is not None else config["selection"]["min_score"]
    words = {name: find_measure(COMPRESSIONS, name).words for name in search["objectives"]}
    deciding = deciding_cost(search["objectives"])
    extreme = "lowest" if find_objective(deciding).direction == MINIMISED else "highest"
    counted = not find_measure(COMPRESSIONS, deciding).digits
    return {
        "models": joined(list(searches)),
        "objectives": joined(list(words.values())),
        "others": joined([words[name] for name in extra_costs(COMPRESSIONS, search["objectives"])]),
        "best": f"{extreme} {'number of ' if counted else ''}{find_measure(COMPRESSIONS, deciding).words}",
        "required": required_accuracy_words(wanted),
        "start": warm_up_words(search["warmup_epochs"], f"at {search['start']}"),
        "reached": reached_sentence(searches, examples),
        "failures": failure_sentence(searches),
    }
