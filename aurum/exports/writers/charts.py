"""The chart of a workbook: mids by start of delivery, of its first curves and as-of dates that have one unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.chart.series import SeriesLabel

from aurum.exports.writers.rows import fit

_COLOURS = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "000000", "B59F00")  # told apart by most eyes
_MOST_LINES = len(_COLOURS)
_WIDTH = 19_050  # of a line: 1.5 points, 12,700 to each
_LOOKED_AT = ("curve_key", "as_of", "tenor_type", "name", "currency", "unit")


@dataclass(slots=True)
class _Line:
    """Rows of a sheet, both included."""

    key: tuple[Any, ...]
    title: str
    first: int
    last: int


class Charted:
    """Looks at every row, in order. A line is what one curve has of one as-of date and kind of tenor: its first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._at = {name: place for place, name in enumerate(names)}
        self._lines: list[_Line] = []
        self._snapshots: set[tuple[Any, Any]] = set()
        self._unit: tuple[Any, Any] | None = None
        self._row = 1

    def look(self, batch: Any) -> None:
        columns = [batch.column(name).to_pylist() for name in _LOOKED_AT]
        for curve, as_of, type_, name, currency, unit in zip(*columns, strict=True):
            self._row += 1
            if self._lines and self._lines[-1].key == (curve, as_of, type_):
                self._lines[-1].last = self._row
            elif (curve, as_of) not in self._snapshots and len(self._lines) < _MOST_LINES:
                self._unit = self._unit or (currency, unit)
                if (currency, unit) == self._unit:
                    self._snapshots.add((curve, as_of))
                    self._lines.append(_Line((curve, as_of, type_), fit(f"{name}, {as_of}"), self._row, self._row))

    def chart(self, sheet: Any) -> ScatterChart | None:
        if self._unit is None:
            return None
        chart = ScatterChart()
        chart.title = "Mid by start of delivery"
        chart.width, chart.height = 28, 14
        chart.x_axis.number_format, chart.x_axis.title = "mmm yy", "Delivery"
        chart.y_axis.title = "/".join(text or "?" for text in self._unit)
        chart.x_axis.delete = chart.y_axis.delete = False  # without it Excel shows none
        for line, colour in zip(self._lines, _COLOURS, strict=False):
            series = Series(self._column(sheet, "mid", line), self._column(sheet, "delivery_start", line))
            series.tx = SeriesLabel(v=line.title)
            series.marker.symbol = "none"
            series.graphicalProperties.line.solidFill, series.graphicalProperties.line.width = colour, _WIDTH
            series.smooth = False
            chart.series.append(series)
        return chart

    def _column(self, sheet: Any, name: str, line: _Line) -> Reference:
        return Reference(sheet, min_col=self._at[name] + 1, min_row=line.first, max_row=line.last)
