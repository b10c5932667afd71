# mypy: disable-error-code="no-any-return"
"""A schema with every kind of field, over cells that a test can spoil. The same data come as objects or as columns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Protocol, Self, TypeVar
from uuid import UUID

import numpy as np
import strawberry
from strawberry.permission import BasePermission
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from aurum.graphql.charges import Charges
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Batches, Column, Constant, RecordBatch, SharedColumn, Stack
from aurum.settings import GraphQLSettings

T = TypeVar("T")


class Data(Protocol):
    """What the fields need."""

    @property
    def curves(self) -> Any: ...
    def points(self, place: int, sides: list[Side] | None = None, count: int = 10) -> Any: ...
    async def read(self, what: str, keys: Sequence[tuple[int, Any]]) -> Any: ...


Info = strawberry.Info[Data, None]


@dataclass(frozen=True)
class Volume:
    megawatts: int


@strawberry.enum
class Side(Enum):
    BID = "b"
    ASK = "a"


class NotTheSecond(BasePermission):
    message = "not for you"

    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return bool(source.place != 1)


@strawberry.interface
class Placed:
    place: int


@strawberry.type
class Leaves(Placed):
    """A field of each leaf type, and of each again that may be null."""

    text: str
    key: strawberry.ID
    whole: int
    number: float
    flag: bool
    day: date
    instant: datetime
    clock: time
    side: Side
    exact: Decimal
    volume: Volume
    uuid: UUID
    extra: JSON
    maybe_text: str | None
    maybe_key: strawberry.ID | None
    maybe_whole: int | None
    maybe_number: float | None
    maybe_flag: bool | None
    maybe_day: date | None
    maybe_instant: datetime | None
    maybe_side: Side | None
    maybe_exact: Decimal | None
    maybe_volume: Volume | None
    maybe_extra: JSON | None
    tags: list[str]
    maybe_tags: list[str | None] | None
    grid: list[list[float | None]]


def leaves(place: int) -> dict[str, Any]:
    sparse = place % 3 == 1
    full = {
        "place": place, "text": f"T{place}", "key": strawberry.ID(f"k{place}"), "whole": place - 2,
        "number": place + 0.5, "flag": place % 2 == 0, "day": date(2026, 1 + place % 12, 1),
        "instant": datetime(2026, 1, 1, place % 24, tzinfo=UTC), "clock": time(place % 24, 30),
        "side": Side.ASK if place % 2 else Side.BID, "exact": Decimal(place) / 4, "volume": Volume(place),
        "uuid": UUID(int=place), "extra": {"n": [place]},
    }  # fmt: skip
    maybe = {f"maybe_{name}": None if sparse else full[name] for name in full if f"maybe_{name}" in NAMES}
    lists = {"tags": [f"a{place}", "b"][: place % 3], "maybe_tags": None if sparse else ["c", None]}
    return full | maybe | lists | {"grid": [[1.5, None], [], [float(place)]]}


NAMES = {each.name for each in fields(Leaves)}


@strawberry.type
class Point(Leaves):
    """A record. `spread`, `secret` and `shifted` have to be asked for each."""

    @strawberry.field
    def spread(self) -> float:
        return (self.maybe_number or 0) - self.number

    @strawberry.field(permission_classes=[NotTheSecond])
    def secret(self) -> str:
        return f"s{self.text}"

    @strawberry.field
    def shifted(self, by: int = 1) -> int:
        return self.whole + by


class Alone(Stack[Point]):
    """A batch as a stack of one."""

    def __init__(self, one: RecordBatch[Point]) -> None:
        super().__init__(Point, len(one), dict)
        self._one = one

    def batch(self, place: int, cache_key: Hashable | None = None) -> RecordBatch[Point]:
        return self._one


def load_points(snapshots: list[Snapshot], info: Info, sides: list[Side] | None, count: int = 10) -> Sequence[Any]:
    found = [info.context.points(snapshot.place, sides, count) for snapshot in snapshots]
    if sides is None and all(isinstance(each, RecordBatch) for each in found):
        return Batches(Point, [(Alone(each), 0) for each in found], [each.cache_key for each in found])
    return found


async def load_snapshots(curves: list[Curve], info: Info, day: date | None) -> list[Any]:
    return await info.context.read("snapshot", [(curve.place, day) for curve in curves])


async def load_histories(curves: list[Curve], info: Info, count: int) -> list[Any]:
    return await info.context.read("history", [(curve.place, count) for curve in curves])


async def load_ranks(curves: list[Curve], info: Info) -> list[Any]:
    return await info.context.read("rank", [(curve.place, None) for curve in curves])


@strawberry.type
class Snapshot(Leaves):
    best: Point | None
    firsts: list[Point]

    @strawberry.field(metadata=batched(load_points))
    def points(self, info: Info, sides: list[Side] | None = None, count: int = 4) -> Sequence[Point]:
        return info.context.points(self.place, sides, count)

    @strawberry.field(metadata=batched(load_points))
    def maybe_points(
        self, info: Info, sides: list[Side] | None = None, count: int = 3
    ) -> Sequence[Point | None] | None:
        return info.context.points(self.place, sides, count)


@strawberry.type
class Curve(Leaves):
    newest: Snapshot | None
    edges: list[Edge[Snapshot]]

    @strawberry.field(metadata=batched(load_snapshots))
    async def snapshot(self, info: Info, day: date | None = None) -> Snapshot | None:
        return (await info.context.read("snapshot", [(self.place, day)]))[0]

    @strawberry.field(metadata=batched(load_snapshots))
    async def own_snapshot(self, info: Info, day: date | None = None) -> Snapshot:
        return (await info.context.read("snapshot", [(self.place, day)]))[0]

    @strawberry.field(metadata=batched(load_histories))
    async def history(self, info: Info, count: int = 2) -> list[Snapshot]:
        return (await info.context.read("history", [(self.place, count)]))[0]

    @strawberry.field(metadata=batched(load_ranks))
    async def rank(self, info: Info) -> int | None:
        return (await info.context.read("rank", [(self.place, None)]))[0]

    @strawberry.field(metadata=batched(load_snapshots), permission_classes=[NotTheSecond])
    async def guarded(self, info: Info, day: date | None = None) -> Snapshot | None:
        return (await info.context.read("snapshot", [(self.place, day)]))[0]

    @strawberry.field(metadata=batched())
    async def history_length(self, info: Info, count: int = 2) -> int:
        return len((await info.context.read("history", [(self.place, count)]))[0])

    @strawberry.field(metadata=batched())
    def label(root: Curve, sides: list[Side] | None = None) -> str | None:  # noqa: N805
        return root.maybe_text and f"{root.maybe_text} {sides}"

    @strawberry.field
    async def unbatched(self, info: Info) -> int:
        return self.place


@strawberry.type
class Edge(Generic[T]):
    node: T | None
    cursor: str


Anything = Annotated[Point | Curve, strawberry.union("Anything")]


@strawberry.type
class Query:
    @strawberry.field(metadata=batched())
    async def curves(self, info: Info, count: int = 3) -> list[Curve]:
        return info.context.curves[:count]

    @strawberry.field
    async def maybe_curves(self, info: Info) -> list[Curve | None] | None:
        return [*info.context.curves, None]

    @strawberry.field(metadata=batched())
    async def curve(self, info: Info, place: int = 0) -> Curve | None:
        return info.context.curves[place] if place < len(info.context.curves) else None

    @strawberry.field(metadata=batched())
    def points(self, info: Info, place: int = 0) -> Sequence[Point]:
        return info.context.points(place)

    @strawberry.field
    def maybe_points(self, info: Info, place: int = 0) -> Sequence[Point | None] | None:
        return info.context.points(place)

    @strawberry.field(metadata=batched())
    def sheets(self, info: Info) -> list[list[Point]]:
        return [info.context.points(place) for place in range(len(info.context.curves))]

    @strawberry.field
    def placed(self, info: Info) -> list[Placed]:
        return [*info.context.points(0), *info.context.curves]

    @strawberry.field
    def anything(self, info: Info) -> list[Anything]:
        return [*info.context.curves, *info.context.points(0)]


@dataclass
class Desk:
    """The context of one operation.

    Curves and snapshots have places 0, 1, 2 ..., point n of snapshot m has place 10 m + n. `spoilt` are cells by name
    and place, None for every place. `fails` are loads that raise, always or for one place. `keep` says that points may
    be kept, and what they are.
    """

    columns: bool = False
    curve_count: int = 3
    point_count: int = 4
    spoilt: Mapping[tuple[str, int | None], Any] = field(default_factory=dict)
    fails: Mapping[str, int | None] = field(default_factory=dict)
    keep: str | None = None
    loads: list[tuple[str, int]] = field(default_factory=list)
    request_id: str = "desk"
    payer: str = "desk"
    show_cost: bool = False
    seconds: float = 30.0
    charges: Charges = field(default_factory=lambda: Charges(GraphQLSettings(), None))

    def for_operation(self) -> Self:
        return self

    def cancel(self) -> None: ...
    def renew(self) -> None: ...

    def cells(self, place: int) -> dict[str, Any]:
        own = {name: value for (name, at), value in self.spoilt.items() if name in NAMES and at in (None, place)}
        return leaves(place) | own

    @property
    def curves(self) -> list[Curve]:
        return [self.curve(place) for place in range(self.curve_count)]

    def curve(self, place: int) -> Curve:
        newest = self.snapshot(place) if place != 1 else None
        edges = [Edge(node=self.snapshot(at) if at else None, cursor=f"c{at}") for at in range(place)]
        return Curve(**({"newest": newest, "edges": edges} | self.cells(place)))

    def snapshot(self, place: int) -> Snapshot:
        firsts = list(self.points(place, count=2))
        best = firsts[0] if firsts and place != 2 else None
        return Snapshot(**({"best": best, "firsts": firsts} | self.cells(place)))

    def points(self, place: int, sides: list[Side] | None = None, count: int = 10) -> Sequence[Point]:
        rows = [self.cells(10 * place + n) for n in range(min(count, self.point_count))]
        rows = [row for row in rows if sides is None or row["side"] in sides]
        if not self.columns:
            return [Point(**row) for row in rows]
        key = self.keep and (self.keep, place, None if sides is None else tuple(sides), count)
        names = sorted(leaves(0))
        columns = {name: _column(name, [row[name] for row in rows]) for name in names}
        return RecordBatch(Point, len(rows), columns, key)

    async def read(self, what: str, keys: Sequence[tuple[int, Any]]) -> list[Any]:
        self.loads.append((what, len(keys)))
        await asyncio.sleep(0)
        failing = self.fails.get(what, -1)
        if failing is None or failing in [place for place, _ in keys]:
            raise LookupError(f"no {what} of {failing}")
        return [self._read(what, place, argument) for place, argument in keys]

    def _read(self, what: str, place: int, argument: Any) -> Any:
        if what == "rank":
            return self.spoilt.get(("rank", place), place)
        if what == "history":
            return [self.snapshot(at) for at in range(place, place + argument)]
        return None if (place, argument) == (2, None) else self.snapshot(place + (argument.day if argument else 0))


def _column(name: str, values: list[Any]) -> Column | Callable[[], Column]:
    """The same values in each of the forms a column can have."""
    if "number" in name and all(value is None or (type(value) is float and value == value) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if name == "flag" and len(set(values)) == 1:
        return Constant(values[0])
    if name in ("text", "maybe_side"):
        return _shared(repr(values), values)
    if name == "day":
        return lambda: SharedColumn(values)
    if name == "whole":
        return tuple(values)
    return lambda: values


_columns: dict[str, SharedColumn] = {}


def _shared(content: str, values: list[Any]) -> SharedColumn:
    """The same column for the same content, as long as it says all of it."""
    if any(isinstance(value, Exception) or hasattr(value, "__await__") for value in values):
        return SharedColumn(values)
    return _columns.setdefault(content, SharedColumn(values))


def schema(executor: Any = None, **named: Any) -> strawberry.Schema:
    volume = strawberry.scalar(name="Volume", serialize=_megawatts, parse_value=Volume)
    config = StrawberryConfig(scalar_map={Volume: volume}, **named.pop("config", {}))
    return strawberry.Schema(Query, types=[Point, Curve], execution_context_class=executor, config=config, **named)


def _megawatts(volume: Volume) -> str:
    if volume.megawatts < 0:
        raise ValueError("a volume is not negative")
    return f"{volume.megawatts} MW"
