"""In which hours a curve is delivered: its calendar and block, as curve_calendars.csv says; never guessed."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from aurum.errors import InvalidInput, NoBlockHours
from aurum.market.blocks import BASELOAD, Block
from aurum.market.calendars import CALENDARS, Calendar
from aurum.market.hours import Hours, hour_counts
from aurum.market.identity import CurveIdentity, fold
from aurum.market.periods import DeliveryPeriod
from aurum.metadata.model import Curve

UNWEIGHTED = {"hint": "EQUAL weights every month the same, as the vendors do.", "field": "weighting"}
"""What to do where the hours are asked for that months weigh."""
_TEXTS = ("vendor", "iso", "market", "location", "product", "block")


@lru_cache(maxsize=8192)
def calendar_of(identity: CurveIdentity) -> Calendar | None:
    """None: not known, or nothing is delivered by the hour."""
    texts = tuple(fold(getattr(identity, name)) for name in _TEXTS)
    for wanted, calendar in _rules():
        if all(want in ("*", text) for want, text in zip(wanted, texts, strict=True)):
            return calendar
    return None


def block_of(identity: CurveIdentity) -> Block | None:
    """Its block by its calendar; where that has all hours only, a curve needs to name none. None: not known."""
    calendar = calendar_of(identity)
    if calendar is None:
        return None
    if not identity.block:
        return BASELOAD if calendar.peak is None else None
    try:
        return calendar.block(identity.block)
    except InvalidInput:
        return None


def delivered_in(curve: Curve, name: str, **told: Any) -> tuple[Calendar, Block]:
    """In which hours it is delivered. Raises NoBlockHours, which calls it `name`, where they are not known."""
    calendar, block = calendar_of(curve.identity), block_of(curve.identity)
    if calendar is None or block is None:
        missing = "block" if calendar else "calendar"
        raise NoBlockHours(f"nobody knows in which hours {name} is delivered: no {missing} of it is known", **told)
    return calendar, block


def block_hours(curve: Curve, periods: Sequence[DeliveryPeriod], told: Mapping[str, Any] = UNWEIGHTED) -> Hours:
    """How many hours each period has in the block that a curve is delivered in; float64, parallel to the periods.

    Raises NoBlockHours, which tells what is `told`, where its calendar or block is not known, InvalidInput for days
    outside of 2000 to 2101.
    """
    return hour_counts(*delivered_in(curve, curve.key, **told), periods)


@cache
def _rules() -> tuple[tuple[tuple[str, ...], Calendar], ...]:
    text = files(__package__ or "").joinpath("curve_calendars.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((tuple(row[name] for name in _TEXTS), CALENDARS[row["calendar"]]) for row in rows)
