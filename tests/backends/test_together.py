"""Reads by key that many ask for at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from aurum.backends.sharing import Together
from aurum.errors import InvalidInput, Unavailable


class Table:
    """Answers a key with its version of the moment; `slow` until told to go on."""

    def __init__(self) -> None:
        self.version = 1
        self.reads: list[tuple[str, list[str]]] = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.cancelled = 0

    async def read(self, group: str, keys: list[str]) -> dict[str, tuple[str, int]]:
        self.reads.append((group, keys))
        version = self.version
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if "bad" in keys:
            raise InvalidInput("a key has characters that cannot be searched for")
        if "away" in keys:
            raise Unavailable("the database is away")
        return {key: (key, version) for key in keys if key != "nobody"}


@pytest.fixture
def table() -> Table:
    return Table()


async def asked(together: Together[str, str, tuple[str, int]], *keys: str, group: str = "demo") -> Sequence[int | None]:
    found = await together.ask(group, keys)
    return [found[key][1] if key in found else None for key in keys]


async def test_who_asks_at_the_same_time_is_answered_by_one_read(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    found = await asyncio.gather(asked(together, "a"), asked(together, "b", "a"), asked(together, "nobody"))
    assert list(found) == [[1], [1, 1], [None]]
    assert table.reads == [("demo", ["a", "b", "nobody"])]


async def test_groups_are_read_apart(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    await asyncio.gather(asked(together, "a"), asked(together, "a", group="other"))
    assert table.reads == [("demo", ["a"]), ("other", ["a"])]


async def test_nobody_is_answered_what_was_read_before_they_asked(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    table.may_go.clear()
    first = asyncio.create_task(asked(together, "a"))
    await asyncio.sleep(0.01)
    table.version = 2
    later = [asyncio.create_task(asked(together, key)) for key in ("a", "b")]
    await asyncio.sleep(0.01)
    assert len(table.reads) == 1  # they wait for it
    table.may_go.set()
    assert await first == [1]
    assert await asyncio.gather(*later) == [[2], [2]]
    assert [keys for _, keys in table.reads] == [["a"], ["a", "b"]]
    assert (together._next, together._last) == ({}, {})


async def test_however_many_keys_wait_for_a_read_all_are_answered(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    table.may_go.clear()
    waiting = []
    for part in range(6):
        waiting.append(asyncio.create_task(asked(together, *[f"{part} {number}" for number in range(700)])))
        await asyncio.sleep(0.01)
    table.may_go.set()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*waiting) == [[1] * 700] * 6
    assert max(len(keys) for _, keys in table.reads) == 1400
    assert (together._next, together._last) == ({}, {})


async def test_what_one_asks_wrong_is_no_error_of_the_others(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    good, bad = await asyncio.gather(asked(together, "a"), asked(together, "bad"), return_exceptions=True)
    assert good == [1]
    assert isinstance(bad, InvalidInput)


async def test_an_outage_is_everybodys(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    found = await asyncio.gather(asked(together, "a"), asked(together, "away"), return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable, Unavailable]


async def test_a_read_ends_when_the_last_one_has_gone(table: Table) -> None:
    together = Together[str, str, tuple[str, int]](table.read)
    table.may_go.clear()
    waiting = [asyncio.create_task(asked(together, "a")) for _ in range(2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert table.cancelled == 0
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert table.cancelled == 1
    table.may_go.set()
    assert await asked(together, "a") == [1]
    assert (together._next, together._last) == ({}, {})
