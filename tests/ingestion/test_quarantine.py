"""Points that are not served until somebody decides: each decision makes exactly the version it should, or nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.demo import simple_workbook
from aurum.demo.workbooks import VendorWorkbook
from aurum.errors import Conflict, Forbidden, InvalidInput, NotFound
from aurum.ingestion import loading, service
from aurum.ingestion.model import Decision, PointPrices, Quarantined, QuarantineFilter, Run, RunState
from aurum.ingestion.model import QuarantineState as State
from aurum.ingestion.quarantine import MOST_AT_ONCE
from aurum.market.cells import PointRows
from aurum.market.periods import TenorGrid
from aurum.parsers import parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook
from tests.withheld import ANNA, BEN, DAY, EUA, MID, RIVAL, UKA, WHY, Desk, eugp, mid_of, open_desk, put, submission

ACCEPT, CORRECT, REJECT, RELEASE = Decision
MORNING = "2025-02-13 07:40"  # when the vendor publishes a correction
NEXT_DAY = date(2025, 2, 13)
WESTERN = "simple:pjm/da/western+hub/power/atc@usd%2fmwh"


@pytest.fixture
async def desk(migrated_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """On the 13th at eight in the morning; on SQLite, then on PostgreSQL."""
    async with open_desk(migrated_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def careful(migrated_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """With four eyes."""
    async with open_desk(migrated_url, tmp_path, four_eyes=True) as opened:
        yield opened


@pytest.fixture
async def embedded(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """On SQLite alone, for what has nothing to do with storage."""
    async with open_desk(migrated_sqlite_url, tmp_path) as opened:
        yield opened


async def held(desk: Desk, workbook: VendorWorkbook | None = None) -> Quarantined:
    """The one open point of a file: by default of EUGP's with 999 for EUA in March, quoted 70.368 to 70.75."""
    await desk.load(workbook or eugp(AW13=999.0))
    (item,) = await desk.points(State.OPEN)
    return item


async def states(desk: Desk) -> list[State]:
    return [item.state for item in await desk.points()]


# ------------------------------------------------------------------------------------------------- what is withheld


async def test_a_wrong_point_is_withheld_with_its_reason_and_the_rest_is_served(desk: Desk) -> None:
    workbook = eugp(AW13=999.0)
    run = await desk.load(workbook)
    assert (run.state, run.counts.points, run.counts.loaded, run.counts.withheld) == (RunState.SUCCEEDED, 476, 475, 1)
    (item,) = await desk.points()
    assert (item.state, item.code, item.curve_key, item.run_id, item.file_id) == (
        State.OPEN, "MID_OUTSIDE_QUOTE", EUA, run.id, run.file_id,
    )  # fmt: skip
    assert item.message == "2025-03: mid 999 is not between bid 70.368 and ask 70.75"
    assert (item.sheet, item.cells) == (MID, ("AW13", "Fixed Prices - BidAsk!AW13"))
    assert item.prices == PointPrices(999.0, 70.368, 70.75)
    prices = (await desk.snapshot()).prices
    assert prices.bid is not None
    assert prices.ask is not None
    assert (prices.withheld, prices.mid[0], prices.mid[2]) == ((1,), mid_of(workbook, "AW12"), mid_of(workbook, "AW14"))
    assert [bool(np.isnan(side[1])) for side in (prices.mid, prices.bid, prices.ask)] == [True, True, True]
    (event,) = await desk.events("QUARANTINED")
    assert event.payload == {"run_id": run.id, "vendor": "EUGP", "as_of": "2025-02-12", "points": 1}


async def test_a_cell_of_a_mid_a_quote_and_a_row_are_each_held_for_what_they_are(desk: Desk) -> None:
    workbook = eugp(AW14="n/a", quotes={"AX13": "x / y"})
    for sheet in ("Spark Spread", "Fixed Prices - BidAsk", MID):
        workbook.put(sheet, "B15", "no month")
    run = await desk.load(workbook)
    items = await desk.points()
    assert [(item.code, item.curve_key, item.tenor and item.tenor.label, item.cells[0]) for item in items[-2:]] == [
        ("NOT_A_NUMBER", EUA, "2025-04", "AW14"), ("BAD_QUOTE", UKA, "2025-03", "AX13"),
    ]  # fmt: skip
    rows = items[:-2]
    assert {(item.code, item.curve_id, item.tenor, item.cells) for item in rows} == {
        ("UNKNOWN_TENOR", None, None, ("B15",))
    }
    assert run.counts.withheld == len(items)
    found = (await desk.services.ingestion.findings(ANNA, [run.id]))[run.id]
    for item in items:
        assert found[item.findings[0]].finding.code == item.code


async def test_the_list_is_chosen_from_by_every_condition(embedded: Desk) -> None:
    quarantine = embedded.services.ingestion.quarantine
    first = await embedded.load(eugp(AW13=999.0, AX13="n/a"))
    embedded.at("2025-02-14 08:00")
    await embedded.load(eugp(NEXT_DAY, AW13=999.0))
    for wanted, expected in [
        (QuarantineFilter(), 3),
        (QuarantineFilter(states=(State.OPEN,)), 3),
        (QuarantineFilter(states=()), 0),
        (QuarantineFilter(states=(State.REJECTED, State.SUPERSEDED)), 0),
        (QuarantineFilter(vendors=("EUGP", "RP")), 3),
        (QuarantineFilter(vendors=("RP",)), 0),
        (QuarantineFilter(codes=("NOT_A_NUMBER",)), 1),
        (QuarantineFilter(curve_keys=(EUA,)), 2),
        (QuarantineFilter(run_ids=(first.id,)), 2),
        (QuarantineFilter(run_ids=(first.id,), curve_keys=(EUA,)), 1),
        (QuarantineFilter(first=NEXT_DAY), 1),
        (QuarantineFilter(last=DAY), 2),
        (QuarantineFilter(first=DAY, last=DAY, codes=("MID_OUTSIDE_QUOTE",)), 1),
    ]:
        assert await quarantine.count(ANNA, wanted) == expected, wanted
        assert len((await quarantine.page(ANNA, wanted, PageRequest(10))).items) == expected, wanted


# ------------------------------------------------------------------------------------------------- decisions


async def test_what_is_accepted_is_served_as_the_file_has_it_from_now_on(desk: Desk) -> None:
    workbook = eugp(AW13=999.0)
    item, seen = await held(desk, workbook), len(await desk.events())
    first = await desk.snapshot()
    now = desk.at("2025-02-13 09:00")
    (answer,) = await desk.decide(ACCEPT, item)
    assert answer == replace(item, state=State.ACCEPTED)
    newest, _ = await desk.versions()
    assert (newest.version, newest.author, newest.reason) == (2, "anna", WHY)
    assert (newest.published_at, newest.recorded_at) == (now, now)
    assert (newest.file_id, newest.run_id) == (item.file_id, item.run_id)
    prices = newest.prices
    assert prices.withheld == ()
    assert (
        prices.mid.tolist() == [mid_of(workbook, f"AW{row}") for row in range(12, 16)] + first.prices.mid[4:].tolist()
    )
    assert prices.bid is not None
    assert prices.ask is not None
    assert (prices.bid[1], prices.ask[1]) == (70.368, 70.75)
    assert prices.mid_cells is not None
    assert prices.mid_cells.address(1) == f"{MID}!AW13"
    assert (await desk.mids(known_at=now - timedelta(microseconds=1)))[1] is None
    assert [(event.type, event.payload) for event in (await desk.events(after=seen))] == [
        ("CURVE_RESTATED", {"curve_id": item.curve_id, "as_of": "2025-02-12", "version": 2}),
        ("QUARANTINE_RESOLVED", {"ids": [item.id], "decision": "ACCEPT", "author": "anna"}),
    ]
    (made,) = (await desk.services.ingestion.quarantine.resolutions(ANNA, [item.id]))[item.id]
    assert (made.decision, made.prices, made.author, made.reason, made.decided_at, made.version) == (
        ACCEPT, PointPrices(999.0, 70.368, 70.75), "anna", WHY, now, 2,
    )  # fmt: skip


@pytest.mark.parametrize("prices", [PointPrices(70.6), PointPrices(70.6, 70.5, 70.7), PointPrices(None, -70.5, 70.7)])
async def test_what_is_corrected_is_served_as_a_person_has_it_and_nothing_else_moves(
    embedded: Desk, prices: PointPrices
) -> None:
    item, before = await held(embedded), (await embedded.snapshot()).prices
    await embedded.decide(CORRECT, item, prices=prices)
    after = (await embedded.snapshot()).prices
    for side, was, number in zip(
        (after.mid, after.bid, after.ask), (before.mid, before.bid, before.ask), (prices.mid, prices.bid, prices.ask),
        strict=True,
    ):  # fmt: skip
        assert side is not None
        assert was is not None
        expected = was.copy()
        expected[1] = nan if number is None else number
        np.testing.assert_array_equal(side, expected)
    assert after.withheld == ()
    assert (await embedded.point(item.id)).state is State.CORRECTED


async def test_a_curve_without_quotes_gets_one_where_a_person_says_so(desk: Desk) -> None:
    workbook = simple_workbook(DAY, months=4)
    workbook.put(MID, "C8", "n/a")
    item = await held(desk, workbook)
    await desk.decide(CORRECT, item, prices=PointPrices(43.0, 42.5, 43.5))
    prices = (await desk.snapshot(WESTERN)).prices
    assert prices.bid is not None
    assert (prices.mid[1], prices.bid[1], np.isnan(prices.bid).tolist()) == (43.0, 42.5, [True, False, True, True])
    assert prices.mid[0] == mid_of(workbook, "C7")


async def test_what_is_rejected_stays_unserved_and_makes_no_version(desk: Desk) -> None:
    item = await held(desk)
    await desk.decide(REJECT, item)
    assert [snapshot.version for snapshot in await desk.versions()] == [1]
    assert (await desk.mids())[1] is None
    assert await states(desk) == [State.REJECTED]
    assert len(await desk.events("QUARANTINE_RESOLVED")) == 1
    assert await desk.events("CURVE_RESTATED") == []


async def test_each_decision_can_be_taken_back_by_another_and_all_are_kept(desk: Desk) -> None:
    item = await held(desk)
    for minute, (decision, mid, served) in enumerate(
        [(REJECT, None, None), (ACCEPT, None, 999.0), (CORRECT, 70.5, 70.5), (CORRECT, 70.6, 70.6),
         (REJECT, None, None), (REJECT, None, None), (CORRECT, 70.7, 70.7)]
    ):  # fmt: skip
        desk.at(f"2025-02-13 09:0{minute}")
        await desk.decide(decision, item, prices=None if mid is None else PointPrices(mid))
        assert (await desk.mids())[1] == served
        assert (await desk.snapshot()).prices.withheld == ((1,) if served is None else ())
    versions = await desk.versions()
    assert [snapshot.version for snapshot in versions] == [6, 5, 4, 3, 2, 1]
    made = (await desk.services.ingestion.quarantine.resolutions(ANNA, [item.id]))[item.id]
    assert [each.version for each in made] == [None, 2, 3, 4, 5, None, 6]
    known = [(await desk.mids(known_at=desk.at(f"2025-02-13 09:0{n}")))[1] for n in range(7)]
    assert known == [None, 999.0, 70.5, 70.6, None, None, 70.7]


async def test_who_says_the_same_again_is_kept_and_changes_nothing(desk: Desk) -> None:
    """Nor does it hold up what the vendor publishes between the two."""
    item = await held(desk)
    await desk.correct(item, 70.5)
    desk.at("2025-02-13 10:00")
    await desk.correct(item, 70.5)
    assert [snapshot.version for snapshot in await desk.versions()] == [2, 1]
    made = (await desk.services.ingestion.quarantine.resolutions(ANNA, [item.id]))[item.id]
    assert [each.version for each in made] == [2, None]
    desk.at("2025-02-13 11:00")
    mended = eugp(published="2025-02-13 09:00")
    await desk.load(mended)
    assert (await desk.mids())[1] == mid_of(mended, "AW13")


async def test_points_of_several_curves_and_days_are_decided_at_once(desk: Desk) -> None:
    await desk.load(eugp(AW13=999.0, AW14=998.0, AX13=997.0))
    desk.at("2025-02-14 08:00")
    await desk.load(eugp(NEXT_DAY, AW13=996.0))
    before, seen = len(await desk.versions(UKA)), len(await desk.events())
    items = await desk.points(State.OPEN)
    assert len(items) == 4
    await desk.decide(ACCEPT, *items, items[0])
    assert (await desk.mids())[1:3] == [999.0, 998.0]
    assert (await desk.mids(UKA))[1] == 997.0
    assert (await desk.mids(day=NEXT_DAY))[1] == 996.0
    assert [snapshot.version for snapshot in await desk.versions()] == [2, 1]
    assert len(await desk.versions(UKA)) == before + 1
    events = await desk.events(after=seen)
    assert [event.type for event in events] == ["CURVE_RESTATED"] * 3 + ["QUARANTINE_RESOLVED"]
    assert events[-1].payload["ids"] == sorted(item.id for item in items)


async def test_many_points_take_as_many_statements_as_one(desk: Desk) -> None:
    rows = {f"{column}{row}": 999.0 for column in ("AW", "AX") for row in range(12, 16)}
    await desk.load(put(eugp(), MID, rows))
    first, *others = await desk.points(State.OPEN)
    assert len(others) == 7
    statements: list[str] = []
    desk.services.database.observe(lambda _c, _cur, statement, *_: statements.append(statement))
    await desk.decide(ACCEPT, first)
    alone = len(statements)
    desk.at("2025-02-13 09:00")
    await desk.decide(ACCEPT, *others)
    assert len(statements) - alone <= alone <= 26


async def test_one_point_that_cannot_be_decided_about_stops_all(desk: Desk) -> None:
    await desk.load(eugp(AX13=999.0))
    newest = eugp(published=MORNING, AW13=999.0, AW14="n/a")
    newest.put(MID, "B15", "no month")
    await desk.load(newest)
    simple = simple_workbook(DAY, months=4)
    simple.put(MID, "C8", "n/a")
    await desk.load(simple)
    await desk.services.ingestion.ingest(RIVAL, submission(eugp(AW14=998.0)))
    (superseded,) = await desk.points(State.SUPERSEDED)
    (halved,) = (
        item for item in await desk.points(State.OPEN) if item.curve_key == EUA and item.code == "NOT_A_NUMBER"
    )
    by_code = {item.code: item for item in await desk.points(State.OPEN)}
    good, row, blank = (by_code[code] for code in ("MID_OUTSIDE_QUOTE", "UNKNOWN_TENOR", "NOT_A_NUMBER"))
    (rivals,) = (await desk.services.ingestion.quarantine.page(RIVAL, QuarantineFilter(), PageRequest(9))).items
    seen = len(await desk.events())
    for bad, said in [
        (superseded, "another file of 2025-02-12 is loaded"),
        (row, "belongs to no curve and delivery period"),
        (blank, "the file holds no number"),
        (halved, "the file holds a bid and an ask, but no mid"),
        (rivals, "there is no point"),
        (replace(good, id=2**62), "there is no point"),
    ]:
        with pytest.raises((Conflict, InvalidInput, NotFound), match=said) as raised:
            await desk.decide(ACCEPT, good, bad)
        assert raised.value.details["id"] == bad.id
    assert (await desk.point(good.id), (await desk.mids())[1]) == (good, None)
    assert len(await desk.events()) == seen
    assert await desk.services.ingestion.quarantine.resolutions(ANNA, [good.id]) == {}


async def test_what_is_no_point_can_only_be_rejected(desk: Desk) -> None:
    workbook = eugp()
    workbook.put(MID, "B15", "no month")
    item = await held(desk, workbook)
    for decision, prices in ((ACCEPT, None), (CORRECT, PointPrices(70.5))):
        with pytest.raises(InvalidInput, match="can only be rejected"):
            await desk.decide(decision, item, prices=prices)
    await desk.decide(REJECT, item)
    await desk.decide(REJECT, item)
    assert await states(desk) == [State.REJECTED]


async def test_what_the_file_holds_of_a_point_is_accepted_and_nothing_is_made_up(desk: Desk) -> None:
    workbook = eugp(quotes={"AX13": "x / y"})
    await desk.decide(ACCEPT, await held(desk, workbook))
    prices = (await desk.snapshot(UKA)).prices
    assert prices.bid is not None
    assert (prices.mid[1], np.isnan(prices.bid[1])) == (mid_of(workbook, "AX13"), True)


async def test_a_quote_without_a_mid_is_served_where_a_person_says_so_alone(desk: Desk) -> None:
    """The cell of the mid is text: whether there is none, or which, is nothing that the file has said."""
    item = await held(desk, eugp(AW14="n/a"))
    with pytest.raises(InvalidInput, match="a bid and an ask, but no mid"):
        await desk.decide(ACCEPT, item)
    await desk.decide(CORRECT, item, prices=replace(item.prices, mid=None))
    prices = (await desk.snapshot()).prices
    assert prices.bid is not None
    assert prices.ask is not None
    assert (np.isnan(prices.mid[2]), prices.bid[2], prices.ask[2]) == (True, 70.131, 70.547)


# ------------------------------------------------------------------------------------------------- who may, and what


async def test_points_of_another_tenant_do_not_exist(desk: Desk) -> None:
    item, quarantine = await held(desk), desk.services.ingestion.quarantine
    with pytest.raises(NotFound):
        await desk.decide(ACCEPT, item, by=RIVAL)
    assert await quarantine.by_id(RIVAL, [item.id]) == {}
    assert await quarantine.resolutions(RIVAL, [item.id]) == {}
    assert await quarantine.count(RIVAL, QuarantineFilter(run_ids=(item.run_id,))) == 0
    assert await states(desk) == [State.OPEN]


async def test_each_use_needs_its_scope(embedded: Desk) -> None:
    item, quarantine = await held(embedded), embedded.services.ingestion.quarantine

    def without(scope: Scope) -> Principal:
        return Principal("desk", "carl", frozenset(Scope) - {scope})

    blind = without(Scope.INGESTION_READ)
    for read in (
        quarantine.by_id(blind, [item.id]), quarantine.resolutions(blind, [item.id]),
        quarantine.count(blind, QuarantineFilter()), quarantine.page(blind, QuarantineFilter(), PageRequest(1)),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match="ingestion:read"):
            await read
    for scope, decision in [
        (Scope.INGESTION_RESOLVE, REJECT), (Scope.INGESTION_RESOLVE, ACCEPT), (Scope.CURVES_WRITE, ACCEPT),
    ]:  # fmt: skip
        with pytest.raises(Forbidden, match=str(scope)):
            await embedded.decide(decision, item, by=without(scope))
    assert await states(embedded) == [State.OPEN]
    few = frozenset({Scope.INGESTION_RESOLVE, Scope.CURVES_READ, Scope.CURVES_WRITE})
    await embedded.decide(ACCEPT, item, by=Principal("desk", "carl", few))
    assert await states(embedded) == [State.ACCEPTED]


async def test_prices_that_make_no_point_are_refused(embedded: Desk) -> None:
    item = await held(embedded)
    for decision, prices, said in [
        (CORRECT, None, "only where, a point is corrected"),
        (ACCEPT, PointPrices(70.5), "only where, a point is corrected"),
        (REJECT, PointPrices(None), "only where, a point is corrected"),
        (RELEASE, PointPrices(70.5), "only where, a point is corrected"),
        (CORRECT, PointPrices(None), "needs a mid"),
        (CORRECT, PointPrices(nan), "needs a mid"),
        (CORRECT, PointPrices(inf), "needs a mid"),
        (CORRECT, PointPrices(70.5, -inf, 70.6), "needs a mid"),
        (CORRECT, PointPrices(70.5, 70.4), "an ask"),
        (CORRECT, PointPrices(70.5, None, 70.6), "an ask a bid"),
        (CORRECT, PointPrices(None, 70.5), "an ask"),
        (CORRECT, PointPrices(70.5, 70.6, 70.4), "between"),
        (CORRECT, PointPrices(None, 70.6, 70.4), "above the ask"),
        (CORRECT, PointPrices(70.3, 70.4, 70.6), "between"),
        (CORRECT, PointPrices(70.7, 70.4, 70.6), "between"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            await embedded.decide(decision, item, prices=prices)
    assert await states(embedded) == [State.OPEN]


async def test_a_reason_is_due_and_ids_are_bounded(embedded: Desk) -> None:
    item, quarantine = await held(embedded), embedded.services.ingestion.quarantine
    for reason in ("", " \n\t", "x" * 2001):
        with pytest.raises(InvalidInput, match="reason"):
            await embedded.decide(REJECT, item, reason=reason)
    for ids in (range(0), range(1, MOST_AT_ONCE + 2)):
        with pytest.raises(InvalidInput, match="1 to 1,000"):
            await quarantine.resolve(ANNA, ids, REJECT, WHY)
    with pytest.raises(NotFound):
        await quarantine.resolve(ANNA, range(1, MOST_AT_ONCE + 1), REJECT, WHY)
    await embedded.decide(REJECT, item, reason=f"  {'x' * 1997}\n")
    (made,) = (await quarantine.resolutions(ANNA, [item.id]))[item.id]
    assert made.reason == "x" * 1997


# ------------------------------------------------------------------------------------------------- four eyes


async def test_what_one_proposes_another_one_releases(careful: Desk) -> None:
    item, seen = await held(careful), len(await careful.events())
    proposed = await careful.correct(item, 70.5)
    assert (proposed.state, (await careful.mids())[1]) == (State.PROPOSED, None)
    with pytest.raises(Forbidden, match="somebody else releases it"):
        await careful.decide(RELEASE, item)
    now = careful.at("2025-02-13 09:00")
    (released,) = await careful.decide(RELEASE, item, by=BEN, reason="seen on the screen")
    assert (released.state, (await careful.mids())[1]) == (State.CORRECTED, 70.5)
    snapshot = await careful.snapshot()
    assert (snapshot.author, snapshot.reason, snapshot.published_at) == ("ben", "seen on the screen", now)
    made = (await careful.services.ingestion.quarantine.resolutions(ANNA, [item.id]))[item.id]
    assert [(each.decision, each.author, each.version, each.prices.mid) for each in made] == [
        (CORRECT, "anna", None, 70.5), (RELEASE, "ben", 2, 70.5),
    ]  # fmt: skip
    types = [event.type for event in await careful.events(after=seen)]
    assert types == ["QUARANTINE_RESOLVED", "CURVE_RESTATED", "QUARANTINE_RESOLVED"]
    with pytest.raises(Conflict, match="nothing is proposed"):
        await careful.decide(RELEASE, item, by=BEN)


async def test_who_proposes_anew_may_not_release_it_and_the_last_proposal_counts(careful: Desk) -> None:
    item = await held(careful)
    await careful.correct(item, 70.5)
    await careful.correct(item, 70.6, by=BEN)
    with pytest.raises(Forbidden):
        await careful.decide(RELEASE, item, by=BEN)
    await careful.decide(RELEASE, item)
    assert (await careful.mids())[1] == 70.6


async def test_a_proposal_is_rejected_by_anybody_and_cannot_be_released_then(careful: Desk) -> None:
    item = await held(careful)
    await careful.decide(ACCEPT, item)
    await careful.decide(REJECT, item)
    assert await states(careful) == [State.REJECTED]
    with pytest.raises(Conflict, match="nothing is proposed"):
        await careful.decide(RELEASE, item, by=BEN)
    assert [snapshot.version for snapshot in await careful.versions()] == [1]


async def test_what_is_served_stays_until_another_proposal_is_released_or_all_is_rejected(careful: Desk) -> None:
    item = await held(careful)
    await careful.correct(item, 70.5)
    await careful.decide(RELEASE, item, by=BEN)
    await careful.correct(item, 70.6)
    assert (await careful.mids())[1] == 70.5
    await careful.decide(REJECT, item)
    assert (await careful.point(item.id)).state is State.REJECTED
    assert ((await careful.mids())[1], (await careful.snapshot()).prices.withheld) == (None, (1,))


async def test_two_releases_at_once_release_once(careful: Desk) -> None:
    item = await held(careful)
    await careful.correct(item, 70.5)
    carla = replace(BEN, name="carla")
    answers = await asyncio.gather(
        *(careful.decide(RELEASE, item, by=by) for by in (BEN, carla)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "list"]
    assert [snapshot.version for snapshot in await careful.versions()] == [2, 1]
    assert len(await careful.events("QUARANTINE_RESOLVED")) == 2


async def test_what_is_proposed_is_released_also_when_four_eyes_are_asked_for_no_more(careful: Desk) -> None:
    item = await held(careful)
    await careful.correct(item, 70.5)
    careful.services.ingestion.quarantine.four_eyes = False
    with pytest.raises(Forbidden):
        await careful.decide(RELEASE, item)
    await careful.decide(ACCEPT, item)
    assert (await careful.mids())[1] == 999.0


# ------------------------------------------------------------------------------------------------- files that follow


async def test_a_correction_of_the_vendor_ends_quarantine(desk: Desk) -> None:
    item = await held(desk)
    mended = eugp(published=MORNING)
    await desk.load(mended)
    assert (await desk.mids())[1] == mid_of(mended, "AW13")
    assert await states(desk) == [State.SUPERSEDED]
    for decision in (ACCEPT, REJECT):
        with pytest.raises(Conflict, match="another file of 2025-02-12 is loaded"):
            await desk.decide(decision, item)


async def test_a_correction_with_another_wrong_number_there_is_what_is_decided_about(desk: Desk) -> None:
    await desk.load(eugp(AW13=999.0))
    run = await desk.load(eugp(published=MORNING, AW13=99.0))
    (item,) = await desk.points(State.OPEN)
    assert (item.run_id, item.prices.mid) == (run.id, 99.0)
    await desk.decide(ACCEPT, item)
    assert ((await desk.mids())[1], (await desk.snapshot()).file_id) == (99.0, run.file_id)


async def test_a_correction_without_the_curve_leaves_its_point_open(desk: Desk) -> None:
    item = await held(desk)
    shorter = eugp(published=MORNING)
    for sheet in shorter.sheets:
        for row in shorter.sheets[sheet]:
            del row[48:49]  # EUA's column
    run = await desk.load(shorter)
    assert run.state is RunState.SUCCEEDED
    assert await desk.points(State.OPEN) == [item]
    await desk.correct(item, 70.5)
    assert (await desk.mids())[1] == 70.5


async def test_a_correction_ends_what_people_decided_but_not_for_those_who_asked_before(desk: Desk) -> None:
    item = await held(desk)
    await desk.correct(item, 70.5)
    later = desk.at("2025-02-13 10:00")
    mended = eugp(published=MORNING)
    await desk.load(mended)
    newest = await desk.snapshot()
    assert (newest.prices.mid[1], newest.published_at, newest.author) == (mid_of(mended, "AW13"), later, None)
    assert (await desk.mids(known_at=later - timedelta(seconds=1)))[1] == 70.5
    for decision in (ACCEPT, REJECT):
        with pytest.raises(Conflict, match="not the newest"):
            await desk.decide(decision, item)
    assert (await desk.mids())[1] == mid_of(mended, "AW13")


async def test_a_correction_that_is_wrong_there_again_asks_again(desk: Desk) -> None:
    item = await held(desk)
    await desk.decide(ACCEPT, item)
    desk.at("2025-02-13 10:00")
    run = await desk.load(eugp(published=MORNING, AW13=999.0))
    (again,) = await desk.points(State.OPEN)
    assert (again.run_id, (await desk.mids())[1]) == (run.id, None)
    assert (await desk.point(item.id)).state is State.ACCEPTED
    assert len(await desk.events("QUARANTINED")) == 2


async def test_an_older_file_that_comes_late_changes_nothing_of_it(desk: Desk) -> None:
    newest = eugp(published=MORNING, AW13=999.0)
    newest.put(MID, "B15", "no month")
    await desk.load(newest)
    before = await desk.points()
    seen = len(await desk.events())
    older = eugp(AW13=998.0)
    older.put(MID, "B14", "no month")
    run = await desk.load(older)
    assert [item for item in await desk.points() if item.run_id != run.id] == before
    assert {item.state for item in await desk.points(run=run)} == {State.SUPERSEDED}
    assert run.counts.withheld == 2
    assert "QUARANTINED" not in {event.type for event in await desk.events(after=seen)}
    (point,) = [item for item in before if item.tenor]
    await desk.correct(point, 70.5)
    desk.at("2025-02-13 10:00")
    await desk.load(eugp(published="2025-02-12 23:00"))
    assert (await desk.mids())[1] == 70.5


@pytest.mark.parametrize("mended_first", [True, False])
async def test_the_original_that_comes_after_its_mended_correction_goes_before_it(
    desk: Desk, mended_first: bool
) -> None:
    """The correction was saved over the original: both were created at the same time."""
    correction, original = eugp(modified="2025-02-13 07:00", AW13=999.0), eugp()
    item = await held(desk, correction)
    if mended_first:
        await desk.correct(item, 70.5)
    desk.at("2025-02-13 10:00")
    await desk.load(original)
    assert (await desk.mids())[1] == (70.5 if mended_first else None)
    assert (await desk.mids(known_at=desk.at("2025-02-13 06:59")))[1] == mid_of(original, "AW13")
    desk.at("2025-02-13 10:01")
    await desk.decide(ACCEPT, item)
    assert (await desk.mids())[1] == 999.0


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3, 2), (2, 3, 1), (3, 1, 2), (3, 2, 1), (2, 1, 3)])
async def test_the_newest_of_several_files_is_served_whenever_people_decided(
    embedded: Desk, order: tuple[int, ...]
) -> None:
    """Published at 22:15, 07:40 and 09:00; after each load a person decides about what is open."""
    files = {1: eugp(AW13=991.0), 2: eugp(published=MORNING, AW13=992.0), 3: eugp(published="2025-02-13 09:00")}
    for minute, number in enumerate(order):
        embedded.at(f"2025-02-13 10:0{minute}")
        await embedded.load(files[number])
        embedded.at(f"2025-02-13 10:0{minute}:30")
        for item in await embedded.points(State.OPEN):
            await embedded.correct(item, 70.0 + number)
    assert (await embedded.mids())[1] == mid_of(files[3], "AW13")
    before = order[: order.index(3)]
    if before:
        then = embedded.at(f"2025-02-13 10:0{len(before) - 1}:30")
        assert (await embedded.mids(known_at=then))[1] == 70.0 + max(before)


async def test_what_is_decided_last_holds_whatever_the_clocks_of_servers_say(embedded: Desk) -> None:
    item = await held(embedded)
    await embedded.correct(item, 70.5)
    embedded.at("2025-02-13 07:59")
    await embedded.correct(item, 70.6)
    assert (await embedded.mids())[1] == 70.6


async def test_deciding_while_a_correction_is_loaded_ends_in_the_correction(desk: Desk) -> None:
    item, mended = await held(desk), eugp(published=MORNING)
    await asyncio.gather(
        desk.load(mended), *(desk.correct(item, 70.0 + number / 10) for number in range(4)), return_exceptions=True
    )
    assert (await desk.mids())[1] == mid_of(mended, "AW13")
    versions = [snapshot.version for snapshot in await desk.versions()]
    assert sorted(versions) == list(range(1, len(versions) + 1))


# ------------------------------------------------------------------------------------------------- a newer parser


async def test_what_a_newer_parser_reads_the_same_leaves_decisions_as_they_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbook = eugp(AW13=999.0, AX13=998.0)
    await desk.load(workbook)
    eua, uka = await desk.points(State.OPEN)
    await desk.correct(eua, 70.5)
    monkeypatch.setattr(service, "PARSER_VERSION", "next")
    desk.at("2025-02-13 10:00")
    run = await desk.load(workbook)
    assert (run.state, run.counts.new_versions) == (RunState.SUCCEEDED, 0)
    assert (await desk.mids())[1] == 70.5
    assert (await desk.point(eua.id)).state is State.CORRECTED
    assert (await desk.point(uka.id)).state is State.SUPERSEDED
    (again,) = await desk.points(State.OPEN)
    assert (again.run_id, again.curve_key) == (run.id, UKA)
    await desk.decide(ACCEPT, again)
    assert (await desk.mids(UKA))[1] == 998.0
    await desk.decide(REJECT, eua)  # what was decided about the earlier reading is taken back as before
    assert ((await desk.mids())[1], (await desk.point(eua.id)).state) == (None, State.REJECTED)
    await desk.correct(eua, 70.6)
    assert ((await desk.mids())[1], (await desk.mids(UKA))[1]) == (70.6, 998.0)


async def test_what_a_newer_parser_reads_otherwise_is_served_and_asked_about_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the older one had missed a month and read the others of EUA a little too high."""
    monkeypatch.setattr(loading, "parse", misread)
    workbook = eugp(AW14=999.0)
    item = await held(desk, workbook)
    await desk.correct(item, 70.5)
    monkeypatch.setattr(service, "PARSER_VERSION", "next")
    monkeypatch.setattr(loading, "parse", parse)
    now = desk.at("2025-02-13 10:00")
    run = await desk.load(workbook)
    assert run.state is RunState.SUCCEEDED
    assert (await desk.mids())[:4] == [
        mid_of(workbook, "AW12"),
        mid_of(workbook, "AW13"),
        None,
        mid_of(workbook, "AW15"),
    ]
    assert (await desk.snapshot()).published_at == now
    assert (await desk.mids(known_at=now - timedelta(seconds=1)))[1] == 70.5
    (again,) = await desk.points(State.OPEN)
    assert (again.run_id, again.prices.mid) == (run.id, 999.0)
    with pytest.raises(Conflict, match="is superseded"):
        await desk.decide(ACCEPT, item)
    await desk.correct(again, 70.6)
    assert (await desk.mids())[2] == 70.6


def misread(*arguments: Any, **named: Any) -> ParsedWorkbook:
    parsed = parse(*arguments, **named)
    return replace(parsed, curves=tuple(_misread(c) if c.commodity == "carbon" else c for c in parsed.curves))


def _misread(curve: ParsedCurve) -> ParsedCurve:
    """Without the first tenor, and every mid a little too high."""
    assert curve.bid is not None
    assert curve.ask is not None
    mid_cells, quote_cells = (
        replace(cells, rows=PointRows(cells.rows.sheets, cells.rows.sheet[1:], cells.rows.row[1:]))
        for cells in (curve.mid_cells, curve.quote_cells)
        if cells is not None
    )
    return replace(
        curve, tenors=TenorGrid(list(curve.tenors)[1:]), mid=curve.mid[1:] + 0.0001, bid=curve.bid[1:],
        ask=curve.ask[1:], mid_cells=mid_cells, quote_cells=quote_cells,
    )  # fmt: skip


async def test_a_correction_keeps_its_place_when_a_newer_parser_reads_it_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came after a person had decided: what was known until then stays so."""
    await desk.correct(await held(desk), 70.5)
    desk.at("2025-02-13 10:00")
    mended = eugp(published=MORNING)
    await desk.load(mended)
    monkeypatch.setattr(service, "PARSER_VERSION", "next")
    run = await desk.load(mended)
    assert (run.state, run.counts.new_versions) == (RunState.SUCCEEDED, 0)
    assert (await desk.mids(known_at=desk.at("2025-02-13 09:59")))[1] == 70.5
    assert (await desk.mids())[1] == mid_of(mended, "AW13")


# ------------------------------------------------------------------------------------------------- anything

PUBLISHED = ("2025-02-12 22:15", "2025-02-13 06:00", "2025-02-13 07:00", MORNING)
CELLS = ("AW12", "AW13", "AW14", "AW15")


class Expected:
    """What is to be served of EUA's months, by the newest file that is loaded and by what was decided about it."""

    def __init__(self, chance: random.Random) -> None:
        self.bad = [
            {cell: 900.0 + 10 * number + at for at, cell in enumerate(CELLS) if chance.random() < 0.5}
            for number in range(len(PUBLISHED))
        ]
        self.loaded: dict[int, Run] = {}  # by the number of the file
        self.decided: dict[tuple[int, str], tuple[State, float | None]] = {}

    def workbook(self, number: int) -> VendorWorkbook:
        return put(eugp(published=PUBLISHED[number]), MID, self.bad[number])

    @property
    def newest(self) -> int:
        return max(self.loaded)

    @property
    def mids(self) -> list[float | None]:
        workbook = self.workbook(self.newest)
        return [self._mid(workbook, cell) for cell in CELLS]

    def _mid(self, workbook: VendorWorkbook, cell: str) -> float | None:
        if cell in self.bad[self.newest]:
            return self.decided.get((self.newest, cell), (State.OPEN, None))[1]
        return mid_of(workbook, cell)

    def states(self) -> dict[tuple[int, str], State]:
        """Of the newest file."""
        keys = [(self.newest, cell) for cell in self.bad[self.newest]]
        return {key: self.decided.get(key, (State.OPEN, None))[0] for key in keys}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_in_whatever_order_what_is_served_is_right(embedded: Desk, seed: int) -> None:
    chance = random.Random(seed)
    expected, history = Expected(chance), dict[datetime, list[float | None]]()
    for minute in range(14):
        now = embedded.at(f"2025-02-13 08:{minute:02}")
        items = await embedded.points()
        if not items or chance.random() < 0.4:
            number = chance.randrange(len(PUBLISHED))
            run = await embedded.load(expected.workbook(number))
            expected.loaded.setdefault(number, run)
        else:
            await decide_something(embedded, expected, chance.choice(items), chance)
        assert (await embedded.mids())[:4] == expected.mids
        runs = {run.id: number for number, run in expected.loaded.items()}
        points = {(runs[item.run_id], item.cells[0]): item.state for item in await embedded.points()}
        assert {key: state for key, state in points.items() if key[0] == expected.newest} == expected.states()
        assert all(state is not State.OPEN for (number, _), state in points.items() if number != expected.newest)
        if any(snapshot.author for snapshot in await embedded.versions()):
            history[now] = expected.mids
    for instant, mids in history.items():
        assert (await embedded.mids(known_at=instant + timedelta(seconds=1)))[:4] == mids


async def decide_something(desk: Desk, expected: Expected, item: Quarantined, chance: random.Random) -> None:
    number = next(number for number, run in expected.loaded.items() if run.id == item.run_id)
    decision = chance.choice([ACCEPT, CORRECT, REJECT])
    mid = {ACCEPT: item.prices.mid, CORRECT: float(chance.randrange(60, 80)), REJECT: None}[decision]
    settled = number != expected.newest and (item.state, decision) != (State.REJECTED, REJECT)
    try:
        await desk.decide(decision, item, prices=PointPrices(mid) if decision is CORRECT else None)
    except Conflict:
        assert settled
    else:
        assert not settled
        state = {ACCEPT: State.ACCEPTED, CORRECT: State.CORRECTED, REJECT: State.REJECTED}[decision]
        expected.decided[number, item.cells[0]] = (state, mid)
