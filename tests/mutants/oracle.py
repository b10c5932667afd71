"""What became of a spoilt file, and whether it may: a right number, or none and the reason for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

import numpy as np
from openpyxl.utils.cell import coordinate_to_tuple

from aurum.errors import WorkbookRefused
from aurum.ingestion.checks import Day, PreviousFile, Verdict, key_of, verdict
from aurum.market.periods import DeliveryPeriod, TenorType
from aurum.parsers import parse
from aurum.parsers.model import ParsedWorkbook, Severity
from tests.mutants import columns, labels, numbers, quotes, rows, sheets, texts, yesterday  # noqa: F401 (they register)
from tests.mutants.book import Book, Raw
from tests.mutants.mutations import MUTATIONS, NUMBERS, Mutation, Tells

QUOTE_ROUNDING = 0.0005 + 1e-7
Point = tuple[str, TenorType, DeliveryPeriod]
Numbers = tuple[float, float, float]  # mid, bid, ask; NaN where nothing is quoted


@dataclass(frozen=True)
class Known:
    """A right file with its numbers, and the days before it."""

    vendor: str
    book: Book
    as_of: date
    truth: dict[Point, Numbers]
    days: tuple[Day, ...]
    previous: PreviousFile

    @classmethod
    def of(cls, book: Book, before: Sequence[Book]) -> Known:
        parsed, *earlier = (parse(each.to_bytes(), each.name) for each in (book, *before))
        book.before = before[-1]
        days = tuple(Day.of(day) for day in earlier)
        return cls(parsed.vendor, book, parsed.as_of, numbers_of(parsed), days, PreviousFile.of(earlier[-1]))


@dataclass
class Outcome:
    """A refusal's code, or what is served and what is not."""

    book: Book
    refusal: str | None = None
    parsed: ParsedWorkbook | None = None
    verdict: Verdict | None = None
    served: dict[Point, Numbers] = field(default_factory=dict)
    held: dict[Point, set[str]] = field(default_factory=dict)
    marks: dict[Point, set[str]] = field(default_factory=dict)


def numbers_of(parsed: ParsedWorkbook) -> dict[Point, Numbers]:
    """Every number of a file."""
    found = {}
    for curve in parsed.curves:
        nothing = np.full(len(curve.tenors), np.nan)
        sides = (curve.mid, nothing if curve.bid is None else curve.bid, nothing if curve.ask is None else curve.ask)
        for tenor, *point in zip(curve.tenors, *(side.tolist() for side in sides), strict=True):
            found[key_of(curve.identity), tenor.type, tenor.period] = (point[0], point[1], point[2])
    return found


def spoilt(known: Known, names: Iterable[str], seed: int) -> Book:
    """The file after some mutations, one after the other."""
    random, book = Random(seed), known.book.copy()
    for name in names:
        MUTATIONS[name].spoil(book, random)
        book.settle()
    return book


def outcome(book: Book, known: Known, *, with_history: bool = True) -> Outcome:
    """As loading has it: parse, check, and serve what is not withheld. Raises what is no refusal."""
    found = Outcome(book)
    try:
        found.parsed = parsed = parse(book.to_bytes(), book.name)
    except WorkbookRefused as refusal:
        found.refusal = refusal.code
        return found
    before = (known.days, known.previous) if with_history else ((), None)
    found.verdict = judged = verdict(parsed, *before)
    if judged.refusal is not None:
        found.refusal = judged.refusal.code
        return found
    grids = {key_of(curve.identity): curve.tenors for curve in parsed.curves}
    for flag in judged.flags:
        for key, points in flag.points.items():
            for tenor in (grids[key][point] for point in points):
                kind = found.held if flag.withholds else found.marks
                if flag.finding.severity is not Severity.INFO:
                    kind.setdefault((key, tenor.type, tenor.period), set()).add(flag.finding.code)
    found.served = {point: each for point, each in numbers_of(parsed).items() if point not in found.held}
    return found


# ------------------------------------------------------------------------------------------------- what may not be


def wrong(found: Outcome, known: Known, off: float = 0.0) -> dict[Point, tuple[Numbers, Numbers]]:
    """The points that are served with a number not theirs, or for another day: what is served, and what is right."""
    differing = {}
    nothing = (np.nan, np.nan, np.nan)
    for point, served in found.served.items():
        right = known.truth.get(point, nothing) if found.parsed and found.parsed.as_of == known.as_of else nothing
        if any(one == one and not abs(one - other) <= off for one, other in zip(served, right, strict=True)):
            differing[point] = (served, right)
    return differing


def unrecorded(found: Outcome, known: Known) -> list[Point]:
    """The numbers of the right file that are neither served nor spoken of."""
    if found.parsed is None or found.verdict is None or found.refusal is not None:
        return []
    flags = [flag.finding for flag in found.verdict.flags]
    keys = {finding.curve_key for finding in flags} | {key for flag in found.verdict.flags for key in flag.points}
    if {finding.code for finding in flags} & _OF_MANY:
        return []
    lost = []
    for point, right in known.truth.items():
        served = found.served.get(point, (np.nan,) * 3)
        gone = any(one == one and other != other for one, other in zip(right, served, strict=True))
        if gone and point not in found.held and point[0] not in keys:
            lost.append(point)
    return lost


# What speaks of columns or rows that no curve could be made of.
_OF_MANY = {
    "MISSING_HEADER",
    "WRONG_SIDE",
    "EMPTY_COLUMN",
    "CURVE_NEW",
    "UNKNOWN_TENOR",
    "TENOR_GONE",
    "MISSING_SHEET",
    "MORE_FINDINGS",
}


def misplaced(found: Outcome) -> list[str]:
    """The cells that points are said to be from and that hold another number."""
    bad = []
    for curve in found.parsed.curves if found.parsed and not found.refusal else ():
        for point in range(len(curve.tenors)):
            mid, cell = float(curve.mid[point]), curve.mid_cells.address(point)
            if mid == mid and _held(found.book, cell) != mid:
                bad.append(f"{cell} is said to hold {mid!r}")
    return bad


def _held(book: Book, cell: str | None) -> object:
    sheet, _, place = (cell or "").rpartition("!")
    row, column = coordinate_to_tuple(place)
    value = book.sheets[sheet][row - 1][column - 1]
    return float(value.value or "nan") if isinstance(value, Raw) else value


def faults(found: Outcome, known: Known, names: Sequence[str], *, with_history: bool = True) -> list[str]:
    """What must not be, in words."""
    mutations = [MUTATIONS[name] for name in names]
    tells = max((mutation.told_by(known.vendor) for mutation in mutations), key=list(Tells).index)
    curves = {key for key, _, _ in known.truth}
    said = [f"misplaced: {cell}" for cell in misplaced(found)]
    said += [f"unfitting: {code}" for code in sorted(_unfitting(found, mutations))]
    for point, (served, right) in wrong(found, known, max(mutation.off for mutation in mutations)).items():
        if _only_wider(served, right):
            continue
        marks = found.marks.get(point, set())
        if point[0] not in curves and any(mutation.new_names for mutation in mutations):
            missed = with_history and "CURVE_NEW" not in marks
        else:
            missed = tells is Tells.FILE or (tells is Tells.MARK and with_history and not marks)
        if missed and (len(mutations) == 1 or sum(not mutation.harmless for mutation in mutations) < 2):
            said.append(
                f"wrong: {point[0]} {point[1]} {point[2].start} is {served}, not {right}; marks {sorted(marks)}"
            )
    if with_history:
        said += [f"unrecorded: {point}" for point in unrecorded(found, known)[:1]]
    return said


def _only_wider(served: Numbers, right: Numbers) -> bool:
    """A bid and an ask that lie evenly around the right mid, though not where they did: nothing in a file says more."""
    mid, bid, ask = served
    return mid == right[0] and abs((bid + ask) / 2 - mid) <= QUOTE_ROUNDING


def _unfitting(found: Outcome, mutations: Sequence[Mutation]) -> set[str]:
    """The reasons that none of the mutations explains. Several may together have reasons that neither has."""
    fitting = {code for mutation in mutations for code in mutation.codes}
    if len(mutations) > 1:
        fitting |= {*NUMBERS, "MORE_FINDINGS", "CONFLICTING_TENORS"}
    given = {found.refusal} if found.refusal else set().union(*found.held.values())
    return {code for code in given if code is not None} - fitting
