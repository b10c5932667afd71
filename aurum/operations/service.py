"""The use cases of registered operations."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from aurum.auth import Principal, Scope
from aurum.backends.rounds import going_on
from aurum.errors import Conflict, InvalidInput, NotFound, Unavailable
from aurum.graphql.registered import HASHED, Registered, digest_of, judged_id, named
from aurum.operations.model import Operation
from aurum.operations.store import OperationStore

MOST_OPERATIONS = 2_000  # of a tenant, retired ones too
MOST_CHARACTERS = 4 * 2**20
_LOOK_SECONDS = 2.0  # until what another process has changed is noticed
_NOTE_SECONDS = 30.0
_MOST_NOTED = 5_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """The operations of a tenant that are not retired, by id and hash, as they were at `looked`."""

    revision: int = -1
    looked: float = float("-inf")
    operations: Mapping[str, Registered] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class OperationService:
    def __init__(self, store: OperationStore, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.clock = clock
        self._known: defaultdict[str, _Known] = defaultdict(_Known)
        self._used: dict[tuple[str, str], datetime] = {}

    async def document(self, principal: Principal, ids: Sequence[str], *, latest: bool = True) -> str | None:
        """Of the tenant's operation with one of these ids, or with its hash after `sha256:`; it is used now.

        None where there is no such one. What another process has retired is found for 2 seconds more; what it has
        registered is found at once, unless `latest` is False, which costs no statement as a rule.
        """
        for seconds in (_LOOK_SECONDS, 0) if latest else (_LOOK_SECONDS,):
            operations = await self._operations(principal.tenant, seconds)
            for id_ in ids:
                if id_ in operations:
                    self.used(principal, operations[id_].id)
                    return operations[id_].document
        return None

    def used(self, principal: Principal, id_: str) -> None:
        if len(self._used) < _MOST_NOTED or (principal.tenant, id_) in self._used:
            self._used[(principal.tenant, id_)] = self.clock()

    async def _operations(self, tenant: str, seconds: float) -> Mapping[str, Registered]:
        """As they were that many seconds ago, or later."""
        known = self._known[tenant]
        asked = time.monotonic()
        if known.looked >= asked - seconds:
            return known.operations
        async with known.lock:  # who waits here is content with the look of whoever was first
            if known.looked < asked - seconds:
                looked = time.monotonic()
                revision = await self.store.revision(tenant)
                if revision != known.revision:
                    current = [each for each in await self.store.all(tenant) if each.retired_at is None]
                    known.operations = named(Registered(each.id, each.document) for each in current)
                    known.revision = revision
                known.looked = looked
        return known.operations

    async def everything(self) -> list[str]:
        """The documents of all tenants, to make them ready."""
        found = [await self._operations(tenant, 0) for tenant in await self.store.tenants()]
        return [each.document for operations in found for each in operations.values()]

    async def listed(self, principal: Principal) -> tuple[list[Operation], dict[str, datetime]]:
        """The tenant's operations by id, retired ones too; and when each was last used, also those of files."""
        principal.require(Scope.OPERATIONS_WRITE)
        await self.note()
        return await self.store.all(principal.tenant), await self.store.uses(principal.tenant)

    async def register(
        self, principal: Principal, given: Sequence[tuple[str | None, str]],
        wrong: Callable[[str], Iterable[str]], taken: Mapping[str, Registered],
    ) -> list[Operation]:  # fmt: skip
        """All of them or none: ids (None: the hash) with their documents, of which `wrong` says what is not valid.

        One that is registered already stays as it is; a retired one is used again. `taken` are those of the server's
        files. Raises InvalidInput for what is not valid or too much, Conflict where an id has another document.
        """
        principal.require(Scope.OPERATIONS_WRITE)
        at = self.clock()
        new: dict[str, Operation] = {}
        for number, (id_, document) in enumerate(given):
            each = _judged(number, id_, document, wrong)
            other = new.get(each.id) or taken.get(each.id)
            if other is not None and other.document != document:
                raise _taken(each.id)
            new[each.id] = Operation(each.id, document, each.digest, at, principal.name)
        return await self._add(principal, new)

    async def _add(self, principal: Principal, new: dict[str, Operation]) -> list[Operation]:
        tenant = principal.tenant
        async with self.store.database.write() as transaction:
            there = await self.store.by_ids(transaction, tenant, list(new))
            for id_, known in there.items():
                if known.document != new[id_].document:
                    raise _taken(id_)
            missing = [each for each in new.values() if each.id not in there]
            number, characters = await self.store.count(transaction, tenant)
            if number + len(missing) > MOST_OPERATIONS:
                raise InvalidInput(f"a tenant has at most {MOST_OPERATIONS:,} operations, with those it has retired")
            if characters + sum(len(each.document) for each in missing) > MOST_CHARACTERS:
                raise InvalidInput(f"the operations of a tenant have at most {MOST_CHARACTERS:,} characters")
            if missing:
                await self.store.add(transaction, tenant, missing)
            again = [each.id for each in there.values() if each.retired_at is not None]
            if again:
                await self.store.retire(transaction, tenant, again, None, None)
        kept = {id_: replace(each, retired_at=None, retired_by=None) for id_, each in there.items()}
        self._known.pop(tenant, None)  # whoever is looking may have seen them as they were
        return [kept.get(each.id, each) for each in new.values()]

    async def retire(self, principal: Principal, id_: str) -> Operation:
        """It is not executed any more. Raises NotFound where the tenant has registered no such one."""
        principal.require(Scope.OPERATIONS_WRITE)
        async with self.store.database.write() as transaction:
            found = (await self.store.by_ids(transaction, principal.tenant, [id_])).get(id_)
            if found is None:
                hint = "Those of the server's files are taken from the files."
                raise NotFound(f"there is no registered operation {id_[:100]!r}", hint=hint, field="id")
            if found.retired_at is None:
                found = replace(found, retired_at=self.clock(), retired_by=principal.name)
                await self.store.retire(transaction, principal.tenant, [id_], found.retired_at, found.retired_by)
        self._known.pop(principal.tenant, None)
        return found

    async def note(self) -> None:
        """Writes down when operations were used."""
        used, self._used = self._used, {}
        if used:
            try:
                await self.store.note_uses(used)
            except BaseException:
                self._used = used | self._used
                raise

    async def watch(self) -> None:
        """Notes uses for as long as the server runs."""
        while True:
            await asyncio.sleep(_NOTE_SECONDS)
            with going_on(_log, "the last uses of operations could not be noted"):
                await self.note()

    async def close(self) -> None:
        with suppress(Unavailable):
            await self.note()


def _judged(number: int, id_: str | None, document: str, wrong: Callable[[str], Iterable[str]]) -> Registered:
    field_ = f"operations.{number}"
    for line in wrong(document):
        raise InvalidInput(f"operation {number + 1}, line {line}", field=f"{field_}.document")
    try:
        return Registered(judged_id(id_ or HASHED + digest_of(document), document), document)
    except InvalidInput as error:
        raise InvalidInput(f"operation {number + 1}: {error.message}", hint=error.hint, field=f"{field_}.id") from error


def _taken(id_: str) -> Conflict:
    return Conflict(
        f"the id {id_!r} is that of another document", hint="An id never changes its meaning: take a new one."
    )
