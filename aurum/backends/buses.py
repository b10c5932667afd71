"""The buses between processes: PostgreSQL's own notifications, and Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.engine import URL

from aurum.backends.bus import Bus, CarriedBus, MemoryBus
from aurum.backends.database import Database, WriteConnection
from aurum.backends.redis import open_redis
from aurum.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

_CHANNEL = "aurum_events"
_QUIET_SECONDS, _ANSWER_SECONDS = 15.0, 5.0
_SQLALCHEMYS = {"prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback", "async_creator_fn"}
_log = logging.getLogger(__name__)


def open_bus(settings: Settings, database: Database) -> Bus:
    """Redis where one is configured, PostgreSQL where it is the database; else within this process."""
    poll = settings.events.poll_seconds
    if settings.redis.url is not None:
        return RedisBus(open_redis(settings.redis.url.get_secret_value()), poll)
    return PostgresBus(database.url, poll) if database.url.get_backend_name() == "postgresql" else MemoryBus(poll)


class PostgresBus(CarriedBus):
    """LISTEN and NOTIFY on a connection of its own.

    The notification is part of the transaction: it is sent if and only if that is committed, even if the process dies.
    """

    def __init__(self, url: URL, *poll_seconds: float) -> None:
        super().__init__(*poll_seconds)
        _, options = url.get_dialect()().create_connect_args(url)
        self._options: dict[str, Any] = {name: value for name, value in options.items() if name not in _SQLALCHEMYS}

    async def announce(self, transaction: WriteConnection, topic: str) -> None:
        await super().announce(transaction, topic)
        await transaction.execute(select(func.pg_notify(_CHANNEL, topic)))

    async def _connection(self) -> None:
        connection = await asyncpg.connect(**self._options, timeout=_ANSWER_SECONDS)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(_CHANNEL, lambda *heard: self.wake(heard[-1]))
            self._listening()
            while not await _happens(lost, _QUIET_SECONDS):
                await connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)
        finally:
            connection.terminate()
        raise ConnectionError("PostgreSQL has closed the connection")


class RedisBus(CarriedBus):
    """Publish and subscribe. It closes the client that it is given."""

    def __init__(self, client: Redis, *poll_seconds: float) -> None:
        super().__init__(*poll_seconds)
        self._client = client
        self._sending: set[asyncio.Task[None]] = set()

    async def announce(self, transaction: WriteConnection, topic: str) -> None:
        await super().announce(transaction, topic)
        transaction.after_commit(lambda: self._send(self._publish(topic)))

    def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _publish(self, topic: str) -> None:
        from redis.exceptions import RedisError

        try:
            await self._client.publish(_CHANNEL, topic)
        except (RedisError, OSError) as error:
            _log.warning("other processes have to look for what is new by themselves: %s", error)

    async def _connection(self) -> None:
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(_CHANNEL)
            while True:
                if not await self._heard(subscription, _QUIET_SECONDS):
                    await subscription.ping()
                    if not await self._heard(subscription, _ANSWER_SECONDS):
                        raise ConnectionError("Redis does not answer")

    async def _heard(self, subscription: PubSub, seconds: float) -> bool:
        """Whether anything came in time. The client may connect again by itself: then it is subscribed again."""
        message = await subscription.get_message(timeout=seconds)
        kind = None if message is None else message["type"]
        if kind == "message":
            self.wake(message["data"])
        elif kind == "subscribe":
            self._listening()
        return message is not None

    async def close(self) -> None:
        await asyncio.gather(*self._sending)
        await self._client.aclose()


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
