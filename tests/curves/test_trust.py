"""What a snapshot has to be for its numbers to be taken."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from aurum.curves.analytics.trust import Requirement, Requirements, failures, repeats
from aurum.curves.model import CurvePrices, Snapshot
from tests.published import prices

NOON = datetime(2025, 2, 13, 12, tzinfo=UTC)
FRIDAY = date(2025, 2, 14)


def snapshot(curve: CurvePrices, as_of: date = FRIDAY) -> Snapshot:
    return Snapshot(1, 1, as_of, 1, NOON, NOON, None, curve)


def failed(
    required: Requirements, curve: CurvePrices, day: date = FRIDAY, findings: int = 0
) -> list[tuple[Requirement, float, float]]:
    before = snapshot(prices([50.0, 51.0, 52.0]), date(2025, 2, 13))
    found = failures(required, snapshot(curve), day, before, findings)
    return [(each.requirement, each.found, each.required) for each in found]


def test_nothing_is_required_unless_it_is_asked_for() -> None:
    assert failed(Requirements(), prices([50.0, np.nan, np.nan]), date(2030, 1, 1), 9) == []


def test_an_age_is_counted_in_calendar_days() -> None:
    required = Requirements(max_age=3)
    assert failed(required, prices([50.0]), date(2025, 2, 17)) == []
    assert failed(required, prices([50.0]), date(2025, 2, 18)) == [(Requirement.MAX_AGE, 4, 3)]


def test_points_in_quarantine_are_missing() -> None:
    required = Requirements(min_completeness=0.75)
    assert failed(required, prices([1.0, 2.0, 3.0, np.nan])) == []
    assert failed(required, prices([1.0, 2.0, 3.0, np.nan]).without([0])) == [(Requirement.MIN_COMPLETENESS, 0.5, 0.75)]


def test_a_curve_that_repeats_the_day_before_is_stale() -> None:
    required = Requirements(not_stale=True)
    assert failed(required, prices([50.0, 51.0, 52.0])) == [(Requirement.NOT_STALE, 1, 0)]
    assert failed(required, prices([50.0, 51.0, 52.001])) == []
    assert failed(required, prices([51.0, 52.0, 60.0], date(2025, 4, 1))) == [(Requirement.NOT_STALE, 1, 0)]
    assert failed(required, prices([1.0], date(2030, 4, 1))) == []  # no delivery in common


def test_a_new_month_of_a_stale_curve_is_not_called_old() -> None:
    """April and May repeat those of the day before, June is quoted for the first time."""
    before = snapshot(prices([50.0, 51.0, 52.0]), date(2025, 2, 13))
    curve = snapshot(prices([51.0, 52.0, 60.0], date(2025, 4, 1)))
    (found,) = failures(Requirements(not_stale=True), curve, FRIDAY, before, 0)
    assert found.message == "its prices are those of 2025-02-13 in all deliveries that both quote"


def test_prices_that_are_not_there_repeat_nothing() -> None:
    blank = prices([np.nan, np.nan])
    assert not repeats(blank, blank)
    assert not repeats(prices([0.0]), blank)


def test_everything_that_fails_is_told() -> None:
    required = Requirements(max_age=0, min_completeness=1.0, not_stale=True, no_findings=True)
    found = failed(required, prices([50.0, 51.0, np.nan]), date(2025, 2, 15), findings=2)
    assert found == [
        (Requirement.MAX_AGE, 1, 0), (Requirement.MIN_COMPLETENESS, 2 / 3, 1.0), (Requirement.NOT_STALE, 1, 0),
        (Requirement.NO_FINDINGS, 2, 0),
    ]  # fmt: skip
