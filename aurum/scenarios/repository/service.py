"""The use cases of scenarios: made, changed in versions, branched, put away. What runs them stands in runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aurum.auth import Principal, Scope
from aurum.backends.database import WriteConnection
from aurum.backends.paging import Page, PageRequest
from aurum.errors import Conflict, NotFound
from aurum.scenarios.bases import Bases
from aurum.scenarios.documents import write_driver
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.references import pinned
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.repository.model import (
    Definition,
    Key,
    Scenario,
    ScenarioFilter,
    ScenarioState,
    Version,
    check_reason,
    tidied,
)
from aurum.scenarios.repository.policies import PolicyService
from aurum.scenarios.repository.store import ScenarioStore
from aurum.scenarios.repository.trials import tried
from aurum.scenarios.starting import in_future
from aurum.scenarios.validation import parent_issues


class Kept(NamedTuple):
    """A scenario as it is kept, and what is to be known of it: no ERROR."""

    scenario: Scenario
    issues: list[Issue]


class ScenarioService:
    def __init__(
        self, store: ScenarioStore, bases: Bases, policies: PolicyService, clock: Callable[[], datetime]
    ) -> None:
        self.store = store
        self.bases = bases
        self.policies = policies
        self.clock = clock

    async def validate(self, principal: Principal, said: Definition) -> list[Issue]:
        """Everything that is wrong with it, or probably not meant, on the curves as they are now."""
        return (await self._validated(principal, said))[0]

    async def create(self, principal: Principal, said: Definition, reason: str | None = None) -> Kept:
        """Raises InvalidScenario with every issue, and Conflict for a name that is taken; then nothing is kept."""
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason or "", needed=False)
        ready, issues = await self.judged(principal, said)
        async with self.store.database.write() as transaction:
            return Kept(await self._add(transaction, principal, ready, reason, None), issues)

    async def update(
        self, principal: Principal, id_: int, expected: int, changes: Mapping[str, Any], reason: str
    ) -> Kept:
        """A new version with other values of some fields of its definition.

        Raises Conflict where `expected` is not the newest version: somebody else was faster.
        """
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason)
        known = await self.there(principal, id_)
        ready, issues = await self.judged(principal, replace(known.newest.definition, **changes))
        return Kept(await self.change(principal, id_, expected, ready, reason), issues)

    async def change(
        self, principal: Principal, id_: int, expected: int, said: Definition, reason: str, merged: Key | None = None
    ) -> Scenario:  # fmt: skip
        """The next version, of a definition that was judged. Raises Conflict as `update` does."""
        async with self.store.database.write() as transaction:
            held = await self._held(transaction, principal, id_)
            check_newest(held, expected)
            if held.state is ScenarioState.ARCHIVED:
                field = "id" if merged is None else "target"
                raise Conflict("the scenario is archived", hint="Branch from it.", field=field)
            await self._name(transaction, principal, said, id_)
            version = Version(id_, expected + 1, said, principal.name, reason.strip(), self.clock(), merged)
            await self.store.change(transaction, principal.tenant, version)
        return replace(held, newest=version)

    async def branch(
        self, principal: Principal, id_: int, version: int | None, changes: Mapping[str, Any], reason: str
    ) -> Kept:
        """A scenario that says what a version (None: the newest) of another one says, but for some changes."""
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason)
        parent = await self.version(principal, id_, version)
        ready, issues = await self.judged(principal, replace(parent.definition, **changes))
        lineage = await self.store.parents(principal.tenant, id_)
        line = {str(one): None if other is None else str(other) for one, other in lineage.items()}
        refuse_errors(parent_issues("", str(id_), line))
        async with self.store.database.write() as transaction:
            return Kept(await self._add(transaction, principal, ready, reason, parent), issues)

    async def archive(self, principal: Principal, id_: int) -> Scenario:
        """It is neither changed nor run any more; it can be branched. A repeated one changes nothing."""
        return await self._turn(principal, id_, ScenarioState.ARCHIVED, Scope.SCENARIOS_WRITE)

    async def delete(self, principal: Principal, id_: int) -> Scenario:
        """It is not shown any more, and its name is free. Its runs stay what they are."""
        return await self._turn(principal, id_, ScenarioState.DELETED, Scope.SCENARIOS_DELETE)

    async def scenarios(self, principal: Principal, ids: Collection[int]) -> dict[int, Scenario]:
        principal.require(Scope.SCENARIOS_READ)
        found = await self.store.by_id(principal.tenant, ids)
        return {id_: each for id_, each in found.items() if each.state is not ScenarioState.DELETED}

    async def page(self, principal: Principal, wanted: ScenarioFilter, request: PageRequest) -> Page[Scenario]:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.page(principal.tenant, wanted, request)

    async def count(self, principal: Principal, wanted: ScenarioFilter) -> int:
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.count(principal.tenant, wanted)

    async def branches(self, principal: Principal, ids: Collection[int]) -> dict[int, list[Scenario]]:
        """By scenario: those that branch from it, newest first."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.branches(principal.tenant, ids)

    async def versions(self, principal: Principal, keys: Collection[Key]) -> dict[Key, Version]:
        """By scenario and version; of deleted ones too: runs say what they have run."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.versions(principal.tenant, keys)

    async def all_versions(self, principal: Principal, ids: Collection[int]) -> dict[int, list[Version]]:
        """By scenario, the newest first."""
        principal.require(Scope.SCENARIOS_READ)
        return await self.store.all_versions(principal.tenant, ids)

    async def version(self, principal: Principal, id_: int, version: int | None, field: str = "id") -> Version:
        """One version of a scenario (None: the newest). Raises NotFound; `field` is the input's that has the id."""
        newest = (await self.there(principal, id_, field)).newest
        if version in (None, newest.version):
            return newest
        found = (await self.versions(principal, [(id_, version or 0)])).get((id_, version or 0))
        if found is None:
            raise NotFound(f"the scenario has no version {version}", field="version")
        return found

    async def there(self, principal: Principal, id_: int, field: str = "id") -> Scenario:
        principal.require(Scope.SCENARIOS_READ)
        return _shown((await self.store.by_id(principal.tenant, [id_])).get(id_), field)

    async def _held(self, transaction: WriteConnection, principal: Principal, id_: int) -> Scenario:
        return _shown(await self.store.held(transaction, principal.tenant, id_))

    async def judged(self, principal: Principal, said: Definition) -> tuple[Definition, list[Issue]]:
        """As it is kept: drivers as they are always written, with the versions of their policies.

        Raises InvalidInput, InvalidScenario.
        """
        ready = replace(said, **tidied(said), known_at=_instant(said.known_at))
        issues, drivers, policies = await self._validated(principal, ready)
        refuse_errors(issues)
        return replace(ready, drivers=tuple(write_driver(pinned(each, policies)) for each in drivers)), issues

    async def _validated(
        self, principal: Principal, said: Definition
    ) -> tuple[list[Issue], Sequence[Driver], Policies]:
        """What is wrong with it; its drivers; the policies that these were tried with."""
        principal.require(Scope.SCENARIOS_READ)
        drivers, issues = said.read()
        issues = [*issues, *in_future(said.as_of, self.clock())]
        if any(each.severity is Severity.ERROR for each in issues):
            return issues, drivers, SHIPPED
        policies = await self.policies.known_to(principal, drivers)
        at = self.clock() if said.known_at is None else said.known_at
        issues = issues + await tried(self.bases, principal, drivers, said.curves, said.as_of, at, policies)
        return issues, drivers, policies

    async def _add(
        self, transaction: WriteConnection, principal: Principal, said: Definition, reason: str | None,
        parent: Version | None,
    ) -> Scenario:  # fmt: skip
        await self._name(transaction, principal, said, None)
        why = (reason or "").strip() or None
        return await self.store.add(transaction, principal.tenant, said, principal.name, why, self.clock(), parent)

    async def _name(
        self, transaction: WriteConnection, principal: Principal, said: Definition, id_: int | None
    ) -> None:
        taken = await self.store.named(transaction, principal.tenant, said.slug)
        if taken not in (None, id_):
            raise Conflict(f"there is a scenario {said.name[:80]!r}", hint="Take another name.", field="name")

    async def _turn(self, principal: Principal, id_: int, state: ScenarioState, scope: Scope) -> Scenario:
        principal.require(scope)
        async with self.store.database.write() as transaction:
            held = await self._held(transaction, principal, id_)
            if held.state is not state:
                await self.store.turn(transaction, principal.tenant, id_, state)
        return replace(held, state=state)


def check_newest(held: Scenario, expected: int) -> None:
    newest = held.newest
    if newest.version != expected:
        raise Conflict(
            f"version {expected} is not the newest: version {newest.version} is, by {newest.author}",
            hint="Look at what has changed, and say it again upon the newest version.", field="expectedVersion",
            version=newest.version,
        )  # fmt: skip


def _shown(found: Scenario | None, field: str = "id") -> Scenario:
    if found is None or found.state is ScenarioState.DELETED:
        raise NotFound("scenario not found", field=field)
    return found


def _instant(known_at: datetime | None) -> datetime | None:
    return None if known_at is None else known_at.astimezone(UTC)
