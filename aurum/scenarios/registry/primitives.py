"""The primitives, which all other drivers are made of."""

from __future__ import annotations

from aurum.scenarios.drivers import Basis, Emission, Fx, HeatRate, Replace, Scale, Shift
from aurum.scenarios.registry.curves import CARBON, GAS, POWER
from aurum.scenarios.registry.types import Document, DriverType, Example, Parameter, ParameterKind

K = ParameterKind
_MOST = 1e6

RATE = Parameter(
    "exchange_rate", K.NUMBER, "how much of a follower's currency one of the reference's is; needed where they differ, "
    "and used there only", "currency per currency", 0.0, _MOST, above=True,
)  # fmt: skip
_OWN = "null: the curves' own, which must then be one"


def _only(curve: str) -> Document:
    return {"curves": {"keys": [curve]}}


def _gas_up() -> Document:
    return {"driver_type": "scale", "payload": {"percent": 20, "limits": _only(GAS)}}


def _carbon_at_90() -> Document:
    return {"driver_type": "replace", "payload": {"price": 90, "unit": "EUR/tCO2", "limits": _only(CARBON)}}


SHIFT = DriverType(
    "shift", "1", Shift, "Adds an amount.", "new = old + amount",
    (
        Parameter("amount", K.NUMBER, "what is added; negative: taken away", "of `unit`", -_MOST, _MOST),
        Parameter("unit", K.UNIT, f"of the amount, converted to each curve's; {_OWN}"),
    ),
    Example(
        ({"driver_type": "shift", "payload": {
            "amount": 5, "unit": "EUR/MWh", "limits": {**_only(GAS), "delivery_start": "2027-01-01"}}},),
        {GAS: (30.0, 30.0, 45.0, 45.0)},
    ),
)  # fmt: skip
SCALE = DriverType(
    "scale", "1", Scale, "Moves by a percentage of the price, also of a negative one.",
    "new = old + percent / 100 x old",
    (Parameter("percent", K.NUMBER, "up is positive", "%", -100.0, _MOST),),
    Example((_gas_up(),), {GAS: (36.0, 36.0, 48.0, 48.0)}),
)  # fmt: skip
REPLACE = DriverType(
    "replace", "1", Replace, "Puts a price in place of what is quoted. What is not quoted stays so.", "new = price",
    (
        Parameter("price", K.NUMBER, "what stands there afterwards", "of `unit`", -_MOST, _MOST),
        Parameter("unit", K.UNIT, f"of the price, converted to each curve's; {_OWN}"),
    ),
    Example((_carbon_at_90(),), {CARBON: (90.0, 90.0, 90.0, 90.0)}),
)  # fmt: skip
BASIS = DriverType(
    "basis", "1", Basis, "Follows what another curve has moved in the scenario so far.",
    "new = old + factor x (reference's price in the scenario - its base price), for the same delivery",
    (
        Parameter("reference", K.CURVE, "what is followed; it does not follow itself"),
        Parameter("factor", K.NUMBER, "how much of the move", "1", -_MOST, _MOST),
        RATE,
    ),
    Example(
        (_gas_up(), {"driver_type": "basis", "payload": {"reference": GAS, "factor": 0.5, "limits": _only(POWER)}}),
        {GAS: (36.0, 36.0, 48.0, 48.0), POWER: (83.0, 93.0, 104.0, 104.0)},
    ),
)  # fmt: skip
HEAT_RATE = DriverType(
    "heat_rate", "1", HeatRate, "Prices of power follow a fuel.",
    "new = old + heat_rate x (fuel's price in the scenario - its base price), for the same delivery; power prices "
    "only, no spreads. The default is 50 % efficiency, as in the vendors' spark spreads of the continent",
    (
        Parameter("reference", K.CURVE, "the fuel"),
        Parameter("heat_rate", K.NUMBER, "fuel for one of power", "of `unit`", 0.0, 1000.0, above=True),
        Parameter("unit", K.RATIO, "of fuel and of power, such as `MWh/MWh`, `MMBtu/MWh`"),
        RATE,
    ),
    Example(
        (_gas_up(), {"driver_type": "heat_rate", "payload": {"reference": GAS}}),
        {GAS: (36.0, 36.0, 48.0, 48.0), POWER: (92.0, 102.0, 116.0, 116.0)},
    ),
)  # fmt: skip
EMISSION = DriverType(
    "emission", "1", Emission, "Prices of power follow carbon.",
    "new = old + emission_factor x (carbon's price in the scenario - its base price), for the same delivery; power "
    "prices only. The default is natural gas at 50 % efficiency: 56.1 kg CO2/GJ by the lower heating value (IPCC "
    "2006) / 0.5",
    (
        Parameter("reference", K.CURVE, "the carbon price"),
        Parameter("emission_factor", K.NUMBER, "emission for one of power", "of `unit`", 0.0, 1000.0, above=True),
        Parameter("unit", K.RATIO, "of emission and of power"),
        RATE,
    ),
    Example(
        (_carbon_at_90(), {"driver_type": "emission", "payload": {"reference": CARBON}}),
        {CARBON: (90.0, 90.0, 90.0, 90.0), POWER: (88.08, 98.08, 108.08, 108.08)},
    ),
)  # fmt: skip
FX = DriverType(
    "fx", "1", Fx, "A currency gains on another, and prices in the other one rise.",
    "new = old + pass_through x percent / 100 x old, for curves priced in `quote` (pence are pounds)",
    (
        Parameter("base", K.CURRENCY, "the currency that gains"),
        Parameter("quote", K.CURRENCY, "the currency it gains on, in which the curves are priced"),
        Parameter("percent", K.NUMBER, "how much more of `quote` one `base` is", "%", -100.0, _MOST, above=True),
        Parameter("pass_through", K.NUMBER, "the share of it that reaches the prices", "1", 0.0, 1.0),
    ),
    Example(
        ({"driver_type": "fx", "payload": {
            "base": "USD", "quote": "EUR", "percent": 10, "pass_through": 0.5, "limits": _only(GAS)}},),
        {GAS: (31.5, 31.5, 42.0, 42.0)},
    ),
)  # fmt: skip

PRIMITIVES = (SHIFT, SCALE, REPLACE, BASIS, HEAT_RATE, EMISSION, FX)
