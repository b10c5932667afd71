"""The look-alikes keep every identity that the vendors' files keep, and come out the same every time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from aurum.demo import (
    VendorWorkbook,
    business_days,
    demo_week,
    eugp_workbook,
    pw_workbook,
    rp_workbook,
    simple_workbook,
)

WINTER_DAY, SUMMER_DAY = date(2025, 2, 12), date(2025, 9, 12)
MAKERS = [eugp_workbook, rp_workbook, pw_workbook, simple_workbook]
FIXED, FIXED_QUOTES = "Fixed Prices - Mid", "Fixed Prices - BidAsk"
PAIRS = {
    "EUGP": [(FIXED, FIXED_QUOTES), ("Strips - Mid", "Strips - BidAsk")],
    "RP": [(FIXED, FIXED_QUOTES), ("Seasonal Blocks - Mid", "Seasonal Blocks - BidAsk")],
    "PW": [(FIXED, FIXED_QUOTES), ("Strips - Mid", "Strips - BidAsk")],
}

Maker = Callable[..., VendorWorkbook]


def first_row(vendor: str) -> int:
    return {"EUGP": 12, "RP": 12, "PW": 8, "SIMPLE": 7}[vendor]


def body(workbook: VendorWorkbook, sheet: str) -> dict[object, list[object]]:
    """Tenor to values; without the spacers."""
    rows = workbook.sheets[sheet][first_row(workbook.vendor) - 1 :]
    return {row[1]: row[2:] for row in rows if row[1] is not None}


def numbers(workbook: VendorWorkbook, sheet: str) -> np.ndarray:
    return np.array(list(body(workbook, sheet).values()), dtype=float)


def months(workbook: VendorWorkbook) -> list[date]:
    return [tenor for tenor in body(workbook, FIXED) if isinstance(tenor, date)]


def period(label: str, as_of: date) -> tuple[date, date]:
    """The months that a strip's label stands for, written down here once more."""
    word, years = label.split()
    year = int(years[:4])
    if word == "Calendar":
        return date(year, 1, 1), date(year + 1, 1, 1)
    if word == "Summer":
        return date(year, 4, 1), date(year, 11, 1)
    if word == "Winter" and "-" in years:
        return date(year, 11, 1), date(year + 1, 4, 1)
    if word == "Winter":
        return date(year - 1, 11, 1), date(year, 4, 1)
    if word == "Bal":
        return as_of.replace(day=1), date(year + 1, 1, 1)
    quarter = int(word[1])
    return date(year, 3 * quarter - 2, 1), date(year + quarter // 4, 3 * quarter % 12 + 1, 1)


def header(workbook: VendorWorkbook, sheet: str, row: int) -> list[object]:
    return workbook.sheets[sheet][row - 1][2:]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("as_of", [WINTER_DAY, SUMMER_DAY])
def test_what_is_written_is_read_back_by_both_readers(maker: Maker, as_of: date) -> None:
    workbook = maker(as_of, months=5)
    content = workbook.to_bytes()
    calamine = CalamineWorkbook.from_filelike(BytesIO(content))
    openpyxl = load_workbook(BytesIO(content))
    assert calamine.sheet_names == openpyxl.sheetnames == list(workbook.sheets)
    for title, grid in workbook.sheets.items():
        read = calamine.get_sheet_by_name(title).to_python(skip_empty_area=False)
        assert [[None if cell == "" else cell for cell in row] for row in read] == grid
        rows = [list(row) for row in openpyxl[title].iter_rows(values_only=True)]
        assert [[_plain(cell) for cell in row] for row in rows] == grid


def _plain(cell: object) -> object:
    return cell.date() if isinstance(cell, datetime) else cell


@pytest.mark.parametrize("maker", MAKERS)
def test_the_same_arguments_give_the_same_bytes(maker: Maker, written_anew: Callable[[VendorWorkbook], bytes]) -> None:
    content = written_anew(maker(SUMMER_DAY, months=4))
    assert written_anew(maker(SUMMER_DAY, months=4)) == content
    assert written_anew(maker(SUMMER_DAY, months=4, seed=1)) != content
    assert written_anew(maker(date(2025, 9, 11), months=4)) != content


def test_document_times_are_the_publication() -> None:
    published_at = datetime(2025, 9, 13, 8, 5, 30, tzinfo=UTC)
    workbook = simple_workbook(SUMMER_DAY, published_at=published_at, months=2)
    properties = load_workbook(BytesIO(workbook.to_bytes())).properties
    assert properties.created == properties.modified == published_at.replace(tzinfo=None)
    assert workbook.name == "EOD_SIMPLE_20250912_0805.xlsx"


def test_default_publication_is_the_evening_of_the_day(tmp_path: Path) -> None:
    workbook = pw_workbook(SUMMER_DAY, months=2)
    assert workbook.published_at == datetime(2025, 9, 12, 22, 15, tzinfo=UTC)
    path = workbook.save(tmp_path)
    assert path.name == "EOD_PW_20250912_2215.xlsx"
    assert path.read_bytes() == workbook.to_bytes()


def test_a_publication_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        simple_workbook(SUMMER_DAY, published_at=datetime(2025, 9, 12, 22, 15), months=2)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("maker", "columns", "month_count", "strip_count"),
    [(eugp_workbook, 48, 121, 30), (rp_workbook, 68, 61, 15), (pw_workbook, 32, 61, 19)],
)
def test_a_workbook_is_as_large_as_its_vendors(maker: Maker, columns: int, month_count: int, strip_count: int) -> None:
    workbook = maker(SUMMER_DAY)
    for (mids, quotes), rows in zip(PAIRS[workbook.vendor], (month_count, strip_count), strict=True):
        assert numbers(workbook, mids).shape == (rows, columns)
        assert list(body(workbook, quotes)) == list(body(workbook, mids))
    assert months(workbook)[:2] == [date(2025, 9, 1), date(2025, 10, 1)]


@pytest.mark.parametrize("maker", [eugp_workbook, rp_workbook])
def test_skeleton_of_eugp_and_rp(maker: Maker) -> None:
    workbook = maker(WINTER_DAY, months=14)
    for title, grid in workbook.sheets.items():
        assert [row for row in grid[:4] if any(row)] == []
        assert grid[4][:2] == ["Date:", WINTER_DAY]
        assert not any(grid[10])
        kinds = {"Bid   /   Ask"} if "BidAsk" in title else {"Mid"}
        assert set(grid[9][2:]) == kinds
        assert {len(row) for row in grid} == {len(grid[0])}
        for row in (7, 8):
            assert all(header(workbook, title, row))


def test_labels_of_eugp() -> None:
    workbook = eugp_workbook(WINTER_DAY, months=2)
    for title in workbook.sheets:
        assert [workbook.cell(title, f"B{row}") for row in (6, 7, 8)] == ["Location", "Product", "PEAK"]
    blocks = header(workbook, FIXED, 8)
    assert [blocks.count(text) for text in ("NA", "BASE", "PEAK", "EMISSIONS")] == [11, 20, 15, 2]
    spark = "Spark Spread"
    assert workbook.cell(spark, "B9") == "Spark Location"
    assert workbook.cell(spark, "C5") == "EU>Austrian>BASE"
    assert len(header(workbook, spark, 9)) == 35
    assert header(workbook, spark, 8).count("Peak") == 1


def test_labels_of_rp() -> None:
    workbook = rp_workbook(WINTER_DAY, months=2)
    for title in workbook.sheets:
        assert [workbook.cell(title, f"B{row}") for row in (6, 7, 8)] == [None, "Location", "Product"]
    assert set(header(workbook, FIXED, 6)) == {"US", "EU", "AP", "ME"}
    assert not any(header(workbook, "Europe", 6))


def test_groups_of_strips_follow_the_season() -> None:
    winter = workbook_labels(eugp_workbook(WINTER_DAY))
    summer = workbook_labels(eugp_workbook(SUMMER_DAY))
    assert [group[0] for group in winter] == ["Calendar 2025", "Winter 2025", "Summer 2025"]
    assert [group[0] for group in summer] == ["Calendar 2025", "Summer 2025", "Winter 2026"]
    assert {len(group) for group in winter + summer} == {10}


def workbook_labels(workbook: VendorWorkbook) -> list[list[str]]:
    """The labels of a strips sheet by group: a blank row ends a group."""
    groups: list[list[str]] = [[]]
    for row in workbook.sheets["Strips - Mid"][first_row(workbook.vendor) - 1 :]:
        if row[1] is None:
            assert not any(row)
            groups.append([])
        else:
            groups[-1].append(str(row[1]))
    return groups


def test_strips_of_pw() -> None:
    assert workbook_labels(pw_workbook(date(2025, 1, 15), months=24)) == [
        ["Bal 2025"],
        [f"Q{quarter} {year}" for year in (2025, 2026) for quarter in (1, 2, 3, 4)],
        ["Summer 2025", "Winter 2025-2026", "Summer 2026"],
        ["Calendar 2025", "Calendar 2026"],
    ]


@pytest.mark.parametrize("maker", [eugp_workbook, rp_workbook, pw_workbook])
@pytest.mark.parametrize("as_of", [WINTER_DAY, SUMMER_DAY, date(2024, 12, 31), date(2025, 4, 1)])
def test_strips_are_the_mean_of_their_months(maker: Maker, as_of: date) -> None:
    workbook = maker(as_of, months=40)
    mids, delivery = numbers(workbook, FIXED), months(workbook)
    strips = body(workbook, PAIRS[workbook.vendor][1][0])
    assert strips
    for label, values in strips.items():
        start, end = period(str(label), as_of)
        mine = [row for row, month in enumerate(delivery) if start <= month < end]
        assert values == [round(float(mean), 3) for mean in mids[mine].mean(axis=0)]


@pytest.mark.parametrize("maker", [eugp_workbook, rp_workbook, pw_workbook])
@pytest.mark.parametrize("as_of", [WINTER_DAY, SUMMER_DAY])
def test_bid_is_below_ask_and_the_mid_between(maker: Maker, as_of: date) -> None:
    workbook = maker(as_of)
    for mid_sheet, quote_sheet in PAIRS[workbook.vendor]:
        quotes = [[str(cell).split("/") for cell in row] for row in body(workbook, quote_sheet).values()]
        bids, asks = np.moveaxis(np.array(quotes, dtype=float), 2, 0)
        assert (bids < asks).all()
        assert np.abs((bids + asks) / 2 - numbers(workbook, mid_sheet)).max() < 0.0005 + 1e-9


@pytest.mark.parametrize("as_of", [WINTER_DAY, SUMMER_DAY])
def test_spark_spread_is_power_less_gas(as_of: date) -> None:
    workbook = eugp_workbook(as_of)
    hubs, blocks, mids = header(workbook, FIXED, 7), header(workbook, FIXED, 8), numbers(workbook, FIXED)
    prices = {(hub, block): mids[:, place] for place, (hub, block) in enumerate(zip(hubs, blocks, strict=True))}
    spark = "Spark Spread"
    columns = zip(*(header(workbook, spark, row) for row in (6, 7, 8, 9)), strict=True)
    for (market, hub, block, leg), spread in zip(columns, numbers(workbook, spark).T, strict=True):
        heat_rate = 0.694513017 if market == "UK" else 2.0
        assert np.array_equal(spread, prices[hub, str(block).upper()] - heat_rate * prices[leg, "NA"])


def test_gas_in_dollars_follows_the_gas() -> None:
    changed = eugp_workbook(SUMMER_DAY, months=3, changes={("Dutch_TTF", "NA", date(2025, 10, 1)): 3.0})
    before, after = numbers(eugp_workbook(SUMMER_DAY, months=3), FIXED), numbers(changed, FIXED)
    rows, columns = np.nonzero(before != after)
    hubs = header(changed, FIXED, 7)
    assert set(rows) == {1}
    assert [hubs[column] for column in columns] == ["Dutch_TTF", "Dutch_TTF_USDMMBTU"]


def test_regional_sheets_repeat_the_main_sheet() -> None:
    workbook = rp_workbook(SUMMER_DAY)
    mids = numbers(workbook, FIXED)
    main: dict[tuple[object, object], np.ndarray] = {}
    for place, key in enumerate(zip(header(workbook, FIXED, 7), header(workbook, FIXED, 8), strict=True)):
        main[key] = mids[:, place]
    for title in ("North America", "Europe", "Asia", "Renewables - LNG"):
        keys = zip(header(workbook, title, 7), header(workbook, title, 8), strict=True)
        for key, column in zip(keys, numbers(workbook, title).T, strict=True):
            assert np.array_equal(column, main[key])


def test_rp_has_what_a_reader_must_stand() -> None:
    workbook = rp_workbook(SUMMER_DAY)
    mids = numbers(workbook, FIXED)
    columns = list(zip(header(workbook, FIXED, 7), header(workbook, FIXED, 8), mids.T, strict=True))
    texts = [(location, product) for location, product, _ in columns]
    [twin] = {text for text in texts if texts.count(text) > 1}
    first, second = (values for *text, values in columns if tuple(text) == twin)
    assert np.array_equal(first, second)
    assert texts.index(twin) + 1 == len(texts) - 1 - texts[::-1].index(twin)
    products = [product for _, product in set(texts)]
    assert any(products.count(product) > 1 for product in products)
    assert (mids < 0).any()
    assert any(not values.any() for *_, values in columns)


def test_header_of_pw_is_carried_but_for_units() -> None:
    grid = pw_workbook(SUMMER_DAY, months=2).sheets[FIXED]
    labels = [row[0] for row in grid[:7]]
    assert labels == ["ISO:", "Market:", "Hours:", "Location:", "Product:", "Spark Location:", "Units:"]
    assert grid[0][2:8] == ["PJM", None, None, None, None, None]
    assert grid[2][2:8] == ["ON_PEAK", None, None, "OFF_PEAK", None, None]
    for row in grid[3:7]:
        assert all(row[2:])
    assert {"USD/MWh", "$/MWh", "CAD - MWh"} == set(grid[6][2:])


def test_two_columns_of_pw_differ_in_nothing_but_the_unit() -> None:
    grid = pw_workbook(SUMMER_DAY, months=2).sheets[FIXED]
    alberta = [column for column, text in enumerate(grid[3]) if text == "Alberta"]
    canadian, dollars = alberta[:2]
    assert [row[canadian] for row in grid[3:6]] == [row[dollars] for row in grid[3:6]]
    assert (grid[6][canadian], grid[6][dollars]) == ("CAD - MWh", "USD/MWh")
    assert grid[7][canadian] != grid[7][dollars]


def test_header_of_simple_is_filled() -> None:
    workbook = simple_workbook(SUMMER_DAY, months=2)
    assert list(workbook.sheets) == [FIXED]
    grid = workbook.sheets[FIXED]
    assert [row[0] for row in grid[:6]] == [
        "ISO:",
        "Market:",
        "Hours:",
        "Location:",
        "Product:",
        "Units:",
    ]
    assert all(all(row[2:]) for row in grid[:6])


@pytest.mark.parametrize("maker", MAKERS)
def test_days_follow_from_each_other(maker: Maker) -> None:
    days = business_days(SUMMER_DAY, 15)
    history = np.array([numbers(maker(day, months=13), FIXED) for day in days if day.month == 9])
    moves = np.abs(np.diff(history, axis=0))
    scale = np.abs(history).mean(axis=(0, 1))
    quoted = scale > 0
    assert (moves.max(axis=(0, 1))[quoted] > 0).all()
    outright = history.min(axis=(0, 1)) > 0.5 * scale
    assert (moves.max(axis=(0, 1))[outright] < 0.25 * scale[outright]).all()


def test_some_curves_of_rp_repeat_the_day_before() -> None:
    monday, tuesday = (numbers(rp_workbook(date(2025, 9, day), months=3), FIXED) for day in (8, 9))
    friday = numbers(rp_workbook(date(2025, 9, 5), months=3), FIXED)
    assert (monday == tuesday).all(axis=0).sum() == 5
    assert (friday == monday).all(axis=0).sum() == 1


def test_cells_are_read_and_set_by_address() -> None:
    workbook = eugp_workbook(SUMMER_DAY, months=2)
    assert workbook.cell(FIXED, "D7") == "Dutch_TTF"
    assert workbook.cell(FIXED, "ZZ999") is None
    workbook.put(FIXED, "D12", "n/a")
    workbook.put(FIXED, "BB20", np.float64(1.5))
    assert workbook.cell(FIXED, "D12") == "n/a"
    assert workbook.cell(FIXED, "BB20") == 1.5
    read = load_workbook(BytesIO(workbook.to_bytes()))[FIXED]
    assert (read["D12"].value, read["BB20"].value) == ("n/a", 1.5)


def test_a_correction_is_a_copy_published_later() -> None:
    workbook = simple_workbook(SUMMER_DAY, months=2)
    correction = workbook.corrected(datetime(2025, 9, 13, 7, 40, tzinfo=UTC))
    correction.put(FIXED, "C7", 1.0)
    assert workbook.cell(FIXED, "C7") != 1.0
    assert correction.name == "EOD_SIMPLE_20250912_0740.xlsx"
    with pytest.raises(ValueError, match="after"):
        workbook.corrected(workbook.published_at)


def test_a_week_is_five_days_of_four_vendors_and_a_correction() -> None:
    week = list(demo_week(date(2025, 9, 14)))
    assert len({workbook.name for workbook in week}) == len(week) == 21
    assert [workbook.published_at for workbook in week] == sorted(w.published_at for w in week)
    assert sorted({workbook.as_of for workbook in week}) == [date(2025, 9, day) for day in range(8, 13)]
    first, second = (w for w in week if (w.vendor, w.as_of) == ("EUGP", date(2025, 9, 10)))
    assert first.published_at < second.published_at
    changed = {title for title in first.sheets if first.sheets[title] != second.sheets[title]}
    assert changed == set(first.sheets)
    rows, _ = np.nonzero(numbers(first, "Spark Spread") != numbers(second, "Spark Spread"))
    assert set(rows) == {1}


@given(
    as_of=st.dates(date(1995, 1, 1), date(2060, 12, 31)),
    count=st.integers(1, 40),
    maker=st.sampled_from(MAKERS),
)
def test_any_day_and_any_length_make_a_workbook(as_of: date, count: int, maker: Maker) -> None:
    workbook = maker(as_of, months=count)
    assert len(months(workbook)) == count
    for title in workbook.sheets:
        values = body(workbook, title)
        assert values
        if "BidAsk" not in title:
            assert np.isfinite(np.array(list(values.values()), dtype=float)).all()
