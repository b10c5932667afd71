"""The checks, the thresholds they go by, and which files are expected: read, and edited in versions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from aurum.curves.graphql import DateRange
from aurum.errors import Conflict, InvalidInput, NotFound
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import sized
from aurum.ingestion import model
from aurum.ingestion.checks import CHECKS, LIMITS
from aurum.ingestion.completeness import FileDelivery as DeliveryOf
from aurum.ingestion.expectations import DeliveryState
from aurum.ingestion.graphql.findings import Info
from aurum.ingestion.graphql.runs import SourceFile, file_of
from aurum.ingestion.policies import EXPECTATIONS, THRESHOLDS
from aurum.metadata.graphql import Problem, problem_of
from aurum.parsers.model import Severity

_LOOKED_BACK = timedelta(days=30)
publish_enum(
    DeliveryState,
    "How it stands with the file of a day.",
    {
        "IN": "It came in time.",
        "LATE": "It came late.",
        "DUE": "It has not come, and is not late yet.",
        "MISSING": "It has not come, and is late.",
        "UNEXPECTED": "It came for a day of which no file is expected.",
        "BACKFILLED": "It was due before Aurum had any file of the vendor, and came with the vendor's history.",
    },
    name="FileDeliveryState",
)


@strawberry.type(description="A check of what arrives.")
class Check:
    code: str = strawberry.field(description="The code of its findings.")
    severity: Severity = strawberry.field(description="How bad its findings are, unless the thresholds say otherwise.")
    refuses_file: bool = strawberry.field(description="Whether an ERROR of it refuses the whole file.")


@strawberry.type(description="A number that checks go by.")
class CheckLimit:
    name: str = strawberry.field(description="Its name in the thresholds.")
    default: float = strawberry.field(description="What it is unless it is set.")
    least: float = strawberry.field(description="The least it can be set to.")
    most: float = strawberry.field(description="The most it can be set to.")
    of_files: bool = strawberry.field(description="Whether it is of whole files, and cannot be set for a curve.")


@strawberry.type(description="A version of a document that operators edit.")
class Policy:
    version: int = strawberry.field(description="0 is what Aurum ships; each change counts one up.")
    document: JSON = strawberry.field(description="What is set otherwise than by default.")
    author: str = strawberry.field(description="Who changed it.")
    reason: str = strawberry.field(description="Why.")
    known_from: datetime | None = strawberry.field(description="Since when it is in force (UTC); null: shipped.")


@strawberry.type(description="How it stands with the file of a vendor's day.")
class FileDelivery:
    vendor: str = strawberry.field(description="Whose file.")
    as_of: date = strawberry.field(description="Its as-of date.")
    state: DeliveryState = strawberry.field(description="How it stands.")
    due_at: datetime | None = strawberry.field(description="When it is due (UTC); null where none is expected.")
    arrived_at: datetime | None = strawberry.field(description="When Aurum received it first (UTC).")
    late_by_seconds: int | None = strawberry.field(description="From the due time to its coming, or to now.")
    delivery: strawberry.Private[DeliveryOf]

    @strawberry.field(
        description="The loaded files of the day, the first one first; corrections follow.", directives=[sized(2)]
    )
    async def files(self, info: Info) -> list[SourceFile]:
        load, files = info.context.load, info.context.ingestion.files
        found = await asyncio.gather(*(load(files, id_) for id_ in self.delivery.file_ids))
        return [file_of(file) for file in found if file is not None]


@strawberry.input(description="A changed document.")
class SetPolicyInput:
    document: JSON = strawberry.field(description="The whole of it, as `Policy.document` has it.")
    reason: str = strawberry.field(description="Why; kept for good.")
    replaces: int | None = strawberry.field(
        default=None, description="The version that was edited: refused where it is not the newest. Null: any."
    )


@strawberry.type(description="The new version, or what was wrong.")
class SetPolicyPayload:
    policy: Policy | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])
    kept: strawberry.Private[model.Policy | None] = None

    @strawberry.field(
        description="What is set and may be a slip: thresholds of a curve, or a pattern, that fit none.",
        directives=[sized(10)],
    )
    async def warnings(self, info: Info) -> list[Problem]:
        if self.kept is None or self.kept.name != THRESHOLDS:
            return []
        idle = await info.context.ingestion.policies.idle(info.context.principal, self.kept.document)
        return [_fits_no_curve(pattern) for pattern in idle]


PolicyInput = Annotated[SetPolicyInput, strawberry.argument(description="The document, and why.")]


@strawberry.type
class PolicyQuery:
    @strawberry.field(description="Every check, by code.", directives=[sized(40)])
    def checks(self) -> list[Check]:
        return [
            Check(code=code, severity=check.severity, refuses_file=check.whole_file)
            for code, check in sorted(CHECKS.items())
        ]

    @strawberry.field(description="Every number that checks go by.", directives=[sized(40)])
    def check_limits(self) -> list[CheckLimit]:
        return [
            CheckLimit(name=limit.name, default=limit.default, least=limit.low, most=limit.high, of_files=limit.file)
            for limit in LIMITS
        ]

    @strawberry.field(
        description="The thresholds of the checks: the one in force first, then those before.", directives=[sized(20)]
    )
    async def check_thresholds(self, info: Info) -> list[Policy]:
        found = await info.context.ingestion.policies.versions(info.context.principal, THRESHOLDS)
        return [policy_of(policy) for policy in found]

    @strawberry.field(description="The thresholds in force of a vendor's files, or of one of its curves, by name.")
    async def effective_limits(
        self, info: Info,
        vendor: Annotated[str, strawberry.argument(description="The vendor's code.")],
        curve_key: Annotated[str | None, strawberry.argument(description="A curve; null: the files.")] = None,
    ) -> JSON:  # fmt: skip
        thresholds, _ = await info.context.ingestion.policies.thresholds_in_force(info.context.principal)
        return JSON(thresholds.effective(vendor.strip().upper(), curve_key))

    @strawberry.field(
        description="Which files are expected: the document in force first, then those before.", directives=[sized(20)]
    )
    async def file_expectations(self, info: Info) -> list[Policy]:
        found = await info.context.ingestion.policies.versions(info.context.principal, EXPECTATIONS)
        return [policy_of(policy) for policy in found]

    @strawberry.field(description="How it stands with the vendors' files, by day and vendor.", directives=[sized(150)])
    async def file_deliveries(
        self, info: Info,
        as_of: Annotated[DateRange | None, strawberry.argument(
            description="Which days; an open end is 30 days back, or today.")] = None,
        vendors: Annotated[list[str] | None, strawberry.argument(
            description="Any of these vendors; null: all.")] = None,
    ) -> list[FileDelivery]:  # fmt: skip
        context, days = info.context, as_of or DateRange()
        last = days.last or context.ingestion.clock().date()
        first = days.first or max(last, date.min + _LOOKED_BACK) - _LOOKED_BACK
        found = await context.ingestion.completeness.deliveries(context.principal, first, last, vendors)
        return [delivery_of(each) for each in found]


@strawberry.type
class PolicyMutation:
    @strawberry.mutation(description="Sets the thresholds of the checks: a new version, for the files to come.")
    async def set_check_thresholds(self, info: Info, input: PolicyInput) -> SetPolicyPayload:
        return await _set(info, info.context.ingestion.policies.set_thresholds, input)

    @strawberry.mutation(description="Sets which files are expected: a new version.")
    async def set_file_expectations(self, info: Info, input: PolicyInput) -> SetPolicyPayload:
        return await _set(info, info.context.ingestion.policies.set_expectations, input)


async def _set(info: Info, change: Callable[..., Awaitable[model.Policy]], given: SetPolicyInput) -> SetPolicyPayload:
    try:
        policy = await change(info.context.principal, given.document, given.reason, given.replaces)
    except (Conflict, InvalidInput, NotFound) as error:
        return SetPolicyPayload(policy=None, problems=[problem_of(error)])
    return SetPolicyPayload(policy=policy_of(policy), problems=[], kept=policy)


def _fits_no_curve(pattern: str) -> Problem:
    return Problem(
        code="FITS_NO_CURVE", message=f"curves.{pattern} fits no curve that there is", field="document",
        hint="Look for its key among `curves`; what is set holds for curves that come later.",
    )  # fmt: skip


def policy_of(policy: model.Policy) -> Policy:
    document: Any = dict(policy.document)
    return Policy(
        version=policy.version, document=document, author=policy.author, reason=policy.reason,
        known_from=policy.known_from,
    )  # fmt: skip


def delivery_of(found: DeliveryOf) -> FileDelivery:
    delivery, late_by = found.delivery, found.delivery.late_by
    return FileDelivery(
        vendor=delivery.vendor, as_of=delivery.as_of, state=delivery.state, due_at=delivery.due_at,
        arrived_at=delivery.arrived_at, late_by_seconds=None if late_by is None else int(late_by.total_seconds()),
        delivery=found,
    )  # fmt: skip
