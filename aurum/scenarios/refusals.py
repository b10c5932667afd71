"""What is wrong with drivers as an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aurum.errors import InvalidScenario
from aurum.scenarios.model import Issue, Severity


def refused(errors: Sequence[Issue]) -> InvalidScenario:
    """One or more; the first is what the message says."""
    told = [
        {"code": each.code, "message": each.message, "path": each.path, "suggestion": each.suggestion}
        for each in errors
    ]
    first = errors[0]
    return InvalidScenario(f"{first.path}: {first.message}", hint=first.suggestion, issues=told)


def refuse_errors(issues: Iterable[Issue]) -> None:
    """Raises InvalidScenario if there is an ERROR among them."""
    errors = [each for each in issues if each.severity is Severity.ERROR]
    if errors:
        raise refused(errors)


def issues_of(refusal: InvalidScenario) -> list[Issue]:
    return [Issue(Severity.ERROR, **each) for each in refusal.details["issues"]]
