"""Calendars, units and locations as the legacy endpoints answer them: section 4 of the contract; and strips, 2.3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.published import NBP, TTF
from tests.rest.conftest import Rest
from tests.rest.test_curves import labels, quoted

LISTS = "/v1/metadata"


async def data(rest: Rest, path: str, **query: Any) -> Any:
    response = await rest.get(path, **query)
    assert response.status_code == 200, response.text
    whose = "private" if path.endswith("mapping") else "public"
    assert response.headers["cache-control"] == f"{whose}, max-age=300"
    found = response.json()
    assert set(found) == {"meta", "data"}
    assert set(found["meta"]) == {"request_id", "query_time_ms"}
    again = await rest.get(path, headers={"if-none-match": response.headers["etag"]}, **query)
    assert again.status_code == 304
    return found["data"]


async def refusal(rest: Rest, path: str, **query: Any) -> tuple[int, Any]:
    response = await rest.get(path, **query)
    return response.status_code, response.json()["detail"]


async def test_calendars_and_their_blocks(embedded: Rest) -> None:
    found = await data(embedded, f"{LISTS}/calendars")
    assert {"name": "PJM", "timezone": "America/New_York"} in found
    assert [each["name"] for each in found] == sorted(each["name"] for each in found)
    blocks = await data(embedded, f"{LISTS}/calendars/pjm/blocks")
    assert blocks == sorted(blocks)
    assert {"BASELOAD", "PEAK", "OFF_PEAK"} <= set(blocks)
    assert await refusal(embedded, f"{LISTS}/calendars/nowhere/blocks") == (404, "Calendar not found")


@pytest.mark.parametrize(("day", "count"), [("2025-03-09", 23), ("2025-11-02", 25), ("2025-07-02", 24)])
async def test_hours_are_real_ones(embedded: Rest, day: str, count: int) -> None:
    hours = [
        await data(embedded, f"{LISTS}/calendars/PJM/hours", block=block, date=day)
        for block in ("baseload", "on-peak", "OFF_PEAK")
    ]
    assert len(hours[0]) == count
    assert sorted(hours[1] + hours[2]) == sorted(hours[0])
    assert hours[0][0].startswith(f"{day}T00:00:00-0")


async def test_a_range_is_expanded_with_its_end(embedded: Rest) -> None:
    path = f"{LISTS}/calendars/PJM/expand"
    july = {"start": "2025-07-01", "end": "2025-07-31"}
    counts = {block: len(await data(embedded, path, block=block, **july)) for block in ("BASELOAD", "PEAK", "OFF_PEAK")}
    assert counts == {"BASELOAD": 744, "PEAK": 352, "OFF_PEAK": 392}  # as published
    assert (await refusal(embedded, path, block="PEAK", start="2025-07-02", end="2025-07-01"))[0] == 400
    assert (await refusal(embedded, path, block="PEAK", start="2015-01-01", end="2025-07-01"))[0] == 400
    assert (await refusal(embedded, path, block="BASELOAD", start="2020-01-01", end="2024-12-31"))[0] == 422
    assert (await refusal(embedded, path, block="PEAK", start="9999-12-31", end="9999-12-31"))[0] == 422
    assert await refusal(embedded, path, block="siesta", **july) == (404, "Block not found")
    assert (await refusal(embedded, path, start="2025-07-01", end="2025-07-02"))[0] == 422


async def test_units_and_what_vendors_write_for_them(embedded: Rest) -> None:
    found = await data(embedded, f"{LISTS}/units")
    assert {"EUR", "GBX"} <= set(found["currencies"])
    assert {"MWh", "therm"} <= set(found["units"])
    assert await data(embedded, f"{LISTS}/units", prefix="mw") == {"currencies": [], "units": ["MWh"]}
    rows = await data(embedded, f"{LISTS}/units/mapping")
    assert [row["units_raw"] for row in rows] == sorted(row["units_raw"] for row in rows)
    assert all(set(row) == {"units_raw", "currency", "per_unit"} for row in rows)
    some = await data(embedded, f"{LISTS}/units/mapping", prefix=rows[0]["units_raw"][:3].lower())
    assert rows[0] in some
    assert len(some) < len(rows)


async def test_locations_of_system_operators(embedded: Rest) -> None:
    everywhere = await data(embedded, f"{LISTS}/locations")
    assert [(each["iso"], each["location_id"]) for each in everywhere] == sorted(
        (each["iso"], each["location_id"]) for each in everywhere
    )
    assert {"PJM", "ERCOT", "CAISO", "NYISO", "ISONE", "MISO", "SPP", "IESO", "AESO"} == {
        each["iso"] for each in everywhere
    }
    hub = {
        "iso": "PJM", "location_id": "western-hub", "location_name": "Western Hub", "location_type": "HUB",
        "zone": None, "hub": "Western Hub", "timezone": "America/New_York",
    }  # fmt: skip
    assert await data(embedded, f"{LISTS}/locations/pjm/WESTERN-hub") == hub
    assert await data(embedded, f"{LISTS}/locations", iso="pjm", prefix="Western") == [hub]
    assert await data(embedded, f"{LISTS}/locations/PJM/pjm") | {"location_name": ""} == {
        "iso": "PJM", "location_id": "pjm", "location_name": "", "location_type": "SYSTEM",
        "zone": None, "hub": None, "timezone": "America/New_York",
    }  # fmt: skip
    assert await refusal(embedded, f"{LISTS}/locations/pjm/ttf") == (404, "Location not found")
    assert await data(embedded, f"{LISTS}/locations", iso="EEX") == []


async def test_strips_are_those_that_a_vendor_delivers(rest: Rest) -> None:
    mids = {"Q2 2025": 1.0, "Q3 2025": 1.5, "Cal-27": 2.0, "Winter 2026": 3.0, "Jun-25": 5.0}
    await rest.publish("2025-02-12", (TTF, quoted("2025-02-12", mids)), (NBP, quoted("2025-02-12", {"Q2 2025": 9.0})))
    path = "/v1/curves/strips"
    assert labels((await rest.get(path, type="CALENDAR")).json()["data"]) == [("Calendar 2027", "2025-02-12", 2.0)]
    assert await refusal(rest, path) == (422, [{"loc": ["query", "type"], "msg": "Field required", "type": "missing"}])
    assert (await rest.get(path, type="MONTHLY")).status_code == 422
    first = (await rest.get(path, type="QUARTER", market="EU", limit=1)).json()
    then = (await rest.get(path, type="QUARTER", limit=1, cursor=first["meta"]["next_cursor"])).json()
    assert labels(first["data"] + then["data"]) == [("Q2 2025", "2025-02-12", 1.0), ("Q3 2025", "2025-02-12", 1.5)]
    assert then["meta"]["next_cursor"] is None
    other = await rest.get(path, type="SEASON", cursor=first["meta"]["next_cursor"])
    assert (other.status_code, other.json()["detail"]) == (400, "Cursor filters do not match current query parameters")
