"""Policies: those that Aurum ships, and those that the tenant has registered, in versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from aurum.graphql.sizes import sized, weighing
from aurum.metadata.graphql import Problem
from aurum.scenarios.documents import write_driver
from aurum.scenarios.graphql.arguments import (
    WRONG,
    Info,
    ScenarioDriver,
    ScenarioIssue,
    driver_of,
    told_of,
    wrong,
)
from aurum.scenarios.graphql.drivers import DriverInput, documents_of
from aurum.scenarios.repository.policy_store import Registered


@strawberry.type(description="What a policy does. It never changes.")
class ScenarioPolicyVersion:
    version: int = strawberry.field(description="Counts from 1.")
    description: str = strawberry.field(description="What it is about.")
    source: str = strawberry.field(description="Where its numbers are from.")
    effects: list[ScenarioDriver] = strawberry.field(
        description="What it does, one primitive after another.", directives=[sized(3)]
    )
    author: str | None = strawberry.field(description="Who registered it; null: Aurum ships it.")
    reason: str | None = strawberry.field(description="Why.")
    created_at: datetime | None = strawberry.field(description="When (UTC).")


@strawberry.type(description="Something that a driver of the type `policy` can name.")
class ScenarioPolicy:
    name: str = strawberry.field(description="What drivers call it, in any case.")
    shipped: bool = strawberry.field(description="Whether Aurum ships it; else it is the tenant's own.")
    version: int = strawberry.field(description="Its newest version: what `registerPolicy` expects.")
    versions: list[ScenarioPolicyVersion] = strawberry.field(description="The newest first.", directives=[sized(3)])


@strawberry.input(description="The next version of a policy of the tenant.")
class RegisterPolicyInput:
    name: str = strawberry.field(description="What drivers shall call it; no name of a policy that Aurum ships.")
    expected_version: int = strawberry.field(
        default=0, description="Its newest version, as far as you know, else CONFLICT; 0: there is none of this name."
    )
    description: str = strawberry.field(description="What it is about.")
    source: str = strawberry.field(description="Where its numbers are from.")
    effects: list[DriverInput] = strawberry.field(description="Primitives, in this order: see `driverKinds`.")
    reason: str = strawberry.field(description="Why; kept with the version.")


@strawberry.type(description="The policy, or what was wrong: then nothing was kept.")
class PolicyPayload:
    policy: ScenarioPolicy | None = strawberry.field(description="Null where there are problems.")
    issues: list[ScenarioIssue] = strawberry.field(
        description="What is to be known of its effects; where they are refused, every reason.", directives=[sized(20)]
    )
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class PolicyQuery:
    @strawberry.field(
        description="Every policy that drivers can name, by name: the tenant's own, and those that Aurum ships.",
        directives=[sized(20)],
    )
    async def policies(self, info: Info) -> list[ScenarioPolicy]:
        context = info.context
        return [_policy_of(each) for each in await context.scenarios.policies.listed(context.principal)]


@strawberry.type
class PolicyMutation:
    @strawberry.mutation(
        description="The next version of a policy. Scenarios that are there keep the versions they have.",
        directives=[weighing(200)],
    )
    async def register_policy(
        self, info: Info, input: Annotated[RegisterPolicyInput, strawberry.argument(description="What it does.")]
    ) -> PolicyPayload:
        effects, context = documents_of(input.effects), info.context
        said = {name: getattr(input, name) for name in ("name", "description", "source")} | {"effects": effects}
        try:
            policy, issues = await context.scenarios.policies.register(
                context.principal, said, input.expected_version, input.reason
            )
        except WRONG as error:
            return PolicyPayload(policy=None, **wrong(error, effects, "effects"))
        told = told_of(issues, effects, "effects")
        return PolicyPayload(policy=_policy_of(policy), issues=told, problems=[])


def _policy_of(versions: Sequence[Registered]) -> ScenarioPolicy:
    newest = versions[0]
    return ScenarioPolicy(
        name=newest.policy.name, shipped=newest.author is None, version=newest.policy.version,
        versions=[_version_of(each) for each in versions],
    )  # fmt: skip


def _version_of(registered: Registered) -> ScenarioPolicyVersion:
    policy = registered.policy
    return ScenarioPolicyVersion(
        version=policy.version, description=policy.description, source=policy.source,
        effects=[driver_of(write_driver(each)) for each in policy.effects], author=registered.author,
        reason=registered.reason, created_at=registered.created_at,
    )  # fmt: skip
