"""Numbers of one file that contradict each other: quotes, strips against months, spreads against their legs.

A contradiction says that one of several numbers is wrong. Which one is told by the others: a month that is not in
the middle of its bid and ask is blamed for the strip that it spoils, and the strip is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from aurum.ingestion.checks.flags import Flags, counted, exact, withheld
from aurum.ingestion.checks.table import Index, Mask, Table, key_of, month_number
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.ingestion.checks.verdict import flags_of
from aurum.market.identity import Measure, fold
from aurum.parsers.model import Prices, Severity

SLACK = 1e-7  # what sums of float64 may be off; the strips of 28 real files are off their rounding by 1e-14
ROUNDING = 0.0005  # of strips, to three decimals
BRITISH = ("uk", "gb")


def check_numbers(table: Table, limits: VendorLimits, flags: Flags) -> None:
    doubt = check_quotes(table, limits, flags)
    check_strips(table, limits, doubt, flags)
    check_sparks(table, limits, doubt, flags)
    _check_share(table, limits, flags)


def _report(
    table: Table,
    code: str,
    wrong: Mask,
    reason: Callable[[int, int], str],
    addresses: Callable[[int, int], Iterable[str | None]],
    flags: Flags,
    at_most: Severity = Severity.ERROR,
) -> None:
    """One flag a curve, with a reason for each point."""
    for row in np.flatnonzero(wrong.any(axis=1)).tolist():
        columns = np.flatnonzero(wrong[row]).tolist()
        reasons = [reason(row, column) for column in columns]
        more = f"; and {counted(len(reasons) - 1, 'more point')}" if len(reasons) > 1 else ""
        flags.add(
            code,
            reasons[0] + more,
            addresses=[address for column in columns for address in addresses(row, column)],
            curve_key=table.keys[row],
            points={table.keys[row]: table.points(row, columns)},
            reasons=reasons,
            at_most=at_most,
        )


# ------------------------------------------------------------------------------------------------- quotes


@dataclass(frozen=True, slots=True, eq=False)
class Doubt:
    """Mids that are not the middle of their quotes: what they would be, and which of them are said to be wrong."""

    points: Mask
    reported: Mask
    mended: Prices


def check_quotes(table: Table, limits: VendorLimits, flags: Flags) -> Doubt:
    """Bid, ask and mid of each point.

    That a mid is the middle is a vendor's habit: where most other points of the curve, or nearly all of the file, keep
    it, one that does not is wrong; elsewhere it is only noted.
    """
    tolerance = limits.each("mid_tolerance") + SLACK
    above = table.bid > table.ask
    outside = ((table.mid < table.bid - tolerance) | (table.mid > table.ask + tolerance)) & ~above
    apart: Mask = (np.abs(table.mid - table.middle) > tolerance) & ~above
    within = apart & ~outside
    compared = np.isfinite(table.mid) & np.isfinite(table.middle)
    habit = _habit(compared, compared & ~apart, limits)

    def label(column: int) -> str:
        return table.tenors[column].label

    def above_ask(row: int, column: int) -> str:
        return f"{label(column)}: bid {exact(table.bid[row, column])} is above ask {exact(table.ask[row, column])}"

    def not_between(row: int, column: int) -> str:
        quote = f"bid {exact(table.bid[row, column])} and ask {exact(table.ask[row, column])}"
        return f"{label(column)}: mid {exact(table.mid[row, column])} is not between {quote}"

    def not_middle(row: int, column: int) -> str:
        quote = f"bid {exact(table.bid[row, column])} and ask {exact(table.ask[row, column])}"
        middle = exact(table.middle[row, column])
        return f"{label(column)}: mid {exact(table.mid[row, column])} is not {middle}, the middle of {quote}"

    def both(row: int, column: int) -> tuple[str | None, str | None]:
        return table.mid_address(row, column), table.quote_address(row, column)

    def quoted(row: int, column: int) -> tuple[str | None]:
        return (table.quote_address(row, column),)

    _report(table, "BID_ABOVE_ASK", above, above_ask, quoted, flags)
    _report(table, "MID_OUTSIDE_QUOTE", outside, not_between, both, flags)
    _report(table, "MID_NOT_MIDDLE", within & habit, not_middle, both, flags)
    _report(table, "MID_NOT_MIDDLE", within & ~habit, not_middle, both, flags, at_most=Severity.WARNING)
    return Doubt(apart, apart & (outside | habit), np.where(apart, table.middle, table.mid))


def _habit(compared: Mask, keeping: Mask, limits: VendorLimits) -> Mask:
    """For each curve whether its mids, or those of the file, are the middles of their quotes."""
    of_curve, kept = compared.sum(axis=1, keepdims=True), keeping.sum(axis=1, keepdims=True)
    own: Mask = (kept >= limits.file.habit_points) & (kept >= limits.file.habit_share * of_curve)
    everywhere = kept.sum() >= max(limits.file.habit_points, limits.file.habit_file_share * of_curve.sum())
    habit: Mask = own | everywhere
    return habit


# ------------------------------------------------------------------------------------------------- strips


@dataclass(frozen=True, slots=True, eq=False)
class _Strips:
    """The strips that can be compared, and the months they are made of: `member[month, strip]`."""

    columns: Index
    months: Index
    member: Prices  # 1 or 0


@dataclass(frozen=True, slots=True, eq=False)
class _Means:
    """For each curve and strip the mean of its months, NaN where one is blank, and whether the strip is another."""

    means: Prices
    wrong: Mask
    right: Mask


def check_strips(table: Table, limits: VendorLimits, doubt: Doubt, flags: Flags) -> None:
    """A strip is the unweighted mean of its months that are still on the sheet, rounded to three decimals.

    Where a doubtful month explains the difference, that month is wrong and not the strip. So are, in a curve without
    quotes, months that two wrong strips share and no right one has.
    """
    tolerance = limits.each("strip_tolerance") + SLACK
    strips = _strips(table)
    found = _means(table, strips, table.mid, tolerance)
    if not found.wrong.any():
        return
    mended = _means(table, strips, doubt.mended, tolerance + limits.each("mid_tolerance"))
    by_months = found.wrong & mended.right & (doubt.points[:, strips.months] @ strips.member > 0)
    wrong = found.wrong & ~by_months
    shared = (wrong @ strips.member.T >= 2) & (found.right @ strips.member.T == 0)
    shared &= ~np.isfinite(table.bid[:, strips.months])
    blamed = shared | (doubt.points & ~doubt.reported)[:, strips.months] & (by_months @ strips.member.T > 0)
    _report_months(table, strips, found, blamed, flags)
    _report_strips(table, strips, found, wrong, flags)


def _strips(table: Table) -> _Strips:
    """Those that end on the sheet, with every month that is not delivered yet."""
    starts = np.array([month_number(table.tenors[column].period.start) for column in table.months.tolist()])
    own, after = month_number(table.parsed.as_of), int(starts.max(initial=-1)) + 1
    columns, members = [], []
    for column in range(len(table.months), len(table.tenors)):
        period = table.tenors[column].period
        start, end = month_number(period.start), month_number(period.end)
        member = (starts >= start) & (starts < end)
        if end <= after and member.any() and member.sum() == end - max(start, own):
            columns.append(column)
            members.append(member)
    shape = (len(columns), len(starts))
    return _Strips(np.array(columns, dtype=np.int64), table.months, np.array(members, dtype=float).reshape(shape).T)


def _means(table: Table, strips: _Strips, mid: Prices, tolerance: Prices) -> _Means:
    months = mid[:, strips.months]
    quoted, size = np.isfinite(months), strips.member.sum(axis=0)
    complete = quoted.astype(float) @ strips.member == size
    means = np.where(complete, np.where(quoted, months, 0.0) @ strips.member / size, np.nan)
    apart = np.abs(table.mid[:, strips.columns] - means)
    return _Means(means, apart > tolerance, apart <= tolerance)


def _report_strips(table: Table, strips: _Strips, found: _Means, wrong: Mask, flags: Flags) -> None:
    means = _widened(table, strips.columns, found.means)

    def reason(row: int, column: int) -> str:
        strip, mean = exact(table.mid[row, column]), exact(round(means[row, column], 3))
        return f"{table.tenors[column].label}: {strip} is not {mean}, the mean of its months"

    mask = _widened(table, strips.columns, wrong).astype(bool)
    _report(table, "STRIP_NOT_MEAN", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _report_months(table: Table, strips: _Strips, found: _Means, blamed: Mask, flags: Flags) -> None:
    def reason(row: int, column: int) -> str:
        of_month = strips.member[int(np.flatnonzero(strips.months == column)[0])] > 0
        at = int(np.flatnonzero(of_month & found.wrong[row])[0])
        strip = strips.columns[at]
        said = f"{table.tenors[strip].label} is {exact(table.mid[row, strip])}"
        mean = f"the mean of its months {exact(round(found.means[row, at], 3))}"
        middle = table.middle[row, column]
        cure = f"; with {exact(middle)}, the middle of bid and ask, they agree" if np.isfinite(middle) else ""
        return f"{table.tenors[column].label}: mid {exact(table.mid[row, column])}, but {said} and {mean}{cure}"

    mask = _widened(table, strips.months, blamed).astype(bool)
    _report(table, "STRIP_NOT_MEAN", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _widened(table: Table, columns: Index, values: Prices | Mask) -> Prices:
    """Values of some columns, among zeros."""
    wide = np.zeros(table.mid.shape)
    wide[:, columns] = values
    return wide


# ------------------------------------------------------------------------------------------------- spark spreads


@dataclass(frozen=True, slots=True)
class _Spark:
    """The rows of a spark spread, of its power and of its gas."""

    spread: int
    power: int
    gas: int
    factor: float


def check_sparks(table: Table, limits: VendorLimits, doubt: Doubt, flags: Flags) -> None:
    """A spark spread is power less gas times a factor. A doubtful leg that explains the difference is blamed for it."""
    sparks = _sparks(table, limits)
    if not sparks:
        return
    spread, power, gas = ([getattr(spark, leg) for spark in sparks] for leg in ("spread", "power", "gas"))
    factor = np.array([[spark.factor] for spark in sparks])
    tolerance = limits.each("spark_tolerance")[spread] + np.zeros(len(table.tenors))
    tolerance[:, len(table.months) :] += ROUNDING * (2 + factor)  # strips are rounded, of the spread and of its legs
    due = table.mid[power] - factor * table.mid[gas]
    wrong = np.abs(table.mid[spread] - due) > tolerance
    if not wrong.any():
        return
    off = np.abs(table.mid[spread] - (doubt.mended[power] - factor * doubt.mended[gas]))
    slack = (1 + factor) * (limits.each("mid_tolerance")[power] + SLACK)
    by_leg = wrong & (doubt.points[power] | doubt.points[gas]) & (off <= tolerance + slack)
    mask, dues = np.zeros(table.mid.shape, dtype=bool), np.full(table.mid.shape, np.nan)
    mask[spread], dues[spread] = wrong & ~by_leg, due
    legs = {spark.spread: spark for spark in sparks}

    def reason(row: int, column: int) -> str:
        said, due = exact(table.mid[row, column]), exact(dues[row, column])
        return f"{table.tenors[column].label}: {said} is not {due}, power less {exact(legs[row].factor)} times gas"

    def cells(row: int, column: int) -> list[str | None]:
        return [table.mid_address(leg, column) for leg in (row, legs[row].power, legs[row].gas)]

    _report(table, "SPARK_NOT_SPREAD", mask, reason, cells, flags)
    _blame_legs(table, sparks, by_leg, doubt, flags)


def _blame_legs(table: Table, sparks: list[_Spark], by_leg: Mask, doubt: Doubt, flags: Flags) -> None:
    """Power or gas that is not the middle of its quote, where the spread says that it should be."""
    blamed = np.zeros(table.mid.shape, dtype=bool)
    for at, spark in enumerate(sparks):
        for leg in (spark.power, spark.gas):
            blamed[leg] |= by_leg[at] & doubt.points[leg]

    def reason(row: int, column: int) -> str:
        mid, middle = exact(table.mid[row, column]), exact(table.middle[row, column])
        label = table.tenors[column].label
        return f"{label}: mid {mid} contradicts its spark spread; with {middle}, the middle of bid and ask, they agree"

    mask = blamed & ~doubt.reported
    _report(table, "SPARK_NOT_SPREAD", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _sparks(table: Table, limits: VendorLimits) -> list[_Spark]:
    """The spark spreads with their legs; one whose legs are not in the file is not compared."""
    spreads = [row for row, c in enumerate(table.curves) if c.identity.measure is Measure.SPARK_SPREAD]
    gases: dict[str, list[int]] = {}
    for row, curve in enumerate(table.curves) if spreads else ():
        if curve.commodity == "gas" and curve.identity.measure is Measure.PRICE:
            gases.setdefault(fold(curve.identity.location), []).append(row)
    sparks = []
    for row in spreads:
        identity = table.curves[row].identity
        power = table.rows.get(key_of(replace(identity, measure=Measure.PRICE, leg=None)))
        legs = gases.get(fold(identity.leg), [])
        near = [leg for leg in legs if fold(table.curves[leg].identity.market) == fold(identity.market)] or legs
        if power is not None and len(near) == 1:
            of_curve = limits.of(table.keys[row])
            british = fold(identity.market) in BRITISH
            factor = of_curve.spark_factor_gb if british else of_curve.spark_factor
            sparks.append(_Spark(row, power, near[0], factor))
    return sparks


# ------------------------------------------------------------------------------------------------- the whole


def _check_share(table: Table, limits: VendorLimits, flags: Flags) -> None:
    """So many points that are wrong are no slips: columns or rows of a sheet are shifted. Nor is one without any."""
    read = flags_of(table.parsed)
    points = table.parsed.points
    wrong = sum(map(len, withheld([*read, *flags.raised]).values()))
    lost = wrong + sum(flag.finding.severity is Severity.ERROR and not flag.points for flag in read)
    share = lost / max(1, points)
    if wrong >= points or (lost >= limits.file.error_points and share > limits.file.error_share):
        flags.add(
            "TOO_MANY_ERRORS",
            f"{counted(lost, 'point')} of {points:,} ({share:.0%}) cannot be read or contradict each other; "
            f"{limits.file.error_share:.0%} are accepted: a sheet seems to be shifted, mixed up or retyped",
        )
