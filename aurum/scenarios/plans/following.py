"""What a curve takes of the move of another one, across their units and currencies."""

from __future__ import annotations

from aurum.errors import InvalidInput, NoExchangeRate, UnknownUnit
from aurum.market.units import CURRENCIES, PriceUnit, conversion_factor, parse_unit_text
from aurum.metadata.model import Curve


def price_unit(curve: Curve) -> PriceUnit:
    """Raises UnknownUnit where nobody has said what it is priced in."""
    if curve.currency is None or curve.unit is None:
        raise UnknownUnit(f"nobody has said what {curve.key} is priced in", hint="Set its unit, or leave it out.")
    return PriceUnit(curve.currency, curve.unit)


def stated_unit(text: str) -> PriceUnit:
    """Raises InvalidInput for a text that is no unit of a price."""
    found = parse_unit_text(text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is not the unit of a price", hint="Such as EUR/MWh.")
    return found


def factor_into(curve: Curve, stated: PriceUnit | None) -> float:
    """What an amount in the stated unit is multiplied with to be in the curve's own; 1 where none is stated."""
    return 1.0 if stated is None else conversion_factor(stated, price_unit(curve))


def ratio_units(text: str) -> tuple[str, str]:
    """The codes of `MMBtu/MWh`: of what is used, and of what it makes."""
    above, _, below = text.partition("/")
    return above.strip(), below.strip()


def factor_following(curve: Curve, reference: Curve, ratio: str | None, rate: float | None) -> float:
    """What a move of the reference by 1 of its unit is in the curve's unit, for 1 of the ratio.

    Without a ratio it is of a price for the same quantity. `rate` is how much of the curve's currency one of the
    reference's is, and is used where they differ. Raises UnitMismatch, NoExchangeRate, UnknownUnit.
    """
    own, other = price_unit(curve), price_unit(reference)
    used, makes = ratio_units(ratio) if ratio else (own.unit, own.unit)
    money = other.currency
    of_used = conversion_factor(other, PriceUnit(money, used))
    of_made = conversion_factor(PriceUnit(money, makes), PriceUnit(money, own.unit))
    return of_used * of_made * _exchange(own, other, rate)


def _exchange(own: PriceUnit, other: PriceUnit, rate: float | None) -> float:
    if CURRENCIES[own.currency].base == CURRENCIES[other.currency].base:
        return conversion_factor(PriceUnit(other.currency, own.unit), own)
    if rate is None:
        raise NoExchangeRate(
            f"a move in {other} is not one in {own} without an exchange rate",
            hint=f"Give `exchange_rate`: {own.currency} for one {other.currency}.",
            units=[str(other), str(own)],
        )
    return rate
