"""The client of a Redis server, for what processes share: nothing in it has to outlive it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger(__name__)
_SECONDS = 2.0
_REST_SECONDS = 5.0
_MOST_AT_ONCE = 32  # a client opens a connection for each, at most 100: one too many would fail


def open_redis(url: str) -> Redis:
    """Connects with the first command. A command that is not answered within 2 seconds raises a RedisError."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 1),
        decode_responses=True, client_name="aurum",
    )  # fmt: skip


class Resting:
    """Runs scripts. A Redis that does not answer is not asked for 5 seconds; the log says what is `lost` meanwhile."""

    def __init__(self, lost: str) -> None:
        self._lost = lost
        self._rests_until = 0.0
        self._free = asyncio.Semaphore(_MOST_AT_ONCE)

    async def run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What it answers; None where Redis does not."""
        from redis.exceptions import RedisError

        async with self._free:
            if time.monotonic() < self._rests_until:
                return None
            try:
                return await script(keys=keys, args=args)
            except (RedisError, OSError) as error:
                _log.warning("Redis does not answer, %s: %s", self._lost, error)
                self._rests_until = time.monotonic() + _REST_SECONDS
                return None
