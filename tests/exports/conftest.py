"""Exports over a small book: two curves of gas and one of power, two as-of dates, one of them restated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aurum.auth import Principal
from aurum.backends.blobs import FolderBlobs
from aurum.curves.stories import Stories
from aurum.exports.model import ExportFormat, Selection
from aurum.exports.plans import Source
from aurum.exports.selections import parse
from aurum.exports.service import ExportService
from aurum.exports.store import ExportStore
from aurum.exports.worker import ExportWorker
from aurum.scenarios.bases import Bases
from aurum.scenarios.repository.policies import PolicyService
from aurum.scenarios.repository.policy_store import PolicyStore
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.repository.store import ScenarioStore
from aurum.scenarios.runs.results import ResultService
from aurum.scenarios.runs.store import RunStore
from aurum.settings import ExportSettings
from tests.published import DESK, GERMAN, NBP, TTF, Book, instant, open_book, prices

LATER = "2025-02-13 12:00"  # when the 12th was known otherwise


@dataclass
class Exporting:
    """The services, with their clock in the test's hands."""

    book: Book
    folder: Path
    time: datetime = field(default_factory=lambda: instant("2025-02-20 08:00"))

    def service(self, **settings: Any) -> ExportService:
        store, files = ExportStore(self.book.database), FolderBlobs(self.folder)
        limits = ExportSettings(**settings)
        source = Source(self.book.curves, self._stories())
        return ExportService(store, source, self.book.events, files, lambda: self.time, limits)

    def _stories(self) -> Stories:
        bases = Bases(self.book.curves, self.book.metadata)
        policies = PolicyService(PolicyStore(self.book.database), bases, lambda: self.time)
        scenarios = ScenarioService(ScenarioStore(self.book.database), bases, policies, lambda: self.time)
        return ResultService(RunStore(self.book.database), scenarios, bases)

    def worker(self, **settings: Any) -> ExportWorker:
        return ExportWorker(self.service(**settings))

    async def bytes_of(
        self, selection: Selection, format_: ExportFormat = ExportFormat.ARROW, principal: Principal = DESK
    ) -> bytes:
        service = self.service()
        plan = await service.plan(principal, selection, format_)
        return b"".join([chunk async for chunk in service.streamed(principal, plan, format_)])

    async def rows(self, query: str = "", principal: Principal = DESK) -> list[dict[str, Any]]:
        pairs = [(name, text) for name, _, text in (each.partition("=") for each in query.split("&") if each)]
        data = await self.bytes_of(parse(pairs), principal=principal)
        rows: list[dict[str, Any]] = pa.ipc.open_stream(data).read_all().to_pylist()
        return rows


@pytest.fixture
async def exporting(migrated_url: str, tmp_path: Path) -> AsyncIterator[Exporting]:
    async with open_book(migrated_url) as book:
        await book.publish("2025-02-11", [(TTF, prices([50.0, 51.0])), (NBP, prices([120.0, 121.5]))])
        await book.publish("2025-02-12", [(TTF, prices([50.5, 51.5])), (GERMAN, prices([90.0, 91.0], spread=None))])
        await book.publish("2025-02-12", [(TTF, prices([50.25, float("nan")]))], LATER)
        keys = ["eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas", "eugp:eu/german/power/base"]
        curves = await book.metadata.by_key(DESK, keys)
        for key, currency, unit in zip(keys, ("EUR", "GBX", "EUR"), ("MWh", "therm", "MWh"), strict=True):
            await book.metadata.set_unit(DESK, curves[key].id, currency, unit, "as the vendor says")
        yield Exporting(book, tmp_path / "exports", book.now())


DAY = date(2025, 2, 12)
