"""What is completed in columns, what is left to graphql-core, and what is kept."""

from __future__ import annotations

import gc
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import orjson
import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from aurum.backends.kept import Kept
from aurum.errors import InvalidInput
from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.columnar.leaves import completed_leaves
from aurum.graphql.columnar.plans import batched
from aurum.graphql.columnar.records import Constant, EncodedRows, RecordBatch, SharedColumn, Stack, rendered
from aurum.graphql.errors import told
from aurum.graphql.execution import Schema
from tests.graphql import desk as desks
from tests.graphql.desk import Desk, Point, schema

STOCK, COLUMNS = schema(), schema(ColumnarExecutor)
PAGE = """query ($day: Date, $count: Int) { curves {
  place text newest { day best { side } }
  snapshot(day: $day) { place points(sides: [BID], count: $count) { text maybeNumber volume __typename } } } }"""


async def asked(of: strawberry.Schema, query: str, desk: Desk | None = None, **variables: Any) -> dict[str, Any]:
    result: Any = await of.execute(query, context_value=desk or Desk(columns=True), variable_values=variables)
    errors = [error.formatted for error in result.errors or ()]
    return {"data": result.data, "errors": errors} if errors else {"data": result.data}


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lists whose items graphql-core completes one by one."""
    items: list[str] = []
    stock = ColumnarExecutor.complete_list_item_value

    def noted(executor: Any, *given: Any) -> bool:
        info = given[4]
        items.append(f"{info.parent_type}.{info.field_name}")
        return stock(executor, *given)

    monkeypatch.setattr(ColumnarExecutor, "complete_list_item_value", noted)
    return items


async def test_a_page_of_curves_is_one_load_and_no_list_of_it_is_walked(one_by_one: list[str]) -> None:
    desk = Desk(columns=True)
    answer = await asked(COLUMNS, PAGE, desk, day="2026-01-01", count=3)
    assert desk.loads == [("snapshot", 3)]
    assert one_by_one == []
    assert answer["data"]["curves"][1]["snapshot"]["points"] == [
        {"text": "T20", "maybeNumber": 20.5, "volume": "20 MW", "__typename": "Point"},
        {"text": "T22", "maybeNumber": None, "volume": "22 MW", "__typename": "Point"},
    ]
    assert answer == await asked(STOCK, PAGE, Desk(), day="2026-01-01", count=3)


async def test_loads_beside_each_other_run_together() -> None:
    desk = Desk(columns=True)
    await asked(COLUMNS, '{ curves { a: snapshot { place } b: snapshot(day: "2026-01-01") { place } rank } }', desk)
    assert desk.loads == [("snapshot", 3), ("snapshot", 3), ("rank", 3)]


async def test_a_batched_resolver_without_a_load_is_called_for_each_parent(one_by_one: list[str]) -> None:
    query = "{ curves { historyLength label(sides: [BID]) more: historyLength(count: 5) none: label } }"
    desk = Desk(columns=True)
    answer = await asked(COLUMNS, query, desk)
    assert one_by_one == []
    assert desk.loads == [("history", 1)] * 6
    assert [curve["more"] for curve in answer["data"]["curves"]] == [5, 5, 5]
    assert answer == await asked(STOCK, query, Desk())


async def test_a_load_is_given_the_arguments_and_the_defaults_of_its_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []
    points = Desk.points

    def noted(desk: Desk, *given: Any, **named: Any) -> Any:
        seen.append(given)
        return points(desk, *given, **named)

    monkeypatch.setattr(Desk, "points", noted)
    query = """query ($n: Int!) { curve { snapshot {
        points { text } maybePoints(sides: [ASK]) { text } more: points(count: $n) { text } } } }"""
    await asked(COLUMNS, query, n=1)
    assert [given for given in seen if len(given) == 3] == [(0, None, 4), (0, [desks.Side.ASK], 3), (0, None, 1)]


@strawberry.type
class Row:
    text: str = ""
    number: float = 0.5

    @strawberry.field(metadata=batched(lambda rows, info: [1] * (len(rows) - 1)))
    def lost(self) -> int:
        return 1


@strawberry.type
class Sheets:
    @strawberry.field
    def sheets(self, info: strawberry.Info[list[Sequence[Row]], None]) -> list[Sequence[Row]] | None:
        return info.context


SHEETS = strawberry.Schema(Sheets, execution_context_class=ColumnarExecutor)


async def test_only_columns_that_are_selected_are_computed() -> None:
    def broken() -> list[str]:
        raise AssertionError("not selected")

    rows = RecordBatch(Row, 2, {"text": broken, "number": [1.0, 2.0]})
    answer = await SHEETS.execute("{ sheets { number } }", context_value=[rows])
    assert answer.data == {"sheets": [[{"number": 1.0}, {"number": 2.0}]]}


async def test_a_shared_column_is_completed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    grid, completed = SharedColumn(["a", "b"]), []

    def noted(leaf: Any, nullable: bool, values: Any) -> Any:
        completed.append(values)
        return completed_leaves(leaf, nullable, values)

    monkeypatch.setattr("aurum.graphql.columnar.texts.completed_leaves", noted)
    sheets = [RecordBatch(Row, 2, {"text": grid}) for _ in range(3)]
    answer = await SHEETS.execute("{ sheets { text } }", context_value=sheets)
    assert answer.data == {"sheets": [[{"text": "a"}, {"text": "b"}]] * 3}
    assert completed == [["a", "b"]]


async def test_texts_hold_whatever_a_text_may_hold() -> None:
    odd = ["a,b", "line\nbreak", 'quo"te', "100 %s %", "back\\slash", "é€𝄞", "", "},{", "null"]
    numbers = np.array([1.5, 7.25, -0.0, 1e300, 5e-324, 0.1, 3.0, -2.0, 1e16])
    columns: list[Any] = [SharedColumn(odd), odd, Constant('%d,"')]
    sheets = [RecordBatch(Row, len(odd), {"text": text, "number": numbers}) for text in columns]
    answer = await SHEETS.execute("{ sheets { number text n: number t: text __typename } }", context_value=sheets)
    expected = [odd, odd, ['%d,"'] * len(odd)]
    for rows, texts in zip(orjson.loads(rendered(answer.data))["sheets"], expected, strict=True):
        assert [row["text"] for row in rows] == [row["t"] for row in rows] == texts
        assert [repr(row["number"]) for row in rows] == [repr(each) for each in numbers.tolist()]


@pytest.mark.parametrize(
    "text", [SharedColumn(["a", "b"]), Constant("100 %"), [["a", "b"], ["c", "d"]]], ids=["shared", "same", "own"]
)
@pytest.mark.parametrize("fields", ["text number", "number t: text text", "number", "text __typename number"])
@pytest.mark.parametrize("order", ["C", "F"])  # numpy has what it takes of some columns in the other one
async def test_a_stack_is_what_its_batches_are_alone(text: Any, fields: str, order: Literal["C", "F"]) -> None:
    numbers = np.array([[1.5, -0.0], [1e300, 0.1]], order=order)
    stack = Stack(Row, 2, lambda: {"text": text, "number": lambda: numbers})
    own = [text if isinstance(text, SharedColumn | Constant) else text[n] for n in range(2)]
    alone = [RecordBatch(Row, 2, {"text": own[n], "number": numbers[n]}) for n in range(2)]
    stacked = [stack.batch(n) for n in (0, 1)]
    assert list(map(list, stacked)) == list(map(list, alone))
    answers = [await SHEETS.execute(f"{{ sheets {{ {fields} }} }}", context_value=each) for each in (stacked, alone)]
    assert rendered(answers[0].data) == rendered(answers[1].data)
    numbers[1, 1] = np.nan
    spoilt = Stack(Row, 2, lambda: {"text": text, "number": numbers})
    answer = await SHEETS.execute(f"{{ sheets {{ {fields} }} }}", context_value=[spoilt.batch(0), spoilt.batch(1)])
    assert [error.path for error in answer.errors or ()] == [["sheets", 1, 1, "number"]]


async def test_an_attribute_without_a_column_has_its_default() -> None:
    answer = await SHEETS.execute("{ sheets { text number } }", context_value=[RecordBatch(Row, 1, {"text": ["a"]})])
    assert answer.data == {"sheets": [[{"text": "a", "number": 0.5}]]}


@pytest.mark.parametrize("value", [None, math.inf, ValueError("cell")], ids=repr)
async def test_an_error_is_told_by_graphql_core(value: Any, one_by_one: list[str]) -> None:
    spoilt: dict[Any, Any] = {("number", 12): value}
    answer = await asked(COLUMNS, "{ sheets { number } maybePoints(place: 1) { number } }", Desk(True, spoilt=spoilt))
    assert answer["data"] is None  # nothing above the number may be null
    assert answer["errors"][0]["path"] == ["sheets", 1, 2, "number"]
    assert "Query.sheets" in one_by_one
    nullable = await asked(COLUMNS, "{ maybePoints(place: 1) { number text } }", Desk(True, spoilt=spoilt))
    assert [row and row["text"] for row in nullable["data"]["maybePoints"]] == ["T10", "T11", None, "T13"]


@pytest.mark.parametrize("value", [math.inf, -math.inf])
async def test_an_infinity_is_refused_by_its_code(value: float) -> None:
    for columns in (True, False):
        desk = Desk(columns, spoilt={("number", 2): value})
        answer = await COLUMNS.execute("{ maybePoints { number } }", context_value=desk)
        (error,) = answer.errors or []
        assert (told(error, None).extensions or {})["code"] == "OVERFLOW"


@pytest.mark.parametrize(
    "query",
    [
        "{ points { text spread } }",
        "{ points { text shifted(by: 2) } }",
        "{ maybePoints { text secret } }",
        "{ curves { text unbatched } }",
        "{ curves { text guarded { text } } }",
        "{ placed { place ... on Point { text } } }",
        "{ anything { ... on Curve { text } ... on Point { text } } }",
    ],
)
async def test_what_has_to_be_asked_for_each_is_left_to_graphql_core(query: str, one_by_one: list[str]) -> None:
    answer = await asked(COLUMNS, query)
    assert one_by_one
    assert answer == await asked(STOCK, query, Desk())


async def test_a_load_that_fails_is_told_for_each_parent(caplog: pytest.LogCaptureFixture) -> None:
    query = "{ curves { text snapshot { text } } }"
    answer = await asked(COLUMNS, query, Desk(True, fails={"snapshot": 1}))
    assert answer == await asked(STOCK, query, Desk(fails={"snapshot": 1}))
    assert answer["errors"][0]["path"] == ["curves", 1, "snapshot"]
    assert "Curve.snapshot is asked for one by one" in caplog.text


async def test_a_refusal_of_a_load_is_no_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> Any:
        raise InvalidInput("`day` is too old", field="day")

    monkeypatch.setattr(Desk, "read", refused)
    answer = await asked(COLUMNS, "{ curves { snapshot { text } } }")
    assert [error["message"] for error in answer["errors"]] == ["`day` is too old"] * 3
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "aurum" in record.name]


async def test_a_null_for_an_argument_that_has_none_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    answer = await asked(COLUMNS, "query ($n: Int = 2) { curves { history(count: $n) { text } } }", n=None)
    assert "not to be None" in answer["errors"][0]["message"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING and "aurum" in record.name]


async def test_a_load_that_loses_a_parent_is_an_error() -> None:
    answer = await SHEETS.execute("{ sheets { lost } }", context_value=[[Row(), Row()], [Row()]])
    assert [(error.message, error.path) for error in answer.errors or ()] == [
        ("Row.lost of 3 was loaded as 2", ["sheets"])
    ]


async def test_middleware_sees_every_field() -> None:
    seen: list[str] = []

    class Noting(SchemaExtension):
        def resolve(self, _next: Callable[..., Any], root: Any, info: Any, *args: str, **named: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *args, **named)

    await asked(schema(ColumnarExecutor, extensions=[Noting]), "{ points { text day } }")
    assert seen == ["points", *["text", "day"] * 4]


@pytest.mark.parametrize(
    "query",
    [
        "{ points { text ... @defer { number } } }",
        "{ points @stream(initialCount: 1) { text number } }",
        "{ ... @defer { points { text } } curves { text } }",
        "{ curves { text ... @defer { snapshot { points { number } } } } }",
        "{ curves { tags @stream(initialCount: 1) snapshot { maybePoints @stream(initialCount: 2) { number } } } }",
        "query ($yes: Boolean = false) { points { text ... @defer(if: $yes) { number } } }",
    ],
)
@pytest.mark.parametrize("spoilt", [{}, {("number", 2): None}], ids=["whole", "spoilt"])
async def test_what_is_deferred_or_streamed_is_left_to_graphql_core(query: str, spoilt: dict[Any, Any]) -> None:
    async def frames(of: Any, desk: Desk) -> list[Any]:
        config = {"enable_experimental_incremental_execution": True}
        result: Any = await schema(of, config=config).execute(query, context_value=desk)
        if not hasattr(result, "initial_result"):
            return [result.data, [error.formatted for error in result.errors or ()]]
        later = [frame.formatted async for frame in result.subsequent_results]
        return [result.initial_result.formatted, *later]

    expected = await frames(None, Desk(spoilt=spoilt))
    assert await frames(ColumnarExecutor, Desk(True, spoilt=spoilt)) == expected
    assert len(expected) > 1


class TestKept:
    """Rows of a batch with a `cache_key`."""

    @pytest.fixture
    def kept(self) -> Kept[Any, bytes]:
        return Kept(2**20)

    @pytest.fixture
    def keeping(self, kept: Kept[Any, bytes]) -> strawberry.Schema:
        class Keeping(ColumnarExecutor):
            pass

        Keeping.kept = kept
        return schema(Keeping)

    async def test_are_not_made_again(self, keeping: strawberry.Schema, monkeypatch: pytest.MonkeyPatch) -> None:
        first = await asked(keeping, "{ points { text number } }", Desk(True, keep="same"))
        monkeypatch.setattr(RecordBatch, "column", None)
        second = await asked(keeping, "{ points { text number } }", Desk(True, keep="same"))
        assert isinstance(second["data"]["points"], EncodedRows)
        assert first == second == await asked(STOCK, "{ points { text number } }", Desk())

    async def test_batches_of_stacks_are_not_even_made(
        self, keeping: strawberry.Schema, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = "{ curves(count: 2) { snapshot { points { text number } } } }"
        first = await asked(keeping, query, Desk(True, keep="same"))
        monkeypatch.setattr(desks.Alone, "batch", None)
        second = await asked(keeping, query, Desk(True, keep="same"))
        assert first == second == await asked(STOCK, query, Desk())
        assert [len(each["snapshot"]["points"]) for each in second["data"]["curves"]] == [4, 4]

    async def test_are_kept_for_the_selection_as_it_is_answered(
        self, keeping: strawberry.Schema, kept: Kept[Any, bytes]
    ) -> None:
        query = """query ($s: Boolean! = false) {
            a: points { text number } b: points { number text } c: points { t: text number }
            d: points { t: number text } e: points { text number @skip(if: $s) } f: points { ...F number }
            g: points { text number __typename } h: points { text ... on Placed { ...on Point { number } } }
            i: maybePoints(place: 1) { text number } } fragment F on Placed { ... on Point { text } }"""
        for skipped in (False, True):
            answer = await asked(keeping, query, Desk(True, keep="same"), s=skipped)
            expected = await asked(STOCK, query, Desk(), s=skipped)
            assert answer == expected
            for name, rows in answer["data"].items():
                assert list(rows[0]) == list(expected["data"][name][0])  # fields in their order
        assert len(kept) == 7  # a, e, f and h are one selection until `number` is skipped; i is another content

    async def test_are_not_kept_where_something_is_wrong(
        self, keeping: strawberry.Schema, kept: Kept[Any, bytes]
    ) -> None:
        desk = Desk(True, keep="same", spoilt={("number", 1): math.inf})
        answer = await asked(keeping, "{ maybePoints { number } points { text } }", desk)
        assert answer["errors"][0]["path"] == ["maybePoints", 1, "number"]
        assert len(kept) == 1

    async def test_permission_is_decided_before(self, keeping: strawberry.Schema) -> None:
        query = "{ curve(place: 1) { guarded { points { text } } snapshot { points { text } } } }"
        for _ in range(2):
            answer = await asked(keeping, query, Desk(True, keep="same"))
            assert answer["errors"][0]["message"] == "not for you"
            assert answer["data"]["curve"]["guarded"] is None
            assert len(answer["data"]["curve"]["snapshot"]["points"]) == 4

    async def test_are_not_kept_without_a_key(self, keeping: strawberry.Schema, kept: Kept[Any, bytes]) -> None:
        await asked(keeping, "{ points { text } }", Desk(True, keep=None))
        assert len(kept) == 0


async def test_nothing_of_an_operation_waits_for_the_garbage_collector() -> None:
    ours = Schema(query=desks.Query, types=[Point, desks.Curve], config=STOCK.config)
    for query in ("{ points { text } }", PAGE, "{ curve { unbatched } }"):
        for _ in range(3):
            await asked(ours, query)
        gc.collect()
        gc.disable()
        try:
            for _ in range(30):
                await asked(ours, query)
            assert gc.collect() < 30, query
        finally:
            gc.enable()
