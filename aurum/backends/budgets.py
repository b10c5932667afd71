"""What somebody may spend over time: a bucket that fills steadily, in this process or shared through Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aurum.backends.redis import Resting

if TYPE_CHECKING:
    from redis.asyncio import Redis

_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Spent:
    """`left` to spend; less than nothing where something cost more than was thought.

    `wait`: nothing was spent, and after so many seconds there will be enough, if nobody spends before.
    """

    left: float
    wait: float = 0.0


class Budgets(Protocol):
    """Everybody has at most `capacity`, and gets `per_second` back."""

    @property
    def capacity(self) -> int: ...
    @property
    def per_second(self) -> float: ...
    async def spend(self, who: str, cost: float, *, always: bool = False) -> Spent:
        """A cost below 0 gives back. `always`: even where too little is left."""


class MemoryBudgets:
    """Of one process. Forgets who has spent nothing for longer than it takes to get everything back."""

    def __init__(self, capacity: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    async def spend(self, who: str, cost: float, *, always: bool = False) -> Spent:
        now = self._clock()
        left = self._at(now, *self._left.get(who, (self.capacity, now)))
        if cost > left and not always:
            return Spent(left, (cost - left) / self.per_second)
        left = min(self.capacity, left - cost)
        self._left[who] = (left, now)
        if len(self._left) > _MOST_KEPT:
            self._left = {who: kept for who, kept in self._left.items() if self._at(now, *kept) < self.capacity}
        return Spent(left)

    def _at(self, now: float, left: float, since: float) -> float:
        return min(self.capacity, left + (now - since) * self.per_second)


# The time is the server's: those of the processes differ.
_SPEND = """
local capacity, rate, cost, always = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = math.min(capacity, (tonumber(kept[1]) or capacity) + (now - (tonumber(kept[2]) or now)) * rate)
if cost > left and not always then
  return {tostring(left), tostring((cost - left) / rate)}
end
left = math.min(capacity, left - cost)
redis.call('HSET', KEYS[1], 'left', string.format('%.3f', left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - left) / rate * 1000) + 1000)
return {tostring(left), '0'}
"""


class RedisBudgets:
    """Shared by processes. A Redis that does not answer is not asked for 5 seconds, and nobody is refused meanwhile."""

    def __init__(self, redis: Redis, capacity: int, per_second: float) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self._redis = Resting("budgets are not kept")
        self._spend: Any = redis.register_script(_SPEND)

    async def spend(self, who: str, cost: float, *, always: bool = False) -> Spent:
        given = [self.capacity, self.per_second, cost, int(always)]
        found = await self._redis.run(self._spend, [f"aurum:budget:{who}"], given)
        return Spent(self.capacity) if found is None else Spent(*map(float, found))
