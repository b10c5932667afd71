"""What a client is told of an error: a code and a hint, or nothing but that it was logged."""

from __future__ import annotations

import logging
from typing import Any

from graphql import GraphQLError
from strawberry.extensions import MaskErrors

from aurum.errors import AurumError

_log = logging.getLogger(__name__)
_MOST_MESSAGE = 1000
MASKED = "an unexpected error; the server's log has it under the request id"


class Errors(MaskErrors):
    """Aurum's own errors get their code into `extensions`; whatever else a resolver raises is masked and logged."""

    def __init__(self) -> None:
        super().__init__(error_message=MASKED)

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        request_id = getattr(self.execution_context.context, "request_id", None)
        return [told(error, request_id) for error in errors]


def told(error: GraphQLError, request_id: str | None) -> GraphQLError:
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    if original is None or isinstance(original, GraphQLError):
        return _with(error, error.message, {"code": "GRAPHQL_INVALID", **(error.extensions or {})})
    if isinstance(original, AurumError):
        hint = {} if original.hint is None else {"hint": original.hint}
        return _with(error, original.message, {"code": original.code, **hint, **original.details})
    _log.error("request %s failed at %s", request_id, error.path, exc_info=original, extra={"request_id": request_id})
    return _with(error, MASKED, {"code": "INTERNAL", "requestId": request_id})


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    if len(message) > _MOST_MESSAGE:  # some repeat what was sent
        message = message[:_MOST_MESSAGE] + "…"
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path,
        extensions=extensions,
    )  # fmt: skip
