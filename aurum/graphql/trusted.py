"""Documents that a request names in place of sending them: registered ones, and those kept under their hash.

The first are trusted: people have registered them (`registered.py`, or the tenant's own). The others a client has sent
once, by Apollo's protocol of automatic persisted queries, and they are kept for its tenant alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from aurum.auth import Principal
from aurum.backends.cache import Cache
from aurum.graphql.deadlines import Timed, in_time
from aurum.graphql.execution import Schema
from aurum.graphql.refused import DocumentRefused
from aurum.graphql.registered import HASHED, digest_of
from aurum.graphql.requests import Asked, BadRequest, PersistedQueryNotSupported
from aurum.settings import GraphQLSettings


class OperationNotRegistered(DocumentRefused):
    code = "OPERATION_NOT_REGISTERED"


class PersistedQueryNotFound(DocumentRefused):
    """The message is part of the protocol: clients then send the document with its hash."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class Operations(Protocol):
    """What the tenants have registered."""

    async def document(self, principal: Principal, ids: Sequence[str], *, latest: bool = True) -> str | None:
        """Of the principal's tenant, which has used it now; None where there is none.

        Unless `latest`, one that another process has registered a moment ago may be missed.
        """

    def used(self, principal: Principal, id_: str) -> None:
        """Notes that an operation of the server's files was asked for."""


class Asking(Timed, Protocol):
    """What of a request's context is needed."""

    @property
    def request_id(self) -> str: ...
    @property
    def principal(self) -> Principal: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def persisted(self) -> Cache: ...


class Trusted:
    def __init__(self, schema: Schema, settings: GraphQLSettings) -> None:
        self._schema = schema
        self._only_registered = settings.only_registered
        self._persisting = settings.persisted_queries

    def always(self, asked: Asked) -> bool:
        """Whether `whole` answers what it is given, whoever asks and whenever."""
        return bool(asked.query) and asked.document_id is None and asked.digest is None and not self._only_registered

    async def whole(self, asked: Asked, asking: Asking) -> Asked:
        """With the document that it names. One that comes with its hash is kept, if it is valid.

        Raises OperationNotRegistered, PersistedQueryNotFound, PersistedQueryNotSupported; BadRequest where a document
        and its hash do not fit; DeadlineExceeded.
        """
        return asked if self.always(asked) else await in_time(self._found(asked, asking), asking)

    async def _found(self, asked: Asked, asking: Asking) -> Asked:
        if asked.document_id is not None:
            return self._with(asked, await self._registered(asking, asked.document_id))
        if asked.query:
            await self._judge(asked, asking)
            return asked
        return await self._by_hash(asked, asking, asked.digest or "")

    async def _by_hash(self, asked: Asked, asking: Asking, digest: str) -> Asked:
        ids = digest, HASHED + digest
        found = await self._registered(asking, *ids, latest=self._only_registered)
        if found is None and not self._only_registered:
            kept = await asking.persisted.get(asking.principal.tenant, digest) if self._persisting else None
            found = kept if kept is not None and digest_of(kept) == digest else await self._registered(asking, *ids)
            if found is None and self._persisting:
                raise PersistedQueryNotFound("PersistedQueryNotFound")
            if found is None:
                raise PersistedQueryNotSupported("PersistedQueryNotSupported")
        return self._with(asked, found)

    async def _judge(self, asked: Asked, asking: Asking) -> None:
        if self._only_registered:
            self._with(asked, await self._registered(asking, HASHED + digest_of(asked.query)))
        elif self._persisting and asked.digest is not None:
            if asked.digest != digest_of(asked.query):
                raise BadRequest("provided sha does not match query", hint="Hash the text of `query` as it is sent.")
            if not self._schema.document(asked.query).errors:
                await asking.persisted.put(asking.principal.tenant, asked.digest, asked.query)

    async def _registered(self, asking: Asking, *ids: str, latest: bool = True) -> str | None:
        """The document of the first id that there is; those of the server's files go first."""
        for id_ in ids:
            of_file = self._schema.registered.get(id_)
            if of_file is not None:
                asking.operations.used(asking.principal, of_file.id)
                return of_file.document
        found = await asking.operations.document(asking.principal, ids, latest=latest)
        if found is not None:
            self._schema.warm(found)
        return found

    def _with(self, asked: Asked, document: str | None) -> Asked:
        if document is None:
            hint = "Only registered operations are executed here." if self._only_registered else "Send its document."
            raise OperationNotRegistered("there is no such registered operation", hint=hint)
        return replace(asked, query=document)
