"""Off-peak from all hours and the peak's: by hand, for later periods, and where nobody knows the hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.expressions import DerivedCurve, Gap, Source, evaluate, parse, used
from aurum.curves.expressions.evaluation import Target
from aurum.errors import AurumError, InvalidExpression, NoBlockHours, UnitMismatch
from aurum.market.identity import CurveIdentity
from aurum.metadata.model import Curve
from tests.curves.expressions.books import Mids, listed, source

JUNE = date(2025, 6, 12)
SUMMER = ("2025-07", "2025-08", "2025-09")
PJM = ("PJM", "DA", "West Hub")
BERLIN = ("", "EU", "German")


def power(
    place: tuple[str, str, str], block: str | None, mids: Mids, unit: str = "USD/MWh", *,
    labels: Sequence[str] = SUMMER, day: date = JUNE, vendor: str | None = None, leg: str | None = None,
) -> Source:  # fmt: skip
    """A price of power, named after its block."""
    iso, market, location = place
    vendor = vendor or ("PW" if iso else "EUGP")
    identity = CurveIdentity(vendor, market, location, "power", block, leg=leg, iso=iso or None)
    key = f"{location}-{block}".lower().replace(" ", "-")
    made = source(key, mids, unit, labels=labels, day=day)
    curve = Curve(
        made.curve.id, made.curve.key, "", identity, "", "power", "power", None, None, None, (),
        datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return Source(curve, made.unit, made.snapshot)


def derive(text: str, *sources: Source) -> DerivedCurve:
    node = parse(text)
    known = {each.curve.key: each for each in sources}
    return evaluate(node, {one: known[one[0]] for one in used(node)}, Target())


WEST = (power(PJM, "ATC", [40.0, 41.0, 36.0]), power(PJM, "On-Peak", [55.0, 54.0, None]))


def test_pjm_in_july() -> None:
    """744 hours, 352 of them at peak: (40 x 744 - 55 x 352) / 392; in August 336 of 744 are."""
    curve = derive("off_peak([west-hub-atc], [west-hub-on-peak])", *WEST)
    assert listed(curve) == [
        pytest.approx((40 * 744 - 55 * 352) / 392, abs=1e-12),
        pytest.approx((41 * 744 - 54 * 336) / 408, abs=1e-12),
        None,
    ]
    assert (str(curve.unit), curve.linear, curve.why(2).gap) == ("USD/MWh", False, Gap.NOT_QUOTED)
    assert curve.expression == "off_peak([west-hub-atc], [west-hub-on-peak])"


def test_a_point_says_how_much_of_each_is_in_it() -> None:
    why = derive("off_peak([west-hub-atc], [west-hub-on-peak])", *WEST).why(0)
    assert [term.weight for term in why.terms] == [744 / 392, -352 / 392]
    assert (sum(term.contribution for term in why.terms), why.constant) == (why.value, 0)


def test_a_later_period_has_its_own_hours() -> None:
    curve = derive("shift(off_peak([west-hub-atc], [west-hub-on-peak]), 1, month)", *WEST)
    assert listed(curve)[0] == pytest.approx((41 * 744 - 54 * 336) / 408, abs=1e-12)


def test_two_vendors_may_quote_them() -> None:
    """SIMPLE all hours, PW the peak: that PW names the gas of a spark spread beside its prices makes no other place."""
    base = power(PJM, "ATC", [40.0, 41.0, 36.0], vendor="SIMPLE")
    peak = power(PJM, "On-Peak", [55.0, 54.0, None], leg="TETCO M3")
    curve = derive("off_peak([west-hub-atc], [west-hub-on-peak])", base, peak)
    assert listed(curve)[0] == pytest.approx((40 * 744 - 55 * 352) / 392, abs=1e-12)


def test_prices_are_brought_into_the_unit_of_all_hours() -> None:
    """German power in March: 743 hours, for the clock is put forward, 252 of them at peak."""
    march: dict[str, Any] = {"labels": ["2025-03"], "day": date(2025, 2, 12)}
    base, peak = power(BERLIN, "BASE", [70.0], "EUR/MWh", **march), power(BERLIN, "PEAK", [9000.0], "EUX/MWh", **march)
    curve = derive("off_peak([german-base], [german-peak]) - 10 EUR/MWh", base, peak)
    assert listed(curve) == [pytest.approx((70 * 743 - 90 * 252) / 491 - 10, abs=1e-12)]


def test_a_strip_whose_delivery_has_begun_has_no_hours() -> None:
    """A vendor's strip of this year is of what is left of it; of next year it is of all its hours."""
    strips: dict[str, Any] = {"labels": ["2025-06", "Calendar 2025", "Calendar 2026"]}
    base, peak = power(PJM, "ATC", [40.0, 41.0, 42.0], **strips), power(PJM, "On-Peak", [50.0, 51.0, 52.0], **strips)
    curve = derive("off_peak([west-hub-atc], [west-hub-on-peak])", base, peak)
    assert curve.why(1).gap is Gap.NO_HOURS
    assert listed(curve) == [
        pytest.approx((40 * 720 - 50 * 336) / 384, abs=1e-12),  # June's own month counts whole
        None,
        pytest.approx((42 * 8760 - 52 * 4096) / 4664, abs=1e-12),
    ]


@pytest.mark.parametrize(
    ("sources", "error", "says"),
    [
        ((WEST[1], WEST[0]), InvalidExpression, "is PEAK"),
        ((WEST[0], power(PJM, "7x8", [1.0] * 3)), InvalidExpression, "is NIGHT"),
        ((WEST[0], power(("PJM", "DA", "AD Hub"), "On-Peak", [1.0] * 3)), InvalidExpression, "not of one place"),
        ((WEST[0], power(PJM, None, [1.0] * 3)), NoBlockHours, "no block"),
        ((power(("", "EU", "Nowhere"), "BASE", [1.0] * 3), WEST[1]), NoBlockHours, "no calendar"),
        ((power(PJM, "ATC", [1.0] * 3, "USD/bbl"), WEST[1]), UnitMismatch, "USD/bbl"),
    ],
    ids=["the wrong way round", "another block", "another place", "no block", "no calendar", "another unit"],
)
def test_what_is_no_base_and_peak_is_refused(
    sources: tuple[Source, Source], error: type[AurumError], says: str
) -> None:
    with pytest.raises(error, match=says):
        derive(f"off_peak([{sources[0].curve.key}], [{sources[1].curve.key}])", *sources)


PRICES = st.decimals(-500, 500, places=3).map(float)


@given(PRICES, PRICES, st.sampled_from(SUMMER))
def test_peak_and_off_peak_are_worth_all_hours(base: float, peak: float, month: str) -> None:
    peak_hours, hours = {"2025-07": (352, 744), "2025-08": (336, 744), "2025-09": (336, 720)}[month]
    sources = power(PJM, "ATC", [base], labels=[month]), power(PJM, "On-Peak", [peak], labels=[month])
    off = derive("off_peak([west-hub-atc], [west-hub-on-peak])", *sources).values[0]
    assert np.isclose(off * (hours - peak_hours) + peak * peak_hours, base * hours, rtol=0, atol=1e-6)
