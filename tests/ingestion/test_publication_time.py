"""When the prices of a file became known, and where it stands in the history of its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from aurum.auth import Principal, Scope
from aurum.ingestion import loading, service
from aurum.ingestion.model import RunState, Standing, Times, standing
from aurum.ingestion.service import Submission
from aurum.parsers import parse
from aurum.parsers.model import ParsedCurve, ParsedWorkbook
from aurum.services import Services
from tests.repriced import EUA, repriced

CREATED = datetime(2025, 2, 12, 22, 15, tzinfo=UTC)
LOADED = datetime(2025, 2, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
DESK = Principal("desk", "analyst", frozenset(Scope))


def test_a_file_is_known_from_when_the_vendor_created_it() -> None:
    assert standing(CREATED, CREATED + HOUR, LOADED, []) == Standing(CREATED, CREATED + HOUR)


def test_a_file_that_does_not_tell_is_known_when_it_is_loaded() -> None:
    assert standing(None, None, LOADED, []) == Standing(LOADED, LOADED)


def test_nothing_is_known_before_it_is_loaded() -> None:
    assert standing(LOADED + HOUR, None, LOADED, []) == Standing(LOADED, LOADED)


def test_a_correction_that_kept_the_creation_time_is_known_from_its_modification() -> None:
    original = Times(CREATED, CREATED, CREATED)
    assert standing(CREATED, CREATED + HOUR, LOADED, [original]).published_at == CREATED + HOUR


def test_a_correction_without_any_later_time_is_known_when_it_is_loaded() -> None:
    original = Times(CREATED, CREATED, CREATED)
    assert standing(CREATED, CREATED, LOADED, [original]) == Standing(LOADED, LOADED)


def test_the_original_that_comes_after_its_correction_goes_before_it() -> None:
    correction = Times(CREATED, CREATED + HOUR, CREATED)
    expected = Standing(CREATED, CREATED + HOUR, restates_at=CREATED + HOUR)
    assert standing(CREATED, CREATED, LOADED, [correction]) == expected


class Edited:
    """A workbook that says when it was last saved, and what EUA's next month costs."""

    def __init__(self, created: int, modified: int, price: float) -> None:
        self.created, self.modified, self.price = created, modified, price

    def submission(self) -> Submission:
        workbook = repriced(date(2025, 2, 12), date(2025, 3, 1), self.price, curve=EUA, months=3)
        workbook.published_at = CREATED + self.created * HOUR
        workbook.modified_at = CREATED + self.modified * HOUR
        return Submission(workbook.to_bytes(), "EOD_EUGP_20250212_2215.xlsx", "test")


# The original, two corrections saved over it, a new document of the next morning, and one between.
FILES = [Edited(0, 0, 50.0), Edited(0, 2, 51.0), Edited(0, 4, 52.0), Edited(10, 10, 53.0), Edited(1, 1, 54.0)]
QUESTIONS = {0: 50.0, 1: 54.0, 2: 51.0, 3: 51.0, 4: 52.0, 9: 52.0, 10: 53.0, 99: 53.0}


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 3, 4, 1], [1, 4, 0, 2, 3], [2, 1, 4, 3, 0]])
async def test_every_order_of_arrival_gives_the_same_history(services: Services, order: list[int]) -> None:
    for place in order:
        run = await services.ingestion.ingest(DESK, FILES[place].submission())
        assert run.state is RunState.SUCCEEDED, run.error
    assert {hour: await eua(services, CREATED + hour * HOUR) for hour in QUESTIONS} == QUESTIONS
    assert await eua(services, CREATED - HOUR) is None
    assert await eua(services, None) == 53.0


async def eua(services: Services, known_at: datetime | None) -> float | None:
    curve = (await services.metadata.by_key(DESK, ["eugp:eu/eua/carbon"]))["eugp:eu/eua/carbon"]
    found = await services.curves.snapshots(DESK, [curve.id], known_at=known_at)
    return round(float(found[curve.id].prices.mid[1]), 9) if found else None


def test_all_orders_agree_on_the_ranks() -> None:
    """The same over all orders, on the times alone: the last word at every instant is the same file's."""
    for order in permutations(FILES):
        loaded: list[tuple[Standing, Times, Edited]] = []
        stated: list[tuple[datetime, datetime, int, float]] = []
        for number, file in enumerate(order):
            times = (CREATED + file.created * HOUR, CREATED + file.modified * HOUR)
            stands = standing(*times, LOADED, [each for _, each, _ in loaded])
            below = [each for each in stated if each[:2] <= (stands.published_at, stands.revised_at)]
            if stands.restates_at and below:
                stated.append((stands.restates_at, stands.restates_at, number, max(below)[3]))
            stated.append((stands.published_at, stands.revised_at, number, file.price))
            loaded.append((stands, Times(*times, stands.published_at), file))
        for hour, price in QUESTIONS.items():
            known = [each for each in stated if each[0] <= CREATED + hour * HOUR]
            assert max(known)[3] == price, ([file.price for file in order], hour)


async def test_what_a_newer_parser_reads_takes_the_place_of_its_file(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = FILES[0].submission(), FILES[3].submission()
    await services.ingestion.ingest(DESK, old)
    monkeypatch.setattr(service, "PARSER_VERSION", "next")
    again = await services.ingestion.ingest(DESK, old)
    assert (again.state, again.counts.new_versions) == (RunState.SUCCEEDED, 0)
    await services.ingestion.ingest(DESK, new)
    assert await eua(services, None) == 53.0
    monkeypatch.setattr(service, "PARSER_VERSION", "after next")
    monkeypatch.setattr(loading, "parse", halved)
    mended = await services.ingestion.ingest(DESK, old)
    assert mended.state is RunState.SUCCEEDED
    assert await eua(services, CREATED) == 25.0
    assert await eua(services, None) == 53.0


def halved(*arguments: Any, **named: Any) -> ParsedWorkbook:
    """As if the old parser had read every price twice as high."""
    parsed = parse(*arguments, **named)
    return replace(parsed, curves=tuple(map(_half, parsed.curves)))


def _half(curve: ParsedCurve) -> ParsedCurve:
    bid, ask = (None if side is None else side / 2 for side in (curve.bid, curve.ask))
    return replace(curve, mid=curve.mid / 2, bid=bid, ask=ask)
