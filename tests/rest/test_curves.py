"""Which rows `GET /v1/curves` answers, in which order and pages. On SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurum.backends.budgets import MemoryBudgets
from aurum.curves.model import CurvePrices
from aurum.market.identity import CurveIdentity
from aurum.market.periods import Tenor, TenorGrid, canonical_order, parse_tenor
from aurum.metadata.model import CurveDescription
from tests.published import GERMAN, NBP, TTF, prices
from tests.rest.conftest import Rest, served
from tests.statements import statements_from_here

NAN = float("nan")
PJM = CurveDescription(
    CurveIdentity("PW", "DA", "Western Hub", "ENERGY", "ON_PEAK", iso="PJM"), "power", "power", "US"
)  # fmt: skip
PJM_KEY = "141c82111409235ac0f6f2e476c00826c6edbbda3b4ba8d6c7dc8fdc969a2dd6"
MARKET = (TTF, NBP, GERMAN, PJM)


def quoted(as_of: str, mids: dict[str, float], bid: float | None = None, ask: float | None = None) -> CurvePrices:
    """Any tenors by label; `bid` and `ask` are the same for all."""
    tenors = [parse_tenor(label, date.fromisoformat(as_of)) for label in mids]
    mid = np.array(list(mids.values()))[canonical_order(tenors)]
    bids, asks = (None if side is None else np.full(len(mids), side) for side in (bid, ask))
    return CurvePrices(TenorGrid(tenors), mid, bids, asks)


def labels(rows: Sequence[dict[str, Any]]) -> list[tuple[str, str, float | None]]:
    return [(row["tenor_label"], row["asof_date"], row["mid"]) for row in rows]


async def test_a_row_says_all_of_the_contract(rest: Rest) -> None:
    await rest.publish("2025-02-12", (PJM, quoted("2025-02-12", {"2025-06": 41.5}, 41.25, 41.75)))
    assert await rest.rows() == [
        {
            "curve_key": PJM_KEY,
            "tenor_label": "2025-06",
            "tenor_type": "MONTHLY",
            "contract_month": "2025-06-01",
            "asof_date": "2025-02-12",
            "mid": 41.5,
            "bid": 41.25,
            "ask": 41.75,
            "price_type": "MID",
        }
    ]


async def test_labels_types_and_months_of_strips(rest: Rest) -> None:
    mids = {"Q2 2025": 1.0, "Cal-27": 2.0, "Winter 2026": 3.0, "Bal 2025": 4.0, "Jun-25": 5.0}
    await rest.publish("2025-02-12", (TTF, quoted("2025-02-12", mids)))
    assert [(row["tenor_label"], row["tenor_type"], row["contract_month"]) for row in await rest.rows()] == [
        ("2025-06", "MONTHLY", "2025-06-01"),
        ("Bal 2025", "STRIP", "2025-02-01"),
        ("Calendar 2027", "CALENDAR", "2027-01-01"),
        ("Q2 2025", "QUARTER", "2025-04-01"),
        ("Winter 2026", "SEASON", "2025-11-01"),
    ]
    for legacy in ("MONTHLY", "CALENDAR", "SEASON", "QUARTER"):
        assert {row["tenor_type"] for row in await rest.rows(tenor_type=legacy)} == {legacy}
    assert (await rest.get(tenor_type="STRIP")).status_code == 422
    await rest.publish("2025-02-12", (NBP, prices([1.0])))
    assert len(await rest.rows(tenor_type="QUARTER")) == 1


@pytest.mark.parametrize(
    ("mid", "bid", "ask", "shown"),
    [
        (5.0, 1.0, 2.0, 5.0),
        (NAN, 1.0, 2.0, 1.5),
        (NAN, 1.0, None, 1.0),
        (NAN, None, 2.0, 2.0),
        (0.0, 1.0, 2.0, 0.0),
        (NAN, 1.6e308, 1.6e308, 1.6e308),
    ],
)
async def test_the_mid_is_the_delivered_one_or_made_of_what_is_quoted(
    embedded: Rest, mid: float, bid: float | None, ask: float | None, shown: float
) -> None:
    await embedded.publish("2025-02-12", (TTF, quoted("2025-02-12", {"2025-06": mid}, bid, ask)))
    (row,) = await embedded.rows()
    assert (row["mid"], row["bid"], row["ask"]) == (shown, bid, ask)


async def test_without_asof_each_tenor_is_the_newest_quote_of_it(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, quoted("2025-02-12", {"2025-02": 1.0, "2025-03": 2.0, "Q2 2025": 3.0})))
    await rest.publish("2025-02-13", (TTF, quoted("2025-02-13", {"2025-02": 1.1, "2025-03": NAN, "Q2 2025": 3.1})))
    await rest.publish("2025-03-03", (TTF, quoted("2025-03-03", {"2025-03": NAN, "2025-04": 4.2, "Q2 2025": 3.2})))
    assert labels(await rest.rows()) == [
        ("2025-02", "2025-02-13", 1.1),  # only older as-ofs have it
        ("2025-03", "2025-02-12", 2.0),  # the newer ones have it without a price
        ("2025-04", "2025-03-03", 4.2),
        ("Q2 2025", "2025-03-03", 3.2),
    ]
    assert labels(await rest.rows(tenor_type="MONTHLY")) == labels(await rest.rows())[:3]


async def test_asof_answers_that_day_alone(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, quoted("2025-02-12", {"2025-03": 2.0, "2025-04": 3.0})))
    await rest.publish("2025-02-14", (TTF, quoted("2025-02-14", {"2025-03": 2.2, "2025-04": NAN})), (NBP, prices([9])))
    assert labels(await rest.rows(asof="2025-02-12")) == [
        ("2025-03", "2025-02-12", 2.0),
        ("2025-04", "2025-02-12", 3.0),
    ]
    assert labels(await rest.rows(asof="2025-02-14", market="EU")) == [("2025-03", "2025-02-14", 2.2)]
    assert await rest.rows(asof="2025-02-13") == []


async def test_the_newest_version_is_shown_and_what_it_took_back_is_not(rest: Rest) -> None:
    await rest.publish("2025-02-12", (TTF, quoted("2025-02-12", {"2025-03": 2.0, "2025-04": 3.0})))
    await rest.publish("2025-02-13", (TTF, quoted("2025-02-13", {"2025-03": 2.1, "2025-04": 3.1})))
    corrected = (TTF, quoted("2025-02-13", {"2025-03": 2.15}))
    await rest.publish("2025-02-13", corrected, published_at="2025-02-14 09:00")
    assert labels(await rest.rows()) == [("2025-03", "2025-02-13", 2.15), ("2025-04", "2025-02-12", 3.0)]
    assert labels(await rest.rows(asof="2025-02-13")) == [("2025-03", "2025-02-13", 2.15)]


async def test_every_filter_matches_in_any_case_and_spacing(rest: Rest) -> None:
    await rest.publish("2025-02-12", *((curve, prices([1.0])) for curve in MARKET))
    for name, value, found in (
        ("curve_key", f" {PJM_KEY.upper()} ", [PJM]),
        ("asset_class", "GAS", [TTF, NBP]),
        ("iso", "pjm", [PJM]),
        ("location", "  western   HUB ", [PJM]),
        ("market", "eu", [TTF, GERMAN]),
        ("product", "Power", [GERMAN]),
        ("block", "base", [GERMAN]),
        ("block", "as", []),
        ("location", "%", []),
        ("location", "O'Hub; --", []),
    ):
        keys = {row["curve_key"] for row in await rest.rows(**{name: value})}
        assert keys == {curve.legacy_key for curve in found}, (name, value)
    assert {row["curve_key"] for row in await rest.rows(market="EU", asset_class="gas")} == {TTF.legacy_key}
    assert len(await rest.rows(iso="", nonsense="x")) == 4


async def test_curves_of_one_key_are_never_mixed(migrated_url: str, tmp_path: Path) -> None:
    """The first vendor by its code shows the key, whatever it has that day; so does the oldest of its twins."""
    simple = replace(PJM, identity=replace(PJM.identity, vendor="SIMPLE"))
    twin = replace(PJM, identity=replace(PJM.identity, unit="CAD/MWh"), unit_text="CAD/MWh")
    async with served(migrated_url, tmp_path) as rest:
        await rest.publish("2025-02-12", (simple, prices([3.0])), (PJM, prices([1.0])), (twin, prices([2.0])))
        await rest.publish("2025-02-13", (simple, prices([3.1])), (twin, prices([2.1])))
        assert [row["mid"] for row in await rest.rows()] == [1.0]
        assert await rest.rows(asof="2025-02-13") == []
    async with served(migrated_url, tmp_path, vendor_order=("SIMPLE",)) as rest:
        assert [row["mid"] for row in await rest.rows(curve_key=PJM_KEY)] == [3.1]
        key = (await rest.services.metadata.by_key(rest.principal, [PJM_KEY]))[PJM_KEY]
        assert key.identity.vendor == "SIMPLE"


# ------------------------------------------------------------------------------------------------- many at random

Point = tuple[str, str, date, str, float]


def random_book(chance: random.Random) -> list[tuple[str, CurveDescription, CurvePrices]]:
    """Three days of curves whose tenors come and go, with gaps; some curves share a key."""
    curves = [
        CurveDescription(CurveIdentity(vendor, "EU", f"Hub {n % 7}", "gas"), "gas", "gas")
        for n, vendor in enumerate(chance.choices(["EUGP", "RP"], k=9))
    ]
    choice = ["2025-02", "2025-03", "2025-04", "Q2 2025", "Cal-26", "Winter 2026", "Summer 2025"]
    book = []
    for day in ("2025-02-12", "2025-02-13", "2025-02-14"):
        for curve in {curve.identity.key: curve for curve in curves}.values():
            if chance.random() < 0.8:
                tenors = chance.sample(choice, chance.randint(1, len(choice)))
                mids = {label: chance.choice([NAN, round(chance.uniform(-5, 50), 3)]) for label in tenors}
                book.append((day, curve, quoted(day, mids)))
    return book


def expected(book: list[tuple[str, CurveDescription, CurvePrices]], as_of: str | None) -> list[Point]:
    """The obvious answer, point by point."""
    shown: dict[str, CurveDescription] = {}
    for _, curve, _ in book:
        key = curve.legacy_key
        shown[key] = min(shown.get(key, curve), curve, key=lambda each: each.identity.vendor)
    points: dict[tuple[str, str], Point] = {}
    for day, curve, priced in sorted(book, key=lambda each: each[0]):
        if shown[curve.legacy_key].identity != curve.identity or (as_of and day != as_of):
            continue
        for tenor, mid in zip(priced.tenors, priced.mid.tolist(), strict=True):
            label = tenor.label.replace("Cal-26", "Calendar 2026")
            if mid == mid:
                points[curve.legacy_key, label] = (curve.legacy_key, label, start(tenor), day, mid)
    return sorted(points.values())


def start(tenor: Tenor) -> date:
    return tenor.period.start


def points(rows: list[dict[str, Any]]) -> list[Point]:
    return [
        (row["curve_key"], row["tenor_label"], date.fromisoformat(row["contract_month"]), row["asof_date"], row["mid"])
        for row in rows
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_any_page_size_reads_everything_once_and_back(rest: Rest, seed: int) -> None:
    chance = random.Random(seed)
    book = random_book(chance)
    for day, curve, priced in book:
        await rest.publish(day, (curve, priced))
    for as_of in (None, "2025-02-13"):
        question = {"asof": as_of} if as_of else {}
        everything = expected(book, as_of)
        assert points(await rest.rows(**question)) == everything
        limit = chance.randint(1, len(everything) + 1)
        page = await rest.answer(limit=limit, **question)
        pages = [page]
        while page["meta"]["next_cursor"]:
            page = await rest.answer(limit=limit, cursor=page["meta"]["next_cursor"])
            pages.append(page)
        assert [point for each in pages for point in points(each["data"])] == everything
        assert all(len(each["data"]) == limit for each in pages[:-1])
        assert [each["meta"]["has_more"] for each in pages] == [True] * (len(pages) - 1) + [False]
        for earlier in reversed(pages[:-1]):
            page = await rest.answer(limit=limit, prev_cursor=page["meta"]["prev_cursor"])
            assert (page["data"], page["meta"]["next_cursor"]) == (earlier["data"], earlier["meta"]["next_cursor"])
        assert page["meta"]["prev_cursor"] is None
        offset = chance.randrange(len(everything) + 2)
        page = await rest.answer(limit=3, offset=offset, **question)
        assert points(page["data"]) == everything[offset : offset + 3]
        assert page["meta"]["offset"] == offset


async def test_a_thousand_is_answered_as_five_hundred(embedded: Rest) -> None:
    await embedded.publish("2025-02-12", *((curve, prices([1.0] * 200)) for curve in MARKET))
    page = await embedded.answer(limit=1000)
    assert (page["meta"]["limit"], page["meta"]["count"], page["meta"]["has_more"]) == (500, 500, True)
    assert len(await embedded.rows(limit=1000, cursor=page["meta"]["next_cursor"])) == 300


# ------------------------------------------------------------------------------------------------- what it costs


async def test_a_page_reads_only_the_curves_it_needs(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300; and few statements too where hardly a curve has what is asked for."""
    curves = [CurveDescription(CurveIdentity("RP", "US", f"Hub {n}", "rec"), "rec", "rec") for n in range(300)]
    strip = quoted("2025-02-12", {"Q2 2025": 7.0})
    for day in ("2025-02-12", "2025-02-13"):
        await rest.publish(day, *((curve, prices([1.0] * 50)) for curve in curves[:-1]), (curves[-1], strip))
    read = 0
    store = rest.services.curves.store
    read_snapshots = store.those

    async def counting_read(*arguments: Any) -> Any:
        nonlocal read
        snapshots = await read_snapshots(*arguments)
        read += len(snapshots)
        return snapshots

    monkeypatch.setattr(store, "those", counting_read)
    statements = statements_from_here(rest.services.database)
    for once in ({}, {"tenor_type": "QUARTER"}):  # tenors and cells are kept once they are read
        await rest.rows(**once)

    async def cost(**query: Any) -> tuple[int, int, int]:
        """Rows answered, statements, snapshots read."""
        nonlocal read
        read = 0
        statements.clear()
        rows = await rest.rows(**query)
        return len(rows), sum(each.startswith("SELECT") for each in statements), read

    assert await cost() == (200, 2, 8)
    assert await cost(asof="2025-02-13") == (200, 2, 8)
    assert await cost(limit=500) == (500, 4, 8 + 16)
    assert await cost(tenor_type="QUARTER") == (1, 3, 1)
    assert await cost(tenor_type="SEASON") == (0, 2, 0)
    assert await cost(asof="2025-02-11") == (0, 1, 0)


async def test_an_export_has_every_row_of_a_day_or_of_all(rest: Rest) -> None:
    """Over more than one page: 3 curves of 60 months are 180 rows a day."""
    for day in ("2025-02-12", "2025-02-13"):
        at = float(day[-2:])
        await rest.publish(day, *((curve, prices([at + n for n in range(60)])) for curve in (TTF, NBP, GERMAN)))
    path = "/v2/curves/export"
    one = await rest.get(path, asof="2025-02-13", chunk_size=100)
    assert (one.status_code, one.headers["x-api-version"]) == (200, "v2")
    assert one.headers["content-type"] == "text/csv; charset=utf-8"
    assert one.headers["content-disposition"] == 'attachment; filename="curve_export_2025-02-13.csv"'
    assert "etag" not in one.headers
    assert "deprecation" not in one.headers
    paged = await rest.get(asof="2025-02-13", format="csv", limit=500)
    assert one.text == paged.text
    assert one.text.count("\r\n") == 181
    whole = await rest.get(path)
    assert whole.headers["content-disposition"] == 'attachment; filename="curve_export_all.csv"'
    before = await rest.get(asof="2025-02-12", format="csv", limit=500)
    assert whole.text == before.text + one.text.split("\r\n", 1)[1]
    some = await rest.get(path, market="UK")
    assert some.text.count("\r\n") == 121
    none = await rest.get(path, market="nowhere")
    assert none.text == one.text.split("\r\n", 1)[0] + "\r\n"
    for refused in ({"chunk_size": 99}, {"chunk_size": 5001}, {"asof": "yesterday"}):
        assert (await rest.get(path, **refused)).status_code == 422


OTHER_NUMBERS = ["scenario_run", "compare_run", "known_at", "knownAt", "currency", "unit"]
OTHER_DAYS = ["as_of", "asOf", "as_of_from", "as_of_to", "asof_date"]


@pytest.mark.parametrize("path", ["/v2/curves/export", "/v1/curves", "/v1/curves/strips"])
@pytest.mark.parametrize("name", [*OTHER_NUMBERS, *OTHER_DAYS])
async def test_what_would_change_the_numbers_is_not_ignored(rest: Rest, path: str, name: str) -> None:
    """The newest published prices in their own unit are not what was asked for. An empty one counts as not sent."""
    asked: dict[str, Any] = {name: "2025-02-12", "type": "QUARTER"}
    refused = await rest.get(path, **asked)
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", name])
    assert (await rest.get(path, **asked | {name: "", "anything": "1"})).status_code == 200


async def test_an_export_that_has_begun_does_not_break_off_for_want_of_a_budget(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pages, of which the budget has one; whoever owes the other has to wait."""
    await rest.publish("2025-02-12", *((curve, prices([50.0] * 60)) for curve in (TTF, NBP)))
    monkeypatch.setattr(rest.services.charges, "budgets", MemoryBudgets(210, 0.001))
    path = "/v2/curves/export"
    asked: dict[str, Any] = {"asof": "2025-02-12", "chunk_size": 100}
    assert (await rest.get(path, **asked)).text.count("\r\n") == 121
    assert (await rest.get(path, **asked)).status_code == 429
