"""The vendor's own spark spreads are what expressions make of its own power and gas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from aurum.curves.expressions import Source, Target, evaluate, parse, unit_of_price
from aurum.curves.model import CurvePrices, Snapshot
from aurum.market.identity import CurveIdentity, Measure, fold
from aurum.market.periods import TenorType
from aurum.market.units import PriceUnit
from aurum.metadata import reference
from aurum.metadata.model import Curve
from aurum.parsers import parse as parse_workbook
from aurum.parsers.model import ParsedCurve

DAYS = (
    *("20250212", "20250213", "20250214", "20250218", "20250219", "20250220", "20250224", "20250225"),
    *("20250226", "20250227", "20250228", "20250910", "20250911", "20250912"),
)
# 49.13 % efficient, a therm of 29.3071 kWh and 100 pence: what its 35 spreads agree with to the last digits
PENCE_A_THERM = "1 GBP/GBX * 1 therm/MWh / (2.93071 * 0.4913)"
Book = Mapping[str, Source]


def book_of(curves: tuple[ParsedCurve, ...], published: datetime) -> Book:
    """As they would be loaded: in the units of the catalogue."""
    book = {}
    for number, parsed in enumerate(curves):
        key, known = parsed.identity.key, reference.curve_units()[parsed.identity.key]
        curve = Curve(
            number, key, "", parsed.identity, key, parsed.asset_class, parsed.commodity, None, known.currency,
            known.unit, (), published,
        )  # fmt: skip
        prices = CurvePrices(parsed.tenors, parsed.mid, mid_cells=parsed.mid_cells)
        snapshot = Snapshot(number, number, published.date(), 1, published, published, 1, prices)
        assert known.currency
        assert known.unit
        book[key] = Source(curve, unit_of_price(PriceUnit(known.currency, known.unit)), snapshot)
    return book


def expression(spread: CurveIdentity, book: Book) -> str:
    power = CurveIdentity(spread.vendor, spread.market, spread.location, spread.product, spread.block).key
    (gas,) = (
        key
        for key, each in book.items()
        if each.curve.commodity == "gas" and fold(each.curve.identity.location) == fold(spread.leg)
    )
    return f"spark([{power}], [{gas}], {PENCE_A_THERM if spread.market == 'UK' else '2.0'})"


@pytest.mark.parametrize("day", DAYS)
def test_every_spark_spread_of_a_day_is_reproduced(vendor_files: Path, day: str) -> None:
    name = f"EOD_EUGP_{day}_1430.xlsx"
    parsed = parse_workbook((vendor_files / name).read_bytes(), name)
    book = book_of(parsed.curves, datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC))
    spreads = [each for each in book.values() if each.curve.identity.measure is Measure.SPARK_SPREAD]
    assert len(spreads) == 35
    for spread in spreads:
        node = parse(expression(spread.curve.identity, book))
        derived = evaluate(node, {(key, None): each for key, each in book.items()}, Target())
        months = [place for place, tenor in enumerate(derived.tenors) if tenor.type is TenorType.MONTH]
        assert [derived.tenors[place] for place in months] == list(spread.snapshot.prices.tenors)
        assert derived.unit == spread.unit
        assert derived.conversions == ()
        np.testing.assert_allclose(derived.values[months], spread.snapshot.prices.mid, rtol=0, atol=1e-12)
        for place in months:
            why = derived.why(place)
            one, other = why.terms
            assert one.contribution + other.contribution + why.constant == why.value
