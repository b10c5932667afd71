"""What an expression of curves says, once it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from aurum.curves.expressions.units import PLAIN, CompoundUnit


@dataclass(frozen=True, slots=True)
class Number:
    """Not negative. Its unit is empty for a plain number, and for one of `alike` for one of the same: `2 MWh/MWh`."""

    value: float
    unit: CompoundUnit = PLAIN
    alike: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """A curve, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Negated:
    of: Node


@dataclass(frozen=True, slots=True)
class Sum:
    """`first`, then what is added (1) or taken away (-1), from left to right."""

    first: Node
    rest: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """`first`, then what it is multiplied with (1) or divided by (-1), from left to right."""

    first: Node
    rest: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function of values."""

    name: str
    given: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """At each period what `of` is for the period `count` `step`s later."""

    of: Node
    count: int
    step: str


@dataclass(frozen=True, slots=True)
class At:
    """As of another date."""

    of: Node
    day: date


@dataclass(frozen=True, slots=True)
class Convert:
    """In another unit, with an exchange rate where it takes one."""

    of: Node
    unit: CompoundUnit
    rate: Node | None = None


@dataclass(frozen=True, slots=True)
class QuotedIn:
    """A curve whose unit nobody has set, in the unit that the expression says."""

    of: Ref
    unit: CompoundUnit


@dataclass(frozen=True, slots=True)
class OffPeak:
    """What is left of all hours without those of the peak."""

    base: Ref
    peak: Ref


Node: TypeAlias = Number | Ref | Negated | Sum | Product | Call | Shift | At | Convert | QuotedIn | OffPeak


def sum_of(first: Node, rest: tuple[tuple[int, Node], ...]) -> Sum:
    """A sum that begins with a sum goes on with it: nothing is added in another order."""
    return Sum(first.first, first.rest + rest) if isinstance(first, Sum) else Sum(first, rest)


def product_of(first: Node, rest: tuple[tuple[int, Node], ...]) -> Product:
    return Product(first.first, first.rest + rest) if isinstance(first, Product) else Product(first, rest)


def parts(node: Node) -> Iterator[Node]:
    """What it is made of, one level down, from left to right."""
    match node:
        case Sum(first, rest) | Product(first, rest):
            yield first
            yield from (each for _, each in rest)
        case Call(_, given):
            yield from given
        case Convert(of, _, rate):
            yield from (of,) if rate is None else (of, rate)
        case OffPeak(base, peak):
            yield from (base, peak)
        case Negated(of) | Shift(of) | At(of) | QuotedIn(of):
            yield of


def keys(node: Node) -> list[str]:
    """The curves that it names, each once, in the order of the text."""
    found = [node.key] if isinstance(node, Ref) else [key for each in parts(node) for key in keys(each)]
    return list(dict.fromkeys(found))
