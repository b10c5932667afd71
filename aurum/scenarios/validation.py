"""Everything that is wrong, or probably not meant, before anything is run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from aurum.errors import InvalidScenario
from aurum.scenarios.application import outcome
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Issue, Severity
from aurum.scenarios.plans.book import CurveBook
from aurum.scenarios.plans.planning import plan
from aurum.scenarios.policies import SHIPPED, Policies
from aurum.scenarios.refusals import issues_of

DEEPEST_PARENT = 32


def validate(drivers: Sequence[Driver], curves: Collection[BaseCurve], policies: Policies = SHIPPED) -> list[Issue]:
    """Of drivers that `documents.read_drivers` has read, over the curves of their scenario and those they refer to.

    Tries them: what moves nothing, or cannot be known, is told with its driver.
    """
    if not curves:
        return [
            Issue(
                Severity.ERROR, "EMPTY_SELECTION", "the scenario looks at no curve that has prices", "curves",
                "Widen its filter, or take an as-of date with prices.",
            )
        ]  # fmt: skip
    if not drivers:
        return [Issue(Severity.WARNING, "NO_DRIVERS", "without a driver every curve is its base", "drivers")]
    planned = plan(CurveBook(curves), drivers, policies)
    if any(each.severity is Severity.ERROR for each in planned.issues):
        return list(planned.issues)
    try:
        return list(outcome(planned).issues)
    except InvalidScenario as refusal:
        return [*planned.issues, *issues_of(refusal)]


def parent_issues(scenario: str, parent: str | None, parents: Mapping[str, str | None]) -> list[Issue]:
    """Whether a scenario may branch from that parent. `parents` are by the ids of the scenarios that there are."""
    seen, at = [scenario], parent
    while at is not None:
        if at in seen:
            return [_parent("CYCLE", f"scenarios branch in a circle: {' from '.join([*seen, at])}")]
        if at not in parents:
            return [_parent("UNKNOWN_PARENT", f"there is no scenario {at[:80]!r}")]
        seen.append(at)
        if len(seen) > DEEPEST_PARENT:
            return [_parent("TOO_DEEP", f"scenarios branch at most {DEEPEST_PARENT} deep")]
        at = parents[at]
    return []


def _parent(code: str, message: str) -> Issue:
    return Issue(Severity.ERROR, code, message, "parent")
