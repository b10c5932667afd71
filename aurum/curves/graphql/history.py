"""The prices of one delivery period over as-of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
import strawberry

from aurum.curves import model
from aurum.graphql.arrow.tables import parallel
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Columns, Constant, RecordBatch, SharedColumn
from aurum.graphql.sizes import sized, weighing
from aurum.market.periods import DeliveryPeriod


@strawberry.type(description="What a delivery period was priced at on an as-of date.")
class HistoryPoint:
    as_of: date = strawberry.field(description="The date the market is looked at from.")
    tenor: str = strawberry.field(description="What the period was called on that date.")
    mid: float | None = strawberry.field(description="The vendor's mid; null where none is quoted.")
    bid: float | None = strawberry.field(description="Null where none is quoted.")
    ask: float | None = strawberry.field(description="Null where none is quoted.")
    version: int = strawberry.field(description="The version of that date that is answered.")
    published_at: datetime = strawberry.field(description="When that version became known (UTC).")
    withheld: bool = strawberry.field(description="Whether the point is in quarantine: its number is not served.")


@strawberry.type(description="The points of a history as parallel lists: the same numbers, less to carry.")
class HistoryColumns:
    as_of: list[date] = strawberry.field(description="See `HistoryPoint.asOf`.")
    tenor: list[str] = strawberry.field(description="See `HistoryPoint.tenor`.")
    mid: list[float | None] = strawberry.field(description="See `HistoryPoint.mid`.")
    bid: list[float | None] = strawberry.field(description="See `HistoryPoint.bid`.")
    ask: list[float | None] = strawberry.field(description="See `HistoryPoint.ask`.")
    version: list[int] = strawberry.field(description="See `HistoryPoint.version`.")
    published_at: list[datetime] = strawberry.field(description="See `HistoryPoint.publishedAt`.")
    withheld: list[bool] = strawberry.field(description="See `HistoryPoint.withheld`.")


@strawberry.type(description="The prices of one delivery period, by as-of date, oldest first.")
class PriceHistory:
    delivery_start: date = strawberry.field(description="The first day of delivery.")
    delivery_end: date = strawberry.field(description="The day after the last day of delivery.")
    history: strawberry.Private[model.PriceHistory]

    @strawberry.field(
        description="A point for each as-of date on which the curve has the period.",
        metadata=batched(),
        directives=[sized(250)],
    )
    def points(self) -> Sequence[HistoryPoint]:
        return points_of(self.history)

    @strawberry.field(
        description="The points as parallel lists.",
        metadata={**batched(), **parallel()},
        directives=[weighing(20)],
    )
    def columns(self) -> HistoryColumns:
        return points_of(self.history).parallel(HistoryColumns)


def points_of(found: model.PriceHistory) -> RecordBatch[HistoryPoint]:
    return RecordBatch(HistoryPoint, len(found.as_of), lambda: _columns_of(found), found.identity)


def _columns_of(found: model.PriceHistory) -> Columns:
    return {
        "as_of": _days(found.as_of.tobytes()),
        "tenor": lambda: Constant(found.tenors[0]) if len(set(found.tenors)) == 1 else found.tenors,
        "mid": found.mid, "bid": found.bid, "ask": found.ask,
        "version": found.versions,
        "published_at": lambda: [each.replace(tzinfo=UTC) for each in found.published_at.tolist()],
        "withheld": lambda: found.withheld if found.withheld.any() else Constant(False),
    }  # fmt: skip


@lru_cache(maxsize=32)  # the days of one vendor are those of all its curves
def _days(as_of: bytes) -> SharedColumn:
    return SharedColumn(np.frombuffer(as_of, dtype="M8[D]"))


def history_of(delivery: DeliveryPeriod, found: model.PriceHistory | None) -> PriceHistory:
    return PriceHistory(
        delivery_start=delivery.start, delivery_end=delivery.end, history=found or model.PriceHistory.blank(delivery)
    )
