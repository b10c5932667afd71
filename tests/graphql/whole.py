"""Any query over the whole schema: with the words of some data where a field asks for them, and with none of theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLSchema,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

from tests.graphql.queries import Writing, variables

Words = Mapping[str, Sequence[Any]]  # by the names of arguments, members and scalars
SCALARS: Words = {
    "Int": (0, 1, 2, 3, 12, -1, 2025, 2**31 - 1),
    "Float": (0, 1, 1.5, -2.25, 95, 1e308, 5e-324),
    "String": ("", "nothing", "EUR", "MWh", "gas", "EUGP", "Zürich €", "a \u2028 b", 'a "quote" \\ and\nlines', '"""'),
    "ID": ("", "nothing", "1", "Q3VydmU6MQ==", 7),
    "Boolean": (True, False),
    "Date": ("2025-02-12", "2025-02-13", "2025-03-01", "2025-06-01", "2025-02-30", "0001-01-01"),
    "DateTime": ("2025-02-13T07:00:00Z", "2025-02-14T12:00:00.5+01:00", "2025-02-13", "9999-12-31T23:59:59Z"),
    "JSON": (1, "a", [None, {"a": 1.5}], {}),
}
ODD: Sequence[Any] = (2**31, 1e300, -1, 1.0, 1.5, "", "x", True, [], {}, [None], {"nothing": 1}, None)
PREFIXES = ("", "", "\ufeff", "# ein Kommentar: 数\r\n,,")


@st.composite
def whole_queries(draw: st.DrawFn, schema: GraphQLSchema, words: Words, depth: int = 5) -> tuple[str, dict[str, Any]]:
    """An operation and its variables. Most are valid."""
    writing = Whole(draw, schema, most=3, words=words)
    text = draw(st.sampled_from(PREFIXES)) + writing.document(depth)
    return text, draw(variables()) | writing.values


@dataclass
class Whole(Writing):
    words: Words = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # of variables

    def argument(self, name: str, of: GraphQLArgument) -> str:
        if not is_required_argument(of) and self.rarely(2, 3):
            return ""
        return self.variable(name, of.type) if self.rarely(1, 4) else self.literal(name, of.type)

    def literal(self, name: str, type_: GraphQLInputType) -> str:
        return self.written(self.value(name, type_), type_)

    def variable(self, name: str, type_: Any) -> str:
        variable, default = f"v{len(self.declared)}", ""
        if self.rarely(1, 3):
            type_ = get_nullable_type(type_)
            default = f" = {self.literal(name, GraphQLNonNull(type_))}"
        self.declared[variable] = f"{type_}{default}"
        if not default or self.rarely(1, 2):
            self.values[variable] = self.draw(st.sampled_from(ODD)) if self.rarely(1, 9) else self.value(name, type_)
        return f"${variable}"

    def value(self, name: str, type_: GraphQLInputType, depth: int = 3) -> Any:
        """As JSON has it: a list of one may be written without being one."""
        if not is_non_null_type(type_) and self.rarely(1, 8):
            return None
        inner: Any = get_nullable_type(type_)
        if is_list_type(inner):
            items = [self.value(name, inner.of_type, depth) for _ in range(self.draw(st.sampled_from([0, 1, 1, 2])))]
            return items[0] if len(items) == 1 and not isinstance(items[0], list) and self.rarely(1, 3) else items
        if is_enum_type(inner):
            return self.draw(st.sampled_from(list(inner.values)))
        if is_input_object_type(inner):
            return self.members(inner, depth)
        own = self.words.get(name, ())
        return self.draw(st.sampled_from([*own, *own, *SCALARS[inner.name]] if own else SCALARS[inner.name]))

    def members(self, of: Any, depth: int) -> dict[str, Any]:
        if of.is_one_of:
            name = self.draw(st.sampled_from(list(of.fields))) if depth > 0 else next(iter(of.fields))
            return {name: self.value(name, GraphQLNonNull(of.fields[name].type), depth - 1)}
        return {
            name: self.value(name, each.type, depth - 1)
            for name, each in of.fields.items()
            if is_required_input_field(each) or (depth > 0 and self.rarely(1, 4))
        }

    def written(self, value: Any, type_: GraphQLInputType) -> str:
        """The value as a literal."""
        inner: Any = get_nullable_type(type_)
        if isinstance(value, list):
            items = inner.of_type if is_list_type(inner) else inner
            return f"[{' '.join(self.written(each, items) for each in value)}]"
        if is_list_type(inner):
            return self.written(value, inner.of_type)
        if isinstance(value, dict):
            fields = getattr(inner, "fields", {})
            members = (
                f"{name}: {self.written(each, fields[name].type if fields else inner)}" for name, each in value.items()
            )
            return f"{{{', '.join(members)}}}"
        if is_enum_type(inner) and value is not None:
            return str(value)
        if isinstance(value, str) and self.rarely(1, 4) and re.fullmatch(r"[^\\]*[^\\\"]", value):
            return f'"""\n  {value.replace(chr(34) * 3, chr(92) + chr(34) * 3)}\n"""'
        return orjson.dumps(value).decode()

    def rarely(self, times: int, of: int) -> bool:
        return self.draw(st.integers(1, of)) <= times
