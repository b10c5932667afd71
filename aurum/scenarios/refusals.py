"""What is wrong with drivers as an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from aurum.errors import Conflict, InvalidInput, InvalidScenario, NotFound, Overflow
from aurum.market.finite import finite
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
