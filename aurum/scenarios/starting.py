"""Whether there are prices of the as-of date that a scenario starts from: other numbers are never taken silently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from aurum.scenarios.bases import Base
from aurum.scenarios.model import BaseCurve, Issue, Severity


def in_future(as_of: date | None, now: datetime) -> list[Issue]:
    """Somewhere it may be tomorrow already, nowhere the day after."""
    if as_of is None or as_of - now.date() <= timedelta(days=1):
        return []
    why = f"{as_of} is after today, {now.date()} in UTC: prices of a day to come cannot be known"
    suggestion = "Leave it out: a run then takes what is newest when it is asked for."
    return [Issue(Severity.ERROR, "AS_OF_IN_FUTURE", why, "asOf", suggestion)]


def unpriced(curves: Sequence[Base] | Sequence[BaseCurve], as_of: date | None, none: Severity) -> list[Issue]:
    """Where curves have prices of a date before the very one (None: the newest that any of them has): some of them, or
    all, which is as bad as `none`.
    """
    newest = max(each.as_of for each in curves)
    wanted = as_of or newest
    if newest < wanted:
        why = f"none of its curves has prices of {wanted}; the newest before it are of {newest}"
        return [Issue(none, "NO_PRICES", why, "asOf", f"Take {newest}.")]
    late = [each for each in curves if each.as_of < wanted]
    if not late:
        return []
    why = f"{len(late)} of {len(curves)} curves, such as {late[0].curve.key}, have no prices of {wanted}, but of a "
    suggestion = "Take a date that all of them have, or leave them out by its filter."
    return [Issue(Severity.WARNING, "NO_PRICES", f"{why}date before", "asOf", suggestion)]
