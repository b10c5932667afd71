"""Which operation of a document is executed, and whether it may be: decided before anything is read for it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from graphql import OperationDefinitionNode, OperationType

from aurum.graphql.charges import Charges, Paying
from aurum.graphql.costs import Bill, bill
from aurum.graphql.documents import Document
from aurum.graphql.execution import Schema
from aurum.graphql.refused import DocumentRefused
from aurum.graphql.requests import Asked, BadRequest, MethodNotAllowed
from aurum.settings import GraphQLSettings

READING: Final = frozenset({OperationType.QUERY})
ANSWERED: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
EVERYTHING: Final = frozenset(OperationType)
_log = logging.getLogger(__name__)


class OperationUnknown(DocumentRefused):
    code = "OPERATION_UNKNOWN"


class OperationNameMissing(DocumentRefused):
    code = "OPERATION_NAME_MISSING"


class SubscriptionNotHere(BadRequest):
    code = "SUBSCRIPTION_NOT_HERE"


class CostTooHigh(DocumentRefused):
    code = "COST_TOO_HIGH"


class Payer(Paying, Protocol):
    @property
    def charges(self) -> Charges: ...


class Admission:
    def __init__(self, schema: Schema, settings: GraphQLSettings) -> None:
        self._schema = schema
        self._settings = settings
        # A bucket never holds more than the budget: what costs more would wait for ever.
        self._most = min(settings.max_cost, settings.cost_budget or settings.max_cost)

    def estimated(self, asked: Asked) -> int:
        """What the operation may cost, valid as it is."""
        found = self._found(asked)
        return 0 if found is None else found[1].estimated(asked.variables)

    def actual(self, asked: Asked, data: Mapping[str, Any] | None) -> int:
        """What the answer to an operation of which `cost` was asked did cost."""
        found = self._found(asked)
        return 0 if found is None else found[1].actual(data)

    def cost(self, asked: Asked, kinds: Collection[OperationType], request_id: str) -> int | None:
        """Of the operation asked for; None where the document is not valid: `execute` says why.

        Raises OperationUnknown, OperationNameMissing, CostTooHigh; MethodNotAllowed or SubscriptionNotHere where it is
        none of `kinds`.
        """
        found = self._found(asked)
        if found is None:
            return None
        kind, its_bill = found
        if kind not in kinds:
            raise _elsewhere(kind)
        return self._within(its_bill.estimated(asked.variables), request_id)

    async def settle(self, asked: Asked, result: Any, context: Payer) -> None:
        """Gives back what an operation that was charged did not cost, where callers have budgets.

        With errors the estimate stands: what was done for them is not all in the answer.
        """
        found = None if context.charges.budgets is None else self._found(asked)
        if found is None or result.errors:
            return
        _, its_bill = found
        estimated, actual = its_bill.estimated(asked.variables), its_bill.actual(result.data)
        await context.charges.settle(context, estimated, actual)

    def kind(self, asked: Asked) -> OperationType | None:
        """Of the operation asked for; None where the document is not valid. Raises as `cost` does for its name."""
        found = self._found(asked)
        return None if found is None else found[0]

    def warm(self, text: str) -> None:
        """A registered document is made ready to be executed: the first request for it is as fast as the next."""
        document = self._schema.warm(text)
        operations = [] if document.errors else list(document.operations)
        names = {each.name.value for each in operations if each.name is not None}
        for name in names | ({None} if len(operations) == 1 else set()):
            self._bill(document, name)

    def _found(self, asked: Asked) -> tuple[OperationType, Bill] | None:
        document = self._schema.document(asked.query)
        valid = document.tree is not None and not document.errors
        return self._bill(document, asked.operation_name) if valid else None

    def _bill(self, document: Document, name: str | None) -> tuple[OperationType, Bill]:
        found: tuple[OperationType, Bill] | None = document.bills.get(name)
        if found is None:
            operation = chosen(document, name)
            found = operation.operation, bill(self._schema._schema, document, operation)
            document.bills[name] = found
        return found

    def _within(self, estimated: int, request_id: str) -> int:
        most = self._most
        if estimated > most and self._settings.enforce_cost:
            raise CostTooHigh(
                f"the operation may answer {estimated:,} objects; {most:,} are allowed",
                hint="Ask for smaller pages, or for `columns` in place of `points`.",
                estimated=estimated,
                allowed=most,
            )
        if estimated > most:
            _log.warning("request %s may answer %d objects, more than %d", request_id, estimated, most)
        return estimated


def chosen(document: Document, name: str | None) -> OperationDefinitionNode:
    """Raises OperationUnknown or OperationNameMissing."""
    operations = list(document.operations)
    if name is None and len(operations) > 1:
        hint = "Say in `operationName` which of them."
        raise OperationNameMissing(f"the document has {len(operations)} operations", hint=hint)
    for operation in operations:
        if name is None or (operation.name is not None and operation.name.value == name):
            return operation
    raise OperationUnknown("the document has no such operation" if operations else "the document has no operation")


def _elsewhere(kind: OperationType) -> MethodNotAllowed | SubscriptionNotHere:
    if kind is OperationType.SUBSCRIPTION:
        hint = (
            "Connect a WebSocket with the protocol graphql-transport-ws, or send `Accept: text/event-stream`, "
            "or `Accept: multipart/mixed;subscriptionSpec=1.0`."
        )
        return SubscriptionNotHere("a subscription is not answered with one response", hint=hint)
    return MethodNotAllowed("a mutation is not asked with GET", hint="Send it with POST.")
