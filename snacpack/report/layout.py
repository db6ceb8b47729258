"""Tables 1 to 3 as people read them: headings with units, best values bold, notes; Markdown and HTML."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from snacpack.costs.objective import MINIMISED, RULE4ML, Measure
from snacpack.costs.registry import ARCHITECTURES, find_measure, find_objective
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.scheme import MIXED, Scheme
from snacpack.report.records import DataSet
from snacpack.report.tables import (
    NO_CIRCUIT,
    RESOURCES,
    TABLE3_FORMATS,
    Row,
    table2_columns,
    table2_formats,
    write_number,
)
from snacpack.synthesis.registry import find_backend
from snacpack.tasks.registry import current_task, score_word, titled
from snacpack.tasks.task import CLASSES

Best = Callable[[Sequence[float]], float]

MISSING = "\N{EN DASH}"
EXTRAPOLATED = "\N{DAGGER}"
"""The sign of an estimate of a network that is unlike those that rule4ml was trained on."""


@dataclass(frozen=True)
class Cell:
    """A table's cell; ``best`` marks the best value of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table to read: a title, a heading for each column, rows of cells and notes below.

    ``n_text`` columns from the left hold words, the others numbers.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    n_text: int = 1

    def __post_init__(self) -> None:
        if any(len(row) != len(self.headings) for row in self.rows):
            raise ValueError(f"a row of the table {self.title!r} has not {len(self.headings)} cells")

    def to_markdown(self) -> str:
        """Return the table as a Markdown document."""
        ruler = ["---"] * self.n_text + ["---:"] * (len(self.headings) - self.n_text)
        lines = [f"**{self.title}**", "", _markdown_row(self.headings), _markdown_row(ruler)]
        lines += [_markdown_row([f"**{c.text}**" if c.best else c.text for c in row]) for row in self.rows]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes), ""])

    def to_html(self) -> Markup:
        """Return the table as an HTML fragment, everything escaped."""
        from snacpack.report.page import render

        return Markup(render("table.html.j2", table=self))


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def best_rows(rows: Sequence[Row], name: str, specification: str, best: Best) -> set[int]:
    """Return the indices of the rows whose value, as it is written, is the best of several.

    Values that read the same are equally good. A column of one value, or of equal values, has no best.
    """
    known = {i: float(write_number(row[name], specification)) for i, row in enumerate(rows) if row[name] is not None}
    if len(set(known.values())) < 2:
        return set()
    target = best(list(known.values()))
    return {i for i, value in known.items() if value == target}


def table1(rows: Sequence[Row]) -> Table:
    """Lay out the search space."""
    cells = tuple((Cell(row["parameter"]), Cell(row["space"])) for row in rows)
    return Table("Table 1. Search space", ("Parameter", "Space"), cells, n_text=2)


def joined(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def table2(
    rows: Sequence[Row],
    data: DataSet,
    versions: Mapping[str, str],
    surrogate: Mapping,
    bit_width: int,
    costs: Sequence[str] = (),
) -> Table:
    """Lay out accuracy and estimated cost of the float networks.

    Parameters
    ----------
    rows
        Result of :func:`snacpack.report.tables.table2_rows`.
    data, versions
        The data set, and the versions of the packages that write the table.
    surrogate, bit_width
        The config's ``hardware.surrogate`` and ``hardware.bit_width``.
    costs
        Names of objectives that the table has beside those of every run.
    """
    names, formats = table2_columns(costs), table2_formats(costs)
    measures = {column: find_measure(ARCHITECTURES, name) for name, column in names.items()}
    least = {column: find_objective(name).direction == MINIMISED for name, column in names.items()}
    columns = {"accuracy_percent": max, **{column: min if least[column] else max for column in least}}
    best = {name: best_rows(rows, name, formats[name], pick) for name, pick in columns.items()}
    cells = []
    for i, row in enumerate(rows):
        text = {name: grouped(row[name], specification) for name, specification in formats.items()}
        text["accuracy_percent"] = accuracy_with_interval(row)
        for name, measure in measures.items():
            text[name] += EXTRAPOLATED if row["extrapolated"] and measure.by == RULE4ML else ""
        cells.append((Cell(row["model"]), Cell(row["architecture"]), *(Cell(text[c], i in best[c]) for c in columns)))
    headings = (
        "Model",
        "Architecture",
        f"{titled(score_word())} [%] (68% interval)",
        *(measure.heading for measure in measures.values()),
    )
    estimator = f"rule4ml ({surrogate['weights']} weights, {surrogate['board']}, "
    estimator += (
        f"{surrogate['precision']}, {surrogate['strategy']} strategy, reuse factor {surrogate['reuse_factor']})"
    )
    notes = (
        data_note(data),
        f"{titled(score_word())}: float networks on the test {data.info.scored}. The interval is {_interval_words()} "
        "at 68.27% and covers counting statistics only, not the scatter between trainings from different seeds; all "
        f"models see the same {data.info.examples}.",
        *cost_notes(list(measures.values()), bit_width, estimator),
        *extrapolation_notes(surrogate, any(row["extrapolated"] for row in rows)),
        "Bold: the best value of a column.",
        version_note(versions, ("torch", "rule4ml")),
    )
    title = f"Table 2. {titled(score_word())} and estimated cost of the float networks"
    return Table(title, headings, tuple(cells), notes, 2)


def cost_notes(measures: Sequence[Measure], bit_width: int, estimator: str) -> list[str]:
    """Define costs: one note on those that are counted, another on those that ``estimator`` estimates."""
    counted = [measure for measure in measures if measure.by != RULE4ML]
    estimated = joined([measure.define(bit_width) for measure in measures if measure.by == RULE4ML])
    return [
        " ".join(f"{measure.axis}: {measure.define(bit_width)}." for measure in counted),
        f"{estimated[:1].upper()}{estimated[1:]} are estimated before any synthesis by {estimator}.",
    ]


def extrapolation_notes(surrogate: Mapping[str, Any], needed: bool) -> list[str]:
    """Say what the sign of an extrapolated estimate means, where a table has one."""
    if not needed:
        return []
    return [
        f"{EXTRAPOLATED} An extrapolation: rule4ml's {surrogate['weights']} weights were trained on "
        f"{Surrogate(**surrogate).training_words}. This network is another one, and its cost may be far from the "
        "estimate."
    ]


def table3(
    rows: Sequence[Row], data: DataSet, versions: Mapping[str, str], circuits: Iterable[Mapping[str, Any]], part: str
) -> Table:
    """Lay out accuracy after compression and the circuits.

    Parameters
    ----------
    rows
        Result of :func:`snacpack.report.tables.table3_rows`.
    data, versions
        The data set, and the versions of the packages that write the table.
    circuits, part
        Content of synthesis' ``report.json`` files, which name their tools, and the FPGA.
    """
    circuits = list(circuits)
    tools = dict.fromkeys(circuit["tool"] for circuit in circuits if circuit["tool"])
    lowest = ("latency_ns", "ii_ns", *RESOURCES)
    best = {name: best_rows(rows, name, TABLE3_FORMATS[name], min) for name in lowest}
    best["accuracy_percent"] = best_rows(rows, "accuracy_percent", TABLE3_FORMATS["accuracy_percent"], max)
    cells = tuple(
        _table3_cells(row, {name for name, indices in best.items() if i in indices}) for i, row in enumerate(rows)
    )
    headings = (
        "Model",
        "Scheme",
        "Sparsity [%]",
        f"{titled(score_word())} [%] (68% interval)",
        "Latency [ns] (cc)",
        "II [ns] (cc)",
        *(name.upper() for name in RESOURCES),
    )
    clocks = sorted({row["clock_period_ns"] for row in rows})
    notes = (
        data_note(data),
        f"{titled(score_word())}: the quantised and pruned network on the test {data.info.scored}, with "
        f"{_interval_words('interval')} at 68.27%. Sparsity: weights that are zero. "
        "cc: clock cycles. II: initiation interval. In brackets behind the resources: percent of the part.",
        scheme_note(row["scheme"] for row in rows),
        f"Part {part}; target clock period: {', '.join(f'{clock:g} ns' for clock in clocks)}.",
        *no_circuit_notes(rows),
        *backend_notes(rows),
        *reuse_notes(circuits),
        "Bold: the best value of a column.",
        f"Tools: {'; '.join(tools) or 'none'}. " + version_note(versions, ("brevitas", "qonnx", "hls4ml", "da4ml")),
    )
    return Table("Table 3. The compressed networks as circuits", headings, cells, notes, 2)


def no_circuit_notes(rows: Sequence[Row]) -> list[str]:
    """Say why some of table 3's rows have no circuit, a note for each."""
    return [f"{row['model']} {row['scheme']} has {row['failure']}." for row in rows if row["failure"]]


def reuse_notes(circuits: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say where hls4ml wrote other reuse factors into its project than it was asked for."""
    changed = []
    for circuit in circuits:
        asked, written = (circuit.get("hls4ml", {}).get(name) for name in ("reuse_factor", "reuse_factors"))
        if written and set(written) != {asked}:
            changed.append(f"{circuit['model']} {circuit['scheme']}: {', '.join(map(str, written))} instead of {asked}")
    if not changed:
        return []
    return [
        "Reuse factors in the hls4ml projects, layer by layer, where hls4ml replaced the one asked for by the nearest "
        f"that fits the layer's size: {'; '.join(changed)}."
    ]


def bits_words(scheme: str) -> str:
    """Say what a scheme stands for: ``8-bit weights, activations and inputs``."""
    if scheme == MIXED:
        return "bits of each layer, chosen by a search"
    bits = Scheme.parse(scheme)
    if bits.input_bits != bits.activation_bits:
        return f"{bits.weight_bits}-bit weights, {bits.activation_bits}-bit activations, {bits.input_bits}-bit inputs"
    if bits.weight_bits != bits.activation_bits:
        return f"{bits.weight_bits}-bit weights, {bits.activation_bits}-bit activations and inputs"
    return f"{bits.weight_bits}-bit weights, activations and inputs"


def scheme_note(schemes: Iterable[str]) -> str:
    """Say in words what each of the schemes is."""
    words = [f"{scheme} stands for {bits_words(scheme)}" for scheme in dict.fromkeys(schemes)]
    return f"{'; '.join(words) or 'There are no schemes'}."


def backend_notes(rows: Sequence[Row]) -> list[str]:
    """Say where the numbers of table 3's rows come from, a note for each backend among them."""
    return [find_backend(name).note for name in sorted({row["backend"] for row in rows})]


def _table3_cells(row: Row, best: set[str]) -> tuple[Cell, ...]:
    def value(name: str) -> str:
        return grouped(row[name], TABLE3_FORMATS[name])

    def time(name: str, cycles: str) -> Cell:
        return Cell(f"{row[name]:g} ({value(cycles)})", name in best)

    network = (
        Cell(row["model"]),
        Cell(row["scheme"]),
        Cell(f"{100 * row['sparsity']:.1f}"),
        Cell(accuracy_with_interval(row), "accuracy_percent" in best),
    )
    if row["failure"]:
        return (*network, Cell(NO_CIRCUIT), *[Cell(MISSING)] * (1 + len(RESOURCES)))
    return (
        *network,
        time("latency_ns", "latency_cycles"),
        time("ii_ns", "ii_cycles"),
        *(Cell(f"{value(name)} ({value(f'{name}_percent')}%)", name in best) for name in RESOURCES),
    )


def _interval_words(noun: str = "") -> str:
    if current_task().targets == CLASSES:
        return f"Wilson's {noun}".strip()
    return f"the {noun} of a bootstrap" if noun else "that of a bootstrap"


def accuracy_with_interval(row: Row) -> str:
    """Write an accuracy in percent with its interval."""
    return f"{row['accuracy_percent']:.2f} ({row['accuracy_low']:.2f} to {row['accuracy_high']:.2f})"


def grouped(value: object, specification: str) -> str:
    """Write a value for readers, thousands grouped, and a dash where there is none."""
    if value is None:
        return MISSING
    text = write_number(value, specification)
    return f"{int(text):,}" if specification == "d" else text


NOT_PUBLISHED = (
    "These jets are simulated, not the published hls4ml jets. With the default settings they match published jets as "
    "far as docs/data.md says; accuracies are those of simulated jets."
)


def data_note(data: DataSet) -> str:
    """Say which examples the accuracies are from."""
    counts = (
        f"Data: {data.info.source}; {data.n_examples['test']:,} test {data.info.examples}, on which no choice was made "
        f"({data.n_examples['train']:,} training, {data.n_examples['val']:,} validation)."
    )
    if data.info.weighted:
        counts += (
            " Each example counts by its weight, and intervals are those of the effective number of examples, "
            "(sum of w)^2 / sum of w^2, or of draws of the weighted examples."
        )
    return f"{counts} {NOT_PUBLISHED}" if data.simulated else counts


def version_note(versions: Mapping[str, str], names: Sequence[str]) -> str:
    """List snacpack's version and those of ``names`` that are known, as those of the job that writes the table."""
    known = ", ".join(f"{name} {versions[name]}" for name in ("snacpack", *names) if name in versions)
    return f"Packages that wrote this table (a job is not repeated when only they change): {known}."
