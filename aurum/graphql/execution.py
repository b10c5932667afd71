"""The schema as it is executed: every operation with loaders of its own, prepared documents, columns."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from typing import Any, Protocol, Self, TypeAlias, cast

import orjson
import strawberry
from graphql import DocumentNode, GraphQLError, create_source_event_stream
from graphql import ExecutionResult as GraphQLResult
from starlette.types import Receive
from strawberry.exceptions import MissingQueryError
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import AddValidationRules, MaxTokensLimiter
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from aurum.backends.kept import Kept
from aurum.errors import AurumError, Unavailable
from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.columnar.warming import make_plans
from aurum.graphql.deadlines import DeadlineExceeded, timely
from aurum.graphql.documents import Document, Documents
from aurum.graphql.errors import Errors, told
from aurum.graphql.limits import SizeRule
from aurum.graphql.registered import OperationInvalid, Registered, named
from aurum.graphql.registered import told as lines
from aurum.graphql.sharing import Following, Sharing
from aurum.graphql.streams import Feed, Message, StreamEnded, deciding_variables, encoded

is_awaitable: Any = optimized_is_awaitable
_EVERY_TYPE = tuple(OperationType)
_KEPT_BYTES = 64 * 2**20
_SHARED_BYTES = 128 * 2**20
_VARIABLES_BYTES = 2**20
Prepared: TypeAlias = ColumnarExecutor | Sequence[GraphQLError]
_PASSING = (Unavailable, DeadlineExceeded)  # an event that is answered so would be lost


class OperationContext(Protocol):
    seconds: float

    @property
    def request_id(self) -> str: ...
    def for_operation(self) -> Self:
        """The same context with fresh loaders."""

    def cancel(self) -> None:
        """Ends what its loaders read."""

    def renew(self) -> None:
        """Forgets what was read: a mutation has been done."""


class Schema(strawberry.Schema):
    """Operations of one WebSocket share a connection, and so a context; loaders must not outlive an operation.

    `kept_bytes` bounds the JSON kept of batches with a `cache_key`. Extensions may say how documents are parsed and
    validated, once and for all, and how errors are told; TypeError for others: `execute` would not ask them.
    """

    def __init__(self, *, kept_bytes: int = _KEPT_BYTES, **named: Any) -> None:
        class Executor(ColumnarExecutor):
            kept = Kept[Any, bytes](kept_bytes)

        super().__init__(execution_context_class=Executor, **named)
        self._executor = Executor
        self._sharing = Sharing(_SHARED_BYTES)
        self._variables = Kept[str, frozenset[str]](_VARIABLES_BYTES)
        asked = self._asked()
        rules = (*asked.validation_rules, MaybeNullValidationRule, OneOfInputValidationRule)
        rules = tuple(sorted(rules, key=lambda rule: not issubclass(rule, SizeRule)))  # before any other has begun
        self._documents = Documents(
            self._schema, rules, asked.parse_options.get("max_tokens"), self.config.disable_field_suggestions
        )
        self.registered: dict[str, Registered] = {}  # for all tenants; by their ids, and by their hashes

    def document(self, text: str) -> Document:
        return self._documents.load(text)

    def register(self, operations: Sequence[Registered]) -> None:
        """These are registered, for all tenants. Raises OperationInvalid, which says what is wrong with which."""
        wrong = [f"{each.where}:{line}" for each in operations for line in self.wrong(each.document)]
        if wrong:
            raise OperationInvalid("\n".join(wrong))
        self.registered = named(operations)

    def wrong(self, text: str) -> Iterator[str]:
        """What is not valid in a document that shall be registered, each with its line."""
        document = self.document(text)
        yield from lines(document.errors)
        if not document.errors and not any(document.operations):
            yield "1: the document has no operation"

    def warm(self, text: str) -> Document:
        """A registered document, with all that is made ready for it once."""
        document, new = self._documents.trust(text)
        if new and not document.errors:
            make_plans(self._schema, self._executor, document)
        return document

    def _asked(self) -> ExecutionContext:
        """What the extensions ask of every operation."""
        context = self._create_execution_context(None, ())
        extensions = self.get_extensions()
        for extension in extensions:
            if not isinstance(extension, (Errors, MaxTokensLimiter, AddValidationRules)):
                raise TypeError(f"{type(extension).__name__} would not be asked by `execute`")
            extension.execution_context = context
        with self.create_extensions_runner(context, extensions).operation():
            return context

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Nothing: what is unexpected is logged where it is masked (`graphql/errors.py`), the rest is the caller's."""

    async def execute(  # type: ignore[override]
        self,
        query: str | None,
        *,
        context_value: OperationContext,
        variable_values: dict[str, Any] | None = None,
        root_value: Any = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] = _EVERY_TYPE,
        operation_extensions: dict[str, Any] | None = None,
        executor_class: type[ColumnarExecutor] | None = None,
    ) -> Any:
        """Strawberry's `execute` without what it does anew for every operation. Lists in `data` may be EncodedRows."""
        if not query:
            raise MissingQueryError
        if allowed_operation_types is not _EVERY_TYPE:
            _allowed(self._documents.load(query), operation_name, allowed_operation_types)
        prepared = self.prepared(query, variable_values, operation_name, executor_class, root_value)
        return await self.run(prepared, context_value, operation_extensions)

    def prepared(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        name: str | None = None,
        executor_class: type[ColumnarExecutor] | None = None,
        root: Any = None,
    ) -> Prepared:
        """What executes an operation with these variables, as often as one likes; or what is wrong with them or it."""
        document, kind = self._documents.load(query), executor_class or self._executor
        if document.tree is None or document.errors:
            return document.errors
        known = document.executors.get((kind, name)) if root is None else None
        if known is not None:
            return known.given(variables or {})  # type: ignore[no-any-return]
        _allowed(document, name, _EVERY_TYPE)
        made = kind.build(
            self._schema, document.tree, root, None, variables, name,
            is_awaitable=is_awaitable, prepared=document, hide_suggestions=self.config.disable_field_suggestions,
        )  # fmt: skip
        if isinstance(made, ColumnarExecutor) and root is None:
            document.executors[kind, name] = made
        return cast("Prepared", made)

    async def run(
        self,
        prepared: Prepared,
        context: OperationContext,
        extensions: dict[str, Any] | None = None,
        receive: Receive | None = None,
    ) -> Any:
        """What `execute` answers. It has the time that its context says. `receive`: see `timely`."""
        if not isinstance(prepared, ColumnarExecutor):
            return PreExecutionError(None, self._told(prepared, context))
        own = context.for_operation()
        executor = prepared.again(own, extensions)
        result: Any = executor.execute_operation()
        if is_awaitable(result):
            result = await timely(result, own, receive)
        executor.async_helpers = None  # type: ignore[assignment]  # a cycle that would keep the data until collected
        return ExecutionResult(result.data, self._told(result.errors, context))

    async def subscribe(  # type: ignore[override]
        self,
        query: str,
        *,
        context_value: OperationContext,
        variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        resume: str | None = None,
    ) -> AsyncGenerator[Message, None]:
        """The messages of a subscription. `resume` takes the place of the operation's `after`.

        Raises StreamEnded, InvalidOperationTypeError for what is no subscription.
        """
        document = self._documents.load(query)
        tree = document.tree
        if tree is None or document.errors:
            raise self._ended(document.errors, context_value)
        _allowed(document, operation_name, {OperationType.SUBSCRIPTION})

        def executor(root: Any, context: OperationContext) -> Any:
            return self._executor.build(
                self._schema, tree, root, context, variable_values, operation_name, is_awaitable=is_awaitable,
                prepared=document,
            )  # fmt: skip

        async def encode(values: Sequence[Any]) -> list[bytes]:
            context = context_value.for_operation()
            passing = _PASSING if isinstance(source, Feed) else ()  # of others, what has failed cannot be asked again
            answers = (self._response(executor(value, context), context, passing) for value in values)
            return list(await asyncio.gather(*answers))

        source = await self._source(executor(None, context_value.for_operation()), context_value)
        try:
            if isinstance(source, Feed):
                asked = query, operation_name, self._deciding(query, tree, variable_values or {})
                key = _alike(asked, context_value.seconds, source)
                messages = self._sharing.messages(Following(key, source, encode), resume or source.after)
            else:
                messages = _uncounted(source, encode)
            async with aclosing(messages):
                async for message in messages:
                    yield message
        except Exception as error:  # whatever it was is told as the errors of resolvers are
            raise self._ended([_as(error)], context_value) from error

    async def _response(self, executor: Any, context: OperationContext, passing: Sequence[type[AurumError]]) -> bytes:
        """To an event, which has its own time. Raises one of `passing` where it lacks something for such a reason."""
        result: Any = executor.execute_operation()
        result = await timely(result, context) if is_awaitable(result) else result
        return encoded(result.data, _lasting(self._told(result.errors, context), passing))

    async def _source(self, executor: Any, context: OperationContext) -> AsyncIterable[Any]:
        """What the subscription's field answers."""
        if isinstance(executor, list):
            raise self._ended(executor, context)
        source: Any = create_source_event_stream(executor)
        source = await source if is_awaitable(source) else source
        if isinstance(source, GraphQLResult):
            raise self._ended(source.errors or (), context)
        stream: AsyncIterable[Any] = source
        return stream

    def _deciding(self, query: str, tree: DocumentNode, variables: dict[str, Any]) -> dict[str, Any]:
        """The variables that say more than from where to follow. Those that the document does not know say nothing."""
        names = self._variables.get(query)
        if names is None:
            names = deciding_variables(tree)
            self._variables.put(query, names, len(query))
        return {name: value for name, value in variables.items() if name in names}

    def _ended(self, errors: Sequence[GraphQLError], context: OperationContext) -> StreamEnded:
        return StreamEnded([dict(error.formatted) for error in self._told(errors, context) or ()])

    def _told(self, errors: Sequence[GraphQLError] | None, context: OperationContext) -> list[GraphQLError] | None:
        if not errors:
            return None
        self._process_errors(list(errors))
        return [told(error, context.request_id) for error in errors]


async def _uncounted(
    source: AsyncIterable[Any], encode: Callable[[Sequence[Any]], Awaitable[list[bytes]]]
) -> AsyncGenerator[Message, None]:
    async for value in source:
        for message in await encode([value]):
            yield Message(message, None)


def _alike(asked: Any, seconds: float, feed: Feed[Any]) -> Hashable:
    """The same for subscriptions that are answered the same, from wherever they follow, and within the same time.

    It is kept with what they are answered: of what is asked no more than the hash, however long it is.
    """
    said = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()
    return said, seconds, feed.principal.tenant, feed.principal.scopes, feed.log


def _lasting(errors: list[GraphQLError] | None, passing: Sequence[type[AurumError]]) -> list[GraphQLError] | None:
    """Raises one of `passing` where an error is of its kind."""
    for error in errors or ():
        told = error.extensions or {}
        for kind in passing:
            if told.get("code") == kind.code:
                raise kind(error.message, hint=told.get("hint"))
    return errors


def _as(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)


def _allowed(document: Document, name: str | None, types: Iterable[OperationType]) -> None:
    """Raises CannotGetOperationTypeError where there is no such operation, InvalidOperationTypeError where it is."""
    found = [each for each in document.operations if name is None or (each.name and each.name.value == name)]
    if not found:
        raise CannotGetOperationTypeError(name)
    for operation in found:
        kind = OperationType(operation.operation.value)
        if kind not in types:
            raise InvalidOperationTypeError(kind)
