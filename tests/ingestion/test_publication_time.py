"""When the prices of a file became known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aurum.ingestion.model import Times, publication_time

CREATED = datetime(2025, 2, 12, 22, 15, tzinfo=UTC)
RECEIVED = datetime(2025, 2, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_file_is_known_from_when_the_vendor_created_it() -> None:
    assert publication_time(CREATED, CREATED + HOUR, RECEIVED, []) == CREATED


def test_a_file_that_does_not_tell_is_known_when_it_is_received() -> None:
    assert publication_time(None, None, RECEIVED, []) == RECEIVED


def test_nothing_is_known_before_it_is_received() -> None:
    assert publication_time(RECEIVED + HOUR, None, RECEIVED, []) == RECEIVED


def test_a_correction_that_kept_the_creation_time_is_known_from_its_modification() -> None:
    original = Times(CREATED, CREATED, CREATED)
    assert publication_time(CREATED, CREATED + HOUR, RECEIVED, [original]) == CREATED + HOUR


def test_a_correction_without_any_later_time_is_known_when_it_is_received() -> None:
    original = Times(CREATED, CREATED, CREATED)
    assert publication_time(CREATED, CREATED, RECEIVED, [original]) == RECEIVED


def test_the_original_that_comes_after_its_correction_is_known_from_its_creation() -> None:
    correction = Times(CREATED, CREATED + HOUR, CREATED)
    assert publication_time(CREATED, CREATED, RECEIVED, [correction]) == CREATED


@given(st.lists(st.integers(0, 48), min_size=1, max_size=5, unique=True))
def test_corrections_rank_by_modification_in_whatever_order_they_come(hours: list[int]) -> None:
    others: list[Times] = []
    for hour in hours:
        modified = CREATED + hour * HOUR
        others.append(Times(CREATED, modified, publication_time(CREATED, modified, RECEIVED, others)))
    ranked = sorted(others, key=lambda times: (times.published_at, times.modified_at or CREATED))
    assert [times.modified_at for times in ranked] == sorted(times.modified_at or CREATED for times in others)
    assert all(CREATED <= times.published_at <= RECEIVED for times in others)
