"""What is called later, but in most cases is taken back before."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Protocol
from weakref import WeakKeyDictionary

_LATE_SECONDS = 0.01  # all are looked at no more often


class Waking(Protocol):
    def ring(self, now: float) -> None:
        """The time of the event loop that was asked for has come; at most some hundredths of a second ago."""


class Alarms:
    """One timer of the event loop for all: one for each would cost a request a thirtieth of its time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._set: dict[Waking, float] = {}
        self._next = inf

    @staticmethod
    def here() -> Alarms:
        """Those of the event loop that runs."""
        loop = asyncio.get_running_loop()
        alarms = _alarms.get(loop)
        if alarms is None:
            alarms = _alarms[loop] = Alarms(loop)
        return alarms

    def set(self, who: Waking, at: float) -> None:
        """`who` has one at most."""
        self._set[who] = at
        if at < self._next:
            self._wait(at)

    def take_back(self, who: Waking) -> None:
        self._set.pop(who, None)

    def _wait(self, until: float) -> None:
        self._next = until
        self._loop.call_at(until, self._ring, until)

    def _ring(self, at: float) -> None:
        """Timers that were set before an earlier one find nothing to do."""
        if at != self._next:
            return
        self._next = inf
        for who in [who for who, due in self._set.items() if due <= at]:
            if self._set.pop(who, None) is not None:
                who.ring(at)
        if self._set:
            self._wait(min(self._next, max(at + _LATE_SECONDS, min(self._set.values()))))


_alarms: WeakKeyDictionary[asyncio.AbstractEventLoop, Alarms] = WeakKeyDictionary()
