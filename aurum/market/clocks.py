"""The clocks of time zones: local times and instants as vectors of seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.int64]
FIRST_DAY, END_DAY = date(2000, 1, 1), date(2102, 1, 1)

_WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """A zone's clock from 2000 to 2101: `offsets[k]` seconds ahead of UTC from `turns[k - 1]` on, before `turns[k]`."""

    turns: Seconds
    offsets: Seconds

    def local(self, instants: Seconds) -> Seconds:
        """What the clock shows at instants."""
        found: Seconds = instants + self.offsets[np.searchsorted(self.turns, instants, side="right")]
        return found

    def instants(self, local: Seconds) -> Seconds:
        """When the clock shows local times: of one that occurs twice the first, one that is skipped as much later as
        clocks jump (PEP 495, fold 0)."""
        shown = self.turns + np.maximum(self.offsets[:-1], self.offsets[1:])
        found: Seconds = local - self.offsets[np.searchsorted(shown, local, side="right")]
        return found


@cache
def clock(zone: str) -> Clock:
    """Of an IANA zone. Raises ValueError where there is none of that name."""
    tz = time_zone(zone)
    first, end = (int(datetime(day.year, 1, 1, tzinfo=UTC).timestamp()) for day in (FIRST_DAY, END_DAY))
    weeks = range(first - _WEEK, end + 2 * _WEEK, _WEEK)
    offsets = [_offset(tz, week) for week in weeks]
    changed = [at for at in range(1, len(weeks)) if offsets[at] != offsets[at - 1]]
    turns = [_turn(tz, weeks[at - 1], weeks[at]) for at in changed]
    kept = [offsets[0], *(offsets[at] for at in changed)]
    return Clock(np.array(turns, dtype=np.int64), np.array(kept, dtype=np.int64))


@cache
def time_zone(zone: str) -> ZoneInfo:
    """From the IANA database that requirements.lock pins, not from the machine's, which may be years old."""
    try:
        with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as data:
            return ZoneInfo.from_file(data, key=zone)
    except OSError:
        raise ValueError(f"no time zone of the IANA database: {zone!r}") from None


def _turn(tz: ZoneInfo, before: int, after: int) -> int:
    """The first second, after `before`, that has another offset; the offset at `after` is another one."""
    was = _offset(tz, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(tz, middle) == was else (before, middle)
    return after


def _offset(tz: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, tz).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one
    return int(offset.total_seconds())
