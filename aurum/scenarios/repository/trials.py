"""Drivers tried on curves as they are, before anything is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

from aurum.auth import Principal
from aurum.errors import InvalidScenario
from aurum.metadata.model import CurveFilter
from aurum.scenarios.bases import Bases
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.policies import Policies
from aurum.scenarios.references import references
from aurum.scenarios.refusals import issues_of
from aurum.scenarios.starting import unpriced
from aurum.scenarios.validation import validate


async def tried(
    bases: Bases, principal: Principal, drivers: Sequence[Driver], wanted: CurveFilter, as_of: date | None,
    known_at: datetime, policies: Policies,
) -> list[Issue]:  # fmt: skip
    """Everything that is wrong with them there, or probably not meant."""
    try:
        chosen = await bases.chosen(principal, wanted, references(drivers, policies), as_of, known_at)
    except InvalidScenario as refusal:
        return issues_of(refusal)
    found = await asyncio.to_thread(validate, drivers, await bases.read(principal, chosen), policies)
    return [*unpriced(chosen, as_of, Severity.WARNING), *found]
