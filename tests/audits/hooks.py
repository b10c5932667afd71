"""What schemathesis cannot know of Aurum: its scalars, and which codes say that the caller was wrong, or the server.

It knows the codes of Apollo Server and graphql-java. Runs in an environment of its own, pinned by `schemathesis.lock`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import graphql
import schemathesis  # type: ignore[import-not-found]  # of an environment of its own
from hypothesis import strategies as st
from schemathesis.graphql import nodes  # type: ignore[import-not-found]
from schemathesis.specs.graphql import validation  # type: ignore[import-not-found]

validation.CLIENT_ERROR_MARKERS |= {
    "CONFLICT", "COST_TOO_HIGH", "CURSOR_TOO_OLD", "EXPIRED", "EXPORT_TOO_LARGE", "FORBIDDEN", "GRAPHQL_INVALID",
    "INVALID_CURSOR", "INVALID_EXPRESSION", "INVALID_SCENARIO", "MIXED_DAYS", "NOT_FOUND", "NO_EXCHANGE_RATE",
    "OVERFLOW", "TOO_LITTLE_HISTORY", "TOO_MANY_EXPORTS", "UNIT_MISMATCH", "UNKNOWN_TENOR", "UNKNOWN_UNIT",
    "WORKBOOK_REFUSED",
}  # fmt: skip
validation.SERVER_ERROR_MARKERS |= {"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE"}

LEAVES = (
    st.just(nodes.Null) | st.booleans().map(nodes.Boolean) | st.text(max_size=20).map(nodes.String)
    | st.integers().map(nodes.Int) | st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float)
)  # fmt: skip
DAYS = st.sampled_from(["2025-02-11", "2025-02-12"]) | st.dates().map(str)
INSTANTS = st.builds(datetime.fromtimestamp, st.integers(1_700_000_000, 1_830_000_000), st.timezones())


def json_object(members: dict[str, graphql.ValueNode]) -> graphql.ObjectValueNode:
    fields = [graphql.ObjectFieldNode(name=graphql.NameNode(value=key), value=it) for key, it in members.items()]
    return nodes.Object(fields)  # type: ignore[no-any-return]


def json_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.from_regex("[a-z]{1,8}", fullmatch=True)
    return st.lists(inner, max_size=3).map(nodes.List) | st.dictionaries(names, inner, max_size=3).map(json_object)


schemathesis.graphql.scalar("Date", DAYS.map(nodes.String))
schemathesis.graphql.scalar("DateTime", INSTANTS.map(datetime.isoformat).map(nodes.String))
schemathesis.graphql.scalar("JSON", st.recursive(LEAVES, json_of, max_leaves=10))
schemathesis.graphql.scalar("Upload", st.just("a text where a file should be").map(nodes.String))

PAGING = {"after": "string_value", "before": "string_value", "first": "int_value", "last": "int_value"}


def right(node: graphql.ArgumentNode) -> bool:
    """Whether it has a value of its type: what is wrong on purpose has to stay."""
    value = node.value
    if isinstance(value, graphql.IntValueNode) and not -(2**31) <= int(value.value) < 2**31:
        return False
    return value.kind == PAGING[node.name.value]  # null is wrong where the type is `Int!`


class FirstPages(graphql.Visitor):
    """`first: 5` alone, where random cursors beside `first` and `last` would be refused."""

    def enter_argument(self, node: graphql.ArgumentNode, *_: object) -> Any:
        if node.name.value not in PAGING or not right(node):
            return None
        if node.name.value != "first":
            return graphql.REMOVE
        return graphql.ArgumentNode(name=node.name, value=graphql.IntValueNode(value="5"))


@schemathesis.hook  # type: ignore[untyped-decorator]
def flatmap_body(context: Any, body: graphql.DocumentNode) -> st.SearchStrategy[graphql.DocumentNode]:
    """Pages as clients ask for them, half of the time."""
    return st.sampled_from([body, graphql.visit(body, FirstPages())])


@schemathesis.check  # type: ignore[untyped-decorator]
def errors_have_codes(ctx: Any, response: Any, case: Any) -> None:
    """Also where data is wrong on purpose: who reads `code` knows what it was."""
    for error in response.json().get("errors", []):
        assert error["message"]
        assert error["extensions"]["code"]
