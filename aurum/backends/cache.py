"""Texts that are kept for a while, in shares: what one tenant keeps takes nothing from another, nor is shown to it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aurum.backends.redis import Resting

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST_BYTES = 4 * 2**20  # of a share
_ENTRY = 200  # bytes of key and bookkeeping, roughly


class Cache(Protocol):
    """A text is kept until nobody has asked for it for `seconds`, or until texts used later fill the share."""

    async def get(self, share: str, key: str) -> str | None:
        """None where it is not kept, or where the store cannot be reached. Keeps it for longer."""

    async def put(self, share: str, key: str, text: str) -> None:
        """A text that is larger than the share is not kept; nor is any where the store cannot be reached."""


@dataclass(slots=True)
class _Share:
    size: int = 0
    texts: OrderedDict[str, tuple[str, float]] = field(default_factory=OrderedDict)  # with when each was used

    def drop_first(self) -> None:
        key, (text, _) = self.texts.popitem(last=False)
        self.size -= _size(key, text)


class MemoryCache:
    """Within one process."""

    def __init__(
        self, seconds: float, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._most = most_bytes
        self._clock = clock
        self._shares: dict[str, _Share] = {}

    async def get(self, share: str, key: str) -> str | None:
        kept = self._current(share)
        found = kept.texts.pop(key, None)
        if found is None:
            return None
        kept.texts[key] = (found[0], self._clock())
        return found[0]

    async def put(self, share: str, key: str, text: str) -> None:
        kept, size = self._current(share), _size(key, text)
        if size > self._most:
            return
        replaced = kept.texts.pop(key, None)
        kept.size += size - (0 if replaced is None else _size(key, replaced[0]))
        kept.texts[key] = (text, self._clock())
        while kept.size > self._most:
            kept.drop_first()

    def _current(self, share: str) -> _Share:
        """Without what has been kept for too long: that stands first."""
        kept, oldest = self._shares.setdefault(share, _Share()), self._clock() - self._seconds
        while kept.texts and next(iter(kept.texts.values()))[1] <= oldest:
            kept.drop_first()
        return kept


class RedisCache:
    """In a Redis that processes share. Where it does not answer, it is not asked for 5 seconds, and nothing is kept.

    A share has a hash of its texts, a sorted set of when each was used, and the number of its bytes: three keys with
    one hash tag, changed by one script, so that they always fit together.
    """

    def __init__(
        self, redis: Redis, seconds: float, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self._seconds = seconds
        self._most = most_bytes
        self._clock = clock
        self._redis = Resting("nothing is kept")
        self._get: Any = redis.register_script(_EXPIRED + _GET)
        self._put: Any = redis.register_script(_EXPIRED + _PUT)

    async def get(self, share: str, key: str) -> str | None:
        found: str | None = await self._run(self._get, share, key)
        return found

    async def put(self, share: str, key: str, text: str) -> None:
        if _size(key, text) <= self._most:
            await self._run(self._put, share, key, text, self._most)

    async def _run(self, script: Any, share: str, key: str, *more: Any) -> Any:
        keys = [f"aurum:kept:{{{share}}}:{part}" for part in ("texts", "used", "bytes")]
        return await self._redis.run(script, keys, [self._clock(), self._seconds, _ENTRY, key, *more])


def _size(key: str, text: str) -> int:
    return len(key.encode()) + len(text.encode()) + _ENTRY


_EXPIRED = """
local texts, used, bytes = KEYS[1], KEYS[2], KEYS[3]
local now, seconds, entry, key = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local function drop(name)
  local size = #name + redis.call('HSTRLEN', texts, name) + entry
  redis.call('HDEL', texts, name)
  redis.call('ZREM', used, name)
  return redis.call('DECRBY', bytes, size)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', used, '-inf', now - seconds)) do drop(name) end
local function touch()
  redis.call('ZADD', used, ARGV[1], key)
  for _, each in ipairs(KEYS) do redis.call('PEXPIRE', each, math.ceil(seconds * 1000)) end
end
"""
_GET = """
local text = redis.call('HGET', texts, key)
if text then touch() end
return text
"""
_PUT = """
if redis.call('HEXISTS', texts, key) == 1 then drop(key) end
redis.call('HSET', texts, key, ARGV[5])
touch()
local size = redis.call('INCRBY', bytes, #key + #ARGV[5] + entry)
while size > tonumber(ARGV[6]) do size = drop(redis.call('ZRANGE', used, 0, 0)[1]) end
return false
"""
