"""Subscribers that ask alike share the work: events are chosen, executed and encoded once, whoever comes first.

A subscriber holds nothing but its cursor, and pulls: whoever is slow, idle or far behind costs nobody else anything.
Coming back from an old cursor and following live are the same.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from aurum.backends.kept import Kept
from aurum.backends.sharing import Once
from aurum.backends.tails import BLOCK, Tail
from aurum.errors import Unavailable
from aurum.graphql.streams import Feed, Message, event_cursor

T = TypeVar("T")
_VALUE = 400  # bytes of a chosen value, roughly
_RUN = 32  # cursors, whose messages are made together: their reads are batched
_FRESH_SECONDS = 60.0  # what a message tells of things that change is not older
_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 5.0)  # seconds between attempts while the database is away


@dataclass(frozen=True, slots=True)
class Following(Generic[T]):
    """What a subscriber asks for. Those with the same `key` are answered the same, `encode`d from the same values."""

    key: Hashable
    feed: Feed[T]
    encode: Callable[[Sequence[T]], Coroutine[Any, Any, list[bytes]]]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What of the events behind `after`, up to `upto`, is for a subscription, as it was found from `at` on."""

    at: float
    after: int
    upto: int
    cursors: Sequence[int]
    values: Sequence[Any]


class Sharing:
    def __init__(self, most_bytes: int) -> None:
        self._chosen = Kept[Any, _Chosen](most_bytes // 4)
        self._messages = Kept[Any, tuple[bytes, float]](most_bytes // 2)
        self._firsts = Kept[Any, tuple[tuple[int, bytes], float]](most_bytes // 4)
        self._choosing = Once[Any, _Chosen]()
        self._encoding = Once[Any, dict[int, bytes]]()
        self._beginning = Once[Any, tuple[int, bytes]]()

    async def messages(self, of: Following[Any], after: str | None) -> AsyncGenerator[Message, None]:
        """Without end. Raises InvalidCursor, CursorTooOld, Unavailable where the database stays away."""
        async with of.feed.log.tail(of.feed.principal.tenant) as tail:
            given = event_cursor(after)
            cursor = await tail.start(given)
            if given is None and of.feed.begin is not None:
                cursor, first = await self._first(of, cursor)
                yield Message(first, str(cursor))
            while True:
                await tail.beyond(cursor)
                cursor, encoded = await self._next(of, tail, cursor)
                if encoded is not None:
                    yield Message(encoded, str(cursor))
                else:  # nobody who has much to catch up on keeps the others waiting
                    await asyncio.sleep(0)

    async def _next(self, of: Following[Any], tail: Tail, cursor: int) -> tuple[int, bytes | None]:
        """The next message and its cursor; None: there is none up to this one."""
        chosen = await self._choice(of, tail, cursor)
        place = bisect_right(chosen.cursors, cursor)
        if place == len(chosen.cursors):
            return chosen.upto, None
        return chosen.cursors[place], await self._message(of, chosen, place)

    async def _choice(self, of: Following[Any], tail: Tail, cursor: int) -> _Chosen:
        """What is for the subscription behind the cursor, to the end of its block or of the log."""
        key = (of.key, cursor // BLOCK)
        chosen = _fresh_choice(self._chosen.get(key))
        while chosen is None or not chosen.after <= cursor < chosen.upto:
            chosen = await self._choosing.do(key, partial(_patiently, partial(self._choose, of, tail, key, cursor)))
        return chosen

    async def _choose(self, of: Following[Any], tail: Tail, key: Any, cursor: int) -> _Chosen:
        known = _fresh_choice(self._chosen.get(key))
        if known is None or not known.after <= cursor <= known.upto:
            known = _Chosen(asyncio.get_running_loop().time(), cursor, cursor, (), ())
        events = await tail.events(known.upto)
        wanted = [event for event in events if event.type in of.feed.types]
        values = await of.feed.values(wanted) if wanted else ()
        new = [(event.cursor, value) for event, value in zip(wanted, values, strict=True) if value is not None]
        cursors, values = (*known.cursors, *(each[0] for each in new)), (*known.values, *(each[1] for each in new))
        chosen = _Chosen(known.at, known.after, events[-1].cursor, cursors, values)
        self._chosen.put(key, chosen, len(cursors) * _VALUE)
        return chosen

    async def _message(self, of: Following[Any], chosen: _Chosen, place: int) -> bytes:
        cursor = chosen.cursors[place]
        kept = _fresh(self._messages.get((of.key, cursor)))
        if kept is not None:
            return kept
        run = await self._encoding.do((of.key, cursor // _RUN), partial(self._encode, of, chosen, place))
        return run[cursor] if cursor in run else await self._message(of, chosen, place)

    async def _encode(self, of: Following[Any], chosen: _Chosen, place: int) -> dict[int, bytes]:
        """What was committed together is read together."""
        run, now = chosen.cursors[place] // _RUN, asyncio.get_running_loop().time()
        places = [at for at in range(place, len(chosen.cursors)) if chosen.cursors[at] // _RUN == run]
        encoded = await _patiently(partial(of.encode, [chosen.values[at] for at in places]))
        messages = {chosen.cursors[at]: message for at, message in zip(places, encoded, strict=True)}
        for cursor, message in messages.items():
            self._messages.put((of.key, cursor), (message, now), len(message))
        return messages

    async def _first(self, of: Following[Any], head: int) -> tuple[int, bytes]:
        """What a subscription without a cursor begins with, and the cursor where it stands."""
        kept = _fresh(self._firsts.get(of.key))
        if kept is not None and kept[0] == head:
            return kept
        return await self._beginning.do(of.key, partial(_patiently, partial(self._begin, of)))

    async def _begin(self, of: Following[Any]) -> tuple[int, bytes]:
        assert of.feed.begin is not None  # noqa: S101  whoever calls it has looked
        now = asyncio.get_running_loop().time()
        cursor, value = await of.feed.begin()
        (encoded,) = await of.encode([value])
        first = cursor, encoded
        self._firsts.put(of.key, (first, now), len(encoded))
        return first


def _fresh(kept: tuple[T, float] | None) -> T | None:
    """What was read at that time, unless it was too long ago."""
    made, at = kept or (None, 0.0)
    return made if asyncio.get_running_loop().time() - at < _FRESH_SECONDS else None


def _fresh_choice(kept: _Chosen | None) -> _Chosen | None:
    """Units, reviews and locations change what a filter chooses, and no event of a curve says so."""
    return None if kept is None else _fresh((kept, kept.at))


async def _patiently(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Tries again while the database is away: a message that says so would be lost for the event it is about."""
    for pause in _PAUSES:
        with suppress(Unavailable):
            return await work()
        await asyncio.sleep(pause)
    return await work()
