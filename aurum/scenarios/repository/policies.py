"""The policies of a tenant, beside those that Aurum ships: registered in versions, which never change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aurum.auth import Principal, Scope
from aurum.errors import Conflict, InvalidInput
from aurum.market.identity import alike, collapse, fold
from aurum.scenarios.bases import Bases
from aurum.scenarios.documents import read_policy
from aurum.scenarios.drivers import EVERY_CURVE, Driver, Policy
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.policies import SHIPPED, Policies, PolicyVersion
from aurum.scenarios.references import all_of
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.repository.model import LONGEST_NAME, check_reason
from aurum.scenarios.repository.policy_store import PolicyStore, Registered
from aurum.scenarios.repository.trials import tried

MOST_VERSIONS = 500  # of all policies of a tenant together


class PolicyService:
    def __init__(self, store: PolicyStore, bases: Bases, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.bases = bases
        self.clock = clock

    async def known_to(self, principal: Principal, drivers: Iterable[Driver]) -> Policies:
        """The policies that drivers may name. One statement where they name any, else none."""
        if not any(isinstance(each, Policy) for each in all_of(drivers)):
            return SHIPPED
        return SHIPPED.with_own(each.policy for each in await self.store.all(principal.tenant))

    async def listed(self, principal: Principal) -> list[list[Registered]]:
        """Those of the tenant and those that Aurum ships, by name: the versions of each, the newest first."""
        principal.require(Scope.SCENARIOS_READ)
        found = {name: [Registered(each) for each in all_[::-1]] for name, all_ in SHIPPED.versions.items()}
        own: dict[str, list[Registered]] = {}
        for each in await self.store.all(principal.tenant):
            own.setdefault(fold(each.policy.name), []).insert(0, each)
        return [all_ for _, all_ in sorted((found | own).items())]

    async def register(
        self, principal: Principal, said: dict[str, Any], expected: int, reason: str
    ) -> tuple[list[Registered], list[Issue]]:
        """The next version of a policy of the tenant: name, description, source, and effects as documents.

        Answers all its versions, the newest first, and what is to be known of the effects.

        Raises InvalidScenario with every issue, and Conflict where `expected` (0: none) is not the newest version.
        """
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason)
        policy, issues = _read({**said, "version": expected + 1})
        issues += await self._tried(principal, policy)
        refuse_errors(issues)
        async with self.store.database.write() as transaction:
            known = await self.store.held(transaction, principal.tenant)
            own = [each for each in known if fold(each.policy.name) == fold(policy.name)]
            _check_next(policy, own, known)
            added = Registered(policy, principal.name, reason.strip(), self.clock())
            await self.store.add(transaction, principal.tenant, added)
        return [added, *own[::-1]], issues

    async def _tried(self, principal: Principal, policy: PolicyVersion) -> list[Issue]:
        """On every curve of the tenant. That there are none, or too many to try, is not the policy's fault."""
        issues = await tried(self.bases, principal, policy.effects, EVERY_CURVE, None, self.clock(), SHIPPED)
        return [
            replace(each, severity=Severity.WARNING, path="effects", message=f"it was not tried: {each.message}")
            if each.path == "filter" else replace(each, path=each.path.replace("drivers", "effects", 1))
            for each in issues
        ]  # fmt: skip


def _read(document: dict[str, Any]) -> tuple[PolicyVersion, list[Issue]]:
    policy, issues = read_policy(document)
    issues = [replace(each, path=each.path.removeprefix("policy.")) for each in issues]
    refuse_errors(issues)
    assert policy is not None  # noqa: S101  without an ERROR there is one
    name = collapse(policy.name)
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"a name has at most {LONGEST_NAME} characters", field="name")
    return replace(policy, name=name), issues


def _check_next(policy: PolicyVersion, own: Sequence[Registered], known: Sequence[Registered]) -> None:
    newest = own[-1].policy.version if own else 0
    if not own:
        _check_name(policy.name, [each.policy.name for each in known])
    if policy.version != newest + 1:
        told = f"version {newest} is, by {own[-1].author}" if own else "there is none of this name"
        raise Conflict(
            f"version {policy.version - 1} is not the newest: {told}", field="expectedVersion",
            hint="Look at what there is, and say it again upon the newest version.", version=newest,
        )  # fmt: skip
    if len(known) >= MOST_VERSIONS:
        raise Conflict(f"a tenant has at most {MOST_VERSIONS} versions of policies", field="name")


def _check_name(name: str, own: Iterable[str]) -> None:
    """That nobody takes a new one for another one."""
    for hint, names in (("Take another name.", SHIPPED.names), ("Register its next version, or another name.", own)):
        for each in names:
            if alike(each) == alike(name):
                raise Conflict(f"there is a policy {each!r}", hint=hint, field="name")
