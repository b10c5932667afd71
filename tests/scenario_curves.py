"""Curves for scenarios: months from March 2025, looked at in February, and strips where a test has some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from aurum.curves.analytics.comparisons import Bucket, By, Difference
from aurum.market.identity import CurveIdentity, Measure
from aurum.market.periods import TenorGrid, canonical_order, parse_tenor
from aurum.metadata.model import Curve, CurveDescription
from aurum.metadata.reference import curve_units
from aurum.parsers.reader import parse
from aurum.scenarios.analytics.largest import LargestFirst
from aurum.scenarios.application import apply
from aurum.scenarios.attribution import WithoutOrder
from aurum.scenarios.comparison import differing
from aurum.scenarios.documents import read_drivers
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Issue, Outcome, ScenarioCurve
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.policies import SHIPPED
from aurum.scenarios.refusals import refuse_errors
from tests.published import months

AS_OF = date(2025, 2, 13)
_CREATED = datetime(2025, 1, 1, tzinfo=UTC)
GAS, POWER, CARBON = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base", "eugp:eu/eua/carbon"
SPARK = "eugp:eu/german/power/base~spark_spread~dutch_ttf"
FRENCH = "eugp:eu/french/power/base"
NBP, USD_GAS = "eugp:uk/nbp/gas", "eugp:eu/dutch_ttf_usdmmbtu/gas"
_KNOWN: Mapping[str, tuple[CurveIdentity, str, str]] = {
    each.key: (each, currency, unit)
    for each, currency, unit in (
        (CurveIdentity("EUGP", "EU", "Dutch_TTF", "gas"), "EUR", "MWh"),
        (CurveIdentity("EUGP", "EU", "German", "power", "BASE"), "EUR", "MWh"),
        (CurveIdentity("EUGP", "EU", "French", "power", "BASE"), "EUR", "MWh"),
        (CurveIdentity("EUGP", "EU", "EUA", "carbon"), "EUR", "tCO2"),
        (CurveIdentity("EUGP", "EU", "German", "power", "BASE", Measure.SPARK_SPREAD, "Dutch_TTF"), "EUR", "MWh"),
        (CurveIdentity("EUGP", "UK", "NBP", "gas"), "GBX", "therm"),
        (CurveIdentity("EUGP", "EU", "Dutch_TTF_USDMMBTU", "gas"), "USD", "MMBtu"),
    )
}


def curve(key: str, mids: Sequence[float], strips: Mapping[str, float] | None = None) -> BaseCurve:
    """Months from March 2025, then strips by their labels; NaN: not quoted."""
    identity, currency, unit = _KNOWN[key]
    said = CurveDescription(identity, identity.product, identity.product, identity.market)
    known = Curve(
        1, key, said.legacy_key, identity, key, said.asset_class, said.commodity, said.region, currency, unit, (),
        _CREATED,
    )  # fmt: skip
    tenors = [*months(date(2025, 3, 1), len(mids)), *(parse_tenor(label, AS_OF) for label in strips or ())]
    numbers = np.array([*mids, *(strips or {}).values()], dtype=float)
    return BaseCurve(known, AS_OF, 1, TenorGrid(tenors), numbers[canonical_order(tenors)])


def document(driver_type: str, **payload: Any) -> dict[str, Any]:
    return {"driver_type": driver_type, "payload": payload}


def only(*keys: str, **limits: Any) -> dict[str, Any]:
    return {"curves": {"keys": list(keys)}, **limits}


def drivers(*documents: Mapping[str, Any]) -> tuple[Driver, ...]:
    found, issues = read_drivers(documents)
    assert not issues, issues
    return found


def outcome(curves: Sequence[BaseCurve], *documents: dict[str, Any]) -> Outcome:
    return apply(curves, drivers(*documents))


def compare(runs: Sequence[Outcome], bucket: Bucket = Bucket.MONTH, by: By = By.ABSOLUTE) -> list[Difference]:
    return list(LargestFirst(differing(runs, bucket, by)))


def mids(found: Outcome, key: str) -> list[float]:
    numbers: list[float] = found.curves[key].mid.tolist()
    return numbers


def said(issues: Sequence[Issue]) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in issues]


def base_curves(file: Path) -> list[BaseCurve]:
    """Of a vendor's workbook, with the units of the catalogue that Aurum ships."""
    book, shipped = parse(file.read_bytes(), file.name), curve_units()
    found = []
    for number, each in enumerate(book.curves):
        said = CurveDescription(each.identity, each.asset_class, each.commodity, each.region)
        known = shipped.get(each.identity.key)
        unit = known.price_unit if known else None
        curve = Curve(
            number, each.identity.key, said.legacy_key, each.identity, each.identity.key, each.asset_class,
            each.commodity, each.region, unit.currency if unit else None, unit.unit if unit else None, (), _CREATED,
        )  # fmt: skip
        found.append(BaseCurve(curve, book.as_of, 1, each.tenors, each.mid))
    return found


def shapley(curves: Iterable[BaseCurve], drivers: Sequence[Driver]) -> Outcome:
    """As `application.apply`, to the same prices, with contributions that do not depend on the order of drivers."""
    planned = plan(CurveBook(curves), drivers, SHIPPED)
    refuse_errors(planned.issues)
    without_order, book = WithoutOrder(planned), planned.book.curves
    found = {each.key: ScenarioCurve(each, each.mid) for each in book}
    for group in without_order.groups({at: without_order.check(at) for at in range(len(book))}):
        found |= {each.base.key: each for step in without_order.attributed(group) for each in step}
    return Outcome(found, planned.issues)
