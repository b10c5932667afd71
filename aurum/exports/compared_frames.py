"""Rows of a comparison as Arrow batches: a row for each difference and run, with a column for each driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from aurum.curves.analytics.comparisons import Difference, RunValue
from aurum.curves.stories import NamedRun
from aurum.exports.comparisons import ComparisonPlan
from aurum.exports.selections import instant_text, run_text, written

_TEXT, _DAY, _NUMBER, _COUNT = pa.utf8(), pa.date32(), pa.float64(), pa.int32()
_Row = tuple[NamedRun, Difference, RunValue]


class ComparedFrames:
    def __init__(self, plan: ComparisonPlan) -> None:
        self._plan = plan
        self._columns: dict[str, tuple[Any, Callable[[NamedRun, Difference, RunValue], Any]]] = {
            "scenario_run": (_TEXT, lambda told, _, __: run_text(told.run_id)),
            "scenario": (_TEXT, lambda told, _, __: told.scenario),
            "scenario_version": (_COUNT, lambda told, _, __: told.version),
            "variation": (_TEXT, lambda told, _, __: told.variation),
            "curve_key": (_TEXT, lambda _, each, __: each.key),
            "name": (_TEXT, lambda _, each, __: plan.curves[each.key].name),
            "vendor": (_TEXT, lambda _, each, __: plan.curves[each.key].identity.vendor),
            "delivery": (_TEXT, lambda _, each, __: each.label),
            "delivery_start": (_DAY, lambda _, each, __: each.delivery.start),
            "delivery_end": (_DAY, lambda _, each, __: each.delivery.end),
            "points": (_COUNT, lambda _, each, __: each.points),
            "base": (_NUMBER, lambda _, __, value: value.base),
            "value": (_NUMBER, lambda _, __, value: value.value),
            "difference": (_NUMBER, lambda _, __, value: value.move),
            "spread": (_NUMBER, lambda _, each, __: each.spread),
            "currency": (_TEXT, lambda _, each, __: plan.curves[each.key].currency),
            "unit": (_TEXT, lambda _, each, __: plan.curves[each.key].unit),
        }
        fields = [pa.field(name, type_) for name, (type_, _) in self._columns.items()]
        fields += [pa.field(f"driver_{number}", _NUMBER) for number in range(plan.drivers)]
        known = {"aurum.selection": written(plan.selection), "aurum.known_at": instant_text(plan.known_at)}
        self.schema = pa.schema(fields, known)

    def batch(self, differences: Sequence[Difference]) -> Any:
        rows: list[_Row] = [
            (told, each, value)
            for each in differences
            for told, value in zip(self._plan.told, each.runs, strict=True)
            if value is not None
        ]
        columns = [pa.array([value(*row) for row in rows], type_) for type_, value in self._columns.values()]
        amounts = [(len(told.drivers), dict(value.contributions)) for told, _, value in rows]
        columns += [
            pa.array([of.get(number, 0.0) if number < count else None for count, of in amounts], _NUMBER)
            for number in range(self._plan.drivers)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)
