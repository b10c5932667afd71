"""The second version: its envelope, what its operations ask of the schema, and how the answer looks there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from aurum.market.identity import fold
from aurum.rest.cursors import Cursor, Cursors
from aurum.rest.curves import DimensionsParameters, OfPublished, dimensions, dimensions_variables
from aurum.rest.metadata import LocationsParameters, Prefixed, iso_locations, unit_mapping
from aurum.rest.parameters import DAY, Day, Parameters
from aurum.rest.problems import Problem

_KEY = re.compile("[0-9a-f]{64}")


class OfTenant(Parameters):
    """Section 1.9: the tenant has to be named, though it can only be the caller's."""

    controls = Parameters.controls | {"tenant_id", "limit", "cursor"}

    tenant_id: str


class Listed(OfTenant):
    """`key` are the fields that tell rows apart, by which they are sorted."""

    key: ClassVar[tuple[str, ...]]

    limit: Annotated[int, Field(ge=1, le=100)] = 10
    cursor: str | None = None


def _moment(text: str) -> str:
    """A date, or a datetime of which the date counts as it is written."""
    try:
        if not DAY.fullmatch(text[:10]) or text[10:11] not in ("", "T", " "):
            raise ValueError
        datetime.fromisoformat(text)
    except ValueError:
        told = "Input should be a valid date or datetime: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ"
        raise PydanticCustomError("datetime_parsing", told) from None
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class DimensionListParameters(OfPublished, Listed):
    key = ("dimension",)

    asof: Day | None = None


class LocationListParameters(Listed):
    key = ("location_id",)

    iso: Annotated[str, AfterValidator(fold)]


class UnitListParameters(Listed):
    key = ("currency", "per_unit")


class CalendarListParameters(Listed):
    key = ("name",)


class CurveDiffParameters(OfPublished, OfTenant):
    curve_id: str
    from_timestamp: Moment
    to_timestamp: Moment


def dimension_list_variables(asked: DimensionListParameters) -> dict[str, Any]:
    return dimensions_variables(DimensionsParameters.model_construct(asof=asked.asof))


def dimension_list(asked: DimensionListParameters, data: dict[str, Any]) -> dict[str, Any]:
    as_of = "latest" if asked.asof is None else asked.asof.isoformat()
    found = dimensions(DimensionsParameters.model_construct(asof=asked.asof), data)["data"]
    return {"data": [{"dimension": name, "values": values, "asof": as_of} for name, values in found.items()]}


def every_mapping(_: Listed) -> dict[str, Any]:
    return {"prefix": ""}


def location_list(asked: LocationListParameters, data: dict[str, Any]) -> dict[str, Any]:
    """Where they are is not known."""
    found = iso_locations(LocationsParameters.model_construct(iso=asked.iso), data)["data"]
    return {
        "data": [
            {"iso": each["iso"], "location_id": each["location_id"], "name": each["location_name"]}
            | {"latitude": None, "longitude": None}
            for each in found
        ]
    }


def unit_list(_: Listed, data: dict[str, Any]) -> dict[str, Any]:
    """Each pair that a text means once."""
    pairs = {(each["currency"], each["per_unit"]) for each in unit_mapping(Prefixed(), data)["data"]}
    return {"data": [{"currency": one, "per_unit": other} for one, other in sorted(pairs, key=nulls_last)]}


def calendar_list(_: Listed, data: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {"name": each["name"], "timezone": each["zone"], "blocks": sorted(block["code"] for block in each["blocks"])}
        for each in data["calendars"]
    ]
    return {"data": sorted(rows, key=itemgetter("name"))}


def curve_diff_variables(asked: CurveDiffParameters) -> dict[str, Any]:
    if not _KEY.fullmatch(asked.curve_id):
        raise Problem(404, "Curve not found")
    days = {"asOfA": asked.from_timestamp[:10], "asOfB": asked.to_timestamp[:10]}
    return {"filter": {"legacyKeys": [asked.curve_id]}, **days}


def curve_diff(asked: CurveDiffParameters, data: dict[str, Any]) -> dict[str, Any]:
    """`meta` is what it has besides."""
    if not data["curves"]["totalCount"]:
        raise Problem(404, "Curve not found")
    texts = [each["curve"][end]["recordedAt"] for each in data["quotes"]["nodes"] for end in ("from", "to")]
    newest = max(map(datetime.fromisoformat, texts), default=None)
    moments = {"from_timestamp": asked.from_timestamp, "to_timestamp": asked.to_timestamp}
    return {
        "id": asked.curve_id,
        "name": asked.curve_id,
        "description": f"Diff between {asked.from_timestamp} and {asked.to_timestamp}",
        "data_points": data["quoteFacets"]["quoteCount"],
        "created_at": newest and newest.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "meta": moments,
    }


class RowPage:
    """The page that a request asks for of rows that are all there: after or before the row whose key the cursor has."""

    def __init__(self, asked: Listed, cursors: Cursors, operation: str, tenant: str) -> None:
        self.asked, self._limit = asked, asked.limit
        self._cursors, self._operation, self._tenant = cursors, operation, tenant
        self._position: list[str | None] | None = None
        self._backward = False
        if asked.cursor is not None:
            cursor = cursors.read(asked.cursor, operation, tenant)
            limit, filters = cursor.filters["limit"], cursor.filters["filters"]
            if any(filters.get(name) != value for name, value in asked.filters.items()):
                raise Problem(400, "Cursor filters do not match request filters")
            self.asked = asked.with_filters(filters)
            self._limit = min(asked.limit, limit) if "limit" in asked.model_fields_set else limit
            self._position, self._backward = orjson.loads(cursor.position), cursor.backward

    def of(self, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]:
        """Its rows, what `meta` says of it, and the cursors of its neighbours that there are."""
        place = self._place(rows)
        backward = self._backward and place > 0  # where nothing comes before it any more, the first page
        start = max(0, place - self._limit) if backward else place
        end = place if backward else min(start + self._limit, len(rows))
        cursors = {}
        if end < len(rows):
            cursors["next_cursor"] = self._cursor(rows[end - 1], False)
        if 0 < start < len(rows):
            cursors["prev_cursor"] = self._cursor(rows[start], True)
        counts = {"returned_count": end - start, "offset": start, "total": len(rows)}
        return rows[start:end], {"limit": self._limit, "has_more": end < len(rows), **counts, **cursors}, cursors

    def _place(self, rows: list[dict[str, Any]]) -> int:
        """How many rows come before the cursor's place; where its row is gone, by the order of keys."""
        if self._position is None:
            return 0
        keys = [self._key(row) for row in rows]
        if self._position in keys:
            return keys.index(self._position) + (not self._backward)
        return sum(nulls_last(key) < nulls_last(self._position) for key in keys)

    def _key(self, row: dict[str, Any]) -> list[str | None]:
        return [row[name] for name in self.asked.key]

    def _cursor(self, row: dict[str, Any], backward: bool) -> str:
        position = orjson.dumps(self._key(row)).decode()
        filters = {"limit": self._limit, "filters": self.asked.filters}
        return self._cursors.sign(Cursor(self._operation, self._tenant, position, backward, filters))


def nulls_last(key: Iterable[str | None]) -> list[tuple[bool, str]]:
    return [(text is None, text or "") for text in key]


def links(request: Request, cursors: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Of a list: those in its body, and the header."""
    to = {"self": str(request.url.include_query_params())}
    for name, cursor in (("next", cursors.get("next_cursor")), ("prev", cursors.get("prev_cursor"))):
        if cursor is not None:
            to[name] = str(request.url.include_query_params(cursor=cursor))
    named = to | {"canonical": str(request.url.remove_query_params("cursor"))}
    del named["self"]
    return to, ", ".join(f'<{url}>; rel="{name}"' for name, url in named.items())
