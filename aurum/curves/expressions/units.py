"""Units of what expressions compute: products of powers of currencies and units of measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from aurum.errors import InvalidInput, NoExchangeRate, UnitMismatch
from aurum.market.units import CURRENCIES, UNITS, PriceUnit, check_codes, conversion_factor, exchange_wanted, obstacle

HIGHEST = 12  # power: factors between units of all powers up to it are numbers


@dataclass(frozen=True, slots=True)
class CompoundUnit:
    """Such as `EUR/MWh` or `MMBtu/MWh`: codes and their powers, none of them 0. Without any it is that of a number."""

    powers: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def of(powers: Mapping[str, int]) -> CompoundUnit:
        kept = [(code, power) for code, power in powers.items() if power]
        high = [code for code, power in kept if abs(power) > HIGHEST]
        if high:
            hint = "Divide before you multiply."
            raise UnitMismatch(f"{high[0]} to the power of more than {HIGHEST}", hint=hint, units=high)
        return CompoundUnit(tuple(sorted(kept, key=lambda each: (each[0] not in CURRENCIES, each[0]))))

    def __mul__(self, other: CompoundUnit) -> CompoundUnit:
        return CompoundUnit.of(_summed((*self.powers, *other.powers)))

    def __truediv__(self, other: CompoundUnit) -> CompoundUnit:
        return self * CompoundUnit(tuple((code, -power) for code, power in other.powers))

    def __str__(self) -> str:
        above = "*".join(_text(code, power) for code, power in self.powers if power > 0)
        below = "".join(f"/{_text(code, -power)}" for code, power in self.powers if power < 0)
        return (above or "1") + below

    @property
    def price(self) -> PriceUnit | None:
        """What it is as the unit of a price; None where it is none: a currency for one unit of measure."""
        match self.powers:
            case ((currency, 1), (unit, -1)) if currency in CURRENCIES and unit in UNITS:
                return PriceUnit(currency, unit)
        return None

    @property
    def quantity(self) -> CompoundUnit:
        """Without its currencies."""
        return CompoundUnit(tuple(each for each in self.powers if each[0] not in CURRENCIES))

    @property
    def base(self) -> CompoundUnit:
        """In the units that all of a dimension convert to: two units convert exactly if theirs are the same."""
        return CompoundUnit.of(_summed((_scale(code)[0], power) for code, power in self.powers))

    @property
    def simplified(self) -> CompoundUnit:
        """`EUR*MMBtu/MWh/MWh` is `EUR/MWh`: one unit of each dimension, the one whose power says most.

        What is nothing but ratios of the same dimension, such as `MMBtu/MWh`, stays as it is; powers of them, such as
        `MMBtu^2/MWh^2`, are a number.
        """
        chosen: dict[str, int] = {}
        for base, power in self.base.powers:
            same = [each for each in self.powers if _scale(each[0])[0] == base]
            chosen[max(same, key=lambda each: each[1] * power)[0]] = power
        ratio = not chosen and all(abs(power) == 1 for _, power in self.powers)
        return self if ratio else CompoundUnit.of(chosen)


PLAIN = CompoundUnit()


def unit_of_price(price: PriceUnit) -> CompoundUnit:
    return CompoundUnit.of({price.currency: 1, price.unit: -1})


def unit_of_codes(currency: str | None, unit: str | None) -> CompoundUnit | None:
    """None where one of the two is not known."""
    if currency not in CURRENCIES or unit not in UNITS:
        return None
    return unit_of_price(PriceUnit(currency or "", unit or ""))


@lru_cache(maxsize=4096)
def factor_between(source: CompoundUnit, target: CompoundUnit) -> float:
    """What a value in `source` is multiplied with to be in `target`: 0.293 from EUR/MWh to EUR/MMBtu.

    Raises NoExchangeRate for another currency, UnitMismatch for another dimension.
    """
    if source == target:
        return 1.0
    if source.base != target.base:
        raise _differing(source, target)
    if source.price and target.price:
        return conversion_factor(source.price, target.price)
    change = (source / target).powers
    above, below = (prod(_scale(code)[1] ** abs(p) for code, p in change if p * sign > 0) for sign in (1, -1))
    return above / below


@dataclass(frozen=True, slots=True)
class Conversion:
    """What values of one unit are multiplied with to be in another, and where the number is from."""

    source: CompoundUnit
    target: CompoundUnit
    factor: float
    reasons: tuple[str, ...]


def conversion(source: CompoundUnit, target: CompoundUnit) -> Conversion:
    return Conversion(source, target, factor_between(source, target), _reasons(source, target))


def conversion_to(source: CompoundUnit, currency: str | None, unit: str | None) -> Conversion:
    """Of a price, to the codes that are given."""
    return conversion(source, priced_in(source, currency, unit))


def priced_in(source: CompoundUnit, currency: str | None, unit: str | None) -> CompoundUnit:
    """The unit of a price with these codes in place of its own. Raises what `check_codes` does."""
    check_codes(currency, unit)
    price = source.simplified.price
    if price is None:
        raise UnitMismatch(f"{source} is no price: it is not converted to another", units=[str(source)])
    return unit_of_price(PriceUnit(currency or price.currency, unit or price.unit))


def _reasons(source: CompoundUnit, target: CompoundUnit) -> tuple[str, ...]:
    """For each unit and currency that changes."""
    return tuple(_source(code) for code, _ in (source / target).powers if _source(code) != _SI)


def is_code(text: str) -> bool:
    return text in CURRENCIES or text in UNITS


_SI = "SI"


def _source(code: str) -> str:
    if code in UNITS:
        return UNITS[code].source
    currency = CURRENCIES[code]
    return _SI if currency.factor == 1 else f"1 {code} = {currency.factor:g} {currency.base}"


def _differing(source: CompoundUnit, target: CompoundUnit) -> UnitMismatch:
    units = [str(source), str(target)]
    if not source.powers or not target.powers:
        told = f"{said(source)} and {said(target)} do not convert"
        return UnitMismatch(told, hint="Give a number its unit: 5 EUR/MWh.", units=units)
    if source.quantity.base == target.quantity.base:
        rate = rate_wanted(source, target)
        within = f"within an expression of `derivedCurve`: convert([curve], {target}, that rate)"
        hint = f"Give {rate}: as `fx` where the field has it, or {within}."
        return NoExchangeRate(f"{source} and {target} are in different currencies", hint=hint, units=units)
    why = ""
    if source.price and target.price:
        why = f": {obstacle(UNITS[source.price.unit], UNITS[target.price.unit])}"
    return UnitMismatch(f"{source} and {target} do not convert{why}", units=units)


def rate_wanted(source: CompoundUnit, target: CompoundUnit) -> str:
    """What is missing to bring one into the other, and how it is written."""
    change = [each for each in (target / source).base.powers if each[0] in CURRENCIES]
    match sorted(change, key=lambda each: each[1]):
        case [(one, _), (other, power)] if power > 0:
            return exchange_wanted(one, other)
    return "a rate with its currencies, such as 1.08 USD/EUR"


def said(unit: CompoundUnit) -> str:
    return str(unit) if unit.powers else "a plain number"


def _scale(code: str) -> tuple[str, float]:
    """The code of what it is counted in, and how many of that it is."""
    if code in CURRENCIES:
        return CURRENCIES[code].base, CURRENCIES[code].factor
    if code not in UNITS:
        raise InvalidInput(f"{code[:40]!r} is not the code of a currency or a unit", hint="See `units`, `currencies`.")
    unit = UNITS[code]
    return (code, 1.0) if unit.base is None or unit.factor is None else (unit.base, unit.factor)


def _summed(powers: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for code, power in powers:
        found[code] = found.get(code, 0) + power
    return found


def _text(code: str, power: int) -> str:
    return code if power == 1 else f"{code}^{power}"
