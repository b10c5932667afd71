"""python -m tests.bench.executor: what execution costs, in ratios of one run. No database and no HTTP are in it.

Each way answers the same question with the same bytes: Strawberry over objects, as it comes and with its caches; ours
over objects; columns, with a resolver for each parent and with one load for all; columns whose JSON has been kept.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

import numpy as np
import strawberry
from rich.console import Console
from rich.table import Table
from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache
from strawberry.http import process_result

from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import RecordBatch, SharedColumn, rendered
from aurum.graphql.execution import Schema
from aurum.graphql.loaders import Loaders

ROUNDS = 9
Way = Callable[[str], Awaitable[bytes]]


class Data(Protocol):
    def points(self, place: int) -> Sequence[Any]: ...
    async def snapshot(self, place: int) -> Any: ...
    async def snapshots(self, places: Sequence[int]) -> list[Any]: ...

    curves: Sequence[Any]


Info = strawberry.Info[Data, None]


@strawberry.type
class Point:
    tenor: str
    delivery_start: date
    delivery_end: date
    mid: float
    bid: float | None
    ask: float | None


async def load_snapshots(curves: Sequence[Curve], info: Info) -> list[Any]:
    return await info.context.snapshots([curve.place for curve in curves])


@strawberry.type
class Snapshot:
    place: int
    as_of: date
    version: int

    @strawberry.field(metadata=batched())  # type: ignore[untyped-decorator]
    def points(self, info: Info) -> Sequence[Point]:
        return info.context.points(self.place)

    @strawberry.field
    def own_points(self, info: Info) -> Sequence[Point]:
        return info.context.points(self.place)


@strawberry.type
class Curve:
    place: int
    key: str
    name: str
    unit: str | None

    @strawberry.field(metadata=batched(load_snapshots))  # type: ignore[untyped-decorator]
    async def snapshot(self, info: Info) -> Snapshot | None:
        return await info.context.snapshot(self.place)  # type: ignore[no-any-return]

    @strawberry.field
    async def own_snapshot(self, info: Info) -> Snapshot | None:
        return await info.context.snapshot(self.place)  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    async def curve(self, info: Info, place: int = 0) -> Curve:
        return info.context.curves[place]  # type: ignore[no-any-return]

    @strawberry.field
    async def curves(self, info: Info) -> list[Curve]:
        return info.context.curves[:50]  # type: ignore[return-value]

    @strawberry.field
    async def everything(self, info: Info) -> Sequence[Point]:
        return info.context.points(-1)


FIELDS = "tenor deliveryStart deliveryEnd mid bid ask"
CURVE = f"{{ key name unit snapshot {{ asOf version points {{ {FIELDS} }} }} }}"
QUESTIONS = {
    "{ __typename }": "{ __typename }",
    "one curve, 100 points x 6 fields": f"{{ curve {CURVE} }}",
    "50 curves x 100 points x 6 fields": f"{{ curves {CURVE} }}",
    "12,000 points x 4 fields": "{ everything { tenor mid bid ask } }",
}


def snapshot_of(place: int) -> Snapshot:
    return Snapshot(place=place, as_of=date(2026, 11, 20), version=1)


@dataclass
class Desk:
    """The context: points as objects, as batches, or as batches that may be kept."""

    form: str
    loaders: Loaders = field(default_factory=Loaders)
    request_id: str = "bench"
    seconds: float = 60.0

    def for_operation(self) -> Desk:
        return Desk(self.form)

    def cancel(self) -> None: ...
    def renew(self) -> None: ...

    @property
    def curves(self) -> Sequence[Curve]:
        return CURVE_LIST

    async def snapshot(self, place: int) -> Any:
        return await self.loaders.load(read, None, place)

    async def snapshots(self, places: Sequence[int]) -> list[Any]:
        return await self.loaders.load_many(read, None, places)

    def points(self, place: int) -> Sequence[Any]:
        return FORMS[self.form](12_000 if place < 0 else 100, place)


async def read(_: None, places: Sequence[int]) -> Mapping[int, Snapshot]:
    return {place: snapshot_of(place) for place in places}


def batch(length: int, place: int, keep: bool = False) -> RecordBatch[Point]:
    grid, mid = GRIDS[length], MIDS[length] + place
    columns = {"mid": mid, "bid": lambda: mid - 0.25, "ask": lambda: np.where(grid.quoted, mid + 0.25, np.nan)}
    return RecordBatch(Point, length, grid.columns | columns, (place, length) if keep else None)


class Grid:
    def __init__(self, length: int) -> None:
        starts = [date(2026, 1, 1) + timedelta(days=n) for n in range(length)]
        self.quoted = np.arange(length) % 10 != 0
        self.columns: dict[str, Any] = {
            "tenor": SharedColumn([f"{start:%Y-%m}-{n}" for n, start in enumerate(starts)]),
            "delivery_start": SharedColumn(starts),
            "delivery_end": SharedColumn([start + timedelta(days=30) for start in starts]),
        }


CURVE_LIST = [Curve(place=n, key=f"eugp:eu/{n}", name=f"Curve {n}", unit="MWh") for n in range(50)]
GRIDS = {length: Grid(length) for length in (100, 12_000)}
MIDS = {length: np.random.default_rng(1).normal(40, 5, length).round(3) for length in GRIDS}
OBJECTS = {(100, n): list(batch(100, n)) for n in range(50)} | {(12_000, -1): list(batch(12_000, -1))}
FORMS: dict[str, Callable[[int, int], Sequence[Point]]] = {
    "objects": lambda length, place: OBJECTS[length, place],
    "columns": batch,
    "kept": lambda length, place: batch(length, place, keep=True),
}


def ways() -> dict[str, Way]:
    ours = Schema(query=Query)

    def stock(*extensions: type[SchemaExtension]) -> Way:
        schema = strawberry.Schema(Query, extensions=extensions)

        async def answer(query: str) -> bytes:
            found = await schema.execute(query, context_value=Desk("objects"))
            return json.dumps(process_result(found), separators=(",", ":")).encode()

        return answer

    def columnar(form: str, together: bool = True) -> Way:
        async def answer(query: str) -> bytes:
            return rendered(process_result(await ours.execute(query, context_value=Desk(form))))

        async def one_by_one(query: str) -> bytes:
            return await answer(
                query.replace("snapshot", "snapshot: ownSnapshot").replace("points", "points: ownPoints")
            )

        return answer if together else one_by_one

    return {
        "Strawberry": stock(),
        "Strawberry, its caches": stock(ParserCache, ValidationCache),
        "ours, over objects": columnar("objects"),
        "columns, a resolver for each": columnar("columns", together=False),
        "columns": columnar("columns"),
        "columns, kept": columnar("kept"),
    }


async def taken(way: Way, query: str, seconds: float = 0.15) -> float:
    """Seconds of this process for one answer, over as many as fit."""
    count, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        await way(query)
        count += 1
    return (time.process_time() - started) / count


async def main(console: Console) -> None:
    asked = ways()
    table = Table("times as fast as Strawberry", *asked, title=f"Medians of {ROUNDS} rounds")
    for name, query in QUESTIONS.items():
        answers = {await way(query) for way in asked.values()}
        assert len(answers) == 1, f"{name}: the answers differ"
        rounds = [{way: await taken(work, query) for way, work in asked.items()} for _ in range(ROUNDS)]
        ratios = {way: statistics.median(each["Strawberry"] / each[way] for each in rounds) for way in asked}
        base = statistics.median(each["Strawberry"] for each in rounds)
        shown = {way: f"{ratio:.1f}" for way, ratio in ratios.items()} | {"Strawberry": f"1 ({base * 1000:.2f} ms)"}
        table.add_row(name, *shown.values())
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main(Console()))
