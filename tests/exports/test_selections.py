"""A selection and the parameters of an address say the same."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurum.curves.analytics.comparisons import Bucket, By
from aurum.errors import InvalidInput
from aurum.exports.model import Selection
from aurum.exports.selections import PARAMETERS, parse, pinned, read, written
from aurum.graphql.ids import node_id
from aurum.market.periods import TenorType
from aurum.metadata.model import CurveFilter

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip() == text)
LISTS = st.none() | st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
SWITCHES = st.none() | st.booleans()
FILTERS = st.builds(
    CurveFilter,
    **{
        each.name: SWITCHES if each.type == "bool | None" else LISTS
        for each in fields(CurveFilter)
        if each.name not in ("measures", "search")  # which words mean what the catalogue says
    },
    measures=st.none() | st.lists(st.sampled_from(["price", "spark_spread"]), min_size=1).map(tuple),
)
SELECTIONS = st.builds(
    Selection, FILTERS, search=st.none() | TEXTS, first=st.none() | st.dates(), last=st.none() | st.dates(),
    known_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    tenor_types=st.none() | st.lists(st.sampled_from(TenorType), min_size=1).map(tuple),
    delivery_start=st.none() | st.dates(), delivery_end=st.none() | st.dates(),
    currency=st.none() | TEXTS, unit=st.none() | TEXTS,
) | st.builds(
    Selection, FILTERS, delivery_start=st.none() | st.dates(), unit=st.none() | TEXTS,
    known_at=st.none() | st.datetimes(timezones=st.just(UTC)), scenario_run=st.integers(1, 2**40),
) | st.builds(
    Selection, FILTERS, known_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    compared=st.lists(st.integers(1, 2**40), min_size=1, max_size=3, unique=True).map(tuple),
    bucket=st.none() | st.sampled_from(Bucket), by=st.none() | st.sampled_from(By),
)  # fmt: skip


@given(SELECTIONS)
def test_what_is_written_is_read_back_the_same(selection: Selection) -> None:
    assert read(written(selection)) == selection


def test_every_field_of_a_filter_can_be_asked_for() -> None:
    assert len(PARAMETERS) == len(fields(CurveFilter)) - 1 + len(fields(Selection)) - 1


def test_empty_parameters_are_not_given() -> None:
    """Power Query sends the cells that nobody has filled in."""
    assert parse([("curve", ""), ("as_of", " "), ("unit", "")]) == Selection()


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("kurve", "a")], "kurve"),
        ([("as_of", "12.2.2025")], "as_of"),
        ([("as_of", "2025-02-11"), ("as_of", "2025-02-12")], "as_of"),
        ([("as_of", "2025-02-12"), ("as_of_to", "2025-02-13")], "asOf"),
        ([("known_at", "2025-02-12T22:15:00")], "known_at"),
        ([("known_at", "2025-02-12T22:15:00 00:00")], "known_at"),  # + that was not escaped
        ([("tenor_type", "DECADE")], "tenor_type"),
        ([("measure", "WEIGHT")], "measure"),
        ([("reviewed", "perhaps")], "reviewed"),
        ([("scenario_run", "12")], "scenario_run"),
        ([("scenario_run", node_id("Scenario", 12))], "scenario_run"),
        ([("scenario_run", node_id("ScenarioRun", 12)), ("as_of", "2025-02-12")], "scenarioRun"),
        ([("scenario_run", node_id("ScenarioRun", 12)), ("as_of_from", "2025-02-12")], "scenarioRun"),
        ([("compare_run", node_id("ScenarioRun", 12)), ("unit", "kWh")], "compareRuns"),
        ([("bucket", "MONTH")], "compareRuns"),
        ([("compare_run", node_id("ScenarioRun", 12)), ("bucket", "DECADE")], "bucket"),
    ],
)
def test_what_would_select_something_else_is_refused(pairs: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(pairs)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize("nothing", [{"curves": CurveFilter(keys=())}, {"curves": CurveFilter(vendors=(" ",))},
                                     {"tenor_types": ()}, {"compared": ()}])  # fmt: skip
def test_an_empty_list_does_not_become_everything(nothing: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Selection(**nothing)


def test_what_is_known_is_pinned_to_the_moment_of_asking_and_never_lies_ahead() -> None:
    earlier, now = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 2, 12, 22, 15, tzinfo=UTC)
    assert pinned(Selection(), now).known_at == now
    assert pinned(Selection(known_at=earlier), now).known_at == earlier
    with pytest.raises(InvalidInput, match="not known yet"):
        pinned(Selection(known_at=datetime(2025, 2, 13, tzinfo=UTC)), now)


@pytest.mark.parametrize(
    ("days", "field"), [(("as_of_from", "as_of_to"), "asOf"), (("delivery_start", "delivery_end"), "delivery")]
)
def test_swapped_days_are_refused_where_they_are_asked_for(days: tuple[str, str], field: str) -> None:
    """A job that was kept with them can still be read."""
    selection = parse(zip(days, ("2025-03-01", "2025-02-28"), strict=True))
    with pytest.raises(InvalidInput, match="ends before it begins") as refused:
        pinned(selection, datetime(2025, 3, 2, tzinfo=UTC))
    assert refused.value.details["field"] == field


def test_files_are_called_by_what_is_in_them() -> None:
    assert Selection().file_name == "curves"
    assert Selection(as_of=date(2025, 2, 12)).file_name == "curves 2025-02-12"
    assert Selection(first=date(2025, 2, 1), last=date(2025, 2, 12)).file_name == "curves 2025-02-01 to 2025-02-12"
