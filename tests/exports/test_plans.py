"""Which rows a selection is, by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from aurum.auth import Principal
from aurum.curves.model import Listed
from aurum.curves.service import CurveService
from aurum.errors import ExportTooLarge, Forbidden, InvalidInput, NoExchangeRate, NotFound, Unavailable, UnitMismatch
from aurum.exports.model import ExportFormat, Selection
from aurum.metadata.model import CurveFilter
from tests.exports.conftest import DAY, Exporting
from tests.published import DESK, RIVAL, instant, prices
from tests.published import NBP as NBP_GAS
from tests.published import TTF as TTF_GAS

TTF, NBP, GERMAN = "eugp:eu/dutch_ttf/gas", "eugp:uk/nbp/gas", "eugp:eu/german/power/base"


async def test_a_row_for_each_point_of_the_newest_snapshot_of_each_curve(exporting: Exporting) -> None:
    rows = await exporting.rows()
    assert [(row["curve_key"], str(row["as_of"]), row["tenor"], row["mid"]) for row in rows] == [
        (TTF, "2025-02-12", "2025-03", 50.25),
        (TTF, "2025-02-12", "2025-04", None),  # not quoted, and there all the same
        (GERMAN, "2025-02-12", "2025-03", 90.0),
        (GERMAN, "2025-02-12", "2025-04", 91.0),
        (NBP, "2025-02-11", "2025-03", 120.0),
        (NBP, "2025-02-11", "2025-04", 121.5),
    ]
    first = rows[0]
    assert first == {
        "curve_key": TTF, "name": first["name"], "vendor": "EUGP", "as_of": DAY, "version": 2,
        "published_at": instant("2025-02-13 12:00"), "known_at": exporting.time, "tenor": "2025-03",
        "tenor_type": "MONTH", "delivery_start": date(2025, 3, 1), "delivery_end": date(2025, 4, 1), "mid": 50.25,
        "bid": 50.2, "ask": 50.3, "withheld": False, "currency": "EUR", "unit": "MWh",
        "cell": "Fixed Prices - Mid!D12",
    }  # fmt: skip
    assert (rows[2]["bid"], rows[2]["ask"]) == (None, None)


async def test_an_old_instant_gets_the_old_answer(exporting: Exporting) -> None:
    rows = await exporting.rows(f"curve={TTF}&known_at=2025-02-13T11:59:59Z")
    assert [(row["version"], row["mid"]) for row in rows] == [(1, 50.5), (1, 51.5)]
    assert await exporting.rows("known_at=2025-01-01T00:00:00Z") == []


async def test_a_range_has_each_as_of_date_in_its_newest_version(exporting: Exporting) -> None:
    rows = await exporting.rows("as_of_from=2025-02-11&as_of_to=2025-02-12&delivery_end=2025-04-01")
    found = [(row["curve_key"], row["as_of"].day, row["version"], row["mid"]) for row in rows]
    assert found == [(TTF, 11, 1, 50.0), (TTF, 12, 2, 50.25), (GERMAN, 12, 1, 90.0), (NBP, 11, 1, 120.0)]
    assert [row["as_of"].day for row in await exporting.rows(f"curve={TTF}&as_of_to=2025-02-11")] == [11, 11]
    assert await exporting.rows("tenor_type=CALENDAR") == []


async def test_prices_are_converted_as_snapshots_are(exporting: Exporting) -> None:
    rows = await exporting.rows(f"curve={NBP}&currency=GBP&unit=MWh")
    assert [(row["currency"], row["unit"]) for row in rows] == [("GBP", "MWh")] * 2
    assert rows[0]["mid"] == pytest.approx(120.0 / 100 * 34.12141633)  # pence a therm; therms in a MWh
    assert rows[0]["bid"] == pytest.approx(119.95 / 100 * 34.12141633)
    with pytest.raises(NoExchangeRate, match=TTF):
        await exporting.rows("currency=GBP&unit=MWh")
    with pytest.raises(UnitMismatch):
        await exporting.rows(f"curve={TTF}&unit=bbl")


async def test_a_currency_that_there_is_not_is_refused_before_a_job_waits(exporting: Exporting) -> None:
    with pytest.raises(InvalidInput, match="unknown currency: XXX"):
        await exporting.service().create(DESK, Selection(currency="XXX"), ExportFormat.CSV)


async def test_a_unit_is_the_one_that_was_known(exporting: Exporting) -> None:
    before = exporting.time
    curve = (await exporting.book.metadata.by_key(DESK, [TTF]))[TTF]
    await exporting.book.metadata.set_unit(DESK, curve.id, "GBP", "therm", "it was wrong")
    assert (await exporting.rows(f"curve={TTF}&known_at={before.isoformat()}"))[0]["currency"] == "EUR"
    exporting.time = exporting.book.now()
    assert (await exporting.rows(f"curve={TTF}"))[0]["currency"] == "GBP"


async def test_a_curve_that_is_not_there_is_not_left_out_in_silence(exporting: Exporting) -> None:
    with pytest.raises(NotFound, match="eugp:eu/dutch_tff/gas") as refused:
        await exporting.rows(f"curve={TTF}&curve=eugp:eu/dutch_tff/gas")
    assert refused.value.hint is not None
    assert "curves(search:)" in refused.value.hint
    assert {row["curve_key"] for row in await exporting.rows(f"curve={TTF.upper()}&curve={NBP}")} == {TTF, NBP}


async def test_another_tenant_has_nothing_and_who_may_not_read_is_told(exporting: Exporting) -> None:
    assert await exporting.rows(principal=RIVAL) == []
    with pytest.raises(NotFound):
        await exporting.rows(f"curve={TTF}", principal=RIVAL)
    with pytest.raises(Forbidden):
        await exporting.rows(principal=Principal("desk", "nobody", frozenset()))


async def test_more_than_may_be_streamed_is_a_job_and_more_than_that_is_nothing(exporting: Exporting) -> None:
    service = exporting.service(stream_points=5, max_points=7)
    with pytest.raises(ExportTooLarge) as refused:
        await service.plan(DESK, Selection(), ExportFormat.CSV, at_once=True)
    assert (refused.value.details, "createExport" in str(refused.value.hint)) == ({"most": 5}, True)
    assert (await service.plan(DESK, Selection(), ExportFormat.CSV)).rows == 6
    with pytest.raises(ExportTooLarge) as refused:
        await service.plan(DESK, Selection(first=date(2025, 1, 1)), ExportFormat.CSV)
    assert (refused.value.details, "createExport" in str(refused.value.hint)) == ({"most": 7}, False)
    assert ExportFormat.XLSX.most_rows(10**9) == 1_048_575


async def test_what_is_planned_is_exported_whatever_comes_meanwhile(exporting: Exporting) -> None:
    service, selection = exporting.service(), Selection(CurveFilter(keys=(TTF,)))
    plan = await service.plan(DESK, selection, ExportFormat.CSV)
    await exporting.book.publish("2025-02-12", [(TTF_GAS, prices([1.0, 2.0]))], "2025-02-14 09:00")
    lines = b"".join([each async for each in service.streamed(DESK, plan, ExportFormat.CSV)]).decode().splitlines()
    assert [line.split(",")[11] for line in lines[1:]] == ["50.25", ""]
    assert (await service.plan(DESK, selection, ExportFormat.CSV)).digest != plan.digest


async def test_a_file_that_comes_while_it_is_planned_is_in_it_as_a_whole(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurum.exports.plans._CURVES_RANGED", 1)  # looked at one after the other: TTF, German, NBP
    left = load_while_it_looks(exporting, monkeypatch, files=1)
    rows = await exporting.rows("as_of_from=2025-02-13")
    assert [(row["curve_key"], row["mid"]) for row in rows] == [(TTF, 1.0), (NBP, 1.0)]  # not NBP alone
    assert left == []


async def test_files_that_come_again_and_again_make_it_no_mixture(
    exporting: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_while_it_looks(exporting, monkeypatch, files=100)
    with pytest.raises(Unavailable, match="files are loaded all the time"):
        await exporting.rows("as_of_from=2025-02-13")


def load_while_it_looks(exporting: Exporting, monkeypatch: pytest.MonkeyPatch, *, files: int) -> list[float]:
    """Of the 13th, each with other prices, once a part of the curves has been looked at. Those that have not come."""
    look, left = CurveService.listed_days, [float(number) for number in range(files, 0, -1)]

    async def listed_days(self: CurveService, *of: Any, **days: Any) -> dict[int, list[Listed]]:
        found = await look(self, *of, **days)
        if left:
            curves = [(description, prices([number])) for number in [left.pop()] for description in (TTF_GAS, NBP_GAS)]
            await exporting.book.publish("2025-02-13", curves)
        return found

    monkeypatch.setattr(CurveService, "listed_days", listed_days)
    return left


@pytest.mark.parametrize("query", ["", "as_of_from=2025-02-11"])
async def test_statements_do_not_grow_with_the_rows(exporting: Exporting, query: str) -> None:
    await exporting.rows(query)  # tenor grids are at hand from now on
    statements: list[str] = []
    exporting.book.database.observe(lambda _c, _cur, statement, *_: statements.append(statement))
    await exporting.rows(query)
    reads = [each for each in statements if each.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(reads) == 6, reads  # the newest event, curves, snapshots, units, it again; then the prices
