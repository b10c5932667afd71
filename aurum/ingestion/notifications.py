"""Tells people by webhook or mail what became of files: exactly what the event log says, in order.

A message is sent at least once: a process that dies between sending it and noting that it is sent leaves it to be
sent again. Its last line numbers its events, by which a repetition can be known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from aurum.auth import worker_principal
from aurum.backends.events import Event
from aurum.backends.readers import EventReader, Position
from aurum.backends.rounds import going_on
from aurum.backends.targets import Target, open_targets
from aurum.errors import Unavailable
from aurum.ingestion.messages import Message, digest_of, kind_of, message_of
from aurum.ingestion.service import IngestionService
from aurum.settings import NotificationSettings

_PAGE = 500
_LAST_SECONDS = 5.0
_LONGEST_PAUSE = timedelta(minutes=15)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, in seconds. More than `digest_above` messages at once are one; after a message, the target has peace
    for `quiet`, so that what follows comes together. A failure is tried again after `retry`, then ever more slowly."""

    quiet: float = 30.0
    retry: float = 10.0
    timeout: float = 60.0
    new_tenants: float = 10.0
    digest_above: int = 5


class Notifier:
    """Sends to every target what happens in every tenant. Several processes share the work.

    Targets do not wait for each other. A target that is new begins with what happens from then on; one that is away
    gets everything when it is back, except what could not be delivered for `give_up_hours`.
    """

    def __init__(
        self,
        service: IngestionService,
        settings: NotificationSettings,
        public_url: str | None = None,
        pace: Pace = Pace(),
    ) -> None:
        self.service = service
        self.settings = settings
        self.public_url = public_url
        self.pace = pace
        self.targets: list[Target] = []
        self._readers: dict[str, EventReader] = {}

    async def open(self) -> None:
        """Raises InvalidInput where an address cannot be understood."""
        self.targets = await asyncio.to_thread(open_targets, self.settings.urls, self.pace.timeout)

    async def watch(self) -> None:
        """Runs until cancelled."""
        served: set[str] = set()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    with going_on(_log, "notifications wait"):
                        readers = [await self._reader(target) for target in self.targets]
                        for tenant in await self.service.event_log.tenants() - served:
                            served.add(tenant)
                            for target, reader in zip(self.targets, readers, strict=True):
                                tasks.create_task(Delivery(self, tenant, target, reader).run())
                    await asyncio.sleep(self.pace.new_tenants)
        finally:
            for target in self.targets:
                target.close()

    async def _reader(self, target: Target) -> EventReader:
        if target.key not in self._readers:
            reader = EventReader(self.service.database, target.key)
            await reader.register(self.service.clock())
            self._readers[target.key] = reader
        return self._readers[target.key]


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What is sent as one message. With it, everything up to `upto` is done."""

    message: Message
    parts: Sequence[tuple[Event, Message]]
    upto: int


class Delivery:
    """Brings the events of one tenant to one target."""

    def __init__(self, notifier: Notifier, tenant: str, target: Target, reader: EventReader) -> None:
        self._service = notifier.service
        self._kinds = notifier.settings.events
        self._give_up = timedelta(hours=notifier.settings.give_up_hours)
        self._public_url = notifier.public_url
        self._pace = notifier.pace
        self._tenant = tenant
        self._target = target
        self._reader = reader
        self._looked_at = 0

    async def run(self) -> None:
        """Runs until cancelled."""
        async with self._service.event_log.listen(self._tenant) as changed:
            while True:
                changed.clear()
                pause: float | None = self._pace.retry
                with going_on(_log, f"{self._target.name} waits"):
                    pause = await _to_its_end(self._look())
                await (changed.wait() if pause is None else asyncio.sleep(pause))

    async def _look(self) -> float | None:
        """Sends what there is to be sent. Seconds until the next look; None: as soon as something happens."""
        position = await self._reader.position(self._tenant)
        after = max(position.cursor, self._looked_at)
        events = await self._service.event_log.read(self._tenant, after, limit=_PAGE)
        told = [event for event in events if kind_of(event) in self._kinds]
        upto = events[-1].cursor if events else after
        if not told and upto - position.cursor < _PAGE:  # further on, the position says that they are done with
            self._looked_at = upto
            return None
        now = self._service.clock()
        if position.held_until > now:
            return (position.held_until - now).total_seconds()
        held = replace(position, held_until=self._lease(now))
        if not await self._reader.move(self._tenant, position, held):
            return 0.0  # another process was faster
        return await self._deliver(held, await self._parcels(told, upto), upto)

    async def _parcels(self, told: Sequence[Event], upto: int) -> list[_Parcel]:
        ids = {event.payload["run_id"] for event in told if "run_id" in event.payload}
        runs = await self._service.runs(worker_principal(self._tenant), ids)
        parts = [
            (event, message)
            for event in told
            if (message := message_of(event, runs.get(event.payload.get("run_id", 0)), self._public_url))
        ]
        if len(parts) > self._pace.digest_above:
            return [_Parcel(self._signed(digest_of([message for _, message in parts]), parts), parts, upto)]
        return [_Parcel(self._signed(part[1], [part]), [part], part[0].cursor) for part in parts]

    def _signed(self, message: Message, parts: Sequence[tuple[Event, Message]]) -> Message:
        first, last = parts[0][0].cursor, parts[-1][0].cursor
        events = f"Event {first}" if first == last else f"Events {first} to {last}"
        return replace(message, body=f"{message.body}\n\n{events} of {self._tenant}")

    async def _deliver(self, held: Position, parcels: Sequence[_Parcel], upto: int) -> float:
        """Sends one after the other, until one cannot be sent. Seconds until the next look."""
        for parcel in parcels:
            after = await self._send(held, parcel)
            if not await self._reader.move(self._tenant, held, after):
                return 0.0  # it took so long that another process goes on
            if after.cursor < parcel.upto:
                return (after.held_until - self._service.clock()).total_seconds()
            held = after
        pause = self._pace.quiet if parcels else 0.0
        until = self._service.clock() + timedelta(seconds=pause)
        await self._reader.move(self._tenant, held, replace(held, cursor=upto, held_until=until))
        return pause

    async def _send(self, held: Position, parcel: _Parcel) -> Position:
        """Where the reader is afterwards: behind the parcel, or where it was and not before a pause."""
        try:
            await self._target.send(parcel.message.subject, parcel.message.body)
        except Unavailable as error:
            now = self._service.clock()
            since = held.failing_since or now
            cursor = self._given_up(parcel, since, now, error.message) or held.cursor
            if cursor == parcel.upto:
                return Position(cursor, self._lease(now), since)
            pause = min(max(now - since, timedelta(seconds=self._pace.retry)), _LONGEST_PAUSE)
            _log.warning("%s fails and is tried again in %s: %s", self._target.name, pause, error.message)
            return Position(cursor, now + pause, since)
        return Position(parcel.upto, self._lease(self._service.clock()))

    def _given_up(self, parcel: _Parcel, since: datetime, now: datetime, reason: str) -> int:
        """The cursor up to which the parcel's events are too old to be tried again; 0 where none is."""
        old = list(takewhile(lambda part: now - max(part[0].occurred_at, since) >= self._give_up, parcel.parts))
        for event, message in old:
            told = f"{message.subject} (event {event.cursor} of {self._tenant})"
            _log.error("%s: given up after %s: %s: %s", self._target.name, self._give_up, told, reason)
        if len(old) == len(parcel.parts):
            return parcel.upto
        return old[-1][0].cursor if old else 0

    def _lease(self, now: datetime) -> datetime:
        """For as long as one message can take, and some more."""
        return now + timedelta(seconds=2 * self._pace.timeout)


async def _to_its_end(step: Coroutine[Any, Any, float | None]) -> float | None:
    """Also where the caller is cancelled, unless it takes long: what was sent just then is noted as sent."""
    task = asyncio.ensure_future(step)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_LAST_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
