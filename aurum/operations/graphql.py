"""The GraphQL face of registered operations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Protocol, cast

import strawberry

from aurum.auth import Principal
from aurum.errors import Conflict, InvalidInput, NotFound
from aurum.graphql.documents import Document
from aurum.graphql.execution import Schema
from aurum.graphql.registered import HASHED, Registered, told
from aurum.graphql.sizes import sized
from aurum.metadata.graphql import Problem, problem_of
from aurum.operations import model
from aurum.operations.service import OperationService

_MOST_AT_ONCE = 500


class OperationsContext(Protocol):
    """What these fields need of a request."""

    @property
    def principal(self) -> Principal: ...
    @property
    def operations(self) -> OperationService: ...


Info = strawberry.Info[OperationsContext, None]


@strawberry.type(description="A document that clients may ask for by its id, in place of sending it.")
class RegisteredOperation:
    id: str = strawberry.field(description="What clients send as `documentId`.")
    sha256_id: str = strawberry.field(description="The other id of it: `sha256:` and the hash of its text.")
    document: str = strawberry.field(description="Its text.")
    file: str | None = strawberry.field(description="The server's file that it comes from; null: it was registered.")
    registered_at: datetime | None = strawberry.field(description="When (UTC); null for one of a file.")
    registered_by: str | None = strawberry.field(description="By whom; null for one of a file.")
    retired_at: datetime | None = strawberry.field(description="Since when it is not executed any more (UTC).")
    retired_by: str | None = strawberry.field(description="Who retired it.")
    last_used_at: datetime | None = strawberry.field(description="When it was last asked for (UTC), to a minute.")

    @strawberry.field(description="The names of its operations, in their order.")
    def operation_names(self, info: Info) -> list[str]:
        operations = _document(info, self.document).operations
        return [operation.name.value for operation in operations if operation.name is not None]

    @strawberry.field(description="What is not valid in it today, each with its line; empty where it can be executed.")
    def errors(self, info: Info) -> list[str]:
        return list(told(_document(info, self.document).errors))


@strawberry.input(description="A document to register.")
class NewOperationInput:
    document: str = strawberry.field(description="Its text, exactly as clients would send it.")
    id: str | None = strawberry.field(
        default=None, description="Letters, digits and -._~ of your choice; null: `sha256:` and its hash."
    )


@strawberry.input(description="Documents to register.")
class RegisterOperationsInput:
    operations: list[NewOperationInput] = strawberry.field(description="All of them are registered, or none.")


@strawberry.input(description="The operation to retire.")
class RetireOperationInput:
    id: str = strawberry.field(description="Its id, as it was registered.")


@strawberry.type(description="The registered operations, or what was wrong.")
class RegisterOperationsPayload:
    operations: list[RegisteredOperation] = strawberry.field(
        description="Empty where there are problems.", directives=[sized(10)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type(description="The retired operation, or what was wrong.")
class RetireOperationPayload:
    operation: RegisteredOperation | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class OperationsQuery:
    @strawberry.field(
        description="Every registered operation, retired ones too: those of the server's files first, each by id.",
        directives=[sized(500)],
    )
    async def registered_operations(self, info: Info) -> list[RegisteredOperation]:
        own, used = await info.context.operations.listed(info.context.principal)
        of_files = {each.id: each for each in _schema(info).registered.values()}
        found = [_of_file(each, used.get(id_)) for id_, each in sorted(of_files.items())]
        return [*found, *(_operation_of(each, used.get(each.id)) for each in own)]


@strawberry.type
class OperationsMutation:
    @strawberry.mutation(description="Registers operations for the clients of the tenant.")
    async def register_operations(
        self, info: Info, input: Annotated[RegisterOperationsInput, strawberry.argument(description="Which.")]
    ) -> RegisterOperationsPayload:
        context, given = info.context, [(each.id, each.document) for each in input.operations]
        try:
            if not 0 < len(given) <= _MOST_AT_ONCE:
                raise InvalidInput(f"1 to {_MOST_AT_ONCE} operations at once", field="operations")
            found = await context.operations.register(
                context.principal, given, _schema(info).wrong, _schema(info).registered
            )
        except (Conflict, InvalidInput) as error:
            return RegisterOperationsPayload(operations=[], problems=[problem_of(error)])
        return RegisterOperationsPayload(operations=[_operation_of(each, None) for each in found], problems=[])

    @strawberry.mutation(description="Retires an operation: it is not executed any more, and its id stays taken.")
    async def retire_operation(
        self, info: Info, input: Annotated[RetireOperationInput, strawberry.argument(description="Which.")]
    ) -> RetireOperationPayload:
        try:
            found = await info.context.operations.retire(info.context.principal, input.id)
        except NotFound as error:
            return RetireOperationPayload(operation=None, problems=[problem_of(error)])
        return RetireOperationPayload(operation=_operation_of(found, None), problems=[])


def _schema(info: Info) -> Schema:
    return cast("Schema", info.schema)


def _document(info: Info, text: str) -> Document:
    return _schema(info).document(text)


def _operation_of(found: model.Operation, last_used_at: datetime | None) -> RegisteredOperation:
    return RegisteredOperation(
        id=found.id, sha256_id=HASHED + found.digest, document=found.document, file=None,
        registered_at=found.registered_at, registered_by=found.registered_by, retired_at=found.retired_at,
        retired_by=found.retired_by, last_used_at=last_used_at,
    )  # fmt: skip


def _of_file(found: Registered, last_used_at: datetime | None) -> RegisteredOperation:
    return RegisteredOperation(
        id=found.id, sha256_id=HASHED + found.digest, document=found.document, file=found.where, registered_at=None,
        registered_by=None, retired_at=None, retired_by=None, last_used_at=last_used_at,
    )  # fmt: skip
