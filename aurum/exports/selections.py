"""A selection as the parameters of an address: what is asked over HTTP, kept with a job and said in each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from aurum.curves.analytics.comparisons import Bucket, By
from aurum.errors import InvalidInput
from aurum.exports.model import Selection
from aurum.graphql.ids import node_id, row_of
from aurum.market.identity import Measure
from aurum.market.periods import TenorType, check_order
from aurum.metadata.model import CurveFilter

T = TypeVar("T")
_LISTS = {  # may be given more than once; any of them
    "curve": "keys", "legacy_key": "legacy_keys", "vendor": "vendors", "iso": "isos", "market": "markets",
    "region": "regions", "location": "locations", "located_in": "located_in", "product": "products", "block": "blocks",
    "measure": "measures", "asset_class": "asset_classes", "commodity": "commodities",
    "curve_currency": "currencies", "curve_unit": "units",
}  # fmt: skip
_SWITCHES = ("unit_known", "location_known", "reviewed")
_DAYS = {
    "as_of": "as_of", "as_of_from": "first", "as_of_to": "last",
    "delivery_start": "delivery_start", "delivery_end": "delivery_end",
}  # fmt: skip
_TEXTS = ("currency", "unit")
_COMPARED = ("compare_run", "bucket", "by")
PARAMETERS = (*_LISTS, *_SWITCHES, "search", *_DAYS, "known_at", "tenor_type", *_TEXTS, "scenario_run", *_COMPARED)


def parse(pairs: Iterable[tuple[str, str]]) -> Selection:
    """Empty values count as not given. Raises InvalidInput for what is not known: it would select something else."""
    given: dict[str, list[str]] = {}
    for name, text in pairs:
        if name not in PARAMETERS:
            raise InvalidInput(f"there is no parameter {name[:50]!r}", field=name[:50], hint=", ".join(PARAMETERS))
        if text.strip():
            given.setdefault(name, []).append(text.strip())
    lists: dict[str, Any] = {field: tuple(given[name]) for name, field in _LISTS.items() if name in given}
    if "measure" in given:
        lists["measures"] = tuple(_read("measure", text, _measure) for text in given["measure"])
    switches: dict[str, Any] = {name: _one(given, name, _switch) for name in _SWITCHES}
    days: dict[str, Any] = {field: _one(given, name, date.fromisoformat) for name, field in _DAYS.items()}
    types = [_read("tenor_type", text, lambda each: TenorType(each.upper())) for text in given.get("tenor_type", ())]
    return Selection(
        CurveFilter(**lists, **switches), search=_one(given, "search", str), **days,
        known_at=_one(given, "known_at", _instant), tenor_types=tuple(types) or None,
        currency=_one(given, "currency", str), unit=_one(given, "unit", str),
        scenario_run=_one(given, "scenario_run", _run),
        compared=tuple(_read("compare_run", text, _run) for text in given.get("compare_run", ())) or None,
        bucket=_one(given, "bucket", lambda text: Bucket(text.upper())),
        by=_one(given, "by", lambda text: By(text.upper())),
    )  # fmt: skip


def read(query: str) -> Selection:
    """What `written` has written."""
    return parse(parse_qsl(query, keep_blank_values=True))


def written(selection: Selection) -> str:
    """The same selection has the same text."""
    curves, pairs = selection.curves, list[tuple[str, Any]]()
    for name, field in _LISTS.items():
        pairs += [(name, str(value)) for value in getattr(curves, field) or ()]
    switches = [(name, getattr(curves, name)) for name in _SWITCHES]
    pairs += [(name, str(value).lower()) for name, value in switches if value is not None]
    pairs += [("search", selection.search)]
    pairs += [(name, getattr(selection, field)) for name, field in _DAYS.items()]
    pairs += [("known_at", None if selection.known_at is None else instant_text(selection.known_at))]
    pairs += [("tenor_type", str(each)) for each in selection.tenor_types or ()]
    pairs += [(name, getattr(selection, name)) for name in _TEXTS]
    pairs += [("scenario_run", None if selection.scenario_run is None else run_text(selection.scenario_run))]
    pairs += [("compare_run", run_text(each)) for each in selection.compared or ()]
    pairs += [("bucket", selection.bucket), ("by", selection.by)]
    return urlencode([(name, value) for name, value in pairs if value not in (None, "")], safe=":/")


def pinned(selection: Selection, now: datetime) -> Selection:
    """As it is known now, where it does not say when.

    Raises InvalidInput for an instant that is still to come, and for ranges that end before they begin.
    """
    check_order("asOf", selection.first, selection.last)
    check_order("delivery", selection.delivery_start, selection.delivery_end)
    if selection.known_at is None:
        return replace(selection, known_at=now)
    if selection.known_at > now:
        hint = "Leave it out for what is known now: the export says when that was."
        raise InvalidInput("what will be known is not known yet", field="knownAt", hint=hint)
    return selection


def of_runs(selection: Selection, known_at: datetime) -> Selection:
    """As what was known when the last of its runs took its curves. Raises InvalidInput for another instant."""
    if selection.known_at not in (None, known_at):
        hint = f"Leave it out: what has been taken was known at {instant_text(known_at)}."
        raise InvalidInput("a run of a scenario says itself what was known", field="knownAt", hint=hint)
    return replace(selection, known_at=known_at)


def run_text(run_id: int) -> str:
    """The id that a run has everywhere."""
    return str(node_id("ScenarioRun", run_id))


def instant_text(instant: datetime) -> str:
    """`2025-02-12T22:15:00Z`, with microseconds where there are some."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _one(given: dict[str, list[str]], name: str, read: Callable[[str], T]) -> T | None:
    texts = given.get(name, [])
    if len(texts) > 1:
        raise InvalidInput(f"{name} is given {len(texts)} times", field=name)
    return _read(name, texts[0], read) if texts else None


def _read(name: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{name} cannot be {text[:50]!r}", field=name, hint=_HINTS.get(name)) from None


_HINTS = {
    **dict.fromkeys(_DAYS, "A date is written as 2025-02-12."),
    **dict.fromkeys(_SWITCHES, "true or false"),
    "known_at": "An instant is written as 2025-02-12T22:15:00Z; in an address, + is %2B.",
    "tenor_type": ", ".join(TenorType),
    "measure": ", ".join(Measure.__members__),
    **dict.fromkeys(("scenario_run", "compare_run"), "The id of a run, as `scenarioRuns` has it."),
    "bucket": ", ".join(Bucket),
    "by": ", ".join(By),
}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant.astimezone(UTC)


def _run(text: str) -> int:
    try:
        return row_of(text, "ScenarioRun")
    except InvalidInput as error:
        raise ValueError(text) from error


def _measure(text: str) -> str:
    members = Measure.__members__
    name = text.upper()
    if name not in members:
        raise ValueError(text)
    return members[name]


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"
