"""Snapshots: what a curve was on a date, as known at some instant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aurum.market.cells import Cells
from aurum.market.finite import finite
from aurum.market.periods import DeliveryPeriod, TenorGrid

Prices = NDArray[np.float64]


class Side(StrEnum):
    """Of a quote. The mid is the vendor's, not that of bid and ask."""

    MID = "mid"
    BID = "bid"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class CurvePrices:
    """The prices of one curve on one as-of date, parallel to `tenors`, in the vendor's unit; NaN: not quoted.

    `withheld` are the points that are in quarantine: the file has a cell for them, whose number is not served.
    """

    tenors: TenorGrid
    mid: Prices
    bid: Prices | None = None
    ask: Prices | None = None
    mid_cells: Cells | None = None
    quote_cells: Cells | None = None
    withheld: tuple[int, ...] = ()

    def without(self, points: Collection[int]) -> CurvePrices:
        """With these points in quarantine."""
        if not points:
            return self
        held = np.zeros(len(self.tenors), dtype=bool)
        held[list(points)] = True
        bid, ask = (None if side is None else np.where(held, np.nan, side) for side in (self.bid, self.ask))
        withheld = tuple(sorted({*self.withheld, *points}))
        return replace(self, mid=np.where(held, np.nan, self.mid), bid=bid, ask=ask, withheld=withheld)

    @finite("a price in another unit")
    def scaled(self, factor: float) -> CurvePrices:
        """In another unit: every price times a positive factor."""
        bid, ask = (None if side is None else side * factor for side in (self.bid, self.ask))
        return replace(self, mid=self.mid * factor, bid=bid, ask=ask)

    def with_point(self, point: int, mid: float | None, bid: float | None, ask: float | None) -> CurvePrices:
        """With a point as a person has decided: None is not quoted. It is in quarantine no longer."""
        blank = np.full(len(self.tenors), np.nan)

        def put(side: Prices | None, number: float | None) -> Prices | None:
            if side is None and number is None:
                return None
            changed = (blank if side is None else side).copy()
            changed[point] = np.nan if number is None else number
            return changed

        changed = put(self.mid, mid)
        return replace(
            self, mid=blank if changed is None else changed, bid=put(self.bid, bid), ask=put(self.ask, ask),
            withheld=tuple(at for at in self.withheld if at != point),
        )  # fmt: skip

    @property
    def digest(self) -> str:
        """Equal exactly if tenors and prices are equal, to the bit. Cells do not count."""
        content = hashlib.blake2b(self.tenors.digest.encode(), digest_size=16)
        for side in (self.mid, self.bid, self.ask):
            content.update(b"-" if side is None else pack(side))
        if self.withheld:
            content.update(repr(self.withheld).encode())
        return content.hexdigest()

    @property
    def quoted(self) -> NDArray[np.bool_]:
        """For each tenor whether it has any price."""
        sides = [side for side in (self.mid, self.bid, self.ask) if side is not None]
        quoted: NDArray[np.bool_] = np.logical_not(np.isnan(sides).all(axis=0))
        return quoted


@dataclass(frozen=True, slots=True)
class Story:
    """A run of a scenario that has made a snapshot of another one, `base`. `id` is that of the run's result.

    `known_at`: as what was known at this instant the run has taken its curves.
    """

    id: int
    run_id: int
    known_at: datetime
    base: Snapshot


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a curve's prices on an as-of date. Never changes.

    `published_at` is when it became known, `recorded_at` when Aurum stored it; `version` counts in order of storing.
    `run_id` is the ingestion run that read it. `author` and `reason`: who changed a point of it, and why. `made` has
    what others make of it, once for as long as it is kept. With a `story` it is what a scenario makes of a version.
    """

    id: int
    curve_id: int
    as_of: date
    version: int
    published_at: datetime
    recorded_at: datetime
    file_id: int | None
    prices: CurvePrices
    run_id: int | None = None
    author: str | None = None
    reason: str | None = None
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    story: Story | None = None

    @property
    def base(self) -> Snapshot:
        """Without a scenario."""
        return self if self.story is None else self.story.base

    def told(self, id_: int, run_id: int, known_at: datetime, at: datetime, mid: Prices) -> Snapshot:
        """As a scenario has it, since `at`: its mids alone, for nobody has said what becomes of bid and ask, and
        without the cells, the file and the people that the base's numbers are from.
        """
        prices = replace(self.prices, mid=mid, bid=None, ask=None, mid_cells=None, quote_cells=None)
        return replace(
            self, prices=prices, recorded_at=at, file_id=None, run_id=None, author=None, reason=None, made={},
            story=Story(id_, run_id, known_at, self),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """What a curve's prices of one delivery period were, oldest as-of date first; everything parallel to `as_of`.

    Prices are in the vendor's unit; NaN: not quoted. `tenors` are the labels, `versions` and `published_at` (UTC) those
    of the snapshots; `withheld`: the point is in quarantine, its number is not served. `identity`: histories with the
    same one say the same; None: nobody knows.
    """

    delivery: DeliveryPeriod
    as_of: NDArray[np.datetime64]
    tenors: Sequence[str]
    mid: Prices
    bid: Prices
    ask: Prices
    versions: NDArray[np.int64]
    published_at: NDArray[np.datetime64]
    withheld: NDArray[np.bool_]
    identity: Hashable = None

    @property
    def size(self) -> int:
        """In bytes, roughly."""
        return 1000 + 64 * len(self.as_of)

    @classmethod
    def blank(cls, delivery: DeliveryPeriod) -> PriceHistory:
        """Without a day."""
        days, prices = np.array([], "M8[D]"), np.array([], float)
        return cls(
            delivery, days, [], prices, prices, prices, np.array([], int), days.astype("M8[us]"), np.array([], bool)
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """Prices of one vendor and as-of date that become known together.

    `restates_at`: the versions that this publication goes above hold again from this instant. `author` and `reason`
    where a person made it.
    """

    vendor: str
    as_of: date
    published_at: datetime
    revised_at: datetime
    recorded_at: datetime
    file_id: int | None
    prices: Sequence[CurvePrices]
    restates_at: datetime | None = None
    run_id: int | None = None
    author: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A version that a publication added. `version` above 1: that day was known before, and is restated."""

    curve_id: int
    as_of: date
    version: int
    points: int


Rank = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Version:
    """What is needed to place a stored version among those of its day. The newest known has the highest rank."""

    id: int
    version: int
    rank: Rank  # published_at, revised_at
    digest: str
    file_id: int | None


@dataclass(frozen=True, slots=True)
class Placement:
    """What a publication does to the versions of a curve's day.

    `adds`: it is a new version; otherwise it confirms the one below it. `restores`: versions that must be stated again
    at a rank above, because a publication that is already known said there what they say.
    """

    adds: bool
    restores: tuple[tuple[Version, Rank], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Which version of a curve it is: its newest snapshot, the last one of its last as-of date, or that of an end."""

    snapshot_id: int
    as_of: date
    version: int


@dataclass(frozen=True, slots=True)
class Step:
    """A version that became a curve's newest snapshot, and which one had been it before; None: there was none."""

    before: Standing | None
    after: Standing


@dataclass(frozen=True, slots=True)
class DayMids:
    """The mids of one curve on a day, as they are known now."""

    tenors: TenorGrid
    mid: Prices


@dataclass(frozen=True, slots=True)
class DayPrices:
    """What a curve was on an as-of date, in one version, without the cells that it came from."""

    as_of: date
    version: int
    published_at: datetime
    prices: CurvePrices


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot without its prices."""

    id: int
    as_of: date
    tenors: TenorGrid


class QuotedTenors(NamedTuple):
    """`bits` say of which tenors there is a price: one each, as `numpy.packbits` has them."""

    tenors: TenorGrid
    bits: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """As-of dates of a curve, both included."""

    curve_id: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class DayKnown:
    """Of a vendor's day: when its newest version became known, and the first one of a file; whether people made any."""

    newest: datetime | None
    first_of_file: datetime | None
    mended: bool


@dataclass(frozen=True, slots=True)
class AsOfDay:
    """A date with prices: how many curves are quoted on it, of how many that were first quoted by then."""

    as_of: date
    curves: int
    known_curves: int
    last_published_at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """The as-of dates of a curve."""

    first_as_of: date
    last_as_of: date
    count: int


def pack(prices: Prices) -> bytes:
    """Little-endian float64."""
    return prices.astype("<f8", copy=False).tobytes()


def unpack(data: bytes) -> Prices:
    return np.frombuffer(data, dtype="<f8")


def same_numbers(one: CurvePrices, other: CurvePrices) -> bool:
    """Whether all prices are the same but for the last bits, which programs that save a workbook again may change."""
    sides = ((one.mid, other.mid), (one.bid, other.bid), (one.ask, other.ask))
    return (
        one.tenors == other.tenors
        and one.withheld == other.withheld
        and all(
            (mine is None) == (theirs is None)
            and (mine is None or theirs is None or np.allclose(mine, theirs, rtol=_LAST_BITS, atol=0, equal_nan=True))
            for mine, theirs in sides
        )
    )


_LAST_BITS = 1e-14  # of a number; a float64 has 2e-16, and what is written with 16 digits comes back within 5e-16


def place(
    known: Sequence[Version],
    confirmed: Sequence[Rank],
    rank: Rank,
    same: Callable[[Version], bool],
    restated: Rank | None = None,
) -> Placement:
    """Where a publication stands among what is known of its day, in whatever order publications arrive.

    It is compared with the version just below it: an older file that arrives late takes its place in history and does
    not become the newest. `confirmed` are the ranks of publications that said what the version below them says;
    `restated` is where the version below this publication was really published.
    """
    below = max((v for v in known if v.rank <= rank), key=lambda v: (v.rank, v.version), default=None)
    if below is None:
        return Placement(adds=True)
    if same(below):
        return Placement(adds=False)
    above = min((v.rank for v in known if v.rank > rank), default=None)
    again = {r for r in confirmed if r > rank and (above is None or r < above)}
    there = {min(again)} if again else set()
    if restated is not None:
        there.add(restated)
    return Placement(adds=True, restores=tuple((below, each) for each in sorted(there)))
