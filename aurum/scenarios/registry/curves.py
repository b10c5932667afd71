"""The three curves of all worked examples: looked at from 15 October 2026, delivered from November to February."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType

import numpy as np

from aurum.market.identity import CurveIdentity
from aurum.market.periods import Tenor, TenorGrid, TenorType, months_from
from aurum.metadata.model import Curve, CurveDescription
from aurum.scenarios.model import BaseCurve

AS_OF = date(2026, 10, 15)
GAS, POWER, CARBON = "eugp:eu/dutch_ttf/gas", "eugp:eu/german/power/base", "eugp:eu/eua/carbon"
_STARTS = ((2026, 11), (2026, 12), (2027, 1), (2027, 2))


def _curve(
    number: int, location: str, product: str, block: str | None, unit: str, mids: tuple[float, ...]
) -> BaseCurve:
    identity = CurveIdentity("EUGP", "EU", location, product, block)
    described = CurveDescription(identity, product, product, "EU")
    curve = Curve(
        number, identity.key, described.legacy_key, identity, location, product, product, "EU", "EUR", unit, (),
        datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    tenors = TenorGrid(Tenor(f"{y}-{m:02}", TenorType.MONTH, months_from(y, m, 1)) for y, m in _STARTS)
    return BaseCurve(curve, AS_OF, 1, tenors, np.array(mids))


EXAMPLE_CURVES: Mapping[str, BaseCurve] = MappingProxyType(
    {
        GAS: _curve(1, "Dutch_TTF", "gas", None, "MWh", (30.0, 30.0, 40.0, 40.0)),
        POWER: _curve(2, "German", "power", "BASE", "MWh", (80.0, 90.0, 100.0, 100.0)),
        CARBON: _curve(3, "EUA", "carbon", None, "tCO2", (70.0, 70.0, 70.0, 70.0)),
    }
)
