"""Rows of an export as Arrow batches: a row per point, the same in every format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from aurum.curves.model import Snapshot
from aurum.exports.plans import Plan, Priced
from aurum.exports.selections import instant_text, run_text, written
from aurum.market.finite import finite
from aurum.market.periods import TenorGrid

Array: TypeAlias = Any  # pyarrow has no types

_TEXT, _DAY, _INSTANT, _PRICE = pa.utf8(), pa.date32(), pa.timestamp("us", "UTC"), pa.float64()
SCHEMA = pa.schema(
    [
        ("curve_key", _TEXT), ("name", _TEXT), ("vendor", _TEXT),
        ("as_of", _DAY), ("version", pa.int32()), ("published_at", _INSTANT), ("known_at", _INSTANT),
        ("tenor", _TEXT), ("tenor_type", _TEXT), ("delivery_start", _DAY), ("delivery_end", _DAY),
        ("mid", _PRICE), ("bid", _PRICE), ("ask", _PRICE), ("withheld", pa.bool_()),
        ("currency", _TEXT), ("unit", _TEXT), ("cell", _TEXT),
    ]
)  # fmt: skip
_OF_RUN = pa.schema([("scenario_run", _TEXT), ("base", _PRICE)])  # more, of a run of a scenario


@dataclass(frozen=True, slots=True)
class _Tenors:
    """The chosen ones of a grid. `places` is None where these are all."""

    count: int
    places: list[int] | None
    columns: dict[str, Array]


class Frames:
    """Makes batches of snapshots. Their schema says what was asked, and when it was known."""

    def __init__(self, plan: Plan) -> None:
        self._selection = plan.selection
        self._known_at = plan.known_at
        self._run = None if plan.told is None else run_text(plan.told.run_id)
        self._grids: dict[TenorGrid, _Tenors] = {}
        columns = SCHEMA if plan.told is None else pa.schema([*SCHEMA, *_OF_RUN])
        self.schema = columns.with_metadata(_metadata(plan))

    def batch(self, rows: Sequence[tuple[Priced, Snapshot]]) -> Any:
        tenors = [self._tenors(snapshot.prices.tenors) for _, snapshot in rows]
        of_row = pa.array(np.repeat(np.arange(len(rows)), [each.count for each in tenors]))

        def repeated(value: Callable[[Priced, Snapshot], Any], type_: Any) -> Array:
            return pa.array([value(priced, snapshot) for priced, snapshot in rows], type_).take(of_row)

        def side(name: str, of: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot) -> Array:
            sides = [
                _side(getattr(of(snapshot).prices, name), each, priced.factor)
                for (priced, snapshot), each in zip(rows, tenors, strict=True)
            ]
            return pa.array(np.concatenate(sides), _PRICE, from_pandas=True)

        cells = [
            snapshot.prices.mid_cells.address(place) if snapshot.prices.mid_cells else None
            for (_, snapshot), each in zip(rows, tenors, strict=True)
            for place in _places(each)
        ]
        withheld = [
            place in held
            for (_, snapshot), each in zip(rows, tenors, strict=True)
            for held in [frozenset(snapshot.prices.withheld)]
            for place in _places(each)
        ]
        columns = {
            "curve_key": repeated(lambda priced, _: priced.curve.key, _TEXT),
            "name": repeated(lambda priced, _: priced.curve.name, _TEXT),
            "vendor": repeated(lambda priced, _: priced.curve.identity.vendor, _TEXT),
            "as_of": repeated(lambda _, snapshot: snapshot.as_of, _DAY),
            "version": repeated(lambda _, snapshot: snapshot.version, pa.int32()),
            "published_at": repeated(lambda _, snapshot: snapshot.published_at, _INSTANT),
            "known_at": pa.repeat(pa.scalar(self._known_at, _INSTANT), len(of_row)),
            "mid": side("mid"), "bid": side("bid"), "ask": side("ask"),
            "withheld": pa.array(withheld, pa.bool_()),
            "currency": repeated(lambda priced, _: priced.currency, _TEXT),
            "unit": repeated(lambda priced, _: priced.unit, _TEXT),
            "cell": pa.array(cells, _TEXT),
        } | {name: pa.concat_arrays([each.columns[name] for each in tenors]) for name in _TENOR_COLUMNS}  # fmt: skip
        if self._run is not None:
            columns["scenario_run"] = pa.repeat(pa.scalar(self._run, _TEXT), len(of_row))
            columns["base"] = side("mid", lambda snapshot: snapshot.base)
        return pa.RecordBatch.from_arrays([columns[name] for name in self.schema.names], schema=self.schema)

    def _tenors(self, grid: TenorGrid) -> _Tenors:
        known = self._grids.get(grid)
        if known is None:
            places = self._selection.places(grid)
            chosen = [grid[place] for place in places]
            columns = {
                "tenor": pa.array([tenor.label for tenor in chosen], _TEXT),
                "tenor_type": pa.array([str(tenor.type) for tenor in chosen], _TEXT),
                "delivery_start": pa.array([tenor.period.start for tenor in chosen], _DAY),
                "delivery_end": pa.array([tenor.period.end for tenor in chosen], _DAY),
            }
            known = self._grids[grid] = _Tenors(len(places), None if len(places) == len(grid) else places, columns)
        return known


def _metadata(plan: Plan) -> dict[str, str]:
    found = {"aurum.selection": written(plan.selection), "aurum.known_at": instant_text(plan.known_at)}
    if plan.told is not None:
        told = plan.told
        found |= {"aurum.scenario": told.scenario, "aurum.scenario_version": str(told.version)}
        found |= {"aurum.variation": told.variation} if told.variation else {}
        found |= {"aurum.input_digest": told.input_digest or "", "aurum.output_digest": told.output_digest or ""}
    return found


_TENOR_COLUMNS = ("tenor", "tenor_type", "delivery_start", "delivery_end")


def _places(tenors: _Tenors) -> Sequence[int]:
    return range(tenors.count) if tenors.places is None else tenors.places


@finite("a price in another unit")
def _side(side: Any, tenors: _Tenors, factor: float) -> Any:
    """In the unit that is asked for; NaN: not quoted."""
    if side is None:
        return np.full(tenors.count, np.nan)
    chosen = side if tenors.places is None else side[tenors.places]
    return chosen if factor == 1 else chosen * factor
