"""Which files are in, late or missing; a missing one is noticed once; and what a day lacks is seen in its dates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from aurum.auth import Principal, Scope
from aurum.curves.model import AsOfDay
from aurum.demo import simple_workbook
from aurum.errors import Forbidden, InvalidInput
from aurum.ingestion.completeness import MOST_DAYS, Completeness
from aurum.ingestion.expectations import DeliveryState
from aurum.ingestion.model import Decision, RunState
from aurum.ingestion.model import QuarantineState as State
from aurum.metadata.model import CurveFilter
from aurum.services import open_services
from aurum.settings import DatabaseSettings, Settings
from tests.published import instant
from tests.withheld import ANNA, DAY, EUA, MID, RIVAL, WHY, Desk, eugp, open_desk, put, submission

IN, LATE, DUE, MISSING, UNEXPECTED, BACKFILLED = DeliveryState
WEDNESDAY, THURSDAY, FRIDAY, HOLIDAY, TUESDAY = (date(2025, 2, day) for day in (12, 13, 14, 17, 18))
TTF, ALL = CurveFilter(keys=("eugp:eu/dutch_ttf/gas",)), CurveFilter()


@pytest.fixture
async def desk(migrated_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """EUGP's file of Wednesday came half an hour before it was due: at 23:00 UTC, with an hour of grace."""
    async with open_desk(migrated_url, tmp_path) as opened:
        opened.at("2025-02-12 22:30")
        await opened.load(eugp())
        yield opened


def completeness(desk: Desk) -> Completeness:
    return desk.services.ingestion.completeness


async def states(desk: Desk, first: date = WEDNESDAY, last: date = TUESDAY) -> dict[date, DeliveryState]:
    found = await completeness(desk).deliveries(ANNA, first, last, ["eugp"])
    return {each.delivery.as_of: each.delivery.state for each in found}


async def expect(desk: Desk, **values: object) -> None:
    await desk.services.ingestion.policies.set_expectations(ANNA, {"vendors": {"EUGP": values}}, WHY)


# ------------------------------------------------------------------------------------------------- deliveries


async def test_a_file_is_due_then_missing_then_late(desk: Desk) -> None:
    desk.at("2025-02-13 23:59")
    assert await states(desk) == {WEDNESDAY: IN, THURSDAY: DUE, FRIDAY: DUE, TUESDAY: DUE}
    desk.at("2025-02-14 00:30")
    assert (await states(desk))[THURSDAY] is MISSING
    (late,) = await completeness(desk).deliveries(ANNA, THURSDAY, THURSDAY)
    assert (late.delivery.due_at, late.delivery.late_by) == (instant("2025-02-13 23:00"), timedelta(minutes=90))
    desk.at("2025-02-14 07:00")
    first = await desk.load(eugp(THURSDAY))
    desk.at("2025-02-14 09:00")
    second = await desk.load(eugp(THURSDAY, published="2025-02-14 08:00", AW13=999.0))
    (came,) = await completeness(desk).deliveries(ANNA, THURSDAY, THURSDAY)
    assert (came.delivery.state, came.delivery.arrived_at) == (LATE, instant("2025-02-14 07:00"))
    assert (came.delivery.late_by, came.file_ids) == (timedelta(hours=8), (first.file_id, second.file_id))


async def test_a_file_of_a_holiday_is_unexpected_and_a_refused_one_has_not_come(desk: Desk) -> None:
    desk.at("2025-02-18 08:00")
    await desk.load(eugp(HOLIDAY))
    refused = eugp(FRIDAY)
    refused.put(MID, "B13", date(2025, 9, 1))
    assert (await desk.load(refused)).state is RunState.FAILED
    expected = {WEDNESDAY: IN, THURSDAY: MISSING, FRIDAY: MISSING, HOLIDAY: UNEXPECTED, TUESDAY: DUE}
    assert await states(desk) == expected


async def test_what_operators_expect_holds_at_once(desk: Desk) -> None:
    desk.at("2025-02-18 08:00")
    await expect(desk, closed=["2025-02-14"], open=["2025-02-17"])
    assert await states(desk) == {WEDNESDAY: IN, THURSDAY: MISSING, HOLIDAY: MISSING, TUESDAY: DUE}
    await desk.services.ingestion.policies.set_expectations(ANNA, {"vendors": {"EUGP": None}}, WHY)
    assert await states(desk) == {}
    await expect(desk, since="2025-02-14")
    assert await states(desk) == {FRIDAY: MISSING, TUESDAY: DUE}


async def test_history_that_is_loaded_later_is_filled_in_and_only_gaps_are_missing(desk: Desk) -> None:
    desk.at("2025-02-18 08:00")
    for day in (date(2025, 2, 5), date(2025, 2, 7)):
        await desk.load(eugp(day))
    assert await states(desk, date(2025, 2, 3), WEDNESDAY) == {
        date(2025, 2, 5): BACKFILLED, date(2025, 2, 6): MISSING, date(2025, 2, 7): BACKFILLED,
        date(2025, 2, 10): MISSING, date(2025, 2, 11): MISSING, WEDNESDAY: IN,
    }  # fmt: skip


async def test_files_of_another_tenant_are_neither_in_nor_missing(desk: Desk) -> None:
    desk.at("2025-02-14 08:00")
    assert await completeness(desk).deliveries(RIVAL, WEDNESDAY, FRIDAY) == []
    await desk.services.ingestion.ingest(RIVAL, submission(eugp(THURSDAY)))
    assert (await states(desk))[THURSDAY] is MISSING


async def test_reading_needs_its_scope_and_has_a_bound(desk: Desk) -> None:
    nobody = Principal("desk", "nobody", frozenset())
    with pytest.raises(Forbidden, match="ingestion:read"):
        await completeness(desk).deliveries(nobody, WEDNESDAY, FRIDAY)
    with pytest.raises(Forbidden, match="curves:read"):
        await completeness(desk).missing_days(nobody, WEDNESDAY, FRIDAY, ["EUGP"])
    trader = Principal("desk", "trader", frozenset({Scope.CURVES_READ}))
    desk.at("2025-02-14 08:00")
    assert await completeness(desk).missing_days(trader, WEDNESDAY, FRIDAY, ["EUGP"]) == {THURSDAY: ["EUGP"]}
    with pytest.raises(InvalidInput, match=f"{MOST_DAYS:,} days"):
        await completeness(desk).deliveries(ANNA, WEDNESDAY, WEDNESDAY + timedelta(days=MOST_DAYS))
    assert await completeness(desk).deliveries(ANNA, date.max - timedelta(days=9), date.max) == []
    assert await completeness(desk).deliveries(ANNA, date.min, date.min + timedelta(days=9)) == []
    assert await completeness(desk).deliveries(ANNA, FRIDAY, WEDNESDAY) == []


# ------------------------------------------------------------------------------------------------- notices


async def test_a_missing_file_is_noticed_once_with_an_event(desk: Desk) -> None:
    desk.at("2025-02-13 23:59")
    assert await completeness(desk).notice() == 0
    desk.at("2025-02-14 00:30")
    assert [await completeness(desk).notice() for _ in range(2)] == [1, 0]
    (event,) = await desk.events("FILE_MISSING")
    assert event.payload == {"vendor": "EUGP", "as_of": "2025-02-13", "due_at": "2025-02-13T23:00:00+00:00"}
    desk.at("2025-02-18 08:00")
    await desk.load(eugp(THURSDAY))
    assert [await completeness(desk).notice() for _ in range(2)] == [1, 0]
    assert [event.payload["as_of"] for event in await desk.events("FILE_MISSING")] == ["2025-02-13", "2025-02-14"]


async def test_servers_that_look_at_the_same_time_tell_it_once(desk: Desk, migrated_url: str, tmp_path: Path) -> None:
    await desk.services.ingestion.ingest(RIVAL, submission(eugp()))
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    async with open_services(settings) as second:
        other = Desk(second, desk.at("2025-02-18 08:00"))
        looks = [completeness(each).notice() for each in (desk, other, desk, other)]
        assert sum(await asyncio.gather(*looks)) == 4
    assert len(await desk.events("FILE_MISSING")) == 2
    assert len(await desk.services.events.read("rival", 0, ["FILE_MISSING"])) == 2


async def test_nothing_is_told_of_what_was_due_before_the_vendors_first_file_came(desk: Desk) -> None:
    desk.at("2025-02-18 08:00")
    for day in (date(2025, 1, 29), date(2025, 2, 7), THURSDAY, FRIDAY):
        await desk.load(eugp(day))
    assert await completeness(desk).notice() == 0
    desk.at("2025-03-10 08:00")
    assert await completeness(desk).notice() == 14


# ------------------------------------------------------------------------------------------------- dates


async def missing(desk: Desk, known_at: str | None = None) -> list[date]:
    at = instant(known_at) if known_at else None
    return list(await completeness(desk).missing_days(ANNA, date(1900, 1, 1), date(2200, 1, 1), ["EUGP"], at))


async def test_missing_days_are_those_of_the_instant_asked_about(desk: Desk) -> None:
    desk.at("2025-02-14 07:00")
    await desk.load(eugp(THURSDAY, published="2025-02-14 06:00"))
    desk.at("2025-02-18 08:00")
    assert await missing(desk) == [FRIDAY]
    assert await missing(desk, "2025-02-13 22:59") == []
    assert await missing(desk, "2025-02-14 05:59") == [THURSDAY]
    assert await missing(desk, "2025-02-14 06:00") == []
    assert await missing(desk, "9999-12-31 23:59") == [FRIDAY]
    assert await missing(desk, "0001-01-01 00:00") == []


async def test_days_that_were_missing_are_told_by_what_was_expected_then(desk: Desk) -> None:
    desk.at("2025-02-14 08:00")
    assert await missing(desk) == [THURSDAY]
    desk.at("2025-02-14 22:30")
    await desk.services.ingestion.policies.set_expectations(ANNA, {"vendors": {"EUGP": None}}, WHY)
    assert await missing(desk) == []
    assert await missing(desk, "2025-02-14 08:00") == [THURSDAY]


async def test_no_day_has_prices_that_are_known_and_a_file_that_is_missing(desk: Desk) -> None:
    """Files of days long past, loaded today: what they say was known then, and so was the file."""
    desk.at("2025-06-02 08:00")
    for day in (date(2025, 2, 10), date(2025, 2, 11)):
        await desk.load(eugp(day))
    for known_at in ("2025-02-11 12:00", "2025-02-12 12:00"):
        days = await desk.services.curves.as_of_days(
            ANNA, ALL, date(2025, 2, 1), WEDNESDAY, known_at=instant(known_at)
        )  # fmt: skip
        assert {day.as_of for day in days} & set(await missing(desk, known_at)) == set()


async def as_of_days(desk: Desk, wanted: CurveFilter = ALL, known_at: str | None = None) -> list[AsOfDay]:
    at = instant(known_at) if known_at else None
    return await desk.services.curves.as_of_days(ANNA, wanted, date(2025, 1, 1), date(2025, 12, 31), known_at=at)


async def test_a_curve_of_which_every_point_is_withheld_has_no_prices_on_that_day(desk: Desk) -> None:
    eua = CurveFilter(keys=(EUA,))
    assert [(day.curves, day.known_curves) for day in await as_of_days(desk)] == [(83, 83)]
    desk.at("2025-02-13 08:00")
    blank = eugp(published="2025-02-13 07:40")
    for kind, rows in (("Fixed Prices", (12, 13, 14, 15)), ("Strips", (12, 14, 16))):
        for side in ("Mid", "BidAsk"):
            put(blank, f"{kind} - {side}", {f"AW{row}": "n/a" for row in rows})
    run = await desk.load(blank)
    assert (run.state, run.counts.withheld) == (RunState.SUCCEEDED, 7)
    assert [(day.as_of, day.curves, day.known_curves) for day in await as_of_days(desk)] == [(WEDNESDAY, 82, 83)]
    assert await as_of_days(desk, eua) == []
    assert [day.curves for day in await as_of_days(desk, eua, "2025-02-13 07:39")] == [1]
    (march,) = [item for item in await desk.points(State.OPEN) if item.tenor and item.tenor.label == "2025-03"]
    await desk.correct(march, 70.5)
    assert [(day.curves, day.known_curves) for day in await as_of_days(desk)] == [(83, 83)]
    desk.at("2025-02-13 09:00")
    await desk.decide(Decision.REJECT, march)
    assert [(day.curves, day.known_curves) for day in await as_of_days(desk)] == [(82, 83)]


async def test_a_curve_counts_from_its_first_day_with_prices(desk: Desk) -> None:
    desk.at("2025-02-14 08:00")
    simple = put(simple_workbook(WEDNESDAY, months=4), MID, {f"C{row}": "n/a" for row in range(7, 11)})
    await desk.load(simple)
    await desk.load(simple_workbook(THURSDAY, months=4))
    western = CurveFilter(vendors=("SIMPLE",))
    counted = [(day.as_of, day.curves, day.known_curves) for day in await as_of_days(desk, western)]
    assert counted == [(WEDNESDAY, 7, 7), (THURSDAY, 8, 8)]
    assert [(day.as_of, day.curves, day.known_curves) for day in await as_of_days(desk)] == [
        (WEDNESDAY, 90, 90), (THURSDAY, 8, 91),
    ]  # fmt: skip
    assert (await desk.snapshot("simple:pjm/da/western+hub/power/atc@usd%2fmwh", DAY)).prices.withheld == (0, 1, 2, 3)
