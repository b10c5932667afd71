"""What a run is computed from, pinned before it is queued: the version, the curves, the policies."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from aurum.auth import Principal
from aurum.errors import Conflict, InvalidInput
from aurum.metadata.model import CurveFilter
from aurum.scenarios.bases import Base
from aurum.scenarios.documents import canonical, write_policy
from aurum.scenarios.drivers import EVERY_CURVE, Driver
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.policies import Policies
from aurum.scenarios.references import policies_used, references
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.registry import FORMULAS
from aurum.scenarios.repository.model import ScenarioState, Version, write_filter
from aurum.scenarios.repository.service import ScenarioService
from aurum.scenarios.runs.model import MOST_SECONDS, Input, Request
from aurum.scenarios.runs.pinning import Pinned, pin
from aurum.scenarios.simulation.documents import plain
from aurum.scenarios.starting import in_future, unpriced
from aurum.scenarios.variations import varied

_KEY = re.compile(r"[A-Za-z0-9_\-.:/]{1,255}")
_MOST_SEED = 2**31
K = TypeVar("K")
_Start = tuple[CurveFilter, frozenset[str], date | None, datetime]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is not queued yet; of equal digests one is enough."""

    request: Request
    asked: dict[str, Any]
    digest: str
    version: Version
    as_of: date
    known_at: datetime
    inputs: Sequence[Input]
    simulation: Pinned | None
    issues: Sequence[Issue]


class Preparing:
    """Pins what runs are computed from at one instant; what several of them have in common is read once."""

    def __init__(self, scenarios: ScenarioService, principal: Principal) -> None:
        self.scenarios = scenarios
        self.principal = principal
        self.now = scenarios.clock()
        self._versions: dict[tuple[int, int | None], tuple[Version, Sequence[Driver], Policies]] = {}
        self._starts: dict[_Start, list[Base]] = {}

    async def prepared(self, request: Request) -> Prepared:
        """Raises InvalidScenario, NotFound, and Conflict for a scenario that is archived."""
        version, drivers, policies = await self.version(request.scenario_id, request.version)
        said = version.definition
        if request.variation is not None:
            drivers = await asyncio.to_thread(varied, drivers, request.variation)
        as_of, known_at = request.as_of or said.as_of, min(request.known_at or said.known_at or self.now, self.now)
        refuse_errors(in_future(as_of, self.now))
        start = (said.curves, references(drivers, policies), as_of, known_at)
        if start not in self._starts:
            self._starts[start] = await self.scenarios.bases.chosen(self.principal, *start)
        bases = self._starts[start]
        inputs = [Input(each.curve.id, each.snapshot_id, each.curve.currency, each.curve.unit) for each in bases]
        rows = [[each.curve_id, each.snapshot_id, each.currency, each.unit] for each in inputs]
        used = [write_policy(each) for each in policies_used(drivers, policies)]
        newest, issues = max(base.as_of for base in bases), unpriced(bases, as_of, Severity.WARNING)
        parts = [version.scenario_id, version.version, request.seed, FORMULAS, used, rows]
        if issues:
            parts.append([each.message for each in issues])
        if request.variation is not None:
            parts.append(request.variation.document)
        simulation = None
        if request.simulation is not None:
            given = (request.simulation, bases, drivers, known_at)
            simulation = await pin(self.scenarios.bases, self.principal, *given)
            parts.append(simulation.document)
        digest = await asyncio.to_thread(_digest, parts)
        return Prepared(request, asked(request), digest, version, newest, known_at, inputs, simulation, issues)

    async def version(self, id_: int, version: int | None) -> tuple[Version, Sequence[Driver], Policies]:
        """With its drivers, and the policies that these may name."""
        if (id_, version) not in self._versions:
            found = await self.scenarios.there(self.principal, id_, "scenario")
            if found.state is ScenarioState.ARCHIVED:
                why = "the scenario is archived: it is not run any more"
                raise Conflict(why, hint="Branch from it.", field="scenario")
            said = await self.scenarios.version(self.principal, id_, version)
            drivers, issues = said.definition.read()
            refuse_errors(issues)
            policies = await self.scenarios.policies.known_to(self.principal, drivers)
            self._versions[id_, version] = said, drivers, policies
        return self._versions[id_, version]


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(canonical(parts)).hexdigest()


def check(request: Request) -> None:
    check_key(request.idempotency_key)
    if not 0 <= request.seed < _MOST_SEED:
        raise InvalidInput("a seed is not negative", field="seed")
    if not 1 <= request.time_limit <= MOST_SECONDS:
        raise InvalidInput(f"a run may take 1 to {MOST_SECONDS:,} seconds", field="timeLimitSeconds")


def check_key(key: str | None) -> None:
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput("an idempotency key has 1 to 255 letters, digits and _-.:/", field="idempotencyKey")


def same(known: tuple[K, Any], said: dict[str, Any]) -> K:
    """What a key has asked for. Raises Conflict where that was something else."""
    found, before = known
    if before != said:
        raise Conflict("the idempotency key was used for a different request", field="idempotencyKey")
    return found


def asked(request: Request) -> dict[str, Any]:
    """What is kept of a request, to know one that uses its key for something else."""
    given = asdict(replace(request, simulation=None)) | {"priority": request.priority.name}
    del given["idempotency_key"], given["simulation"]
    if request.simulation is not None:
        wanted = {"curves": write_filter(request.simulation.curves)}
        given["simulation"] = plain(asdict(replace(request.simulation, curves=EVERY_CURVE))) | wanted
    if request.variation is None:
        del given["variation"]
    at = request.known_at
    return given | {
        "as_of": request.as_of and request.as_of.isoformat(), "known_at": at and at.astimezone(UTC).isoformat(),
    }  # fmt: skip
