"""The client of a Redis server, for what processes share: nothing in it has to outlive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio import Redis

_SECONDS = 2.0


def open_redis(url: str) -> Redis:
    """Connects with the first command. A command that is not answered within 2 seconds raises a RedisError."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=Retry(NoBackoff(), 1),
        decode_responses=True, client_name="aurum",
    )  # fmt: skip
