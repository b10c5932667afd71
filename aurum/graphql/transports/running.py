"""Operations as transports with many answers run them: the same checks and errors, whatever the transport."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import replace
from typing import Any, Protocol

from graphql import GraphQLError, OperationType
from strawberry.types.execution import PreExecutionError

from aurum.errors import AurumError
from aurum.graphql.admission import Admission, Payer
from aurum.graphql.errors import told
from aurum.graphql.execution import OperationContext, Schema
from aurum.graphql.requests import Asked, asked_for
from aurum.graphql.streams import Message, StreamEnded, encoded
from aurum.graphql.transports.seats import Seats
from aurum.graphql.trusted import Asking, Trusted
from aurum.settings import GraphQLSettings, SubscriptionSettings


class Subscriber(OperationContext, Asking, Payer, Protocol):
    @property
    def show_cost(self) -> bool: ...


class Runner:
    def __init__(
        self,
        schema: Schema,
        admission: Admission,
        trusted: Trusted,
        settings: GraphQLSettings,
        limits: SubscriptionSettings,
    ) -> None:
        self.limits = limits
        self.settings = settings
        self.seats = Seats(limits)
        self._schema = schema
        self._admission = admission
        self._trusted = trusted

    def shows(self, context: Subscriber) -> bool:
        """Whether costs are told: to all, or to who has asked for them."""
        return self.settings.show_cost or context.show_cost

    async def asked(self, given: Any, context: Subscriber) -> Asked:
        """What JSON asks for, with the document that it names. Raises an AurumError."""
        return await self._trusted.whole(asked_for(given, self.settings), context)

    def kind(self, asked: Asked) -> OperationType | None:
        """None where the document is not valid."""
        return self._admission.kind(asked)

    async def admitted(self, asked: Asked, kinds: Collection[OperationType], context: Subscriber) -> OperationType:
        """What it is, if it may run and is paid for. Raises StreamEnded where it is not valid, an AurumError else."""
        kind = self._admission.kind(asked)
        if kind is None:
            raise StreamEnded(formatted(self._schema.document(asked.query).errors, context))
        cost = self._admission.cost(asked, kinds, context.request_id)
        if cost is not None:
            await context.charges.charge(context, cost)
        return kind

    def seat(self, kind: OperationType, context: Subscriber) -> AbstractContextManager[None]:
        """To be held while it runs. Raises TooManySubscriptions when it is entered."""
        return (
            self.seats.subscription(context.principal.tenant) if kind is OperationType.SUBSCRIPTION else nullcontext()
        )

    def results(
        self, asked: Asked, kind: OperationType, context: Subscriber, resume: str | None = None
    ) -> AsyncGenerator[Message, None]:
        """Of what was admitted. Raises StreamEnded."""
        if kind is not OperationType.SUBSCRIPTION:
            return self._result(asked, context)
        messages = self._schema.subscribe(
            asked.query, context_value=context, variable_values=asked.variables,
            operation_name=asked.operation_name, resume=resume,
        )  # fmt: skip
        return _with_cost(messages, self._admission.estimated(asked)) if self.shows(context) else messages

    async def _result(self, asked: Asked, context: Subscriber) -> AsyncGenerator[Message, None]:
        result = await self._schema.execute(
            asked.query, context_value=context, variable_values=asked.variables,
            operation_name=asked.operation_name, operation_extensions=asked.extensions,
        )  # fmt: skip
        if isinstance(result, PreExecutionError):
            raise StreamEnded([dict(error.formatted) for error in result.errors or ()])
        await self._admission.settle(asked, result, context)
        yield Message(encoded(result.data, result.errors, self._told_cost(asked, result.data, context)), None)

    def _told_cost(self, asked: Asked, data: Any, context: Subscriber) -> dict[str, Any]:
        if not self.shows(context):
            return {}
        return {"cost": {"estimated": self._admission.estimated(asked), "actual": self._admission.actual(asked, data)}}


async def _with_cost(messages: AsyncGenerator[Message, None], estimated: int) -> AsyncGenerator[Message, None]:
    """The first tells what each may cost. They are shared with others, as JSON."""
    told = b',"extensions":{"cost":{"estimated":%d}}}' % estimated
    async with aclosing(messages):
        async for message in messages:
            yield replace(message, encoded=message.encoded[:-1] + told) if told else message
            told = b""


def formatted(errors: Collection[GraphQLError], context: OperationContext) -> list[dict[str, Any]]:
    return [dict(told(error, context.request_id).formatted) for error in errors]


def failure(error: Exception, context: OperationContext) -> list[dict[str, Any]]:
    """What a client is told of the end of its operation, as GraphQL errors."""
    if isinstance(error, StreamEnded):
        return error.errors
    message = error.message if isinstance(error, AurumError) else str(error)
    return formatted([GraphQLError(message, original_error=error)], context)
