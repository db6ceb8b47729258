"""Writing a table's three files."""

from collections.abc import Mapping, Sequence
from typing import Any

from snacpack.core.files import write_text
from snacpack.report.layout import Table
from snacpack.report.page import render
from snacpack.report.tables import Row, write_csv


def write_table(rows: Sequence[Row], formats: Mapping[str, str], table: Table, output: Any) -> None:
    """Write ``output.csv`` from the rows, ``output.markdown`` and ``output.html`` from the table to read."""
    write_csv(rows, formats, output.csv)
    write_text(table.to_markdown(), output.markdown)
    write_text(render("table_page.html.j2", table=table), output.html)
