"""Files that went wrong on their way: all that is served of them is right, and the rest is not for a fitting reason.

`tests/mutants/` spoils a generated file in one of some eighty ways (or a vendor's own, where they are at hand), and
knows what its numbers were. Set AURUM_MUTANTS to a number to try so many others.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from aurum.auth import Principal, Scope
from aurum.backends.paging import PageRequest
from aurum.demo import business_days, eugp_workbook, pw_workbook, rp_workbook, simple_workbook
from aurum.ingestion.model import QuarantineFilter, RunState
from aurum.ingestion.service import Submission
from aurum.metadata.model import CurveFilter
from aurum.parsers.model import Severity
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, Settings
from tests.mutants.book import Book
from tests.mutants.mutations import MUTATIONS, Tells
from tests.mutants.oracle import Known, Numbers, Outcome, Point, faults, misplaced, outcome, spoilt, wrong
from tests.published import snapshots_of_day

DAY = date(2025, 2, 12)
WORKBOOKS = {"EUGP": eugp_workbook, "RP": rp_workbook, "PW": pw_workbook, "SIMPLE": simple_workbook}
MONTHS = 26  # two whole years: small, and with strips of every kind
MORE = int(os.environ.get("AURUM_MUTANTS", "0"))
DESK = Principal("desk", "analyst", frozenset(Scope))

HARMLESS = sorted(name for name, each in MUTATIONS.items() if each.harmless)
HARMFUL = sorted(MUTATIONS.keys() - set(HARMLESS))


@cache
def known(vendor: str) -> Known:
    *before, book = (Book.of(WORKBOOKS[vendor](day, months=MONTHS)) for day in business_days(DAY, 4))
    return Known.of(book, before)


def became(vendor: str, names: Sequence[str], seed: int, *, with_history: bool = True) -> Outcome:
    return outcome(spoilt(known(vendor), names, seed), known(vendor), with_history=with_history)


def check(vendor: str, names: Sequence[str], seed: int, *, with_history: bool = True) -> None:
    found = became(vendor, names, seed, with_history=with_history)
    assert faults(found, known(vendor), names, with_history=with_history) == [], (vendor, names, seed)


# ------------------------------------------------------------------------------------------------- by themselves


@pytest.mark.parametrize("vendor", WORKBOOKS)
def test_a_file_that_nothing_happened_to_is_served_whole(vendor: str) -> None:
    found = outcome(known(vendor).book.copy(), known(vendor))
    assert (found.refusal, found.held) == (None, {})
    assert found.served.keys() == known(vendor).truth.keys()
    assert wrong(found, known(vendor)) == {}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_file_that_one_thing_happened_to(name: str) -> None:
    for vendor in WORKBOOKS:
        check(vendor, [name], crc32(f"{vendor} {name}".encode()))


@settings(max_examples=MORE or 60, derandomize=not MORE)
@given(
    st.sampled_from(sorted(WORKBOOKS)), st.sampled_from(sorted(MUTATIONS)), st.integers(0, 2**31), st.booleans()
)  # fmt: skip
def test_a_file_that_one_thing_happened_to_anyhow(vendor: str, name: str, seed: int, with_history: bool) -> None:
    check(vendor, [name], seed, with_history=with_history)


@settings(max_examples=MORE or 60, derandomize=not MORE)
@given(
    st.sampled_from(sorted(WORKBOOKS)),
    st.sampled_from(HARMFUL),
    st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=2),
    st.integers(0, 2**31),
)
def test_what_moves_a_fault_does_not_hide_it(vendor: str, name: str, others: list[str], seed: int) -> None:
    check(vendor, [name, *others], seed)


@settings(max_examples=MORE or 60, derandomize=not MORE)
@given(
    st.sampled_from(sorted(WORKBOOKS)),
    st.lists(st.sampled_from(sorted(MUTATIONS)), min_size=2, max_size=4),
    st.integers(0, 2**31),
)
def test_whatever_happened_nothing_is_raised_lost_or_taken_from_elsewhere(
    vendor: str, names: list[str], seed: int
) -> None:
    check(vendor, names, seed)


@pytest.mark.parametrize("vendor", WORKBOOKS)
@pytest.mark.parametrize("name", ["numbers_as_texts", "no_numbers"])
def test_a_cell_that_holds_no_number_is_named_by_what_withholds_its_point(vendor: str, name: str) -> None:
    before = set(map(repr, known(vendor).book.cells()))
    for seed in range(8):
        found = became(vendor, [name], seed)
        if found.refusal is not None or found.verdict is None:
            assert (name, found.refusal) == ("no_numbers", "NOT_A_WORKBOOK")  # the cell is none that a program writes
            continue
        cells = (cell for cell in found.book.cells() if repr(cell) not in before)
        changed = {f"{sheet}!{cell}" for sheet, cell, _ in cells}
        errors = [flag.finding for flag in found.verdict.flags if flag.finding.severity is Severity.ERROR]
        assert changed <= {cell if "!" in cell else f"{each.sheet}!{cell}" for each in errors for cell in each.cells}
        assert len(found.held) in (len(changed), len(changed) - 1)  # two may be of one point


@pytest.mark.parametrize(("vendor", "other"), [("EUGP", "RP"), ("RP", "EUGP"), ("PW", "EUGP"), ("EUGP", "PW")])
def test_a_sheet_of_another_vendors_file(vendor: str, other: str) -> None:
    for sheet, grid in known(other).book.sheets.items():
        if sheet in known(vendor).book.sheets:
            book = known(vendor).book.copy()
            book.sheets[sheet] = grid
            found = outcome(book, known(vendor))
            assert (wrong(found, known(vendor)), misplaced(found)) == ({}, [])
            assert found.refusal in (None, "UNREADABLE_SHEET", "UNKNOWN_VENDOR", "TOO_MANY_ERRORS")


def test_the_oracle_is_not_blind() -> None:
    """What is told of a mutation is believed: said of another, the same outcome is full of faults."""
    found = became("SIMPLE", ["values_right_a_column"], 0)
    assert MUTATIONS["values_right_a_column"].told_by("SIMPLE") is Tells.DAYS
    assert faults(found, known("SIMPLE"), ["values_right_a_column"]) == []
    assert len(faults(found, known("SIMPLE"), ["rows_above"])) == len(known("SIMPLE").truth)
    found = became("EUGP", ["numbers_as_texts"], 0)
    assert faults(found, known("EUGP"), ["rows_above"]) == ["unfitting: NOT_A_NUMBER"]


# ------------------------------------------------------------------------------------------------- what only days tell


@pytest.mark.parametrize(
    ("vendor", "name", "marks"),
    [
        ("EUGP", "two_curves_exchanged", {"SPARK_NOT_SPREAD", "OUTLIER_MOVE"}),
        ("EUGP", "curve_scaled", {"OUTLIER_MOVE"}),
        ("EUGP", "file_of_yesterday", {"STALE_CURVE"}),
        ("PW", "month_changed_with_its_quote", {"STRIP_NOT_MEAN"}),
        ("SIMPLE", "curve_scaled", {"OUTLIER_MOVE"}),
        ("SIMPLE", "column_of_yesterday", {"STALE_CURVE"}),
    ],
)
def test_what_a_file_cannot_know_of_itself_is_served_with_a_mark(vendor: str, name: str, marks: set[str]) -> None:
    found = became(vendor, [name], 5)
    marked = [point for point in wrong(found, known(vendor)) if found.marks.get(point, set()) & marks]
    assert len(marked) == len(wrong(found, known(vendor))) > 0


# ------------------------------------------------------------------------------------------------- the vendors' own


@pytest.mark.slow
@pytest.mark.parametrize(("vendor", "count"), [("EUGP", 12), ("RP", 6)])
def test_the_vendors_own_files_spoilt(vendor: str, count: int, vendor_files: Path) -> None:
    files = sorted(vendor_files.glob(f"EOD_{vendor}_*.xlsx"))[:4]
    *before, book = (Book.read(file.read_bytes(), file.name) for file in files)
    real = Known.of(book, before)
    for seed in range(MORE or count):
        name = sorted(MUTATIONS)[crc32(f"{vendor} {seed}".encode()) % len(MUTATIONS)]
        found = outcome(spoilt(real, [name], seed), real)
        assert faults(found, real, [name]) == [], (name, seed)


# ------------------------------------------------------------------------------------------------- through the service


@pytest.fixture
async def embedded(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_sqlite_url)))
    async with open_services(settings) as opened:
        yield opened


async def served(services: Services) -> dict[Point, Numbers]:
    """All numbers of the day."""
    page = await services.metadata.curves(DESK, CurveFilter(), [], PageRequest(1000))
    found = await snapshots_of_day(services.curves, DESK, [curve.id for curve in page.items], DAY)
    keys = {curve.id: curve.key for curve in page.items}
    numbers = {}
    for id_, snapshot in found.items():
        prices = snapshot.prices
        blank = np.full(len(prices.tenors), np.nan)
        sides = [blank if side is None else side for side in (prices.mid, prices.bid, prices.ask)]
        for at, tenor in enumerate(prices.tenors):
            if at not in prices.withheld:
                mid, bid, ask = (float(side[at]) for side in sides)
                numbers[keys[id_], tenor.type, tenor.period] = (mid, bid, ask)
    return numbers


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("rows_above", 1),
        ("numbers_as_texts", 1),
        ("labels_blanked", 2),
        ("values_of_two_rows_exchanged", 1),
        ("labels_down_a_row", 1),
        ("header_cell_changed", 3),
        ("other_numbers", 4),
        ("everything_as_formulas", 1),
    ],
)
async def test_what_is_loaded_is_what_was_foreseen(embedded: Services, name: str, seed: int) -> None:
    foreseen = became("EUGP", [name], seed, with_history=False)
    book = foreseen.book
    run = await embedded.ingestion.ingest(DESK, Submission(book.to_bytes(), book.name, "test"))
    assert run.error_code == foreseen.refusal
    assert run.state is (RunState.SUCCEEDED if foreseen.refusal is None else RunState.FAILED)
    numbers = await served(embedded)
    assert numbers.keys() == foreseen.served.keys()
    assert np.array_equal(
        [numbers[point] for point in numbers], [foreseen.served[point] for point in numbers], equal_nan=True
    )
    page = await embedded.ingestion.quarantine.page(DESK, QuarantineFilter(), PageRequest(1000))
    held = {(item.curve_key or "", item.tenor.type, item.tenor.period): item for item in page.items if item.tenor}
    assert held.keys() == foreseen.held.keys()
    assert all(item.code in foreseen.held[point] and item.cells for point, item in held.items())


@pytest.mark.parametrize("name", ["sheet_emptied", "named_otherwise", "no_numbers", "block_repeated_below"])
async def test_no_file_is_an_unexpected_error(embedded: Services, name: str) -> None:
    for seed, vendor in enumerate(WORKBOOKS):
        book = spoilt(known(vendor), [name], seed)
        run = await embedded.ingestion.ingest(DESK, Submission(book.to_bytes(), book.name, "test"))
        assert run.state in (RunState.SUCCEEDED, RunState.FAILED, RunState.UNCHANGED)
        assert run.error_code != "INTERNAL", (vendor, seed, run.error)
