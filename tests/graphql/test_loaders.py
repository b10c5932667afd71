"""What fields of one operation ask for is read together, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from aurum.graphql.loaders import Loaders


class Store:
    def __init__(self) -> None:
        self.reads: list[list[int]] = []

    async def squares(self, principal: str, keys: Sequence[int], *, plus: int = 0) -> Mapping[int, int]:
        self.reads.append(list(keys))
        await asyncio.sleep(0)
        if -13 in keys:
            raise LookupError(principal)
        return {key: key * key + plus for key in keys if key >= 0}


async def test_fields_beside_each_other_are_read_with_one_call() -> None:
    store, loaders = Store(), Loaders()
    found = await asyncio.gather(*(loaders.load(store.squares, "desk", key) for key in (2, 3, 2, -1)))
    assert found == [4, 9, 4, None]
    assert store.reads == [[2, 3, -1]]


async def test_many_keys_are_answered_in_their_order_and_read_once() -> None:
    store, loaders = Store(), Loaders()
    assert await loaders.load_many(store.squares, "desk", [3, 1, 3, -1]) == [9, 1, 9, None]
    assert await loaders.load_many(store.squares, "desk", [1, 2]) == [1, 4]
    assert await loaders.load(store.squares, "desk", 2) == 4
    assert await loaders.load_many(store.squares, "desk", [1], plus=1) == [2]
    assert await loaders.load_many(store.squares, "desk", []) == []
    assert store.reads == [[3, 1, -1], [2], [1]]


async def test_what_is_being_read_is_waited_for() -> None:
    store, loaders = Store(), Loaders()
    one, other, single = await asyncio.gather(
        loaders.load_many(store.squares, "desk", [1, 2]),
        loaders.load_many(store.squares, "desk", [2, 3]),
        loaders.load(store.squares, "desk", 3),
    )
    assert (one, other, single) == ([1, 4], [4, 9], 9)
    assert store.reads == [[1, 2], [3]]


async def test_a_call_is_bounded() -> None:
    store, loaders = Store(), Loaders()
    assert await loaders.load_many(store.squares, "desk", range(2500)) == [key * key for key in range(2500)]
    assert [len(read) for read in store.reads] == [1000, 1000, 500]


async def test_an_error_is_the_answer_of_its_whole_call_and_not_asked_for_again() -> None:
    store, loaders = Store(), Loaders()
    for _ in range(2):
        with pytest.raises(LookupError, match="desk"):
            await loaders.load_many(store.squares, "desk", [12, -13])
    with pytest.raises(LookupError):
        await loaders.load(store.squares, "desk", 12)
    assert store.reads == [[12, -13]]


async def test_one_that_gives_up_does_not_take_the_read_from_others() -> None:
    store, loaders = Store(), Loaders()
    given_up = asyncio.create_task(loaders.load_many(store.squares, "desk", [1]))
    other = asyncio.create_task(loaders.load_many(store.squares, "desk", [1]))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other == [1]
    assert given_up.cancelled()


async def test_nobody_waits_for_a_read_that_was_given_up() -> None:
    async def without_end(_principal: str, _keys: Sequence[int]) -> Mapping[int, int]:
        await asyncio.Event().wait()
        raise AssertionError

    loaders = Loaders()
    waiting = [asyncio.create_task(loaders.load(without_end, "desk", key)) for key in (1, 2)]
    waiting.append(asyncio.create_task(loaders.load_many(without_end, "desk", [3])))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    loaders.cancel()
    done, hanging = await asyncio.wait(waiting, timeout=1)
    assert (len(done), hanging) == (3, set())
