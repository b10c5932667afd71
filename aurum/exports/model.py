"""What is exported, in which format, and how far an export is."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum

from aurum.curves.analytics.comparisons import Bucket, By, check_runs
from aurum.errors import InvalidInput
from aurum.market.periods import TenorGrid, TenorType
from aurum.metadata.model import CurveFilter


class ExportFormat(StrEnum):
    """The value is the ending of the file's name."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    ARROW = "arrows"

    @property
    def media(self) -> str:
        return _MEDIA[self]

    def most_rows(self, most: int) -> int:
        """A sheet of Excel has 1,048,576 rows, with its header."""
        return min(most, 2**20 - 1) if self is ExportFormat.XLSX else most


_MEDIA = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.ARROW: "application/vnd.apache.arrow.stream",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which points: of the curves that fit and have the words of `search`, one snapshot each, or with `first` and
    `last` that of every as-of date.

    One snapshot: the newest as-of date on or before `as_of` (None: any). `first` and `last` are both included, None is
    open. `known_at`: as it was known then; None: not pinned yet. Deliveries within [`delivery_start`, `delivery_end`).
    `currency` and `unit`: what prices are converted to; None: as they are. `scenario_run`: as this run of a scenario
    has them, which says itself of when, and known when. `compared`: these runs beside each other, by `bucket`, the
    largest differences `by` that first.
    """

    curves: CurveFilter = field(default_factory=CurveFilter)
    search: str | None = None
    as_of: date | None = None
    first: date | None = None
    last: date | None = None
    known_at: datetime | None = None
    tenor_types: tuple[TenorType, ...] | None = None
    delivery_start: date | None = None
    delivery_end: date | None = None
    currency: str | None = None
    unit: str | None = None
    scenario_run: int | None = None
    compared: tuple[int, ...] | None = None
    bucket: Bucket | None = None
    by: By | None = None

    def __post_init__(self) -> None:
        if self.as_of is not None and self.ranged:
            raise InvalidInput("give one as-of date or a range of them, not both", field="asOf")
        if self.scenario_run is not None and (self.as_of is not None or self.ranged):
            why = "a run of a scenario has one as-of date of each curve, which it says itself, and no history"
            raise InvalidInput(why, field="scenarioRun", hint="Leave as-of dates out.")
        if self.compared and any(getattr(self, name) is not None for name in _OF_POINTS):
            why = "a comparison of runs takes a filter of curves, `bucket` and `by`, and nothing else"
            raise InvalidInput(why, field="compareRuns")
        if self.compared is not None:
            check_runs(self.compared, "compareRuns")
        elif self.bucket or self.by:
            raise InvalidInput("`bucket` and `by` are of a comparison: which runs?", field="compareRuns")
        if self.known_at is not None and self.known_at.tzinfo is None:
            raise InvalidInput("an instant needs a time zone, such as 2025-02-12T22:15:00Z", field="knownAt")
        lists = [(each.name, getattr(self.curves, each.name)) for each in fields(self.curves)]
        for name, values in (*lists, ("tenor_types", self.tenor_types)):
            if isinstance(values, tuple) and not all([values, *(str(value).strip() for value in values)]):
                raise InvalidInput(f"nothing is chosen by an empty list or text of {name}", field=name)

    @property
    def ranged(self) -> bool:
        return self.first is not None or self.last is not None

    @property
    def lasting(self) -> bool:
        """Whether it is the same whenever it is asked for."""
        return self.known_at is not None or bool(self.runs)

    @property
    def runs(self) -> tuple[int, ...]:
        """Of scenarios."""
        return (self.compared or ()) if self.scenario_run is None else (self.scenario_run,)

    def places(self, tenors: TenorGrid) -> list[int]:
        """Where the points stand that are asked for."""
        return tenors.chosen(self.tenor_types, self.delivery_start, self.delivery_end)

    @property
    def file_name(self) -> str:
        """Without its ending: `curves 2025-02-12`."""
        if self.compared:
            return "comparison of scenario runs " + " ".join(map(str, self.compared[:3]))
        if self.scenario_run is not None:
            return f"curves of scenario run {self.scenario_run}"
        day = self.as_of.isoformat() if self.as_of else ""
        if self.ranged:
            day = f"{self.first or ''} to {self.last or ''}"
        return " ".join(f"curves {day}".split())


_OF_POINTS = (
    "as_of", "first", "last", "tenor_types", "delivery_start", "delivery_end", "currency", "unit", "scenario_run",
)  # fmt: skip


class ExportState(StrEnum):
    """QUEUED, then RUNNING, then one of the others; a SUCCEEDED one becomes EXPIRED."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Export:
    """A job. `selection` is pinned; `total` is None until its points are counted.

    `digest` (SHA-256) and `size` in bytes are those of the file, which is kept until `expires_at`.
    """

    id: int
    selection: Selection
    format: ExportFormat
    state: ExportState
    requested_by: str
    created_at: datetime
    attempt: int
    done: int
    total: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    size: int | None = None
    digest: str | None = None
    error_code: str | None = None
    error: str | None = None
    hint: str | None = None

    @property
    def name(self) -> str:
        return f"{self.selection.file_name}.{self.format}"
