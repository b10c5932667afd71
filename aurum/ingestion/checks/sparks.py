"""Spark spreads against power and gas."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from aurum.ingestion.checks.flags import Flags, exact
from aurum.ingestion.checks.quotes import SLACK, Doubt, report
from aurum.ingestion.checks.table import Mask, Table, key_of
from aurum.ingestion.checks.thresholds import VendorLimits
from aurum.market.identity import Measure, fold
from aurum.parsers.model import Severity

ROUNDING = 0.0005  # of strips, to three decimals
BRITISH = ("uk", "gb")


@dataclass(frozen=True, slots=True)
class _Spark:
    """The rows of a spark spread, of its power and of its gas."""

    spread: int
    power: int
    gas: int
    factor: float


def check_sparks(table: Table, limits: VendorLimits, doubt: Doubt, vouched: Mask, flags: Flags) -> None:
    """A spark spread is power less gas times a factor. A doubtful leg that explains the difference is blamed for it.

    Otherwise the spread is wrong, and a leg that nothing vouches for is warned of.
    """
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

    report(table, "SPARK_NOT_SPREAD", mask, reason, cells, flags)
    _blame_legs(table, sparks, by_leg, doubt, flags)
    _warn_of_legs(table, sparks, wrong & ~by_leg, np.isfinite(table.mid[spread] - due), vouched, flags)


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
    report(table, "SPARK_NOT_SPREAD", mask, reason, lambda row, column: [table.mid_address(row, column)], flags)


def _warn_of_legs(table: Table, sparks: list[_Spark], wrong: Mask, compared: Mask, vouched: Mask, flags: Flags) -> None:
    """Of a single wrong spread, legs that no strip has. Where all of a month or of a curve are wrong, legs in any case:
    rows or columns of prices may have changed places. Gas is right where another of its spreads is."""
    everywhere = (wrong.sum(axis=0) > 1) & (wrong == compared).all(axis=0)
    throughout = (wrong.sum(axis=1) > 1) & (wrong == compared).all(axis=1)
    right = np.zeros(table.mid.shape, dtype=bool)
    for at, spark in enumerate(sparks):
        right[spark.gas] |= compared[at] & ~wrong[at]
    asked = np.zeros(table.mid.shape, dtype=bool)
    for at, spark in enumerate(sparks):
        for leg in (spark.power, spark.gas):
            asked[leg] |= wrong[at] & ~right[leg] & (~vouched[leg] | everywhere | throughout[at])
            asked[leg] |= throughout[at] & np.isfinite(table.mid[leg]) & ~right[leg].any()  # its strips too

    def reason(row: int, column: int) -> str:
        label, mid = table.tenors[column].label, exact(table.mid[row, column])
        return f"{label}: {mid} and its spark spread contradict each other, and either may be wrong"

    def cells(row: int, column: int) -> tuple[str | None]:
        return (table.mid_address(row, column),)

    report(table, "SPARK_NOT_SPREAD", asked, reason, cells, flags, at_most=Severity.WARNING)


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
