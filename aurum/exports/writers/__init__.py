"""The formats: each writes the same batches to a file, or to what takes bytes like one."""

from __future__ import annotations

from typing import IO, Any, Protocol

from aurum.exports.comparisons import ComparisonPlan
from aurum.exports.model import ExportFormat
from aurum.exports.plans import Plan
from aurum.exports.writers.columnar import ArrowWriter, ParquetWriter
from aurum.exports.writers.delimited import CsvWriter
from aurum.exports.writers.workbook import WorkbookWriter


class Writer(Protocol):
    def write(self, batch: Any) -> None:
        """A batch of the schema it was opened with."""

    def close(self) -> None:
        """Writes the end."""

    def discard(self) -> None:
        """In place of `close`, where it does not come to an end."""


def opened(format_: ExportFormat, plan: Plan | ComparisonPlan, schema: Any, sink: IO[bytes]) -> Writer:
    match format_:
        case ExportFormat.CSV:
            return CsvWriter(schema, sink)
        case ExportFormat.XLSX:
            return WorkbookWriter(plan, schema, sink)
        case ExportFormat.PARQUET:
            return ParquetWriter(schema, sink)
        case ExportFormat.ARROW:
            return ArrowWriter(schema, sink)
