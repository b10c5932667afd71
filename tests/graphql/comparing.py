"""Answers of the stock executor and of ours to the same question, about the same data."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson
from graphql import Undefined, execute, specified_rules
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.utils.str_converters import to_camel_case

from aurum.backends.kept import Kept
from aurum.graphql.columnar.completion import ColumnarExecutor, StockExecutor
from aurum.graphql.columnar.records import rendered
from aurum.graphql.documents import Document, Documents
from tests.graphql.desk import Desk, Side, Volume, schema
from tests.graphql.queries import queries, variables

STOCK = schema()._schema
is_awaitable: Any = optimized_is_awaitable
DOCUMENTS = Documents(STOCK, specified_rules)


class Later:
    """A cell that has to be awaited."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


BAD: Mapping[str, tuple[Any, ...]] = {
    "text": (None, 5, True, ["x"], RuntimeError("cell"), Later("t")),
    "key": (None, 12, 1.5),
    "whole": (None, 2**40, 1.5, "7", True, Later(3)),
    "number": (None, math.nan, math.inf, -math.inf, "x", "1.5", 3, True, Decimal("1.25"), 1e308, ValueError("cell")),
    "flag": (None, 3, "x"),
    "day": (None, "2026-01-01"),
    "instant": (None,),
    "side": (None, "nope", "b", Volume(1)),
    "exact": (None, "x"),
    "volume": (None, Volume(-1), 5),
    "extra": (None, RuntimeError("extra"), Later({}), Undefined),
    "rank": (None, "x", 2**31, LookupError("rank")),
    "maybe_text": (None, KeyError("cell")),
    "maybe_whole": (None, 2**31, "x"),
    "maybe_number": (None, math.nan, math.inf, 3, LookupError("cell"), Later(None)),
    "maybe_side": (None, Side.ASK, "nope"),
    "maybe_volume": (None, Volume(-1)),
    "tags": (None, [None], "abc", ("d",), [5], 7),
    "maybe_tags": (None, [], [None, "e"], RuntimeError("list")),
    "grid": (None, [None], [[math.nan]], [[1.0], [2]], []),
}


Case = tuple[str, list[dict[str, Any]], Desk]
EXAMPLES: tuple[Case, ...] = (
    (
        "{ a: points { text } b: points { t: text } c: points { t: text number } d: points { number t: text } }",
        [{}],
        Desk(),
    ),
    ("query ($yes: Boolean!) { curves { text @skip(if: $yes) place } }", [{"yes": True}, {"yes": False}], Desk()),
    ("query ($no: Boolean = true) { curves { text @skip(if: $no) place } }", [{"no": None}, {"no": True}], Desk()),
    ("{ curves { text rank snapshot { points(sides: [BID], count: 2) { number } } } }", [{}], Desk()),
    ("{ curves { text ownSnapshot { text } } }", [{}], Desk()),
    ("{ maybePoints { number text } }", [{}], Desk(spoilt={("number", 2): math.inf})),
    ("{ maybePoints { number } }", [{}], Desk(spoilt={("number", 1): None})),
    ("{ maybePoints { maybeNumber } }", [{}], Desk(spoilt={("maybe_number", 1): math.inf})),
    ("{ a: curve(place: 1) { number place } b: curve(place: 2) { text } c: curve { place } }", [{}], Desk()),
    ("{ maybePoints { extra text } }", [{}], Desk(spoilt={("extra", 1): RuntimeError("extra")})),
    ("{ curves { place guarded { text } } }", [{}], Desk()),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A query, variables for it and the same ones turned round, and data that are spoilt where they are asked for."""
    query, first = draw(queries(STOCK)), draw(variables())
    turned = {name: not first.get(name, default) for name, default in (("yes", True), ("no", False))}
    names = [name for name in BAD if f"{to_camel_case(name)}" in query]
    spoilt = {}
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3])) if names else 0):
        name = draw(st.sampled_from(names))
        spoilt[name, draw(st.sampled_from([None, None, None, 0, 1, 2, 3, 11, 21]))] = draw(st.sampled_from(BAD[name]))
    fails = {draw(st.sampled_from(["snapshot", "history", "rank"])): draw(st.sampled_from([None, 0, 1, 2]))}
    desk = Desk(
        curve_count=draw(st.sampled_from([0, 1, 2, 3, 3])),
        point_count=draw(st.sampled_from([0, 1, 4, 4])),
        spoilt=spoilt,
        fails=fails if draw(st.integers(0, 5)) == 5 else {},
    )
    return query, [first, first | turned], desk


@dataclass(frozen=True)
class Answer:
    """As a client gets it. `nulled` are the places that errors have made null.

    Of errors that make the same place null, graphql-core tells those that come before it stops: which, depends on what
    waits for what.
    """

    data: bytes
    errors: tuple[bytes, ...]
    nulled: frozenset[tuple[str | int, ...]]


class Everything(StockExecutor):
    """The stock executor that stops at no error."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.error_propagation = False


@dataclass(frozen=True)
class Expected:
    """What the stock executor answers, and all errors that it could tell."""

    stock: Answer
    errors: frozenset[bytes]

    def fits(self, ours: Answer) -> bool:
        alike = ours.data == self.stock.data and ours.nulled == self.stock.nulled
        return alike and len(set(ours.errors)) == len(ours.errors) and self.errors.issuperset(ours.errors)


def expected(document: Document, asked: Mapping[str, Any], desk: Desk) -> Expected:
    stock = answer(document, asked, desk, StockExecutor)
    return Expected(stock, frozenset(answer(document, asked, desk, Everything).errors + stock.errors))


def answer(document: Document, asked: Mapping[str, Any], desk: Desk, executor: Any, **named: Any) -> Answer:
    tree: Any = document.tree
    return _answered(
        lambda: execute(
            STOCK, tree, variable_values=dict(asked), context_value=desk, executor_class=executor,
            is_awaitable=is_awaitable, operation_extensions=None, **named,
        )
    )  # fmt: skip


def answers_again(document: Document, asked: Mapping[str, Any], desks: Sequence[Desk]) -> Iterator[Answer]:
    """Of one executor that is made once; none where the variables are refused."""
    tree: Any = document.tree
    made: Any = ColumnarExecutor.build(
        STOCK, tree, None, None, dict(asked), is_awaitable=is_awaitable, prepared=document
    )
    for desk in () if isinstance(made, list) else desks:
        yield _answered(made.again(desk).execute_operation)


def _answered(executed: Callable[[], Any]) -> Answer:
    async def run() -> Any:
        result: Any = executed()
        if is_awaitable(result):
            result = await result
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # what an error has left running
            await asyncio.wait(others)
        return result

    result = asyncio.run(run())
    errors = [error.formatted for error in result.errors or ()]
    nulled = frozenset(nulled_place(result.data, error.get("path", [])) for error in errors)
    return Answer(rendered(result.data), tuple(sorted(map(orjson.dumps, errors))), nulled)


def nulled_place(data: Any, path: Sequence[str | int]) -> tuple[str | int, ...]:
    """The part of the path of an error that is there, down to the null it has made."""
    for depth, step in enumerate(path):
        if data is None:
            return tuple(path[:depth])
        data = data[step]
    return tuple(path)


def answers(
    document: Document, asked: Sequence[Mapping[str, Any]], desk: Desk, kept: Kept[Any, bytes]
) -> Iterator[tuple[int, Answer]]:
    """Ours for each of the variables: over objects, columns, by one executor for both, and twice with what is kept."""
    keeping = type("Keeping", (ColumnarExecutor,), {"kept": kept})
    content = repr((desk.point_count, desk.spoilt))
    for place, values in enumerate(asked):
        yield place, answer(document, values, desk, ColumnarExecutor, prepared=document)
        yield place, answer(document, values, replace(desk, columns=True), ColumnarExecutor, prepared=document)
        for found in answers_again(document, values, [desk, replace(desk, columns=True), desk]):
            yield place, found
        for _ in range(2):
            columns = replace(desk, columns=True, keep=content)
            yield place, answer(document, values, columns, keeping, prepared=document)


GENERATED = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
