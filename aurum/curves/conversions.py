"""Prices of many curves in one currency and unit: a factor for each, at exchange rates that are numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aurum.curves.analytics.groups import PricedIn
from aurum.curves.expressions import CompoundUnit, Node, Number, exchange, parse, priced_in, printed, unit_of_codes
from aurum.errors import InvalidExpression, InvalidInput, UnknownUnit
from aurum.market.units import CURRENCIES, PriceUnit, check_codes
from aurum.metadata.model import Curve

MOST_RATES = 20
_HINT = "Write such as 1.08 USD/EUR, one for each pair of currencies."


@dataclass(frozen=True, slots=True)
class Converted:
    """What prices are in, and what a curve's own are multiplied with to be so."""

    price: PriceUnit
    factor: float


@dataclass(frozen=True, slots=True)
class Common:
    """What the prices of all curves shall be in: codes, None as each curve is. `rates` are by their two currencies."""

    currency: str | None = None
    unit: str | None = None
    rates: Mapping[frozenset[str], Number] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.currency or "", self.unit or "", *map(printed, self.rates.values())])

    def of(self, curves: Sequence[Curve], codes: Mapping[int, PricedIn]) -> dict[int, Converted]:
        """By curve; `codes` are what each is priced in. Raises UnknownUnit, UnitMismatch and NoExchangeRate, which name
        the first curve that does not convert.
        """
        known: dict[PricedIn, Converted] = {}
        for curve in curves:
            if codes[curve.id] not in known:
                known[codes[curve.id]] = self._of(curve, *codes[curve.id])
        return {curve.id: known[codes[curve.id]] for curve in curves}

    def _of(self, curve: Curve, currency: str | None, unit: str | None) -> Converted:
        source = unit_of_codes(currency, unit)
        if source is None:
            raise UnknownUnit(f"nobody has said what {curve.key} is priced in", hint="Say it with `setUnit`.")
        price = PriceUnit(self.currency or str(currency), self.unit or str(unit))
        try:
            return Converted(price, self._factor(source))
        except InvalidInput as error:
            raise type(error)(f"{curve.key}: {error.message}", hint=error.hint, **error.details) from None

    def _factor(self, source: CompoundUnit) -> float:
        target = priced_in(source, self.currency, self.unit)
        rate = self.rates.get(_codes(source / target))
        return float(exchange(source, target, rate, {}).rate)


def common(currency: str | None, unit: str | None, rates: Sequence[str]) -> Common | None:
    """None: nothing is to be converted. Raises InvalidExpression for a text that is no rate, InvalidInput for
    codes that there are not.
    """
    check_codes(currency, unit)
    if rates and currency is None:
        raise InvalidInput("a rate without a currency to convert to", field="fx")
    if len(rates) > MOST_RATES:
        raise InvalidInput(f"up to {MOST_RATES} rates", field="fx")
    if currency is None and unit is None:
        return None
    found: dict[frozenset[str], Number] = {}
    for text in rates:
        rate = rate_of(text)
        if not isinstance(rate, Number) or not _is_rate(rate):
            raise InvalidExpression("fx: no exchange rate above 0 between two currencies", hint=_HINT, field="fx")
        if found.setdefault(pair := _codes(rate.unit), rate) is not rate:
            raise InvalidExpression(f"fx: two rates between {' and '.join(sorted(pair))}", hint=_HINT, field="fx")
    return Common(currency, unit, found)


def rate_of(text: str) -> Node:
    try:
        return parse(text)
    except InvalidExpression as error:
        raise InvalidExpression(f"fx: {error.message}", hint=error.hint, **error.details, field="fx") from None


def _is_rate(number: Number) -> bool:
    pair = _codes(number.unit)
    return number.value > 0 and len(pair) == 2 and pair <= CURRENCIES.keys()


def _codes(unit: CompoundUnit) -> frozenset[str]:
    return frozenset(code for code, _ in unit.base.powers)
