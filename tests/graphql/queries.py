"""Any query over a schema, and any variables for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

Draw = st.DrawFn
DECLARED = {
    "yes": "Boolean! = true",
    "no": "Boolean! = false",
    "perhaps": "Boolean = true",
    "place": "Int! = 1",
    "count": "Int",
    "day": "Date",
    "sides": "[Side!]",
    "by": "Int! = 3",
}
ARGUMENTS = {
    "place": ("0", "2", "7", "$place"),
    "count": ("1", "3", "$count"),
    "day": ('"2026-01-01"', "null", "$day"),
    "sides": ("[BID]", "[]", "$sides"),
    "by": ("2", "$by"),
}
VARIABLES: dict[str, st.SearchStrategy[Any]] = {
    "yes": st.booleans(),
    "no": st.booleans(),
    "perhaps": st.sampled_from([True, False, None]),
    "place": st.sampled_from([0, 1, 2, 9, "x"]),
    "count": st.sampled_from([0, 1, 4, None]),
    "day": st.sampled_from(["2026-01-02", "2026-02-30", None]),
    "sides": st.sampled_from([["ASK"], ["BID", "ASK"], None]),
    "by": st.integers(-3, 3),
}
DIRECTIVES = ("", "", "", "", " @skip(if: $yes)", " @include(if: $yes)", " @skip(if: $no)", " @include(if: $no)",
              " @include(if: true)", " @skip(if: $no) @include(if: $yes)", " @include(if: $perhaps)")  # fmt: skip


@st.composite
def variables(draw: Draw) -> dict[str, Any]:
    return {name: draw(values) for name, values in VARIABLES.items() if draw(st.booleans())}


@st.composite
def queries(draw: Draw, schema: GraphQLSchema, depth: int = 4) -> str:
    """An operation that is valid: fields that are answered under the same key are the same."""
    return Writing(draw, schema).document(depth)


@dataclass
class Writing:
    draw: Draw
    schema: GraphQLSchema
    fragments: list[tuple[str, str]] = field(default_factory=list)  # type, selection
    calls: list[str] = field(default_factory=list)
    most: int = 5  # items of a selection
    declared: dict[str, str] = field(default_factory=lambda: dict(DECLARED))

    def document(self, depth: int) -> str:
        assert self.schema.query_type is not None
        text = self.selection(self.schema.query_type, depth)
        text += "".join(f" fragment F{n} on {on} {inside}" for n, (on, inside) in enumerate(self.fragments))
        used = [f"${name}: {kind}" for name, kind in self.declared.items() if re.search(rf"\${name}\b", text)]
        return f"query ({', '.join(used)}) {text}" if used else text

    def selection(self, on: GraphQLNamedType, depth: int) -> str:
        items = [self.item(on, depth) for _ in range(self.draw(st.integers(1, 5)))]
        return f"{{ {' '.join(items)} }}"

    def item(self, on: GraphQLNamedType, depth: int) -> str:
        directive = self.draw(st.sampled_from(DIRECTIVES))
        match self.draw(st.sampled_from(["field"] * 6 + ["inline", "spread"])) if depth else "field":
            case "inline":
                to = self.narrowed(on)
                condition = f" on {to.name}" if to is not on or self.draw(st.booleans()) else ""
                return f"...{condition}{directive} {self.selection(to, depth - 1)}"
            case "spread":
                return f"...F{self.fragment(self.narrowed(on), depth - 1)}{directive}"
            case _:
                return self.field(on, directive, depth)

    def narrowed(self, on: GraphQLNamedType) -> GraphQLNamedType:
        """A type that a fragment inside `on` may name."""
        if isinstance(on, (GraphQLInterfaceType, GraphQLUnionType)):
            types: list[GraphQLNamedType] = [on, *self.schema.get_possible_types(on)]
        else:
            types = [on, *getattr(on, "interfaces", ())]
        return self.draw(st.sampled_from(types))

    def fragment(self, on: GraphQLNamedType, depth: int) -> int:
        known = [n for n, (named, _) in enumerate(self.fragments) if named == on.name]
        reused = self.draw(st.sampled_from([None, *known]))
        if reused is not None:
            return reused
        self.fragments.append((on.name, self.selection(on, depth)))
        return len(self.fragments) - 1

    def field(self, on: GraphQLNamedType, directive: str, depth: int) -> str:
        fields = on.fields if isinstance(on, (GraphQLObjectType, GraphQLInterfaceType)) else {}
        names = [name for name, each in fields.items() if depth or is_leaf_type(get_named_type(each.type))]
        composite = [name for name in names if not is_leaf_type(get_named_type(fields[name].type))]
        pool = names + composite * (len(names) // (len(composite) or 1))
        name = self.draw(st.sampled_from(["__typename", *pool]))
        if name == "__typename":
            return f"{self.draw(st.sampled_from(['', 'itsKind: ']))}__typename{directive}"
        key, call = self.call(name, fields[name])
        named = get_named_type(fields[name].type)
        inside = "" if is_leaf_type(named) else f" {self.selection(named, depth - 1)}"
        return f"{key}{call}{directive}{inside}"

    def call(self, name: str, of: GraphQLField) -> tuple[str, str]:
        """The key, and the field with arguments. Another call of the same field has another key."""
        given = {each: self.argument(each, argument) for each, argument in of.args.items()}
        arguments = ", ".join(f"{each}: {value}" for each, value in given.items() if value)
        if not arguments:
            return self.draw(st.sampled_from(["", "", f"x{name}: ", f"y{name}: "])), name
        call = f"{name}({arguments})"
        if call not in self.calls:
            self.calls.append(call)
        return f"{name}{self.calls.index(call)}: ", call

    def argument(self, name: str, of: GraphQLArgument) -> str:
        """As it is written; nothing where it is left out."""
        return self.draw(st.sampled_from(["", *ARGUMENTS[name]]))
