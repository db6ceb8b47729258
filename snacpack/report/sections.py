"""The report's own tables and sentences: what was chosen, compressed, synthesised and verified."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from snacpack.costs.objective import RULE4ML
from snacpack.costs.registry import ARCHITECTURES, find_measure, shown_costs, validated
from snacpack.networks.scheme import MIXED
from snacpack.report.layout import EXTRAPOLATED, MISSING, Cell, Table, extrapolation_notes, joined
from snacpack.report.records import Key
from snacpack.report.tables import Row, short_float
from snacpack.synthesis.registry import find_backend
from snacpack.synthesis.timing import CLOCK_UNCERTAINTY
from snacpack.tasks.registry import current_task, score_word
from snacpack.tasks.task import CLASSES

METHOD_WORDS = {"nsga2": "NSGA-II", "random": "A random search"}
COMPARISON_WORDS = {
    "fixed_point": "integer arithmetic (NumPy)",
    "qonnx": "QONNX file",
    "hls4ml": "hls4ml C++",
    "da4ml": "da4ml logic",
    "verilog": "Verilog",
}


def cells(*texts: object) -> tuple[Cell, ...]:
    """Return a table's row from plain values; None is shown as missing."""
    return tuple(Cell(MISSING if text is None else str(text)) for text in texts)


def network_table(
    title: str,
    trials: pd.DataFrame,
    surrogate: Mapping[str, Any],
    objectives: Sequence[str],
    names: Mapping[int, str],
) -> Table:
    """Lay out trials with their hyper-parameters, their costs, and their names if they are candidates."""
    costs = [*validated(ARCHITECTURES, objectives), *shown_costs(ARCHITECTURES, objectives)]
    headings = ("Network", "Architecture", "Activation", "Batch norm", "Learning rate", "L1", "Dropout")
    headings += tuple(find_measure(ARCHITECTURES, name).heading for name in ("accuracy", *costs))
    rows = tuple(
        cells(
            names.get(trial["trial"], f"trial {trial['trial']}"),
            trial["architecture"],
            trial["activation"],
            "yes" if str(trial["batch_norm"]).lower() == "true" else "no",
            *(short_float(trial[name]) for name in ("learning_rate", "l1", "dropout")),
            f"{100 * trial['accuracy']:.2f}",
            *(_cost(trial, name) for name in costs),
        )
        for _, trial in trials.iterrows()
    )
    notes = extrapolation_notes(surrogate, bool(trials["extrapolated"].any()))
    return Table(title, headings, rows, tuple(notes), n_text=3)


def _cost(trial: pd.Series, name: str) -> str:
    measure = find_measure(ARCHITECTURES, name)
    sign = EXTRAPOLATED if trial["extrapolated"] and measure.by == RULE4ML else ""
    return f"{measure.write(trial[name])}{sign}"


def failed_table(trials: pd.DataFrame) -> Table | None:
    """Lay out the trials that failed with their reasons, None if none did."""
    failed = trials[trials["failure"] != ""]
    if failed.empty:
        return None
    rows = tuple(
        cells(f"trial {t['trial']}", t["architecture"], t["failure"], t["generation"]) for _, t in failed.iterrows()
    )
    return Table("Trials that failed", ("Trial", "Architecture", "Reason", "Generation"), rows, n_text=3)


def timing_table(order: Sequence[Key], circuits: Mapping[Key, Mapping[str, Any]]) -> Table | None:
    """Lay out what the longest paths say about the clock, None if no circuit carries such an estimate."""
    rows, families = [], []
    for key in order:
        timing = circuits[key].get("timing")
        # A vendor's tool says what its own estimate is, and nothing of paths.
        if timing is None or "stages" not in timing:
            continue
        families.append(timing["delays"])
        period = timing["estimated_clock_period_ns"]
        rows.append(
            cells(
                *key,
                f"{circuits[key]['clock_period_ns']:g}",
                f"{period:.2f} ({1000 / period:.0f})",
                "yes" if timing["meets_target"] else "no",
                f"{timing['worst_stage'] + 1} of {len(timing['stages'])}",
                *(timing[name] for name in ("lut_levels", "carry_bits")),
                *(f"{timing[name]:.2f}" for name in ("logic_ns", "routing_ns")),
            )
        )
    headings = ("Model", "Scheme", "Target clock period [ns]", "Estimated [ns] (MHz)", "Meets it", "Deciding stage")
    headings += ("LUT levels", "Carry bits", "Cells [ns]", "Wires [ns]")
    notes = (
        "The times are estimates that no placing and routing confirms. They follow the longest path of each pipeline "
        "stage through the cells that Yosys mapped it to, with delays of "
        f"{joined(list(dict.fromkeys(families)))} cells. Every wire between "
        f"slices is assumed to take the same time, and {CLOCK_UNCERTAINTY:.0%} of the period is kept in reserve. Wires "
        "with many readers, and those across the chip, take longer.",
        "LUT levels and carry bits: look-up tables, and bits of carry chains, on the longest path of the "
        "slowest stage.",
    )
    return Table("Estimated timing", headings, tuple(rows), notes, n_text=2) if rows else None


def timing_sentence(order: Sequence[Key], circuits: Mapping[Key, Mapping[str, Any]]) -> str:
    """Say which circuits miss the clock period that was asked for, by the estimate of those that have one."""
    estimated = [key for key in order if circuits[key].get("timing")]
    missed = [" ".join(key) for key in estimated if not circuits[key]["timing"]["meets_target"]]
    if missed:
        return f"By the estimate below, {joined(missed)} {'misses' if len(missed) == 1 else 'miss'} the target clock."
    return "By the estimate below, every circuit meets the target clock."


def verification_table(order: Sequence[Key], verified: Mapping[Key, Mapping[str, Any]], examples: str) -> Table:
    """Lay out every comparison of a description of a network with the trained network's output on test examples."""
    of_classes = current_task().targets == CLASSES
    rows = []
    for key in order:
        for comparison in verified[key]["comparisons"]:
            name, simulator = comparison["name"], comparison.get("simulator")
            exact = comparison["exact"]
            rows.append(
                cells(
                    *key,
                    COMPARISON_WORDS.get(name, name),
                    simulator or None,
                    "exact" if exact else "differs",
                    f"{comparison['n_jets']:,}",
                    "0" if exact else f"{comparison['max_difference']:.3g}",
                    *([f"{100 * comparison['class_agreement']:.2f}"] if of_classes else []),
                )
            )
    headings = ("Model", "Scheme", "Description", "Run by", "Result", f"Test {examples}")
    headings += ("Largest difference of a logit", "Same class [%]") if of_classes else ("Largest difference",)
    notes = (
        f"Each description's {'logits' if of_classes else 'outputs'} against those of the trained, quantised PyTorch "
        "(Brevitas) network.",
        *(
            f"{' '.join(key)} has no circuit: {verified[key]['failure']}."
            for key in order
            if verified[key].get("failure")
        ),
    )
    return Table("Comparisons with the trained network", headings, tuple(rows), notes, n_text=5)


_NUMBER_WORDS = {"ii": "interval", "dsp": "DSP", "lut": "LUT", "ff": "FF", "bram": "BRAM"}
_UNIT_WORDS = {"cycles": "[cycles]", "ns": "[ns]", "percent": "[%]"}


def number_words(name: str) -> str:
    """Return how a number of ``report.json`` is called in table 3: ``latency [ns]`` for ``latency_ns``."""
    words = [{**_NUMBER_WORDS, **_UNIT_WORDS}.get(word, word) for word in name.split("_")]
    return " ".join(words)


def origin_table(order: Sequence[Key], circuits: Mapping[Key, Mapping[str, Any]]) -> Table:
    """Lay out where each number of table 3 comes from; models that share an origin share a row."""
    owners: dict[tuple[str, str], list[str]] = {}
    for key in order:
        for number, sentence in circuits[key]["origin"].items():
            owners.setdefault((number, sentence), []).append(" ".join(key))
    numbers: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (number, sentence), models in owners.items():
        numbers.setdefault((sentence, tuple(models)), []).append(number)
    n_built = sum(not circuits[key].get("failure") for key in order)
    rows = tuple(
        cells(", ".join(map(number_words, names)), sentence, "all" if len(models) == n_built else ", ".join(models))
        for (sentence, models), names in numbers.items()
    )
    return Table("Origin of table 3's numbers", ("Number", "Origin", "Models"), rows, n_text=3)


def verification_sentence(verified: Mapping[Key, Mapping[str, Any]]) -> str:
    """Summarise all comparisons in a sentence."""
    comparisons = [comparison for record in verified.values() for comparison in record["comparisons"]]
    unequal = [comparison for comparison in comparisons if not comparison["exact"]]
    if not comparisons:
        return "No description of a circuit was compared with its trained network."
    if not unequal:
        return (
            f"All {len(comparisons)} comparisons of a circuit's description with its trained network are exact, "
            "bit for bit."
        )
    worst = max(comparison["max_difference"] for comparison in unequal)
    return (
        f"{len(comparisons) - len(unequal)} of {len(comparisons)} comparisons of a circuit's description with its "
        f"trained network are exact, bit for bit; the largest difference of an output in the others is {worst:.3g}."
    )


def circuit_sentences(rows: Sequence[Row], references: Sequence[str], examples: str) -> list[str]:
    """Compare each candidate's circuit with the first reference's, and say which network has none, a sentence each.

    That is the one of the same scheme; a circuit with bits of each layer's own is compared with the others too.
    """
    sentences = []
    standard = {row["scheme"]: row for row in rows if row["model"] == references[0]} if references else {}
    for row in rows:
        if row["failure"]:
            sentences.append(f"{_treated(row)} has {row['failure']}.")
        others = [standard[row["scheme"]]] if row["scheme"] in standard else []
        others += [standard[scheme] for scheme in standard if row["scheme"] == MIXED != scheme]
        others = [other for other in others if other["lut"]]
        if row["model"] not in references and row["lut"] and others:
            sentences.append(_circuit_sentence(row, others, examples))
    return sentences


def _circuit_sentence(row: Row, others: Sequence[Row], examples: str) -> str:
    shares = [f"{100 * row['lut'] / other['lut']:.0f}% of those of {_treated(other)}" for other in others]
    if current_task().targets == CLASSES:
        reached = f"classifies {_percent_with_interval(row)} of the test {examples} correctly"
    else:
        reached = f"reaches an {score_word()} of {_percent_with_interval(row)} on the test {examples}"
    return (
        f"{_treated(row)} {reached}, "
        f"{_treated(others[0])} {_percent_with_interval(others[0])}, each with its 68% interval. It takes "
        f"{row['lut']:,} LUTs, {joined(shares)}, and its latency is "
        f"{row['latency_cycles']} clock cycles, against {others[0]['latency_cycles']}."
    )


def _treated(row: Row) -> str:
    return f"{row['model']} {'with mixed bits' if row['scheme'] == MIXED else 'at ' + row['scheme']}"


def _percent_with_interval(row: Row) -> str:
    return f"{row['accuracy_percent']:.2f}% ({row['accuracy_low']:.2f} to {row['accuracy_high']:.2f})"


def parallelism(rows: Sequence[Row], synthesis: Mapping[str, Any]) -> str:
    """Say how far the circuits of table 3's rows share their logic, in words to follow the name of the part.

    da4ml's are always fully parallel; those of a vendor's backend are what the config's ``synthesis`` asks for.
    """
    vendors = sorted(name for name in {row["backend"] for row in rows} if find_backend(name).vendor)
    io_type, reuse_factor = synthesis["io_type"], synthesis["reuse_factor"]
    if not vendors or (io_type == "io_parallel" and reuse_factor == 1):
        return "fully parallel"
    return f"with hls4ml's {io_type} and, where it fits, a reuse factor of {reuse_factor} for {joined(vendors)}"
