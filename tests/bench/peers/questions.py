"""What is asked, in each server's words, and how its answer is brought into the form of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.peers.data import descriptions, grid, weekdays

Variables = dict[str, Any]
Shape = Callable[[Any], Any]
_POINT = "tenor deliveryStart deliveryEnd mid bid ask"


@dataclass(frozen=True)
class Question:
    title: str
    variables: Callable[[int, int], Variables]  # of the n-th request, over so many days
    aurum: str
    aurum_shape: Shape
    resolvers: str  # Mercurius, Yoga, Apollo Server
    postgraphile: str


def _day(n: int, count: int) -> str:
    return weekdays(count)[-1 - n % 20].isoformat()


def _key(n: int) -> str:
    return sorted(each.identity.key for each in descriptions())[n * 7 % 60]


def _one(n: int, count: int) -> Variables:
    return {"key": _key(n), "asOf": _day(n, count)}


def _many(n: int, count: int) -> Variables:
    keys = sorted(each.identity.key for each in descriptions())
    return {"keys": keys[:50], "asOf": _day(n, count)}


def _history(n: int, count: int) -> Variables:
    period = grid(weekdays(count)[-1])[n % 36].period  # delivery that begins after the last day has always been quoted
    delivery = {"start": period.start.isoformat(), "end": period.end.isoformat()}
    first, *_, last = weekdays(count)
    return {"key": _key(n), **delivery, "first": first.isoformat(), "last": last.isoformat()}


def _days(n: int, count: int) -> Variables:
    found = weekdays(count)
    start = n % 10
    return {"key": _key(n), "first": found[start].isoformat(), "last": found[start + 49].isoformat()}


QUESTIONS: Mapping[str, Question] = {
    "typename": Question(
        "{ __typename }",
        lambda n, count: {},
        "{ __typename }",
        lambda data: data,
        "{ __typename }",
        "{ __typename }",
    ),
    "one": Question(
        "one curve, 100 points x 6 fields",
        _one,
        "query ($key: String!, $asOf: Date!) { curve(key: $key) { key "
        f"snapshot(asOf: $asOf) {{ points {{ {_POINT} }} }} }} }}",
        lambda data: {"key": data["curve"]["key"], "points": data["curve"]["snapshot"]["points"]},
        f"query ($key: String!, $asOf: Date!) {{ curve(key: $key) {{ key points(asOf: $asOf) {{ {_POINT} }} }} }}",
        "query ($key: String!, $asOf: Date!) { curve: curveByKey(key: $key) { key "
        f"points: quotesByCurveIdList(condition: {{asOf: $asOf}}, orderBy: [IX_ASC]) {{ {_POINT} }} }} }}",
    ),
    "many": Question(
        "50 curves of 100 points at one as-of",
        _many,
        "query ($keys: [String!]!, $asOf: Date!) { curves(filter: {keys: $keys}, first: 50) { nodes { key "
        f"snapshot(asOf: $asOf) {{ points {{ {_POINT} }} }} }} }} }}",
        lambda data: [{"key": each["key"], "points": each["snapshot"]["points"]} for each in data["curves"]["nodes"]],
        "query ($keys: [String!]!, $asOf: Date!) { curves(keys: $keys) { key "
        f"points(asOf: $asOf) {{ {_POINT} }} }} }}",
        "query ($keys: [String!]!, $asOf: Date!) { curves: curvesByKeysList(keys: $keys) { key "
        f"points: quotesByCurveIdList(condition: {{asOf: $asOf}}, orderBy: [IX_ASC]) {{ {_POINT} }} }} }}",
    ),
    "history": Question(
        "one tenor over 250 days, 4 fields",
        _history,
        "query ($key: String!, $start: Date!, $end: Date!, $first: Date!, $last: Date!) { curve(key: $key) { key "
        "history(delivery: {start: $start, end: $end}, asOf: {first: $first, last: $last}) "
        "{ points { asOf mid bid ask } } } }",
        lambda data: {"key": data["curve"]["key"], "points": data["curve"]["history"]["points"]},
        "query ($key: String!, $start: Date!, $end: Date!) { curve(key: $key) { key "
        "points: history(start: $start, end: $end) { asOf mid bid ask } } }",
        "query ($key: String!, $start: Date!, $end: Date!) { curve: curveByKey(key: $key) { key "
        "points: quotesByCurveIdList(condition: {deliveryStart: $start, deliveryEnd: $end}, orderBy: [AS_OF_ASC]) "
        "{ asOf mid bid ask } } }",
    ),
    "days": Question(
        "5,000 objects: 50 days of one curve, 4 fields",
        _days,
        "query ($key: String!, $first: Date!, $last: Date!) { curve(key: $key) { key "
        "snapshots(asOf: {first: $first, last: $last}, first: 50) { nodes { asOf points { tenor mid bid ask } } } } }",
        lambda data: {"key": data["curve"]["key"], "days": data["curve"]["snapshots"]["nodes"]},
        "query ($key: String!, $first: Date!, $last: Date!) { curve(key: $key) { key "
        "days(first: $first, last: $last) { asOf points { tenor mid bid ask } } } }",
        "query ($key: String!, $first: Date!, $last: Date!) { curve: curveByKey(key: $key) { key "
        "days: daysBetweenList(since: $first, until: $last) { asOf "
        "points: quotesByCurveIdAndAsOfList(orderBy: [IX_ASC]) { tenor mid bid ask } } } }",
    ),
}


def asked(question: Question, document: str, n: int, count: int) -> dict[str, Any]:
    """A request; variables that the document does not declare are left out."""
    variables = question.variables(n, count)
    return {
        "query": document,
        "variables": {name: value for name, value in variables.items() if f"${name}" in document},
    }
