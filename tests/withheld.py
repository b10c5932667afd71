"""Files with cells that must not be served, and a desk that decides about them at a time set by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import SecretStr

from aurum.auth import Principal, Scope
from aurum.backends.events import Event
from aurum.backends.paging import PageRequest
from aurum.curves.model import Snapshot
from aurum.demo import eugp_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.ingestion.model import Decision, PointPrices, Quarantined, QuarantineFilter, QuarantineState, Run
from aurum.ingestion.service import Submission
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, IngestionSettings, Settings
from tests.published import instant, snapshots_of_day

DAY = date(2025, 2, 12)
MID, QUOTES = "Fixed Prices - Mid", "Fixed Prices - BidAsk"
EUA, UKA = "eugp:eu/eua/carbon", "eugp:uk/uka/carbon"  # columns AW and AX, no leg of anything; months in rows 12 to 15
ANNA = Principal("desk", "anna", frozenset(Scope))
BEN = Principal("desk", "ben", frozenset(Scope))
RIVAL = Principal("rival", "rob", frozenset(Scope))
WHY = "checked with the vendor"
Cells = Mapping[str, object]


def eugp(
    day: date = DAY, published: str | None = None, modified: str | None = None, quotes: Cells | None = None,
    **mids: object,
) -> VendorWorkbook:  # fmt: skip
    """EUGP's file of a day with other values in cells of its mids, such as `AW13=999.0`, and of its quotes."""
    workbook = eugp_workbook(day, months=4, published_at=instant(published) if published else None)
    workbook.modified_at = instant(modified) if modified else None
    put(workbook, QUOTES, quotes or {})
    return put(workbook, MID, mids)


def put(workbook: VendorWorkbook, sheet: str, cells: Cells) -> VendorWorkbook:
    """The same workbook, changed."""
    for address, value in cells.items():
        workbook.put(sheet, address, value)
    return workbook


def mid_of(workbook: VendorWorkbook, address: str) -> float:
    value = workbook.cell(MID, address)
    assert isinstance(value, float)
    return value


def submission(workbook: VendorWorkbook, name: str | None = None) -> Submission:
    return Submission(workbook.to_bytes(), name or workbook.name, "test")


@dataclass
class Desk:
    """What people do at one, with the services' clock in their hands."""

    services: Services
    time: datetime

    def __post_init__(self) -> None:
        ingestion = self.services.ingestion
        parts = (
            ingestion.loader,
            ingestion.quarantine,
            ingestion.policies,
            ingestion.completeness,
            ingestion.data_sets,
        )
        for part in (ingestion, *parts):
            part.clock = self.now

    def now(self) -> datetime:
        return self.time

    def at(self, text: str) -> datetime:
        self.time = instant(text)
        return self.time

    async def load(self, workbook: VendorWorkbook, name: str | None = None) -> Run:
        return await self.services.ingestion.ingest(ANNA, submission(workbook, name))

    async def points(self, *states: QuarantineState, run: Run | None = None) -> list[Quarantined]:
        """Oldest first; all states where none is given."""
        wanted = QuarantineFilter(states or None, run_ids=None if run is None else (run.id,))
        page = await self.services.ingestion.quarantine.page(ANNA, wanted, PageRequest(1000))
        return list(page.items)[::-1]

    async def point(self, id_: int) -> Quarantined:
        return (await self.services.ingestion.quarantine.by_id(ANNA, [id_]))[id_]

    async def decide(
        self, decision: Decision, *items: Quarantined, prices: PointPrices | None = None, by: Principal = ANNA,
        reason: str = WHY,
    ) -> list[Quarantined]:  # fmt: skip
        ids = [item.id for item in items]
        return await self.services.ingestion.quarantine.resolve(by, ids, decision, reason, prices)

    async def correct(self, item: Quarantined, mid: float, by: Principal = ANNA) -> Quarantined:
        (point,) = await self.decide(Decision.CORRECT, item, prices=PointPrices(mid), by=by)
        return point

    async def versions(self, key: str = EUA, day: date = DAY) -> list[Snapshot]:
        """Every version of a curve's day, the newest known first."""
        curve = (await self.services.metadata.by_key(ANNA, [key]))[key]
        return (await self.services.curves.versions(ANNA, [(curve.id, day)])).get((curve.id, day), [])

    async def snapshot(self, key: str = EUA, day: date = DAY, known_at: datetime | None = None) -> Snapshot:
        curve = (await self.services.metadata.by_key(ANNA, [key]))[key]
        return (await snapshots_of_day(self.services.curves, ANNA, [curve.id], day, known_at))[curve.id]

    async def mids(self, key: str = EUA, day: date = DAY, known_at: datetime | None = None) -> list[float | None]:
        found = (await self.snapshot(key, day, known_at)).prices.mid.tolist()
        return [None if mid != mid else mid for mid in found]

    async def events(self, *types: str, after: int = 0) -> Sequence[Event]:
        return await self.services.events.read("desk", after, types or None)


@asynccontextmanager
async def open_desk(url: str, home: Path, *, four_eyes: bool = False) -> AsyncIterator[Desk]:
    settings = Settings(
        home=home, database=DatabaseSettings(url=SecretStr(url)), ingestion=IngestionSettings(four_eyes=four_eyes)
    )
    async with open_services(settings) as services:
        yield Desk(services, instant("2025-02-13 08:00"))
