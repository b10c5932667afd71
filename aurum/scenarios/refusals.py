"""What is wrong with drivers as an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

from aurum.errors import Conflict, InvalidInput, InvalidScenario, NotFound, Overflow
from aurum.market.finite import finite
from aurum.scenarios.model import Issue, Severity


def refused(issues: Sequence[Issue]) -> InvalidScenario:
    """The first one is what the message says."""
    told = [{**asdict(each), "severity": each.severity.value} for each in issues]
    first = issues[0]
    return InvalidScenario(f"{first.path}: {first.message}", hint=first.suggestion, issues=told)


def refuse_errors(issues: Iterable[Issue]) -> None:
    """Raises InvalidScenario with all of them if there is an ERROR, the errors first."""
    told = sorted(issues, key=lambda each: each.severity is not Severity.ERROR)
    if told and told[0].severity is Severity.ERROR:
        raise refused(told)


def issues_of(refusal: InvalidScenario) -> list[Issue]:
    return [Issue(**{**each, "severity": Severity(each["severity"])}) for each in refusal.details["issues"]]


@contextmanager
def finite_at(path: str, what: str = "what it moves") -> Iterator[None]:
    """As `finite`, in scenarios: raises InvalidScenario, which says where."""
    try:
        with finite(what):
            yield
    except Overflow as error:
        raise refused([Issue(Severity.ERROR, error.code, error.message, path, "Make it smaller.")]) from None


@contextmanager
def within(path: str) -> Iterator[None]:
    """What is wrong with one of many names its field: `path` is where it stands."""
    try:
        yield
    except InvalidScenario as refusal:
        raise refused([replace(each, path=f"{path}.{each.path}") for each in issues_of(refusal)]) from None
    except (Conflict, InvalidInput, NotFound) as error:
        field = ".".join(filter(None, (path, error.details.get("field"))))
        raise type(error)(error.message, hint=error.hint, **{**error.details, "field": field}) from None
