"""How much of all hours and of the peak's is in a price of the hours off peak."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np

from aurum.curves.expressions.alignment import later
from aurum.curves.expressions.forms import Values
from aurum.curves.expressions.model import Source
from aurum.errors import InvalidExpression
from aurum.market.blocks import BASELOAD, PEAK, Block
from aurum.market.calendars import Calendar
from aurum.market.hours import hour_counts
from aurum.market.identity import CurveIdentity, Measure
from aurum.market.periods import TenorGrid, month_number
from aurum.metadata.reference.calendars import delivered_in

Shares: TypeAlias = tuple[Values, Values]


def off_peak_shares(base: Source, peak: Source, wanted: TenorGrid, months: int) -> Shares:
    """`hours / rest` of all hours and `-peak hours / rest` of the peak's, at each period `months` later.

    They are values that add up: all hours are worth the peak's and the rest. NaN where no hour is off peak, and of a
    strip whose delivery has begun: it is a price of what is left of it.
    Raises InvalidExpression for other blocks or two places, NoBlockHours where nobody knows the hours.
    """
    calendar = _calendar(base, peak)
    periods = [later(tenor.period, months) for tenor in wanted]
    own = month_number(base.snapshot.as_of)
    ahead = [at for at, each in enumerate(periods) if each is not None and month_number(each.start) >= own]
    asked = [period for at in ahead if (period := periods[at]) is not None]
    hours, at_peak = (hour_counts(calendar, block, asked) for block in (BASELOAD, PEAK))
    rest = np.where(hours > at_peak, hours - at_peak, np.nan)
    shares = np.full((2, len(wanted)), np.nan)
    shares[:, ahead] = hours / rest, -at_peak / rest
    return shares[0], shares[1]


def _calendar(base: Source, peak: Source) -> Calendar:
    calendar, other = (_delivered(source, block) for source, block in ((base, BASELOAD), (peak, PEAK)))
    if calendar != other or _place(base.curve.identity) != _place(peak.curve.identity):
        raise InvalidExpression(f"[{base.curve.key}] and [{peak.curve.key}] are not of one place")
    return calendar


def _delivered(source: Source, wanted: Block) -> Calendar:
    key = source.curve.key
    calendar, block = delivered_in(source.curve, f"[{key}]")
    if block != wanted:
        raise InvalidExpression(
            f"[{key}] is {block.code}, not {wanted.code}",
            hint="off_peak takes all hours first, then those of the peak.",
        )
    return calendar


def _place(identity: CurveIdentity) -> str:
    """What it is of, whoever quotes it. The gas that PW names beside a price of power says nothing of the price."""
    leg = identity.leg if identity.measure is Measure.SPARK_SPREAD else None
    return replace(identity, vendor="", block=None, unit=None, leg=leg).key
