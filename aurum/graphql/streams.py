"""What subscriptions answer with: messages that know where they stand in the event log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import GraphQLError

from aurum.backends.events import Event, EventLog
from aurum.errors import InvalidCursor
from aurum.graphql.records import rendered

T = TypeVar("T")


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
    the cursor of the last event seen, as the client gave it; None: from now on.
    """

    log: EventLog
    tenant: str
    types: Collection[str]
    after: str | None
    values: Callable[[Sequence[Event]], Awaitable[Sequence[T | None]]]

    async def follow(self, after: str | None) -> AsyncGenerator[tuple[str, T], None]:
        """Each value with its cursor, without end. Raises InvalidCursor."""
        async for event in self.log.follow(self.tenant, event_cursor(after), self.types):
            (value,) = await self.values([event])
            if value is not None:
                yield str(event.cursor), value

    async def __aiter__(self) -> AsyncIterator[T]:
        async for _, value in self.follow(self.after):
            yield value


def encoded(data: Any, errors: Sequence[GraphQLError] | None) -> bytes:
    """A whole response as JSON."""
    answer = {"data": data}
    if errors:
        answer["errors"] = [error.formatted for error in errors]
    return rendered(answer)


def event_cursor(text: str | None) -> int | None:
    """Raises InvalidCursor for what is not the cursor of an event."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("not the cursor of an event", hint="Use the `cursor` of the last event you have seen.")
    return int(text)
