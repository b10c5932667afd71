"""What is wrong with single cells, rows and columns: said with the cell, left out, and never guessed."""

from __future__ import annotations

import math
from datetime import date, datetime, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from aurum.errors import UnreadableSheet
from aurum.parsers.cells import column_letter, read_quotes
from aurum.parsers.findings import Findings
from aurum.parsers.model import Severity
from tests.parsers.sheets import (
    AD,
    APR,
    BIDASK,
    FEB,
    MAR,
    MID,
    PW_BIDASK,
    PW_MID,
    STRIPS,
    WEST,
    Grid,
    by_key,
    changed,
    findings,
    only,
    parsed,
    points,
    put,
    pw,
    quotes,
    workbook,
)

HEADER = PW_MID[:6]


def row(cell: object, label: object = APR) -> Grid:
    """The sheet with one more row, in 9."""
    return [*PW_MID, [None, label, cell, 1.0]]


# ------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    "cell",
    ["45.10", "45,10", "1.234,5", "n/a", "-", "#REF!", "45.0 / 46.0", True, date(2025, 1, 1), time(12)],
)
def test_only_excels_own_numbers_are_numbers(cell: object) -> None:
    book = pw({MID: put(PW_MID, "C8", cell)})
    assert findings(book) == [("NOT_A_NUMBER", MID, ("C8",))]
    finding = only(book, "NOT_A_NUMBER")
    assert (finding.severity, finding.curve_key) == (Severity.ERROR, WEST)
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5}
    assert points(by_key(book)[AD]) == {"2025-02": 47.0, "2025-03": -3.5}


@pytest.mark.parametrize("cell", [None, "", "   "])
def test_a_blank_is_no_value_and_no_error(cell: object) -> None:
    book = pw({MID: put(PW_MID, "C8", cell)})
    assert findings(book) == []
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5}
    assert (book.sheets[0].values, book.sheets[0].blanks) == (3, 1)


@pytest.mark.parametrize("cell", [0, 0.0, -12.5, 1e-9, 12345678901234])
def test_zero_and_negative_prices_are_prices(cell: float) -> None:
    book = pw({MID: put(PW_MID, "C8", cell)})
    assert findings(book) == []
    assert points(by_key(book)[WEST])["2025-03"] == cell


@pytest.mark.parametrize("error", ["#N/A", "#DIV/0!", "#REF!", "#SPILL!"])
def test_an_error_cell_is_no_blank(error: str) -> None:
    """Calamine reads it as one."""
    cell = f'<c r="C8" t="e"><v>{error}</v></c>'.encode()
    data = changed(
        workbook({MID: PW_MID}), "xl/worksheets/sheet1.xml", lambda part: replaced(part, rb'<c r="C8" t="n">', cell)
    )
    assert findings(parsed(data)) == [("NOT_A_NUMBER", MID, ("C8",))]
    assert error in only(parsed(data), "NOT_A_NUMBER").message


@pytest.mark.parametrize("value", ["NaN", "inf", "-inf", "1e999"])
def test_what_is_not_finite_is_no_number(value: str) -> None:
    cell = f'<c r="C8"><v>{value}</v></c>'.encode()
    data = changed(
        workbook({MID: PW_MID}), "xl/worksheets/sheet1.xml", lambda part: replaced(part, rb'<c r="C8" t="n">', cell)
    )
    assert findings(parsed(data)) == [("NOT_A_NUMBER", MID, ("C8",))]


def replaced(part: bytes, start: bytes, cell: bytes) -> bytes:
    """The sheet with another cell where the one that starts so was."""
    before, _, rest = part.partition(start)
    assert rest
    return before + cell + rest.partition(b"</c>")[2]


# ------------------------------------------------------------------------------------------------- quotes


@pytest.mark.parametrize(
    ("text", "bid", "ask"),
    [
        ("31.603   /   31.809", 31.603, 31.809),
        ("-1.5 / -1.25", -1.5, -1.25),
        ("-0.002 / 0", -0.002, 0.0),
        (" 45 /\t46 ", 45.0, 46.0),
        ("45\u00a0/\u00a046", 45.0, 46.0),
        ("+.5 / 1.", 0.5, 1.0),
        ("1E-3 / 2e+2", 0.001, 200.0),
    ],
)
def test_a_quote_is_two_numbers_around_a_slash_between_blanks(text: str, bid: float, ask: float) -> None:
    book = pw({MID: PW_MID, BIDASK: put(PW_BIDASK, "C7", text)})
    assert findings(book) == []
    assert quotes(by_key(book)[WEST])["2025-02"] == (bid, ask)


@pytest.mark.parametrize(
    "cell",
    [
        *("45/46", "45 /46", "45 - 46", "45 / ", "/ 46", " / ", "45", "45 / 46 / 47", "45 46", "bid / ask"),
        *(
            "45,1 / 46,2",
            "nan / 1",
            "inf / 1",
            "1_0 / 2",
            "1 / 2; 3 / 4",
            "٤٥ / ٤٦",
            "9" * 400 + " / 1",
            "1 / " + "9" * 400,
            45.5,
            True,
        ),
    ],
)
def test_anything_else_is_no_quote(cell: object) -> None:
    book = pw({MID: PW_MID, BIDASK: put(PW_BIDASK, "C7", cell)})
    assert findings(book) == [("BAD_QUOTE", BIDASK, ("C7",))]
    assert quotes(by_key(book)[WEST]) == {"2025-03": (41.0, 41.5)}
    assert quotes(by_key(book)[AD]) == {"2025-02": (46.5, 47.5), "2025-03": (-4.0, -3.0)}


def test_one_text_with_two_slashes_does_not_lend_one_to_its_neighbour() -> None:
    book = pw({MID: PW_MID, BIDASK: put(put(PW_BIDASK, "C7", "1 / 2 / 3"), "D7", "4")})
    assert findings(book) == [("BAD_QUOTE", BIDASK, ("C7",)), ("BAD_QUOTE", BIDASK, ("D7",))]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**6), 10**6)).map(
                lambda pair: f"{pair[0]!r} / {pair[1]}"
            ),
            st.text("0123456789.-+eE/ ,;", max_size=9),
            st.just(""),
        ),
        min_size=1,
    )
)
def test_many_texts_at_once_are_read_as_one_by_one(texts: list[str]) -> None:
    (bids, asks), refused = read_quotes([list(texts)], (1, len(texts)))
    for at, text in enumerate(texts):
        ((bid, ask), alone) = read_quotes([[text]], (1, 1))
        assert np.array_equal([bids[0, at], asks[0, at]], [bid[0, 0], ask[0, 0]], equal_nan=True)
        assert ((0, at) in refused) == bool(alone)
        if math.isfinite(bid[0, 0]):
            assert [float(part) for part in text.split("/")] == [bid[0, 0], ask[0, 0]]
        else:
            assert not text.strip() or alone


# ------------------------------------------------------------------------------------------------- tenors


@pytest.mark.parametrize("label", ["Prompt", date(2025, 4, 2), "01/04/2025", 45748, datetime(2025, 4, 1, 9)])  # noqa: DTZ001
def test_values_beside_what_names_no_period(label: object) -> None:
    book = pw({MID: row(99.0, label)})
    assert findings(book) == [("UNKNOWN_TENOR", MID, ("B9",))]
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


def test_values_without_a_period_and_periods_without_values() -> None:
    assert findings(pw({MID: row(99.0, None)})) == [("UNKNOWN_TENOR", MID, ("B9",))]
    book = pw({MID: [*PW_MID, [None, APR], []]})
    assert findings(book) == []
    assert (book.sheets[0].tenor_rows, book.sheets[0].blanks) == (3, 2)


def test_an_unknown_period_above_the_first_known_one_is_not_taken_for_a_header() -> None:
    grid = [*HEADER, [None, "Prompt", 1.0, 2.0], *PW_MID[6:]]
    assert findings(pw({MID: grid})) == [("UNKNOWN_TENOR", MID, ("B7",))]
    quoted = [*HEADER, [None, "Prompt", "1 / 2"], *PW_BIDASK[6:]]
    assert findings(pw({MID: PW_MID, BIDASK: quoted})) == [("UNKNOWN_TENOR", BIDASK, ("B7",))]


def test_blank_rows_are_spacers_and_a_lone_text_is_a_note() -> None:
    book = pw({MID: [*HEADER, PW_MID[6], [], [None], PW_MID[7], [], ["Source: the desk"]]})
    assert findings(book) == [("NOTE_IGNORED", MID, ("A12",))]
    assert only(book, "NOTE_IGNORED").severity is Severity.INFO
    assert by_key(book)[WEST].mid_cells.address(1) == f"{MID}!C10"
    assert (book.sheets[0].tenor_rows, book.sheets[0].values, book.sheets[0].blanks) == (2, 4, 4)


def test_a_row_of_texts_below_the_last_period_is_a_note() -> None:
    grid = [*PW_MID, [None, "Source:", "the desk", "(c) 2025"]]
    assert findings(pw({MID: grid})) == [("NOTE_IGNORED", MID, ("B9",))]
    for value in (1.0, "1 / 2", "#REF!"):
        assert findings(pw({MID: put(grid, "D9", value)})) == [("UNKNOWN_TENOR", MID, ("B9",))]
    between = [*HEADER, PW_MID[6], [None, "2O25-03", "n/a", "n/a"], [None, APR, 1.0, 2.0]]
    assert findings(pw({MID: between})) == [("UNKNOWN_TENOR", MID, ("B8",))]


def test_a_date_among_the_texts_above_the_numbers_is_no_period_on_the_first_of_a_month() -> None:
    grid = [*HEADER, ["Printed:", FEB, "Mid", "Mid"], *PW_MID[6:]]
    book = pw({MID: grid})
    assert findings(book) == []
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


def test_nobody_sees_a_blank_of_no_width_in_a_label() -> None:
    grid = put(put(PW_MID, "A4", "Location\u200b:"), "B8", "Mar-25\u200b")
    assert points(by_key(pw({MID: grid}))[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


@pytest.mark.parametrize("blank", [0, 1])
def test_a_blank_column_before_the_tenors(blank: int) -> None:
    grid = [[*row[:blank], None, *row[blank:]] for row in [*PW_MID, [None, "Source:", None, "the desk"]]]
    book = pw({MID: grid})
    assert findings(book) == [("NOTE_IGNORED", MID, ("B9",))]
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}
    assert by_key(book)[WEST].mid_cells.address(1) == f"{MID}!D8"
    labelled_in_b = [[None, row[0] or row[1], *row[2:]] for row in PW_MID]
    assert by_key(pw({MID: labelled_in_b}))[WEST].mid_cells.address(1) == f"{MID}!C8"


@pytest.mark.parametrize("mark", ["*", " **", "\u2020", "\u00b9", "(1)", " (*)"])
def test_a_label_may_refer_to_a_footnote(mark: str) -> None:
    grid = [[f"{row[0]}{mark}" if row[0] else None, *row[1:]] for row in HEADER]
    side, month, year = [None, None, f"Mid{mark}"], [None, f"2025-02{mark}", 45.5, 2.0], [None, f"Cal 26{mark}", 1.0]
    book = pw({MID: [*grid, side, month, year]})
    assert findings(book) == []
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "Cal 26": 1.0}


def test_a_period_twice_with_the_same_value_is_one_point() -> None:
    book = pw({MID: [*PW_MID, [None, "Mar-25", 41.25, -3.5]]})
    assert findings(book) == [("DUPLICATE_TENOR", MID, ("C8", "C9"))]
    assert only(book, "DUPLICATE_TENOR").severity is Severity.WARNING
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}
    assert by_key(book)[WEST].mid_cells.address(1) == f"{MID}!C8"


def test_a_period_twice_with_other_values_is_an_error_and_has_none() -> None:
    book = pw({MID: [*PW_MID, [None, "Mar-25", 41.25, -3.0], [None, "2025-03", None, -3.5]]})
    assert findings(book, Severity.ERROR) == [("CONFLICTING_TENORS", MID, ("D8", "D9"))]
    conflict = only(book, "CONFLICTING_TENORS")
    assert conflict.curve_key == AD
    assert "-3.5 and -3.0" in conflict.message
    assert points(by_key(book)[AD]) == {"2025-02": 47.0}
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5, "2025-03": 41.25}


def test_a_period_twice_on_two_sheets_names_the_other_sheet() -> None:
    strips = [*HEADER, [None, MAR, 41.25, 0.0]]
    book = pw({MID: PW_MID, STRIPS: strips})
    assert findings(book) == [
        ("DUPLICATE_TENOR", STRIPS, (f"{MID}!C8", "C7")),
        ("CONFLICTING_TENORS", STRIPS, (f"{MID}!D8", "D7")),
    ]


def test_a_blank_beside_a_second_row_of_the_period_is_filled_by_it() -> None:
    book = pw({MID: [*put(PW_MID, "C8", None), [None, "Mar-25", 40.0]]})
    assert findings(book) == []
    assert points(by_key(book)[WEST])["2025-03"] == 40.0
    assert by_key(book)[WEST].mid_cells.address(1) == f"{MID}!C9"


def test_quotes_twice_are_compared_whole() -> None:
    bidask = [*PW_BIDASK, [None, "Feb-25", "45.0 / 46.5", "46.5 / 47.5"]]
    book = pw({MID: PW_MID, BIDASK: bidask})
    assert findings(book) == [("DUPLICATE_TENOR", BIDASK, ("D7", "D9")), ("CONFLICTING_TENORS", BIDASK, ("C7", "C9"))]
    assert quotes(by_key(book)[WEST]) == {"2025-03": (41.0, 41.5)}


# ------------------------------------------------------------------------------------------------- columns


def test_equal_twin_columns_are_one_curve() -> None:
    twin: Grid = [[*cells, cells[2]] for cells in PW_MID]
    book = pw({MID: twin})
    assert findings(book) == [("EQUAL_TWIN_COLUMNS", MID, ("C7", "E7"))]
    finding = only(book, "EQUAL_TWIN_COLUMNS")
    assert (finding.severity, finding.curve_key) == (Severity.WARNING, WEST)
    assert list(by_key(book)) == [WEST, AD]
    assert by_key(book)[WEST].mid_cells.address(0) == f"{MID}!C7"


@pytest.mark.parametrize("other", [41.3, None])
def test_unequal_twin_columns_are_an_error_and_lose_what_differs(other: float | None) -> None:
    twin = put([[*cells, cells[2]] for cells in PW_MID], "E8", other)
    book = pw({MID: twin})
    assert findings(book) == [("CONFLICTING_COLUMNS", MID, ("C8", "E8"))]
    assert only(book, "CONFLICTING_COLUMNS").curve_key == WEST
    assert points(by_key(book)[WEST]) == {"2025-02": 45.5}


def test_values_without_texts_above_are_no_curve() -> None:
    """ISO, market and hours are carried to them, and a curve they still do not make."""
    book = pw({MID: put(PW_MID, "F8", 12.0)})
    assert findings(book) == [("MISSING_HEADER", MID, ("F7",))]
    assert list(by_key(book)) == [WEST, AD]


@pytest.mark.parametrize("unread", ["=B1", "#REF!", "#N/A"])
def test_two_columns_whose_texts_nobody_could_calculate_are_no_curve(unread: str) -> None:
    """openpyxl writes a formula without its value. Read as a text, it would make one curve of both."""
    grid: Grid = [*PW_MID[:6], [None, FEB, 45.5, 47.0, 51.0], [None, MAR, 41.25, -3.5, 52.0]]
    for cell, text in {"C4": unread, "E4": unread, "E5": "Power", "E6": "USD/MWh"}.items():
        grid = put(grid, cell, text)
    book = pw({MID: grid})
    assert findings(book, Severity.ERROR) == [("MISSING_HEADER", MID, ("C7",)), ("MISSING_HEADER", MID, ("E7",))]
    assert list(by_key(book)) == [AD]


@pytest.mark.parametrize("unread", ["=B1", "#REF!"])
@pytest.mark.parametrize("cell", ["A1", "A2", "A3", "A4", "A5", "A6"])
def test_a_label_that_nobody_could_calculate_is_not_taken_for_none(cell: str, unread: str) -> None:
    """Without its label the row of hours would be no part of the curves' names, and that of units nobody's."""
    with pytest.raises(UnreadableSheet, match=f"{cell} of {MID!r}") as refused:
        pw({MID: put(PW_MID, cell, unread)})
    assert (refused.value.details["sheet"], refused.value.details["cell"]) == (MID, cell)


def test_the_label_of_the_date_is_one_too() -> None:
    dated: Grid = [["=B9", date(2025, 2, 12)], *PW_MID]
    with pytest.raises(UnreadableSheet, match=f"A1 of {MID!r}"):
        pw({MID: dated})


def test_a_title_that_nobody_calculated_is_no_label_and_one_beside_a_label_is_not_missed() -> None:
    titled: Grid = [["=TODAY()", None, None, None], [None, "=B1"], *put(PW_MID, "B1", "=B1")]
    assert sorted(by_key(pw({MID: titled}))) == sorted([WEST, AD])


@pytest.mark.parametrize("cell", ["C5", "C6"])
def test_a_product_or_a_unit_that_nobody_calculated_makes_no_curve(cell: str) -> None:
    book = pw({MID: put(PW_MID, cell, "=B1")})
    assert findings(book) == [("MISSING_HEADER", MID, ("C7",))]
    assert "a formula without a value" in only(book, "MISSING_HEADER").message
    assert list(by_key(book)) == [AD]


def test_a_text_that_is_carried_and_that_nobody_calculated_is_unknown_in_each_column_it_is_carried_to() -> None:
    book = pw({MID: put(PW_MID, "C3", "=B1")})
    assert findings(book) == [("MISSING_HEADER", MID, ("C7",)), ("MISSING_HEADER", MID, ("D7",))]
    assert book.curves == ()


def test_texts_without_values_are_noted_and_a_blank_column_is_not() -> None:
    book = pw({MID: put(put(PW_MID, "F4", "NI Hub"), "H1", " ")})
    assert findings(book) == [("EMPTY_COLUMN", MID, ("F7",))]
    assert book.sheets[0].columns == 2


def test_a_column_of_the_other_side_is_an_error() -> None:
    sides: Grid = [*HEADER, [None, None, "Mid", "Bid   /   Ask"], *PW_MID[6:]]
    book = pw({MID: sides})
    assert findings(book) == [("WRONG_SIDE", MID, ("D7",))]
    assert only(book, "WRONG_SIDE").curve_key == AD
    assert list(by_key(book)) == [WEST]
    good: Grid = [*HEADER, [None, None, "Bid / Ask", "bid/ask"], *PW_BIDASK[6:]]
    assert findings(pw({MID: PW_MID, BIDASK: good})) == []


def test_a_header_may_be_a_number_or_a_date() -> None:
    grid = put(put(PW_MID, "C5", 2022), "D5", FEB)
    assert [curve.identity.product for curve in pw({MID: grid}).curves] == ["2022", "2025-02-01"]


# ------------------------------------------------------------------------------------------------- how many


def test_a_thousand_findings_are_kept_and_the_rest_is_counted() -> None:
    months: Grid = [[None, date(2025 + at // 12, at % 12 + 1, 1), "x", "y"] for at in range(600)]
    book = pw({MID: [*HEADER, [None, "Cal-26", 1.0, 1.0], *months]})
    assert len(book.findings) == 1001
    assert (book.findings[-1].code, book.findings[-1].severity) == ("MORE_FINDINGS", Severity.ERROR)
    assert "203 ERROR" in book.findings[-1].message, "1,200 texts, and three missing sheets"


def test_the_last_finding_is_as_severe_as_the_worst_it_counts() -> None:
    noted = Findings(kept=1)
    noted.warning("A", "kept")
    noted.info("B", "counted")
    assert noted.closed()[-1].severity is Severity.INFO
    noted.error("C", "counted")
    assert noted.closed()[-1].severity is Severity.ERROR
    assert len(noted.closed()) == 2


@given(st.integers(0, 16383))
def test_column_letters_are_excels(column: int) -> None:
    assert column_letter(column) == get_column_letter(column + 1)
