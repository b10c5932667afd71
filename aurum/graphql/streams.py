"""What subscriptions answer with: messages that know where they stand in the event log."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, VariableNode, Visitor, visit

from aurum.auth import Principal
from aurum.backends.events import Event, EventLog
from aurum.errors import InvalidCursor
from aurum.graphql.columnar.records import rendered

T = TypeVar("T")
_AFTER = "after"


@dataclass(frozen=True, slots=True)
class Message:
    """A whole GraphQL response as JSON, `{"data": ...}` with or without `errors`.

    `cursor` is that of the event it is about: passed as `after`, or as `Last-Event-ID`, it goes on behind it. None
    where the message is about no event.
    """

    encoded: bytes
    cursor: str | None


class StreamEnded(Exception):
    """The subscription itself failed: `errors` are GraphQL errors as clients are told them, with codes and masked."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(str(error["message"]) for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Feed(AsyncIterable[T], Generic[T]):
    """What a subscription field answers: one value for each event that it is about.

    `values` says for events of these types, in order, what the field answers; None: the event is not for it. `after` is
    the cursor of the last event seen, as the client gave it. Without it, the field answers first what `begin` does, at
    the cursor where that stands; without `begin`, it answers from now on.

    Subscribers with the same tenant and scopes share what they ask for alike: neither the values nor their fields may
    depend on anything else of the principal.
    """

    log: EventLog
    principal: Principal
    types: Collection[str]
    after: str | None
    values: Callable[[Sequence[Event]], Awaitable[Sequence[T | None]]]
    begin: Callable[[], Awaitable[tuple[int, T]]] | None = None

    @classmethod
    def of_one(
        cls, log: EventLog, principal: Principal, after: str | None, type_: str, name: str, row: int | None,
        answer: Callable[[Event], T],
    ) -> Feed[T]:  # fmt: skip
        """Of events of one type, which tell by `name` what they are about: those about `row`, all where None."""

        async def values(events: Sequence[Event]) -> list[T | None]:
            return [answer(event) if row in (None, event.payload[name]) else None for event in events]

        return cls(log, principal, (type_,), after, values)

    async def __aiter__(self) -> AsyncIterator[T]:
        """For executors that do not share."""
        cursor = event_cursor(self.after)
        if cursor is None and self.begin is not None:
            cursor, first = await self.begin()
            yield first
        async for event in self.log.follow(self.principal.tenant, cursor, self.types):
            for value in await self.values([event]):
                if value is not None:
                    yield value


def encoded(
    data: Any, errors: Sequence[GraphQLError] | None, extensions: Mapping[str, Any] | None = None
) -> bytes:  # fmt: skip
    """A whole response as JSON."""
    answer = {"data": data}
    if errors:
        answer["errors"] = [error.formatted for error in errors]
    if extensions:
        answer["extensions"] = extensions
    return rendered(answer)


def event_cursor(text: str | None) -> int | None:
    """Raises InvalidCursor for what is not the cursor of an event."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("not the cursor of an event", hint="Use the `cursor` of the last event you have seen.")
    return int(text)


def cursor_variables(tree: DocumentNode) -> frozenset[str]:
    """The variables that say nothing but where a subscription begins: as `after` of its own field."""
    found = _Variables()
    visit(tree, found)
    roots = [
        argument.value
        for operation in tree.definitions
        if isinstance(operation, OperationDefinitionNode)
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
        for argument in field.arguments or ()
        if argument.name.value == _AFTER
    ]
    cursors = [value.name.value for value in roots if isinstance(value, VariableNode)]
    return frozenset(name for name in cursors if found.names.count(name) == cursors.count(name))


def deciding_variables(tree: DocumentNode) -> frozenset[str]:
    """The variables that say what is answered: all that are used but for the cursors."""
    found = _Variables()
    visit(tree, found)
    return frozenset(found.names) - cursor_variables(tree)


class _Variables(Visitor):
    """Where variables are used."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def enter_variable_definition(self, *_: Any) -> Any:
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.append(node.name.value)
