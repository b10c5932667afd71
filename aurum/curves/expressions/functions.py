"""The functions of values, written out in sums and products.

Spreads take power first and what it costs to make after it; nothing has a default, as there is no right one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aurum.curves.expressions.tree import Call, Negated, Node, product_of, sum_of


@dataclass(frozen=True, slots=True)
class Function:
    """`factors` are the places of arguments whose value is told with the answer, by their names in `signature`."""

    signature: str
    takes: Callable[[int], bool]
    written_out: Callable[..., Node] | None = None
    factors: tuple[tuple[int, str], ...] = ()
    rates: tuple[tuple[int, int], ...] = ()  # the places of a rate and of the fuel that it counts


def _fuel_spread(power: Node, fuel: Node, rate: Node) -> Node:
    """power - rate * fuel"""
    return sum_of(power, ((-1, product_of(rate, ((1, fuel),))),))


def _clean_spread(power: Node, fuel: Node, carbon: Node, rate: Node, emission: Node) -> Node:
    """power - rate * fuel - emission * carbon, with the emission for what power is sold by, not for the fuel"""
    return sum_of(_fuel_spread(power, fuel, rate), ((-1, product_of(emission, ((1, carbon),))),))


def _crack(product: Node, crude: Node, density: Node | None = None) -> Node:
    """product less crude, in the unit of crude: -(crude - product / density)"""
    share = product if density is None else product_of(product, ((-1, density),))
    return Negated(sum_of(crude, ((-1, share),)))


def _basket(*given: Node) -> Node:
    """weight * value + weight * value ..."""
    terms = [product_of(weight, ((1, value),)) for weight, value in zip(given[::2], given[1::2], strict=True)]
    return sum_of(terms[0], tuple((1, term) for term in terms[1:])) if len(terms) > 1 else terms[0]


def _exactly(count: int) -> Callable[[int], bool]:
    return lambda given: given == count


def _spread(fuel: str) -> Function:
    return Function(f"(power, {fuel}, heat_rate)", _exactly(3), _fuel_spread, ((2, "heat_rate"),), ((2, 1),))


def _clean(fuel: str) -> Function:
    return Function(
        f"(power, {fuel}, carbon, heat_rate, emission_factor)", _exactly(5), _clean_spread,
        ((3, "heat_rate"), (4, "emission_factor")), ((3, 1), (4, 2)),
    )  # fmt: skip


FUNCTIONS = {
    "spark": _spread("gas"),
    "dark": _spread("coal"),
    "clean_spark": _clean("gas"),
    "clean_dark": _clean("coal"),
    "crack": Function("(product, crude[, density])", lambda given: given in (2, 3), _crack, ((2, "density"),)),
    "basket": Function("(weight, value, ...) in pairs", lambda given: given >= 2 and given % 2 == 0, _basket),
    "min": Function("(value, value, ...)", lambda given: given >= 2),
    "max": Function("(value, value, ...)", lambda given: given >= 2),
}


def written_out(call: Call) -> Node | None:
    """In sums and products; None for min and max."""
    expand = FUNCTIONS[call.name].written_out
    return None if expand is None else expand(*call.given)
