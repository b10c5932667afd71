"""What is called later, but in most cases is taken back before."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Protocol
from weakref import WeakKeyDictionary

_REST_SECONDS = 0.005  # all are looked at no more often


class Waking(Protocol):
    def ring(self, now: float) -> None:
        """The time of the event loop that was asked for has come."""


class Alarms:
    """One timer of the event loop for all: one for each would cost a request a thirtieth of its time.

    What is due while it rests waits for the end of that: however many there are, most of the time goes to others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._set: dict[Waking, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = inf
        self._rested = -inf

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

    def _wait(self, at: float) -> None:
        until = max(at, self._rested)
        if until < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._next = until
            self._timer = self._loop.call_at(until, self._ring, until)

    def _ring(self, at: float) -> None:
        now = max(at, self._loop.time())
        self._next, self._timer, self._rested = inf, None, now + _REST_SECONDS
        for who in [who for who, due in self._set.items() if due <= now]:
            if self._set.pop(who, None) is not None:
                who.ring(now)
        if self._set:
            self._wait(min(self._set.values()))


_alarms: WeakKeyDictionary[asyncio.AbstractEventLoop, Alarms] = WeakKeyDictionary()
