"""What the fields of curves need of a request, and the arguments they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import strawberry

from aurum.auth import Principal
from aurum.curves import moves
from aurum.curves.analytics.comparisons import Bucket, By
from aurum.curves.analytics.deliveries import Seasons
from aurum.curves.analytics.strips import Absence
from aurum.curves.model import Snapshot
from aurum.curves.service import CurveService
from aurum.curves.stories import Stories
from aurum.errors import InvalidInput, NotFound
from aurum.graphql.enums import publish_enum
from aurum.graphql.ids import row_of
from aurum.market.periods import TenorType, check_order
from aurum.metadata.graphql import CurveFilter
from aurum.metadata.model import Curve
from aurum.metadata.service import MetadataService

if TYPE_CHECKING:
    from aurum.curves.graphql.curves import Curve as CurveFace
    from aurum.curves.graphql.locations import Location
    from aurum.ingestion.graphql import Finding, IngestionRun, Lineage, SourceFile

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2200, 1, 1)


class CurveContext(Protocol):
    """What these fields need of a request. `load` batches the calls of one operation."""

    @property
    def principal(self) -> Principal: ...
    @property
    def metadata(self) -> MetadataService: ...
    @property
    def curves(self) -> CurveService: ...
    async def head(self) -> int | None:
        """See `CurveService.head`: asked for once in an operation."""

    async def curve(self, curve_id: int) -> CurveFace | None: ...
    def location(self, key: str) -> Location | None: ...
    async def source_file(self, file_id: int) -> SourceFile | None: ...
    async def ingestion_run(self, run_id: int) -> IngestionRun | None: ...
    async def findings_about(self, run_id: int | None, curve_key: str) -> list[Finding]: ...
    async def lineage(self, curves: Sequence[Curve], snapshots: Sequence[Snapshot]) -> Lineage:
        """Which files and loads these snapshots of the curves came from."""

    async def scenario_snapshots(self, keys: Sequence[tuple[int, int]]) -> list[Snapshot | None]:
        """By run and curve. Raises NotFound, and Conflict for a run that has not succeeded."""

    async def scenario_snapshot(self, run: int, curve_id: int) -> Snapshot | None:
        """As `scenario_snapshots`, read together with what sibling fields ask for."""

    async def scenario_start(self, run: int) -> tuple[date, datetime]:
        """The as-of date that a run has taken, and as what was known when. Raises as `scenario_snapshots` does."""

    @property
    def stories(self) -> Stories: ...
    async def missing_days(
        self, vendors: list[str], first: date, last: date, at: datetime | None
    ) -> dict[date, list[str]]: ...
    def load_many(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], keys: Sequence[K], **arguments: Hashable
    ) -> Awaitable[list[V | None]]: ...
    def load(
        self, batch: Callable[..., Awaitable[Mapping[K, V]]], key: K, **arguments: Hashable
    ) -> Awaitable[V | None]: ...


Info = strawberry.Info[CurveContext, None]

publish_enum(
    TenorType,
    "What kind of delivery period a tenor is.",
    {
        "MONTH": "A calendar month.",
        "QUARTER": "Three months from January, April, July or October.",
        "SEASON": "A summer or a winter, as the vendor delimits it.",
        "CALENDAR": "A calendar year.",
        "BALANCE": "What is left of a calendar year.",
    },
)


publish_enum(
    Seasons,
    "Where a season begins and ends.",
    {
        "VENDOR": "Summer is April to October, winter November to March, named after its January.",
        "GAS": "Summer is April to September, winter October to March, named after both years.",
    },
)
publish_enum(
    Absence,
    "Why there is no price.",
    {
        "DELIVERED": "The month is over on the as-of date.",
        "NOT_LISTED": "The curve does not have this delivery.",
        "NOT_QUOTED": "The curve has it, and no mid for it.",
        "WITHHELD": "Its point is in quarantine.",
    },
    name="PriceAbsence",
)


publish_enum(
    Bucket,
    "What runs are compared by.",
    {
        "POINT": "Each tenor as it is quoted, strips too.",
        "MONTH": "Each month.",
        "QUARTER": "The months of a quarter, all weighing the same.",
        "YEAR": "The months of a year, all weighing the same.",
        "ALL": "All months of a curve, all weighing the same.",
    },
    name="ComparisonBucket",
)
publish_enum(
    By,
    "How large a difference is.",
    {"ABSOLUTE": "In the curve's own unit.", "PERCENT": "In per cent of the size of the first base."},
    name="ComparisonMeasure",
)


@strawberry.input(description="As-of dates from `first` to `last`, both included; an open end is null.")
class DateRange:
    first: date | None = strawberry.field(default=None, description="The first date.")
    last: date | None = strawberry.field(default=None, description="The last date.")

    def __post_init__(self) -> None:
        check_order("asOf", self.first, self.last)


@strawberry.input(description="Delivery within a half-open range: from `start` on, ending by `end`.")
class DeliveryRange:
    start: date | None = strawberry.field(default=None, description="The first day of delivery; null: any.")
    end: date | None = strawberry.field(default=None, description="The day after the last; null: any.")

    def __post_init__(self) -> None:
        check_order("delivery", self.start, self.end)


@strawberry.input(description="A snapshot: of an as-of date, as it was known at an instant.")
class SnapshotRef:
    as_of: date | None = strawberry.field(
        default=None, description="The newest as-of date on or before this one; null: the newest."
    )
    known_at: datetime | None = strawberry.field(
        default=None, description="As it was known at this instant; null: as it is known now."
    )
    scenario_run: strawberry.ID | None = strawberry.field(
        default=None, description="As this run of a scenario has it; then neither of the others is given."
    )


@strawberry.input(description="A series of another system; see `setSeriesMapping`.")
class SeriesInput:
    source: str = strawberry.field(description="The other system.")
    id: str = strawberry.field(description="What the series is called there.")
    known_at: datetime | None = strawberry.field(
        default=None, description="The curve that it was known to be at this instant; null: as it is known now."
    )


From = Annotated[SnapshotRef, strawberry.argument(name="from", description="Where it moved from.")]
To = Annotated[SnapshotRef, strawberry.argument(name="to", description="Where it moved to.")]
TenorTypes = Annotated[list[TenorType] | None, strawberry.argument(description="Any of these kinds; null: all.")]
Delivery = Annotated[DeliveryRange | None, strawberry.argument(description="Only periods within; null: all.")]
AsOf = Annotated[
    date | None,
    strawberry.argument(description="The newest as-of date on or before this one; null: the newest."),
]
KnownAt = Annotated[
    datetime | None,
    strawberry.argument(description="As it was known at this instant; null: as it is known now."),
]
InScenario = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="As this run of a scenario has it, which says the as-of date and the instant; null where the run "
        "does not have the curve."
    ),
]
EventsAfter = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the last event seen: what came since is sent first. Null: from now on."
    ),
]
Filter = Annotated[CurveFilter | None, strawberry.argument(description="Which curves; null: all.")]


def bounds(days: DateRange | None) -> tuple[date, date]:
    first, last = (days.first, days.last) if days else (None, None)
    return first or _FIRST_DAY, last or _LAST_DAY


def instant_of(known_at: datetime | None) -> datetime | None:
    if known_at is None:
        return None
    if known_at.tzinfo is None:
        raise InvalidInput("`knownAt` needs a time zone, such as 2025-02-12T22:15:00Z", field="knownAt")
    try:
        return known_at.astimezone(UTC)
    except OverflowError:
        raise InvalidInput("`knownAt` is beyond what a calendar has", field="knownAt") from None


def story_of(
    scenario_run: strawberry.ID | None, as_of: date | DateRange | None, known_at: datetime | None
) -> int | None:
    """The run. Raises InvalidInput where there is more: a run says itself what it has taken."""
    if scenario_run is None:
        return None
    if as_of is not None or known_at is not None:
        hint = "It has one as-of date of each curve, and no history: leave `asOf` and `knownAt` out."
        why = "a run of a scenario says itself its as-of date and what was known"
        raise InvalidInput(why, hint=hint, field="scenarioRun")
    return row_of(scenario_run, "ScenarioRun")


def ref_of(snapshot: SnapshotRef) -> moves.SnapshotRef:
    """Without its run of a scenario."""
    return moves.SnapshotRef(snapshot.as_of, instant_of(snapshot.known_at))


async def told_ref(context: CurveContext, snapshot: SnapshotRef) -> moves.SnapshotRef:
    """With its run, and what that has taken. Raises what `scenario_start` does."""
    run = story_of(snapshot.scenario_run, snapshot.as_of, snapshot.known_at)
    return ref_of(snapshot) if run is None else moves.SnapshotRef(*await context.scenario_start(run), run)


def there(value: V | None, what: str) -> V:
    if value is None:
        raise NotFound(f"{what} not found")
    return value
