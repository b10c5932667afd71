"""Files as vendors send them, at random; and what must be true of them once they are loaded."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count, groupby
from typing import Any

import httpx
import numpy as np
import orjson
from sqlalchemy import func, select

from aurum.auth import Principal, Scope
from aurum.backends.blobs import content_hash
from aurum.backends.events import Event
from aurum.curves.model import CurvePrices
from aurum.curves.tables import mid_blocks, snapshots
from aurum.demo import eugp_workbook, pw_workbook, simple_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.ingestion.model import RunState
from aurum.ingestion.tables import quarantine
from aurum.parsers import parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook
from aurum.services import Services

DEMO = Principal("demo", "analyst", frozenset(Scope))
_UPLOAD = """mutation($input: UploadWorkbookInput!) { uploadWorkbook(input: $input) {
    run { state } problems { code } } }"""
_QUOTE = re.compile(r"(-?[\d.]+)( */ *)(-?[\d.]+)")
# First letters of a run's states: a run whose worker was lost is claimed by another one, or queued again before.
_LEGAL = re.compile("U|Q(R+Q)*R+S")


@dataclass(frozen=True)
class Sent:
    """A file as it was sent, and what the parsers read in it."""

    name: str
    data: bytes
    parsed: ParsedWorkbook

    @classmethod
    def of(cls, workbook: VendorWorkbook) -> Sent:
        data = workbook.to_bytes()
        return cls(workbook.name, data, parse(data, workbook.name))

    @property
    def digest(self) -> str:
        return content_hash(self.data)

    @property
    def day(self) -> tuple[str, date]:
        return self.parsed.vendor, self.parsed.as_of


class Post:
    """What vendors send: new days, corrections that change every number of a day, and the same bytes again."""

    def __init__(self, chance: random.Random) -> None:
        self.sent: list[Sent] = []
        self._chance = chance
        self._newest: dict[tuple[str, date], VendorWorkbook] = {}
        self._large, self._small = _days(eugp_workbook), _days(pw_workbook, simple_workbook)

    def delivery(self, most: int = 3) -> list[Sent]:
        """One to `most` files, of which the first is large and has not been sent before."""
        any_kind = (self._new_day, self._correction, self._again)
        first = self._large_day() if not self.sent or self._chance.random() < 0.6 else self._large_correction()
        return [first, *(self._chance.choice(any_kind)() for _ in range(self._chance.randrange(most)))]

    def of_the_days(self, files: Collection[Sent]) -> list[Sent]:
        """Everything that was ever sent for the days of these files, each content once."""
        days = {file.day for file in files}
        return [file for file in self.sent if file.day in days]

    def _large_day(self) -> Sent:
        return self._send(next(self._large))

    def _large_correction(self) -> Sent:
        return self._correction("EUGP")

    def _new_day(self) -> Sent:
        return self._send(next(self._small))

    def _correction(self, *vendors: str) -> Sent:
        days = [day for day in self._newest if not vendors or day[0] in vendors]
        return self._send(_corrected(self._newest[self._chance.choice(days)]))

    def _again(self) -> Sent:
        return self._chance.choice(self.sent)

    def _send(self, workbook: VendorWorkbook) -> Sent:
        file = Sent.of(workbook)
        self._newest[file.day] = workbook
        self.sent.append(file)
        return file


def _days(*vendors: Callable[[date], VendorWorkbook]) -> Iterator[VendorWorkbook]:
    """Business day after business day."""
    for number in count():
        as_of = date(2025, 2, 3) + timedelta(weeks=number // 5, days=number % 5)
        yield from (vendor(as_of) for vendor in vendors)


def _corrected(workbook: VendorWorkbook) -> VendorWorkbook:
    """Published some minutes later, with every price a little higher, and one that is no number."""
    later = workbook.corrected(workbook.published_at + timedelta(minutes=7))
    for grid in later.sheets.values():
        for row in grid:
            row[:] = [_raised(value) for value in row]
    later.put("Fixed Prices - Mid", "D20", "n/a")
    return later


def _raised(value: object) -> object:
    if isinstance(value, float):
        return value * 1.001
    quote = _QUOTE.fullmatch(value) if isinstance(value, str) else None
    return f"{float(quote[1]) * 1.001}{quote[2]}{float(quote[3]) * 1.001}" if quote else value


async def upload(client: httpx.AsyncClient, file: Sent) -> dict[str, Any]:
    """The whole answer."""
    operations = {"query": _UPLOAD, "variables": {"input": {"file": None}}}
    form = {"operations": orjson.dumps(operations).decode(), "map": '{"0": ["variables.input.file"]}'}
    response = await client.post("/graphql", data=form, files={"0": (file.name, file.data)})
    answer: dict[str, Any] = response.json()
    return answer


async def exactly_once(services: Services, files: Collection[Sent]) -> None:
    """Everything of the files is there, once. `files` are all that were ever sent for their days."""
    await _served_as_sent(services, files)
    await _mids_are_beside_each_other_too(services)
    await _runs_tell_the_truth(services, files)
    await _events_tell_it_once(services)


async def _served_as_sent(services: Services, files: Collection[Sent]) -> None:
    """Of every day each content is one version of each of its curves, and no other version is there.

    A version has every value of the file but for the points that are in quarantine, where each is once: open where
    the content is the newest of its day.
    """
    for (vendor, as_of), sent in groupby(sorted(files, key=lambda file: file.day), key=lambda file: file.day):
        held = await _quarantined(services, vendor, as_of)
        contents = sorted((file.parsed for file in sent), key=_published_at, reverse=True)
        by_key = await services.metadata.by_key(DEMO, [curve.identity.key for curve in contents[0].curves])
        versions = await services.curves.versions(DEMO, [(curve.id, as_of) for curve in by_key.values()])
        for number, parsed in enumerate(contents):
            state = "SUPERSEDED" if number else "OPEN"
            for curve in parsed.curves:
                key = curve.identity.key
                stored = versions[by_key[key].id, as_of]
                assert len(stored) == len(contents), f"{key} of {as_of} has {len(stored)} versions"
                assert _is(stored[number].prices, curve), f"{key} of {as_of} is not as it was sent"
                withheld = [(curve.tenors[point].label, state) for point in stored[number].prices.withheld]
                assert held.pop((stored[number].run_id, key), []) == sorted(withheld)
        assert held == {}


async def _mids_are_beside_each_other_too(services: Services) -> None:
    """Those of every version once, and of no other."""
    async with services.database.read() as connection:
        versions = await connection.all(select(snapshots))
        blocks = await connection.all(select(mid_blocks))
    found: list[tuple[int, int, int, bytes]] = []
    for block in blocks:
        named = np.frombuffer(block.versions, "<i8").reshape(3, -1).T.tolist()
        length = len(block.mid) // len(named)
        found += [
            (curve_id, id_, version, block.mid[place * length : (place + 1) * length])
            for place, (curve_id, id_, version) in enumerate(named)
        ]
    assert sorted(found) == sorted((row.curve_id, row.id, row.version, row.mid) for row in versions)


def _is(prices: CurvePrices, sent: ParsedCurve) -> bool:
    """Whether these are the prices that were sent, but for the points that are withheld."""
    for served, side in ((prices.mid, sent.mid), (prices.bid, sent.bid), (prices.ask, sent.ask)):
        if served is None or side is None:
            if served is not side:
                return False
            continue
        expected = side.copy()
        expected[list(prices.withheld)] = np.nan
        if not np.array_equal(served, expected, equal_nan=True):
            return False
    return prices.tenors == sent.tenors


async def _quarantined(
    services: Services, vendor: str, as_of: date
) -> dict[tuple[int | None, str], list[tuple[str, str]]]:
    """By run and curve: the points in quarantine, by their label, and in which state."""
    columns = quarantine.c
    statement = select(columns.run_id, columns.curve_key, columns.tenor, columns.state).where(
        columns.vendor == vendor, columns.as_of == as_of
    )
    found: dict[tuple[int | None, str], list[tuple[str, str]]] = {}
    async with services.database.read() as connection:
        for row in await connection.all(statement.order_by(columns.tenor)):
            found.setdefault((row.run_id, row.curve_key), []).append((row.tenor, row.state))
    return found


def _published_at(parsed: ParsedWorkbook) -> datetime:
    assert parsed.published_at is not None
    return parsed.published_at


async def _runs_tell_the_truth(services: Services, files: Collection[Sent]) -> None:
    """Each content was loaded by one run, which counts what is in it; the others have changed nothing and say so."""
    for file in files:
        runs = await services.ingestion.store.runs_of_content(DEMO.tenant, file.digest)
        (loaded,) = [run for run in runs if run.state is RunState.SUCCEEDED]
        others = {(run.state, run.repeats) for run in runs if run is not loaded}
        assert others <= {(RunState.UNCHANGED, loaded.id)}, f"{file.name}: {others}"
        assert (loaded.vendor, loaded.as_of) == file.day
        counts, curves = loaded.counts, len(file.parsed.curves)
        assert (counts.curves, counts.new_versions, counts.unchanged) == (curves, curves, 0)
        assert counts.loaded + counts.withheld == counts.points == file.parsed.points
        assert counts.loaded > 0.98 * counts.points
        assert await services.ingestion.blobs.get(file.digest) == file.data


async def _events_tell_it_once(services: Services) -> None:
    """No cursor is missing; every version and every run's quarantine is told once, its states in order to the end."""
    events: list[Event] = []
    while page := await services.events.read(DEMO.tenant, len(events)):
        events += page
    assert [event.cursor for event in events] == list(range(1, len(events) + 1))
    assert await services.events.head(DEMO.tenant) == len(events)
    told = [event.payload for event in events if event.type in ("CURVE_PUBLISHED", "CURVE_RESTATED")]
    columns = snapshots.c
    async with services.database.read() as connection:
        stored = await connection.all(select(columns.curve_id, columns.as_of, columns.version))
    assert sorted((each["curve_id"], each["as_of"], each["version"]) for each in told) == sorted(
        (row.curve_id, row.as_of.isoformat(), row.version) for row in stored
    )
    held = [(event.payload["run_id"], event.payload["points"]) for event in events if event.type == "QUARANTINED"]
    assert len(held) == len(dict(held))
    waiting = func.count().filter(quarantine.c.state == "OPEN")
    async with services.database.read() as connection:
        by_run = select(quarantine.c.run_id, func.count(), waiting).group_by(quarantine.c.run_id)
        rows = await connection.all(by_run)
    assert dict(held).keys() <= {run for run, _, _ in rows}
    # Told is what waited for a person when it was loaded: nothing where a newer file of the day was there.
    assert all(open_ <= dict(held).get(run, 0) <= kept for run, kept, open_ in rows)
    states: dict[int, str] = {}
    for event in events:
        if event.type == "INGESTION_RUN":
            run = event.payload["run_id"]
            states[run] = states.get(run, "") + event.payload["state"][0]
    assert {run: letters for run, letters in states.items() if not _LEGAL.fullmatch(letters)} == {}
