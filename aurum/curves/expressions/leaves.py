"""Which curves an expression uses, as of when and for which periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeAlias

from aurum.curves.expressions.forms import Leaf
from aurum.curves.expressions.model import Source
from aurum.curves.expressions.parsing import STEPS
from aurum.curves.expressions.tree import At, Node, Ref, Shift, parts
from aurum.errors import InvalidExpression, MixedDays

Used: TypeAlias = tuple[str, date | None]  # a curve, and its own as-of date


def used(node: Node) -> list[Used]:
    """What has to be read for an expression, each once."""
    return list(dict.fromkeys((leaf.key, leaf.at) for leaf in leaves(node)))


def leaves(node: Node, at: date | None = None, months: int = 0) -> Iterator[Leaf]:
    """The curves of an expression, each as it uses them, from left to right."""
    match node:
        case Ref(key):
            yield Leaf(key, at, months)
        case Shift(of, count, step):
            yield from leaves(of, at, months + count * STEPS[step])
        case At(of, day):
            yield from leaves(of, _alone(at, day), months)
        case _:
            for each in parts(node):
                yield from leaves(each, at, months)


def _alone(at: date | None, day: date) -> date:
    if at is not None:
        raise InvalidExpression(f"at({day}) within at({at}): there is one as-of date for a curve")
    return day


def check_days(read: Mapping[Leaf, Source]) -> None:
    """Curves of one as-of date are computed with each other, and no others, unless the expression says so."""
    days: dict[date | None, dict[date, str]] = {}
    for leaf, source in read.items():
        days.setdefault(leaf.at, {}).setdefault(source.snapshot.as_of, leaf.key)
    for found in days.values():
        if len(found) > 1:
            told = ", ".join(f"[{key}] of {day}" for day, key in sorted(found.items()))
            raise MixedDays(
                f"the newest prices are not of one day: {told}",
                hint=f"Ask as of {min(found)}, or say the date of a curve: at([curve], {max(found)}).",
                days=[day.isoformat() for day in sorted(found)],
            )
