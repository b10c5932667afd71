"""Terms and summaries of simulations as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from aurum.market.periods import DeliveryPeriod
from aurum.scenarios.simulation.asked import Held, Per, RiskPeriod, Terms
from aurum.scenarios.simulation.computing import Summary
from aurum.scenarios.simulation.risk import Risk
from aurum.scenarios.simulation.stress import StressDay


def document_of(value: Terms | Summary) -> dict[str, Any]:
    return {name: plain(each) for name, each in asdict(value).items()}


def plain(value: Any) -> Any:
    """As JSON has it."""
    match value:
        case date():
            return value.isoformat()
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case float():
            return value + 0.0  # JSON of PostgreSQL has one zero
    return str(value) if isinstance(value, str) else value


def read_terms(document: Mapping[str, Any]) -> Terms:
    held = tuple(_held(each) for each in document["positions"])
    given: dict[str, Any] = {
        "as_of": date.fromisoformat(document["as_of"]), "share": float(document["share"]),
        "level": float(document["level"]), "periods": RiskPeriod(document["periods"]),
        "absolute": tuple(document["absolute"]), "positions": held,
    }  # fmt: skip
    return Terms(**{**document, **given})


def _held(document: Mapping[str, Any]) -> Held:
    return Held(
        document["key"], date.fromisoformat(document["start"]), date.fromisoformat(document["end"]),
        float(document["volume"]), Per(document["per"]), tuple(map(float, document["hours"])), document["currency"],
        float(document["exchange_rate"]),
    )  # fmt: skip


def read_summary(document: Mapping[str, Any]) -> Summary:
    given: dict[str, Any] = {
        "first_day": date.fromisoformat(document["first_day"]), "last_day": date.fromisoformat(document["last_day"]),
        "explained": tuple(map(float, document["explained"])), "risks": tuple(map(_risk, document["risks"])),
        "stress": tuple(map(_stress_day, document["stress"])),
    }  # fmt: skip
    return Summary(**{**document, **given})


def _risk(document: Mapping[str, Any]) -> Risk:
    period = document["period"] and DeliveryPeriod(
        *(date.fromisoformat(document["period"][end]) for end in ("start", "end"))
    )
    return Risk(period, *(float(document[each.name]) for each in fields(Risk)[1:]))


def _stress_day(document: Mapping[str, Any]) -> StressDay:
    by_period = tuple(map(float, document["by_period"]))
    return StressDay(date.fromisoformat(document["as_of"]), float(document["loss"]), by_period)
