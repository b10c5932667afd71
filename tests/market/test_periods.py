"""Labels of the market, the periods they name, and the grid of a curve."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.errors import InvalidInput, UnknownTenor
from aurum.market.periods import (
    DeliveryPeriod,
    Tenor,
    TenorGrid,
    TenorType,
    canonical_order,
    months_from,
    parse_tenor,
)

AS_OF = date(2025, 2, 12)
MONTH, QUARTER, SEASON, CALENDAR, BALANCE = TenorType

years = st.integers(2000, 2099)
as_ofs = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@st.composite
def labels(draw: st.DrawFn) -> str:
    """Any label that the table of labels knows, in any of its spellings."""
    year = draw(years)
    written = draw(st.sampled_from([f"{year}", f"{year % 100:02}"]))
    gap = draw(st.sampled_from([" ", "-"]))
    month = draw(st.dates(date(2000, 1, 1), date(2000, 12, 31)))
    name = draw(st.sampled_from(["%b", "%B"]))
    iso = f"{year}-{month:%m}"
    until = draw(st.sampled_from([f"{year + 1}", f"{(year + 1) % 100:02}"]))
    label = draw(
        st.sampled_from(
            [
                f"{month.strftime(name)}{gap}{written}",
                iso,
                f"{iso}-01",
                f"Q{draw(st.integers(1, 4))}{gap}{written}",
                f"Summer{gap}{written}",
                f"Winter{gap}{written}",
                f"Winter {year}-{until}",
                f"Cal{gap}{written}",
                f"CAL{written}",
                f"Calendar {year}",
            ]
        )
    )
    return draw(st.sampled_from([label, label.upper(), label.lower(), f" {label}  "]))


@pytest.mark.parametrize(
    ("label", "type_", "start", "end"),
    [
        (date(2025, 6, 1), MONTH, "2025-06-01", "2025-07-01"),
        (datetime(2025, 12, 1), MONTH, "2025-12-01", "2026-01-01"),  # noqa: DTZ001 (as Excel has them)
        ("Jan-25", MONTH, "2025-01-01", "2025-02-01"),
        ("Jan 2025", MONTH, "2025-01-01", "2025-02-01"),
        ("january 2025", MONTH, "2025-01-01", "2025-02-01"),
        ("Sept-26", MONTH, "2026-09-01", "2026-10-01"),
        ("01-May-25", MONTH, "2025-05-01", "2025-06-01"),
        ("1 May 2025", MONTH, "2025-05-01", "2025-06-01"),
        ("Jun'25", MONTH, "2025-06-01", "2025-07-01"),
        ("JUN25", MONTH, "2025-06-01", "2025-07-01"),
        ("Sept. 2026", MONTH, "2026-09-01", "2026-10-01"),
        ("2025-01-01 00:00:00", MONTH, "2025-01-01", "2025-02-01"),
        ("May-25", MONTH, "2025-05-01", "2025-06-01"),
        ("2025-01", MONTH, "2025-01-01", "2025-02-01"),
        ("2025-01-01", MONTH, "2025-01-01", "2025-02-01"),
        ("Q1 2025", QUARTER, "2025-01-01", "2025-04-01"),
        ("Q3-26", QUARTER, "2026-07-01", "2026-10-01"),
        ("Q4 2025", QUARTER, "2025-10-01", "2026-01-01"),
        ("Summer 2026", SEASON, "2026-04-01", "2026-11-01"),
        ("Winter 2026", SEASON, "2025-11-01", "2026-04-01"),
        ("Winter 2025-2026", SEASON, "2025-11-01", "2026-04-01"),
        ("Winter 2025-26", SEASON, "2025-11-01", "2026-04-01"),
        ("Calendar 2026", CALENDAR, "2026-01-01", "2027-01-01"),
        ("Cal-27", CALENDAR, "2027-01-01", "2028-01-01"),
        ("Cal 2027", CALENDAR, "2027-01-01", "2028-01-01"),
        ("CAL27", CALENDAR, "2027-01-01", "2028-01-01"),
        ("Bal 2025", BALANCE, "2025-02-01", "2026-01-01"),
    ],
)
def test_a_label_is_of_its_kind_and_period(label: str | date, type_: TenorType, start: str, end: str) -> None:
    tenor = parse_tenor(label, AS_OF)
    assert tenor.type is type_
    assert tenor.period == DeliveryPeriod(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    "label",
    [
        date(2025, 6, 2),
        datetime(2025, 6, 1, 12),  # noqa: DTZ001 (as Excel has them)
        "2025-06-02",
        "2025-06-01 09:00:00",
        "02-Jun-25",
        "11-Jun-25",
        "01/02/2025",
        "1.2.2025",
        "2025-13",
        "2025-1",
        "Q5 2025",
        "Q0 2025",
        "Q1",
        "Winter 2025-2027",
        "Winter 2025-2025",
        "Bal 2024",
        "Bal 2026",
        "Cal 1999",
        "Cal 2101",
        "Winter 2100-2101",
        "Cal 202",
        "Calendar",
        "Cal ٢٠٢٥",
        "2025",
        "Prompt",
        "",
        " ",
    ],
)
def test_what_names_no_period_or_more_than_one(label: str | date) -> None:
    with pytest.raises(UnknownTenor) as raised:
        parse_tenor(label, AS_OF)
    assert raised.value.code == "UNKNOWN_TENOR"
    assert isinstance(raised.value, InvalidInput)


def test_months_get_one_label_and_the_rest_keep_the_vendors() -> None:
    spellings: list[str | date] = ["Jan-25", "January 2025", "2025-01-01", date(2025, 1, 1)]
    assert {parse_tenor(spelling, AS_OF).label for spelling in spellings} == {"2025-01"}
    assert parse_tenor("  Winter   2025-26 ", AS_OF).label == "Winter 2025-26"


@pytest.mark.parametrize(("month", "start"), [(1, "2025-01-01"), (12, "2025-12-01")])
def test_a_balance_runs_from_the_month_of_the_as_of_to_the_end_of_its_year(month: int, start: str) -> None:
    balance = parse_tenor("Bal 2025", date(2025, month, 28))
    assert balance.period == DeliveryPeriod(date.fromisoformat(start), date(2026, 1, 1))


@given(labels(), as_ofs)
def test_a_period_is_whole_months_and_half_open(label: str, as_of: date) -> None:
    period = parse_tenor(label, as_of).period
    assert period.start.day == period.end.day == 1
    assert period.start < period.end


@given(labels(), as_ofs)
def test_a_label_names_its_own_period_again(label: str, as_of: date) -> None:
    tenor = parse_tenor(label, as_of)
    assert parse_tenor(tenor.label, as_of) == tenor


@given(years, st.integers(1, 12))
def test_a_month_ends_where_the_next_one_starts(year: int, month: int) -> None:
    period = months_from(year, month, 1)
    last_day = period.end - timedelta(days=1)
    assert (last_day.year, last_day.month) == (year, month)
    assert parse_tenor(period.end, AS_OF).period.start == period.end


@given(years)
def test_quarters_and_seasons_tile_their_years(year: int) -> None:
    quarters = [parse_tenor(f"Q{number} {year}", AS_OF).period for number in range(1, 5)]
    calendar = parse_tenor(f"Calendar {year}", AS_OF).period
    assert [quarters[0].start, *(quarter.end for quarter in quarters)] == [
        calendar.start,
        *(quarter.start for quarter in quarters[1:]),
        calendar.end,
    ]
    assert parse_tenor(f"Winter {year}", AS_OF).period.end == parse_tenor(f"Summer {year}", AS_OF).period.start
    assert parse_tenor(f"Winter {year + 1}", AS_OF).period.start == parse_tenor(f"Summer {year}", AS_OF).period.end


def test_a_period_ends_after_it_starts() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        DeliveryPeriod(date(2025, 1, 1), date(2025, 1, 1))


# ------------------------------------------------------------------------------------------------- grids


def grid_of(*labels: str) -> TenorGrid:
    return TenorGrid(parse_tenor(label, AS_OF) for label in labels)


@st.composite
def tenors(draw: st.DrawFn) -> list[Tenor]:
    """Tenors of different periods in any order."""
    found = {(tenor.type, tenor.period): tenor for label in draw(st.lists(labels())) for tenor in [_parsed(label)]}
    return draw(st.permutations(list(found.values())))


def _parsed(label: str) -> Tenor:
    return parse_tenor(label, AS_OF)


def test_a_grid_is_ordered_by_type_then_by_delivery() -> None:
    grid = grid_of("Bal 2025", "Cal-27", "Cal-26", "Summer 2026", "Winter 2026", "Q1 2026", "Mar-25", "Feb-25")
    assert [tenor.label for tenor in grid] == [
        *("2025-02", "2025-03", "Q1 2026", "Winter 2026", "Summer 2026", "Cal-26", "Cal-27", "Bal 2025")
    ]


@given(tenors(), st.randoms())
def test_a_grid_does_not_depend_on_the_order_given(given_: list[Tenor], random: Random) -> None:
    shuffled = random.sample(given_, len(given_))
    assert TenorGrid(given_) == TenorGrid(shuffled)
    assert TenorGrid(given_).digest == TenorGrid(shuffled).digest
    assert hash(TenorGrid(given_)) == hash(TenorGrid(shuffled))


@given(tenors())
def test_values_are_sorted_along_with_their_tenors(given_: list[Tenor]) -> None:
    order = canonical_order(given_)
    assert [given_[at] for at in order] == list(TenorGrid(given_))


def test_a_grid_has_each_period_once() -> None:
    with pytest.raises(ValueError, match=r"'Cal-27' and 'Calendar 2027'"):
        grid_of("Cal-27", "Calendar 2027")


def test_grids_of_other_labels_are_other_grids() -> None:
    assert grid_of("Cal-27") != grid_of("Calendar 2027")
    assert grid_of("Cal-27").digest != grid_of("Calendar 2027").digest
    assert grid_of("Cal-27") != [parse_tenor("Cal-27", AS_OF)]


def test_the_digest_never_changes_for_it_is_stored() -> None:
    """SHA-256 of `2025-02|MONTH|2025-02-01|2025-03-01` and `Cal-27|CALENDAR|2027-01-01|2028-01-01`, a line each."""
    expected = "b836a09fc3dcae7d03b1f097cddd7168e44950166de7c852d1ec4fc87a8beeee"
    assert grid_of("Cal-27", "Feb-25").digest == expected


def test_a_grid_is_a_sequence_that_does_not_change() -> None:
    grid = grid_of("Feb-25", "Mar-25")
    assert len(grid) == 2
    assert grid[-1].label == "2025-03"
    assert grid[:1] == (grid[0],)
    assert grid.index(grid[1]) == 1
    assert len(TenorGrid([])) == 0
    with pytest.raises(AttributeError):
        grid._tenors = ()
