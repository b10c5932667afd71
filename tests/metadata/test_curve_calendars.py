"""Which curve is delivered by which calendar, in which block, and in how many hours."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from aurum.demo import pw, simple
from aurum.errors import NoBlockHours
from aurum.market.identity import CurveIdentity, Measure, fold
from aurum.market.periods import months_from
from aurum.metadata import reference
from aurum.metadata.model import Curve
from aurum.metadata.reference.calendars import block_hours, block_of, calendar_of

MONTHS = [months_from(2025, month, 1) for month in (3, 7)]


def us_power(iso: str, block: str | None, vendor: str = "PW") -> CurveIdentity:
    return CurveIdentity(vendor, "DA", "Western Hub", "power", block, unit="USD/MWh", iso=iso)


def europe(market: str, location: str, block: str | None, product: str = "power") -> CurveIdentity:
    return CurveIdentity("EUGP", market, location, product, block)


def curve(identity: CurveIdentity) -> Curve:
    return Curve(
        id=1, key=identity.key, legacy_key="", identity=identity, name="", asset_class="", commodity="", region=None,
        currency=None, unit=None, attributes=(), created_at=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("identity", "calendar", "block", "hours"),
    [
        (us_power("PJM", "ON_PEAK"), "PJM", "PEAK", [336, 352]),
        (us_power("PJM", "OFF_PEAK"), "PJM", "OFF_PEAK", [407, 392]),
        (us_power("PJM", "ATC", "SIMPLE"), "PJM", "BASELOAD", [743, 744]),
        (us_power("CAISO", "ON_PEAK"), "CAISO", "PEAK", [416, 416]),
        (us_power("IESO", "ATC"), "IESO", "BASELOAD", [744, 744]),
        (europe("EU", "German", "Base"), "EEX", "BASELOAD", [743, 744]),
        (europe("EU", "German", "Peak"), "EEX", "PEAK", [252, 276]),
        (europe("UK", "Great_Britian", "PEAK"), "GB", "PEAK", [252, 276]),
        (europe("EE", "Poland", "BASE"), "EEX", "BASELOAD", [743, 744]),
        (europe("EU", "Dutch_TTF", None, "gas"), "EU_GAS", "BASELOAD", [743, 744]),
        (europe("UK", "NBP", None, "gas"), "GB_GAS", "BASELOAD", [743, 744]),
    ],
)  # fmt: skip
def test_hours_of_curves(identity: CurveIdentity, calendar: str, block: str, hours: list[int]) -> None:
    known, its_block = calendar_of(identity), block_of(identity)
    assert known is not None
    assert its_block is not None
    assert (known.code, its_block.code) == (calendar, block)
    assert block_hours(curve(identity), MONTHS).tolist() == hours


def test_a_spark_spread_is_delivered_as_its_power_is() -> None:
    spread = CurveIdentity("EUGP", "EU", "Dutch", "power", "Peak", Measure.SPARK_SPREAD, "Dutch_TTF")
    assert block_hours(curve(spread), MONTHS).tolist() == [252, 276]


@pytest.mark.parametrize(
    ("identity", "missing"),
    [
        (us_power("NWPP", "ON_PEAK"), "calendar"),
        (us_power("PJM", None), "block"),
        (us_power("PJM", "super peak"), "block"),
        (us_power("CAISO", "5x16"), "block"),
        (europe("EE", "Poland", "Peak"), "calendar"),
        (europe("EU", "Atlantis", "Base"), "calendar"),
        (europe("EU", "EUA", None, "carbon"), "calendar"),
        (CurveIdentity("RP", "US", "Gulf Coast", "ULSD"), "calendar"),
    ],
)
def test_hours_that_nobody_knows_are_refused(identity: CurveIdentity, missing: str) -> None:
    with pytest.raises(NoBlockHours, match=f"no {missing} of it"):
        block_hours(curve(identity), MONTHS)


def test_each_shipped_curve_of_power_and_gas_of_eugp_has_hours_but_the_peak_of_poland() -> None:
    shipped = {key: each for key, each in reference.curve_units().items() if key.startswith("eugp:")}
    without = {key for key, each in shipped.items() if block_of(_identity(key)) is None}
    assert {key for key in without if shipped[key].asset_class != "carbon"} == {
        key for key in shipped if key.startswith("eugp:ee/poland/power/peak")
    }


def test_each_market_of_the_demo_has_a_calendar() -> None:
    identities = [us_power(hub.iso, block) for hub in pw.HUBS for block in (pw.ON_PEAK, pw.OFF_PEAK)]
    identities += [us_power(texts[0], texts[2], "SIMPLE") for texts, _ in simple.COLUMNS]
    assert [identity for identity in identities if block_of(identity) is None] == []


def test_the_table_has_folded_texts_and_no_row_twice() -> None:
    text = files("aurum.metadata.reference").joinpath("curve_calendars.csv").read_text()
    rows = [tuple(row.values())[:6] for row in csv.DictReader(text.splitlines())]
    assert len(set(rows)) == len(rows)
    assert all(cell == fold(cell) for row in rows for cell in row)


def _identity(key: str) -> CurveIdentity:
    """Of a shipped key of EUGP, as far as calendars go by it."""
    market, location, product, *rest = key.removeprefix("eugp:").partition("~")[0].split("/")
    block = rest[0] if rest else None
    return europe(market, location.replace("%2f", "/").replace("+", " "), block, product)
