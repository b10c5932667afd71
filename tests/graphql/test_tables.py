"""The table of an answer holds what its JSON holds: for whatever is asked that has one list within the other."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import orjson
import pyarrow as pa
import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLOutputType,
    GraphQLString,
    build_schema,
    execute,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    specified_rules,
)
from graphql.execution.values import get_variable_values
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable

from aurum.graphql.arrow.arrays import Columns, TableExecutor
from aurum.graphql.arrow.flattened import Flattened, written
from aurum.graphql.arrow.tables import SCALARS, NotATable, Table, table_of
from aurum.graphql.columnar.completion import StockExecutor
from aurum.graphql.columnar.records import rendered
from aurum.graphql.documents import Documents
from aurum.graphql.refused import DocumentRefused
from tests.graphql.comparing import BAD, DOCUMENTS, GENERATED, STOCK
from tests.graphql.desk import Desk
from tests.graphql.queries import queries, variables

STOCK_EXECUTOR = StockExecutor
LISTS_AND_ASKED = {"tags", "maybeTags", "grid", "spread", "secret", "shifted"}
Item = tuple[str, str, Any]  # "leaf", "one" or "many"; the key; the type or the items inside
Row = dict[str, Any]


@dataclass
class Writing:
    """A query whose answer is a table, and what it selects. Every leaf has a key of its own."""

    draw: st.DrawFn
    leaves: int = 0
    levels: list[str] = field(default_factory=list)

    def selection(self, on: GraphQLNamedType, lists: int, depth: int = 0) -> tuple[str, list[Item]]:
        """With so many lists, each within the one before."""
        fields: Any = getattr(on, "fields", {})
        leaves = [name for name, each in fields.items() if _is_column(each.type)]
        objects = [name for name, each in fields.items() if not is_leaf_type(get_named_type(each.type))]
        inner = [name for name in objects if is_list_type(get_nullable_type(fields[name].type))]
        ones = [name for name in objects if name not in inner]
        parts = [self.leaf(name, fields[name].type) for name in self.some(leaves)]
        if is_abstract_type(on):
            parts += [self.narrowed(each) for each in STOCK.get_possible_types(on)]
        for name in self.some(ones) if depth < 2 and ones else ():
            parts.append(self.nested("one", name, fields[name].type, 0, depth + 1))
        if lists and (inner or ones):
            many = self.draw(st.sampled_from([*[each for each in inner if each != "sheets"], *ones[:1]]))
            kind = "many" if many in inner else "one"
            parts.append(self.nested(kind, many, fields[many].type, lists - (kind == "many"), depth))
        written = self.draw(st.permutations(parts)) or [self.leaf("__typename", GraphQLString)]
        return f"{{ {' '.join(text for text, _ in written)} }}", [item for _, items in written for item in items]

    def some(self, names: list[str]) -> list[str]:
        return self.draw(st.lists(st.sampled_from(names), max_size=7, unique=True)) if names else []

    def key(self) -> str:
        self.leaves += 1
        return f"k{self.leaves}"

    def leaf(self, name: str, type_: GraphQLOutputType) -> tuple[str, list[Item]]:
        key = self.key()
        return f"{key}: {name}", [("leaf", key, type_)]

    def narrowed(self, on: GraphQLNamedType) -> tuple[str, list[Item]]:
        """Only leaves: lists of objects of different types would be beside each other."""
        fields: Any = getattr(on, "fields", {})
        names = self.some([name for name in fields if _is_column(fields[name].type)])
        parts = [self.leaf(each, fields[each].type) for each in names] or [self.leaf("__typename", GraphQLString)]
        return f"... on {on.name} {{ {' '.join(text for text, _ in parts)} }}", [
            each for _, items in parts for each in items
        ]

    def nested(self, kind: str, name: str, type_: GraphQLOutputType, lists: int, depth: int) -> tuple[str, list[Item]]:
        text, inside = self.selection(get_named_type(type_), lists, depth + 1)
        key = f"o{self.key()}"
        return f"{key}: {name} {text}", [(kind, key, inside)]


def _is_column(type_: GraphQLOutputType) -> bool:
    named = get_named_type(type_)
    return is_leaf_type(named) and (named.name in SCALARS or named.name == "Side")


@st.composite
def asked(draw: st.DrawFn) -> tuple[str, list[Item], Desk]:
    assert STOCK.query_type is not None
    text, items = Writing(draw).selection(STOCK.query_type, draw(st.integers(1, 3)))
    spoilt = {}
    if draw(st.integers(0, 3)) == 3:
        name = draw(st.sampled_from(["text", "number", "maybe_number", "maybe_text", "day", "instant", "whole"]))
        spoilt[name, draw(st.sampled_from([None, 0, 1, 12]))] = draw(st.sampled_from(BAD[name]))
    return text, items, Desk(curve_count=draw(st.integers(0, 3)), point_count=draw(st.integers(0, 4)), spoilt=spoilt)


def run(query: str, desk: Desk, executor: Any, asked: dict[str, Any]) -> Any:
    document: Any = DOCUMENTS.load(query)
    assert document.errors == [], document.errors
    is_awaitable: Any = optimized_is_awaitable
    prepared = {"prepared": document} if executor is TableExecutor else {}

    async def answer() -> Any:
        result: Any = execute(
            STOCK, document.tree, variable_values=asked, context_value=desk, executor_class=executor,
            is_awaitable=is_awaitable, operation_extensions=None, **prepared,
        )  # fmt: skip
        result = await result if is_awaitable(result) else result
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        return result

    return asyncio.run(answer())


def planned(query: str, asked: dict[str, Any] | None = None, schema: Any = STOCK, documents: Any = DOCUMENTS) -> Table:
    document = documents.load(query)
    assert document.errors == [], document.errors
    (operation,) = document.operations
    values: Any = get_variable_values(schema, operation.variable_definitions or (), asked or {})
    return table_of(schema, document, operation, values)


def read_back(table: Table, data: Any) -> Any:
    return pa.ipc.open_stream(b"".join(written(Flattened(table, data).table({})))).read_all()


def has_list(items: list[Item]) -> bool:
    return any(kind == "many" or (kind == "one" and has_list(inside)) for kind, _, inside in items)


def rows(value: Any, items: list[Item], above: Row) -> list[Row]:
    """The rows of an answer in JSON, the long way round."""
    own, inner, found = dict(above), None, {} if value is None else value
    for kind, key, inside in items:
        if kind == "leaf":
            own[key] = _told(found.get(key), inside)
        elif kind == "many" or has_list(inside):
            inner = kind, found.get(key), inside
        else:
            (leaves,) = rows(found.get(key), inside, {})
            own |= leaves
    if inner is None:
        return [own]
    kind, child, inside = inner
    below = (child or []) if kind == "many" else [child] * (child is not None)
    return [row for each in below for row in rows(each, inside, own)]


def _told(value: Any, type_: GraphQLOutputType) -> Any:
    name = get_named_type(type_).name
    if value is None or name not in ("Date", "DateTime"):
        return value
    return date.fromisoformat(value) if name == "Date" else datetime.fromisoformat(value)


@pytest.mark.slow
@settings(GENERATED, max_examples=100)
@given(asked())
def test_a_table_is_the_json_flattened(case: tuple[str, list[Item], Desk]) -> None:
    query, items, desk = case
    stock = run(query, desk, STOCK_EXECUTOR, {})
    if not has_list(items):
        with pytest.raises(NotATable, match="no list of objects"):
            planned(query)
        return
    table = planned(query)
    for columns in (False, True):
        result = run(query, replace(desk, columns=columns), TableExecutor, {})
        assert bool(result.errors) == bool(stock.errors)
        if result.errors:
            continue
        found = read_back(table, result.data).to_pylist()
        expected = rows(orjson.loads(rendered(stock.data)), items, {})
        assert [{name.split(".")[-1]: value for name, value in row.items()} for row in found] == expected


def test_columns_of_every_kind_are_read_as_columns() -> None:
    columns = [name for name, each in STOCK.type_map["Point"].fields.items() if _is_column(each.type)]  # type: ignore[attr-defined]
    flat = [name for name in columns if name not in LISTS_AND_ASKED]
    query = f"{{ curves {{ curve: text snapshot {{ points {{ {' '.join(flat)} }} }} }} }}"
    table, desk = planned(query), Desk(curve_count=2)
    stock, ours = run(query, desk, STOCK_EXECUTOR, {}), run(query, replace(desk, columns=True), TableExecutor, {})
    assert isinstance(ours.data["curves"][0]["snapshot"]["points"], Columns)
    found = read_back(table, ours.data)
    assert found.equals(read_back(table, stock.data))
    assert {name: found[name].null_count for name in ("number", "maybeNumber", "maybeSide")} == {
        "number": 0, "maybeNumber": 3, "maybeSide": 3,
    }  # fmt: skip
    assert found["maybeNumber"].to_pylist() == [0.5, None, 2.5, 3.5, None, 11.5, 12.5, None]


@pytest.mark.parametrize("cell", [("number", math.inf), ("number", None), ("maybe_number", -math.inf), ("text", None)])
def test_a_cell_that_is_an_error_in_json_is_one_in_a_table(cell: tuple[str, Any]) -> None:
    name, value = cell
    desk = Desk(columns=True, spoilt={(name, 2): value})
    query = "{ points { number maybeNumber text } }"
    stock, ours = run(query, desk, STOCK_EXECUTOR, {}), run(query, desk, TableExecutor, {})
    assert [error.formatted for error in ours.errors] == [error.formatted for error in stock.errors]
    assert ours.errors


@pytest.mark.slow
@settings(GENERATED, max_examples=100)
@given(queries(STOCK), variables(), st.integers(0, 3))
def test_whatever_is_asked_is_refused_or_the_same_of_objects_and_columns(
    query: str, given: dict[str, Any], curves: int
) -> None:
    document = DOCUMENTS.load(query)
    (operation,) = document.operations
    values = get_variable_values(STOCK, operation.variable_definitions or (), given)
    if isinstance(values, list):
        return
    try:
        table = planned(query, given)
    except (NotATable, DocumentRefused):
        return
    desk = Desk(curve_count=curves)
    stock = run(query, desk, STOCK_EXECUTOR, given)
    ours = run(query, replace(desk, columns=True), TableExecutor, given)
    assert bool(stock.errors) == bool(ours.errors)
    if not stock.errors:
        assert read_back(table, stock.data).equals(read_back(table, ours.data))


WORDS = build_schema(
    """
    type Query { one: One!, ones: [One!]!, maybe: [One], each: [Any!]!, cube: [[One!]!]!, free: [Free!]! }
    type One { id: ID!, n: Int, one: One, ones: [One!]!, tags: [String!]! }
    type Two { id: ID!, n: Int, ones: [One!]! }
    type Free { json: Json }
    type Mutation { ones: [One!]! }
    union Any = One | Two
    scalar Json
    """
)
WORDED = Documents(WORDS, specified_rules)


def names(query: str, **given: Any) -> list[str]:
    return [column.name for column in planned(query, given, WORDS, WORDED).columns]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ ones { id n } }", ["id", "n"]),
        ("{ ones { n one { id } tags } }", ["n", "one.id", "tags"]),
        ("{ one { n one { id } ones { a: id ones { b: id } } } }", ["n", "one.id", "a", "b"]),
        ("{ one { ones { id } other: one { id one { n } } } }", ["id", "other.id", "other.one.n"]),
        ("{ one { id } ones { id } }", ["one.id", "id"]),
        ("{ each { __typename ... on One { id } ... on Two { id n } } }", ["__typename", "id", "n"]),
        ("{ each { ... on Two { n ones { id } } } }", ["n", "id"]),
        ("{ ...F } fragment F on Query { ones { ...G n } } fragment G on One { id n }", ["id", "n"]),
        ("query($no: Boolean = false) { ones { id } maybe @include(if: $no) { id } }", ["id"]),
    ],
)
def test_columns_are_named_from_where_they_leave_the_lists(query: str, expected: list[str]) -> None:
    assert names(query) == expected


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ one { id tags } }", "the answer has no list of objects"),
        ("{ ones { id } maybe { n } }", "ones and maybe are lists beside each other"),
        ("{ ones { a: ones { n } b: ones { id } } }", "ones.a and ones.b are lists beside each other"),
        ("{ each { ... on One { ones { a: id } } ... on Two { twos: ones { b: id } } } }", "each.ones and each.twos"),
        ("{ ones { id ones { id } } }", "2 columns would be named 'id'"),
        ("{ cube { id } }", "cube is a list of lists of objects"),
        ("{ free { json } }", "free.json: the scalar Json is no type of a column"),
        ("{ ones { id @skip(if: true) } }", "nothing is selected"),
        ("mutation { ones { id } }", "only a query is answered as a table"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(query: str, reason: str) -> None:
    with pytest.raises(NotATable, match=reason):
        names(query)


def test_an_item_that_is_null_is_a_row_of_nulls_and_a_parent_without_items_is_none() -> None:
    table = planned("{ maybe { a: id ones { b: id } } }", None, WORDS, WORDED)
    data = {"maybe": [{"a": "1", "ones": [{"b": "x"}, {"b": "y"}]}, None, {"a": "2", "ones": []}]}
    assert read_back(table, data).to_pylist() == [{"a": "1", "b": "x"}, {"a": "1", "b": "y"}]
    table = planned("{ maybe { id n tags } }", None, WORDS, WORDED)
    found = read_back(table, {"maybe": [None, {"id": "1", "n": None, "tags": ["t"]}]})
    assert found.to_pylist() == [{"id": None, "n": None, "tags": None}, {"id": "1", "n": None, "tags": ["t"]}]
    assert read_back(table, {"maybe": None}).num_rows == 0


def test_many_rows_come_in_several_batches() -> None:
    table = planned("{ one { id ones { n } } }", None, WORDS, WORDED)
    data = {"one": {"id": "1", "ones": [{"n": n} for n in range(150_000)]}}
    parts = list(written(Flattened(table, data).table({})))
    assert len(parts) == 4, "three batches and the end"
    found = pa.ipc.open_stream(b"".join(parts)).read_all()
    assert found["n"].to_pylist() == list(range(150_000))
    assert set(found["id"].to_pylist()) == {"1"}
