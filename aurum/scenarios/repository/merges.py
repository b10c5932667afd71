"""Merging a scenario into another one that it has a version in common with: usually a branch into its parent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aurum.auth import Principal, Scope
from aurum.errors import Conflict, InvalidInput
from aurum.scenarios.repository.merging import Merge, Side, common_version, merged
from aurum.scenarios.repository.model import Key, Scenario, Version, check_reason
from aurum.scenarios.repository.service import Kept, ScenarioService, check_newest

MOST_DECIDED = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """None of `target`: the parent of the source. None of `source_version`: its newest. `decided` is by path."""

    source: int
    target: int | None
    source_version: int | None
    decided: Mapping[str, Side]


@dataclass(frozen=True, slots=True)
class PlannedMerge:
    """`common` is the version that both come from; `there`: the target has all of the source already."""

    source: Version
    target: Scenario
    common: Key
    merge: Merge

    @property
    def there(self) -> bool:
        return self.common == (self.source.scenario_id, self.source.version)


class MergeService:
    def __init__(self, scenarios: ScenarioService) -> None:
        self.scenarios = scenarios

    async def planned(self, principal: Principal, wanted: Wanted) -> PlannedMerge:
        """What a merge would make. Raises InvalidInput where they have nothing in common."""
        principal.require(Scope.SCENARIOS_READ)
        if len(wanted.decided) > MOST_DECIDED:
            raise InvalidInput(f"at most {MOST_DECIDED} paths are decided at once", field="resolve")
        source = await self.scenarios.version(principal, wanted.source, wanted.source_version, "source")
        target = await self.scenarios.there(principal, await self._target(principal, wanted), "target")
        ours, theirs = (target.id, target.newest.version), (source.scenario_id, source.version)
        origins = await self.scenarios.store.origins(principal.tenant, {target.id, source.scenario_id})
        common = common_version(origins, ours, theirs)
        if common is None or target.id == source.scenario_id:
            raise InvalidInput(
                "they have no version in common", field="target", hint="Merge a branch into what it branches from.",
            )  # fmt: skip
        base = (await self.scenarios.versions(principal, [common]))[common].definition
        said = (base, target.newest.definition, source.definition)
        merge = await asyncio.to_thread(merged, *said, wanted.decided)
        if merge.unused:
            raise InvalidInput(f"nothing is in conflict at {min(merge.unused)[:80]!r}", field="resolve")
        return PlannedMerge(source, target, common, merge)

    async def merge(
        self, principal: Principal, wanted: Wanted, expected: int, reason: str
    ) -> tuple[PlannedMerge, Kept | None]:
        """The next version of the target; None where conflicts are open: nothing was changed.

        What is there already changes nothing. Raises Conflict where `expected` is not the target's newest version.
        """
        principal.require(Scope.SCENARIOS_WRITE)
        check_reason(reason)
        planned = await self.planned(principal, wanted)
        check_newest(planned.target, expected)
        if planned.there:
            return planned, Kept(planned.target, [])
        if planned.merge.conflicts:
            return planned, None
        ready, issues = await self.scenarios.judged(principal, planned.merge.definition)
        from_ = (planned.source.scenario_id, planned.source.version)
        changed = await self.scenarios.change(principal, planned.target.id, expected, ready, reason, from_)
        return planned, Kept(changed, issues)

    async def _target(self, principal: Principal, wanted: Wanted) -> int:
        if wanted.target is not None:
            return wanted.target
        parent = (await self.scenarios.there(principal, wanted.source, "source")).parent_id
        if parent is None:
            raise Conflict("the scenario branches from none", hint="Say which it is merged into.", field="target")
        return parent
