"""A scenario that starts from an as-of date, brought to another one; and what changes by that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from aurum.auth import Principal, Scope
from aurum.backends.steps import stepped
from aurum.curves.analytics.comparisons import Bucket, By, Difference
from aurum.errors import Conflict, InvalidInput, InvalidScenario
from aurum.metadata.model import Curve
from aurum.scenarios.analytics.largest import LargestFirst
from aurum.scenarios.application import apply
from aurum.scenarios.comparison import differing
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Issue, Outcome, Severity
from aurum.scenarios.policies import Policies
from aurum.scenarios.references import references
from aurum.scenarios.refusals import issues_of, refuse_errors
from aurum.scenarios.repository.model import Definition, Scenario, check_reason
from aurum.scenarios.repository.service import Kept, ScenarioService, check_newest
from aurum.scenarios.starting import in_future, unpriced


@dataclass(frozen=True, slots=True)
class Start:
    """None of `known_at`: as what is known when it is run."""

    as_of: date
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlannedRebase:
    """`new` are issues that the scenario has there, and did not have before; of `gone` the other way round.

    `differences` are those of its curves, before and there, as of two runs: bases, prices, and what each driver did.
    None where it cannot be run there, or could not be before. `lost` curves have no prices any more.
    """

    scenario: Scenario
    before: Start
    there: Start
    issues: Sequence[Issue]
    new: Sequence[Issue]
    gone: Sequence[Issue]
    differences: Sequence[Difference] | None
    curves: Mapping[str, Curve]
    lost: Sequence[Curve]
    added: Sequence[Curve]

    @property
    def definition(self) -> Definition:
        said = self.scenario.newest.definition
        return replace(said, as_of=self.there.as_of, known_at=self.there.known_at)


@dataclass(frozen=True, slots=True)
class _Tried:
    curves: Mapping[str, BaseCurve]
    outcome: Outcome | None
    issues: Sequence[Issue]


class RebaseService:
    def __init__(self, scenarios: ScenarioService) -> None:
        self.scenarios = scenarios

    async def planned(
        self, principal: Principal, id_: int, start: Start, bucket: Bucket = Bucket.ALL, by: By = By.ABSOLUTE
    ) -> PlannedRebase:
        """What a rebase would change. Raises Conflict for a scenario that always starts from the newest as-of date,
        and InvalidScenario where none of its curves has prices of that date.
        """
        principal.require(Scope.SCENARIOS_READ)
        scenario = await self.scenarios.there(principal, id_)
        said = scenario.newest.definition
        if said.as_of is None:
            hint = "Run it again, and put both runs beside each other with `compareRuns`."
            raise Conflict("the scenario starts from the newest as-of date anyway", hint=hint, field="id")
        before, now = Start(said.as_of, said.known_at), self.scenarios.clock()
        _check_start(before, start, now)
        refuse_errors(in_future(start.as_of, now))
        drivers, issues = said.read()
        refuse_errors(issues)
        policies = await self.scenarios.policies.known_to(principal, drivers)
        old, new = [await self._tried(principal, said, drivers, policies, each, now) for each in (before, start)]
        refuse_errors(each for each in new.issues if each.code == "NO_PRICES")
        other = _in_other_units(old.curves, new.curves)
        issues, differences = [*new.issues, *_mismatch(other)], None
        if old.outcome is not None and new.outcome is not None:
            both = [_leaving_out(other, each) for each in (old.outcome, new.outcome)]
            differences = await asyncio.to_thread(LargestFirst, await stepped(differing(both, bucket, by)))
        curves = {key: each.curve for key, each in (*old.curves.items(), *new.curves.items())}
        return PlannedRebase(
            scenario, before, start, issues, _without(issues, old.issues), _without(old.issues, issues),
            differences, curves, _only(old.curves, new.curves), _only(new.curves, old.curves),
        )  # fmt: skip

    async def rebase(
        self, principal: Principal, id_: int, start: Start, expected: int, reason: str
    ) -> tuple[PlannedRebase, Kept]:
        """The next version, which starts there. Raises InvalidScenario where it cannot be run there."""
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason)
        planned = await self.planned(principal, id_, start)
        check_newest(planned.scenario, expected)
        refuse_errors(planned.issues)
        changed = await self.scenarios.change(principal, id_, expected, planned.definition, reason)
        return planned, Kept(changed, list(planned.issues))

    async def _tried(
        self, principal: Principal, said: Definition, drivers: Sequence[Driver], policies: Policies, start: Start,
        now: datetime,
    ) -> _Tried:  # fmt: skip
        bases, named, known_at = self.scenarios.bases, references(drivers, policies), start.known_at or now
        try:
            chosen = await bases.chosen(principal, said.curves, named, start.as_of, known_at)
        except InvalidScenario as refusal:
            return _Tried({}, None, issues_of(refusal))
        given = await bases.read(principal, chosen)
        curves, issues = {each.key: each for each in given}, unpriced(given, start.as_of, Severity.ERROR)
        try:
            outcome = await asyncio.to_thread(apply, given, drivers, policies)
        except InvalidScenario as refusal:
            return _Tried(curves, None, [*issues, *issues_of(refusal)])
        return _Tried(curves, outcome, [*issues, *outcome.issues])


def _check_start(before: Start, start: Start, now: datetime) -> None:
    if start == before:
        raise InvalidInput(f"the scenario starts from {before.as_of} already", field="asOf")
    if start.known_at is not None and start.known_at > now:
        hint = "Without it, the scenario starts from what is known when it is run."
        raise InvalidInput("nobody knows yet what will be known then", hint=hint, field="knownAt")


def _in_other_units(before: Mapping[str, BaseCurve], there: Mapping[str, BaseCurve]) -> list[tuple[Curve, Curve]]:
    both = ((before[key].curve, each.curve) for key, each in there.items() if key in before)
    return [(old, new) for old, new in both if (old.currency, old.unit) != (new.currency, new.unit)]


def _mismatch(other: Sequence[tuple[Curve, Curve]]) -> list[Issue]:
    if not other:
        return []
    old, new = other[0]
    why = f"{new.key} was known to be in {old.currency}/{old.unit}, and is in {new.currency}/{new.unit} there"
    told = f"{why}: what it moved by is not told, as of {len(other)} in all"
    return [Issue(Severity.WARNING, "UNIT_MISMATCH", told, "knownAt")]


def _leaving_out(other: Sequence[tuple[Curve, Curve]], outcome: Outcome) -> Outcome:
    out = {curve.key for curve, _ in other}
    return replace(outcome, curves={key: each for key, each in outcome.curves.items() if key not in out})


def _without(issues: Sequence[Issue], others: Sequence[Issue]) -> list[Issue]:
    """By code and path: messages tell of numbers, which differ by day."""
    known = {(each.code, each.path) for each in others}
    return [each for each in issues if (each.code, each.path) not in known]


def _only(curves: Mapping[str, BaseCurve], others: Mapping[str, BaseCurve]) -> list[Curve]:
    return [each.curve for key, each in curves.items() if key not in others]
