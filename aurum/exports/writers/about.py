"""The sheet About: what the rows are, as of when and known when, and how to ask for them again."""

from __future__ import annotations

from collections.abc import Iterable

from aurum.curves.stories import NamedRun
from aurum.exports.comparisons import ComparisonPlan
from aurum.exports.model import Selection
from aurum.exports.plans import Plan
from aurum.exports.selections import instant_text, run_text, written

_CELL = 32_767  # characters, of a cell of Excel


def about(plan: Plan | ComparisonPlan) -> Iterable[tuple[str, str]]:
    """No text begins with that of somebody else: it might be taken for a formula."""
    return _of_comparison(plan) if isinstance(plan, ComparisonPlan) else _of_points(plan)


def _of_points(plan: Plan) -> Iterable[tuple[str, str]]:
    selection = plan.selection
    newest = f"the newest on or before {selection.as_of}" if selection.as_of else "the newest of each curve"
    dates = f"{selection.first or 'the first'} to {selection.last or 'the newest'}, both included"
    if plan.told is not None:
        newest = f"what the run has taken: on or before {plan.told.as_of}"
    prices = "as published" if plan.told is None else "as the run has them; what it has started from is in base"
    if selection.currency or selection.unit:
        prices += f", converted to {selection.currency or 'their own currency'}"
        prices += f" per {selection.unit or 'their own unit'}"
    yield from (
        ("What", "Forward curves: a row for each point"),
        *(() if plan.told is None else _of_run(plan.told)),
        ("As-of dates", dates if selection.ranged else newest),
        ("Known at", f"{instant_text(plan.known_at)}: later publications are not in it"),
        ("Curves", f"{plan.curve_count:,}"),
        ("Snapshots", f"{len(plan.ids):,}"),
        ("Points", f"{plan.rows:,}"),
        ("Prices", prices),
        ("Instants", "UTC, in cells to the millisecond"),
        ("Deliveries", "from delivery_start up to, and without, delivery_end"),
        ("Empty prices", "not quoted; where withheld is TRUE the file has a number that is in quarantine"),
        *_asked(selection),
    )


def _of_run(told: NamedRun) -> Iterable[tuple[str, str]]:
    """Where the numbers are from."""
    yield from (
        ("Scenario run", run_text(told.run_id)),
        ("Scenario", f"version {told.version} of {told.scenario}"),
        *((("Varied", told.variation),) if told.variation else ()),
        ("Drivers", ", then ".join(told.drivers) or "none"),
        ("Input digest", f"SHA-256 {told.input_digest}"),
        ("Output digest", f"SHA-256 {told.output_digest}"),
    )


def _asked(selection: Selection) -> Iterable[tuple[str, str]]:
    """The address to ask again: in as many rows as it needs, each from a parameter on."""
    label, address = "Ask again", f"/exports.xlsx?{written(selection)}"
    while len(address) > _CELL:
        end = address.rindex("&", 0, _CELL)
        yield label, address[:end]
        label, address = "", address[end:]
    yield label, address


def _of_comparison(plan: ComparisonPlan) -> Iterable[tuple[str, str]]:
    yield from (
        ("What", "Scenario runs beside each other: a row for each difference and run, the largest differences first"),
        ("Differences", f"{len(plan.differences):,}"),
        ("Rows", f"{plan.rows:,}"),
        ("Curves", f"{plan.curve_count:,}"),
        ("Numbers", "base is what a run has started from; difference is value less base; spread is over all runs"),
        ("Drivers", "what each did, by its position from 0, in the unit of the row; empty: the run has no such driver"),
        ("Deliveries", "from delivery_start up to, and without, delivery_end"),
        *_asked(plan.selection),
    )
    for told in plan.told:
        yield from (("", ""), *_of_run(told), ("Known at", instant_text(told.known_at)))
