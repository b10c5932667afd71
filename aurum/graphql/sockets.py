"""graphql-transport-ws, strictly: what has another form closes the connection, what is refused leaves it open."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation

from aurum.errors import AurumError, InvalidInput
from aurum.graphql.admission import EVERYTHING
from aurum.graphql.errors import told
from aurum.graphql.requests import asked_for

_MOST_ID = 256
_MOST_REASON = 123  # bytes, by the protocol


class FrameTooLarge(Exception):
    """A message has more bytes than a request may have."""


class TooManyOperations(InvalidInput):
    code = "TOO_MANY_OPERATIONS"


class Socket(ASGIWebSocketAdapter):
    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is not WebSocketState.DISCONNECTED:
            await super().close(code, reason.encode()[:_MOST_REASON].decode(errors="ignore"))


class Connection(BaseGraphQLTransportWSHandler[Any, None]):
    """`view` is the Endpoint."""

    async def handle(self) -> None:
        try:
            await super().handle()
        except FrameTooLarge:
            await self.websocket.close(1009, "Message too large")

    async def handle_message(self, message: Any) -> None:
        wrong = _wrong(message)
        if wrong is not None:
            await self.handle_invalid_message(wrong)
        else:
            await super().handle_message(message)

    async def handle_subscribe(self, message: Any) -> None:
        most, known = self.max_subscriptions_per_connection, message["id"] in self.operations
        if self.connection_acknowledged and not known and most is not None and len(self.operations) >= most:
            error = TooManyOperations(f"a connection has at most {most} operations", hint="Complete one of them.")
            await self.send_message(self._error(message["id"], [_as(error)]))
        else:
            await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        errors = self._refused(operation)
        if errors:
            await operation.send_operation_message(self._error(operation.id, errors))
        else:
            await super().run_operation(operation)

    def _refused(self, operation: Operation[Any, None]) -> list[GraphQLError]:
        endpoint: Any = self.view
        given = {
            "query": operation.query, "variables": operation.variables, "operationName": operation.operation_name,
        }  # fmt: skip
        try:
            asked = asked_for(given, endpoint.settings)
            if endpoint.admission.cost(asked, EVERYTHING, self.context.request_id) is not None:
                return []
            return list(endpoint.schema.document(asked.query).errors)
        except AurumError as error:
            return [_as(error)]

    def _error(self, id_: str, errors: list[GraphQLError]) -> Any:
        return {
            "id": id_,
            "type": "error",
            "payload": [told(each, self.context.request_id).formatted for each in errors],
        }


def _as(error: AurumError) -> GraphQLError:
    return GraphQLError(error.message, original_error=error)


def _wrong(message: Any) -> str | None:
    """What is wrong with the form of a message."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "A message is an object with a type"
    kind, payload = message["type"], message.get("payload")
    if kind in ("subscribe", "complete") and not (
        isinstance(message.get("id"), str) and 0 < len(message["id"]) <= _MOST_ID
    ):
        return f"The id of {kind} is not a string of 1 to {_MOST_ID} characters"
    if kind == "subscribe" and not (isinstance(payload, dict) and isinstance(payload.get("query"), str)):
        return "The payload of subscribe is not an object with a query"
    if kind in ("connection_init", "ping", "pong") and "payload" in message and not isinstance(payload, dict):
        return f"The payload of {kind} is not an object"
    return None
