"""In which hours a derived curve is delivered: those that all of its curves are, or nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from aurum.curves.expressions.tree import Convert, Node, OffPeak, Ref, Shift, keys, parts
from aurum.market.blocks import OFF_PEAK, Block
from aurum.market.calendars import Calendar
from aurum.market.identity import CurveIdentity
from aurum.metadata.reference.calendars import block_of, calendar_of

Delivered: TypeAlias = tuple[Calendar, Block]


def delivered(node: Node, identities: Mapping[str, CurveIdentity]) -> Delivered | None:
    """The one calendar and block of every curve by its key; exchange rates are not delivered. None: there is none."""
    match node:
        case Ref(key):
            return _hours(identities[key], block_of(identities[key]))
        case OffPeak(base):
            return _hours(identities[base.key], OFF_PEAK)
        case Convert(of):
            return delivered(of, identities)
        case Shift():
            return None  # a price of one month that stands at another
        case _:
            found = {delivered(each, identities) for each in parts(node) if keys(each)}
            return found.pop() if len(found) == 1 else None


def _hours(identity: CurveIdentity, block: Block | None) -> Delivered | None:
    calendar = calendar_of(identity)
    return None if calendar is None or block is None else (calendar, block)
