"""Blocks: sets of the hours of a week, as a market's peak days and peak hours divide it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag
from types import MappingProxyType

from aurum.market.identity import fold


class Part(Flag):
    """The four parts of a week. Their bits are in the order of 2 x (on a peak day) + (in a peak hour)."""

    REST_NIGHT = 1
    REST_DAY = 2
    PEAK_NIGHT = 4
    PEAK = 8


_ALL = Part.PEAK | Part.PEAK_NIGHT | Part.REST_DAY | Part.REST_NIGHT


@dataclass(frozen=True, slots=True)
class Block:
    """A set of hours. `aliases` are how vendors and traders write it, in any market.

    What is no peak day (weekends and the market's holidays) is a day of rest, what is no peak hour is night.
    """

    code: str
    name: str
    parts: Part
    aliases: tuple[str, ...] = ()


BASELOAD = Block(
    "BASELOAD", "All hours", _ALL, ("base", "baseload", "base load", "ATC", "RTC", "around the clock", "24x7", "flat")
)
PEAK = Block("PEAK", "Peak hours of peak days", Part.PEAK, ("peak", "on-peak", "peakload", "peak load"))
OFF_PEAK = Block("OFF_PEAK", "All hours but the peak's", _ALL ^ Part.PEAK, ("off-peak", "wrap"))
DAY = Block("DAY", "Peak hours of all days", Part.PEAK | Part.REST_DAY)
REST_DAY = Block("REST_DAY", "Peak hours of weekends and holidays", Part.REST_DAY)
NIGHT = Block("NIGHT", "Night hours of all days", Part.PEAK_NIGHT | Part.REST_NIGHT)
PEAK_NIGHT = Block("PEAK_NIGHT", "Night hours of peak days", Part.PEAK_NIGHT)

BLOCKS: Mapping[str, Block] = MappingProxyType(
    {block.code: block for block in (BASELOAD, PEAK, OFF_PEAK, DAY, REST_DAY, NIGHT, PEAK_NIGHT)}
)

_JOINTS = re.compile(r"[\s_-]+")


def spelled(text: str) -> str:
    """How names of blocks and calendars are compared: `ON_PEAK`, `On-Peak` and `on peak` are one."""
    return _JOINTS.sub("", fold(text))


BLOCK_BY_SPELLING: Mapping[str, Block] = MappingProxyType(
    {spelled(text): block for block in BLOCKS.values() for text in (block.code, *block.aliases)}
)


def patterns(days: int, hours: int, holidays: bool) -> Mapping[str, Block]:
    """What traders call the blocks of a market with so many peak days a week and peak hours a day: `5x16`, `7x8`.

    Of two that would be called the same (with 12 peak hours, the day's and the night's) only the day's is.
    `2x16h` are weekends and holidays, where those are days of rest.
    """
    named: dict[str, Block] = {}
    for pattern, block in (
        ("7x24", BASELOAD),
        (f"{days}x{hours}", PEAK),
        (f"7x{hours}", DAY),
        (f"{7 - days}x{hours}", REST_DAY),
        (f"7x{24 - hours}", NIGHT),
        (f"{days}x{24 - hours}", PEAK_NIGHT),
    ):
        named.setdefault(pattern, block)
    if holidays:
        named[f"{7 - days}x{hours}h"] = REST_DAY
    return MappingProxyType(named)
