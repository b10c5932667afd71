"""What schemathesis cannot know of Aurum: its scalars, and which codes say that the caller was wrong, or the server.

It knows the codes of Apollo Server and graphql-java. Runs in an environment of its own, pinned by `schemathesis.lock`.
"""

from __future__ import annotations

from typing import Any

import schemathesis  # type: ignore[import-not-found]  # of an environment of its own
from hypothesis import strategies as st
from schemathesis.graphql import nodes  # type: ignore[import-not-found]
from schemathesis.specs.graphql import validation  # type: ignore[import-not-found]

validation.CLIENT_ERROR_MARKERS |= {
    "CONFLICT", "COST_TOO_HIGH", "CURSOR_TOO_OLD", "FORBIDDEN", "GRAPHQL_INVALID", "INVALID_CURSOR", "NOT_FOUND",
    "UNKNOWN_TENOR", "WORKBOOK_REFUSED",
}  # fmt: skip
validation.SERVER_ERROR_MARKERS |= {"DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE"}

LEAVES = (
    st.just(nodes.Null) | st.booleans().map(nodes.Boolean) | st.text(max_size=20).map(nodes.String)
    | st.integers().map(nodes.Int) | st.floats(allow_nan=False, allow_infinity=False).map(nodes.Float)
)  # fmt: skip
DAYS = st.sampled_from(["2025-02-11", "2025-02-12"]) | st.dates().map(str)
INSTANTS = st.datetimes(timezones=st.timezones()).map(lambda instant: instant.isoformat())

schemathesis.graphql.scalar("Date", DAYS.map(nodes.String))
schemathesis.graphql.scalar("DateTime", INSTANTS.map(nodes.String))
schemathesis.graphql.scalar("JSON", st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5).map(nodes.List)))
schemathesis.graphql.scalar("Upload", st.just("a text where a file should be").map(nodes.String))


@schemathesis.check  # type: ignore[untyped-decorator]
def errors_have_codes(ctx: Any, response: Any, case: Any) -> None:
    """Also where data is wrong on purpose: who reads `code` knows what it was."""
    for error in response.json().get("errors", []):
        assert error["message"]
        assert error["extensions"]["code"]
