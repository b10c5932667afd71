"""Snapshots that are answered only if they are as good as the caller needs them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import strawberry

from aurum.curves import model
from aurum.curves.analytics.trust import Failure, Requirements, failures
from aurum.curves.graphql.arguments import Info, there
from aurum.errors import InvalidInput, NotTrusted
from aurum.parsers.model import Severity


@strawberry.input(description="What a snapshot has to be. What is not met is an error NOT_TRUSTED instead of it.")
class Require:
    max_age: int | None = strawberry.field(
        default=None,
        description="Calendar days that its as-of date may be before `asOf`, or without that before the day of "
        "`knownAt`, or before today (UTC).",
    )
    min_completeness: float | None = strawberry.field(
        default=None, description="The share of its points that have a mid, from 0 to 1."
    )
    not_stale: bool = strawberry.field(
        default=False,
        description="Not every mid may be, to the bit, that of the curve's as-of date before, as known at `knownAt`.",
    )
    no_findings: bool = strawberry.field(
        default=False, description="No warning and no error about the curve in the file that it was read from."
    )


Required = Annotated[
    Require | None,
    strawberry.argument(description="Unless it is all this, it is refused with NOT_TRUSTED, saying why; null: any."),
]


async def trusted(
    info: Info, snapshot: model.Snapshot, given: Require, as_of: date | None, known_at: datetime | None
) -> model.Snapshot:
    """The snapshot. Raises NotTrusted, with everything that it is not."""
    required, context = _requirements(given), info.context
    day = as_of or (known_at or context.metadata.clock()).date()
    before = None
    if required.not_stale:
        eve = snapshot.as_of - timedelta(days=1)
        before = await context.load(context.curves.snapshots, snapshot.curve_id, as_of=eve, known_at=known_at)
    findings = await _findings(info, snapshot) if required.no_findings else 0
    failed = failures(required, snapshot, day, before, findings)
    if failed:
        raise _refusal(snapshot, failed)
    return snapshot


async def _findings(info: Info, snapshot: model.Snapshot) -> int:
    curve = there(await info.context.load(info.context.metadata.by_id, snapshot.curve_id), "curve")
    found = await info.context.findings_about(snapshot.run_id, curve.key)
    return sum(finding.severity is not Severity.INFO for finding in found)


def _refusal(snapshot: model.Snapshot, failed: list[Failure]) -> NotTrusted:
    return NotTrusted(
        "not trusted: " + "; ".join(failure.message for failure in failed),
        hint="Ask without `require` to see the numbers all the same, or for less.",
        asOf=snapshot.as_of.isoformat(),
        failed=[
            {
                "requirement": each.requirement.value, "message": each.message, "found": each.found,
                "required": each.required,
            }
            for each in failed
        ],
    )  # fmt: skip


def _requirements(given: Require) -> Requirements:
    if given.max_age is not None and given.max_age < 0:
        raise InvalidInput("`maxAge` is not negative", field="require")
    if given.min_completeness is not None and not 0 <= given.min_completeness <= 1:
        raise InvalidInput("`minCompleteness` is from 0 to 1", field="require")
    return Requirements(given.max_age, given.min_completeness, given.not_stale, given.no_findings)
