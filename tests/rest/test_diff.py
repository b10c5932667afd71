"""`/v1/curves/diff`: what deliveries cost on two as-of dates. On SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.published import GERMAN, NBP, TTF
from tests.rest.conftest import Rest
from tests.rest.test_curves import quoted

A, B = "2025-02-12", "2025-02-13"
NAN = float("nan")


async def diff(rest: Rest, **query: Any) -> Any:
    response = await rest.get("/v1/curves/diff", **({"asof_a": A, "asof_b": B} | query))
    assert response.status_code == 200, response.text
    return response.json()


async def test_what_is_quoted_on_both_dates_is_compared(rest: Rest) -> None:
    """March from 50 to 53 is 6 %; February has gone, May has come, and a price of 0 has no per cent."""
    before = {"2025-02": 48.0, "2025-03": 50.0, "2025-04": 0.0, "Cal-26": -40.0}
    after = {"2025-03": 53.0, "2025-04": 1.5, "2025-05": 54.0, "Calendar 2026": -41.0}
    await rest.publish(A, (TTF, quoted(A, before)), (NBP, quoted(A, {"2025-03": 9.0})))
    await rest.publish(B, (TTF, quoted(B, after)), (GERMAN, quoted(B, {"2025-03": 9.0})))
    key, dates = TTF.legacy_key, {"asof_a": A, "asof_b": B}
    names = ("tenor_label", "tenor_type", "contract_month", "mid_a", "mid_b", "diff_abs", "diff_pct")
    rows = [
        ("2025-03", "MONTHLY", "2025-03-01", 50.0, 53.0, 3.0, 0.06),
        ("2025-04", "MONTHLY", "2025-04-01", 0.0, 1.5, 1.5, None),
        ("Calendar 2026", "CALENDAR", "2026-01-01", -40.0, -41.0, -1.0, 0.025),
    ]
    found = await diff(rest)
    assert found["data"] == [{"curve_key": key, **dates, **dict(zip(names, row, strict=True))} for row in rows]
    back = (await diff(rest, asof_a=B, asof_b=A, tenor_type="CALENDAR"))["data"]
    assert [(each["asof_a"], each["mid_a"], each["diff_abs"]) for each in back] == [(B, -41.0, 1.0)]
    assert [each["diff_abs"] for each in (await diff(rest, asof_b=A))["data"]] == [0.0] * 5  # one of them NBP's
    assert (await diff(rest, asof_b="2025-02-14"))["data"] == []
    assert (await diff(rest, location="nbp"))["data"] == []


async def test_pages_end_at_the_limit_though_not_all_is_quoted_on_both(rest: Rest) -> None:
    months = [f"2025-{month:02}" for month in range(2, 13)]
    await rest.publish(A, *((curve, quoted(A, dict.fromkeys(months, 1.0))) for curve in (TTF, NBP, GERMAN)))
    some = {month: float(n) for n, month in enumerate(months) if n % 3}
    await rest.publish(B, *((curve, quoted(B, some)) for curve in (TTF, GERMAN)))
    everything = (await diff(rest))["data"]
    assert len(everything) == 2 * len(some) == 14
    assert everything == sorted(everything, key=lambda each: (each["curve_key"], each["tenor_label"]))
    pages = [await diff(rest, limit=4)]
    while cursor := pages[-1]["meta"]["next_cursor"]:
        pages.append(await diff(rest, limit=4, cursor=cursor))
    assert [page["meta"]["count"] for page in pages] == [4, 4, 4, 2]
    assert [row for page in pages for row in page["data"]] == everything
    assert (await diff(rest, offset=5))["data"] == everything[5:]


async def test_a_side_stands_in_for_a_mid_and_a_restatement_is_seen(rest: Rest) -> None:
    await rest.publish(A, (TTF, quoted(A, {"2025-03": NAN}, 49.0, 51.0)))
    await rest.publish(B, (TTF, quoted(B, {"2025-03": 52.0})))
    await rest.publish(B, (TTF, quoted(B, {"2025-03": 54.0})), published_at="2025-02-14 09:00")
    (row,) = (await diff(rest))["data"]
    assert (row["mid_a"], row["mid_b"], row["diff_pct"]) == (50.0, 54.0, 0.08)


async def test_curves_that_share_a_key_are_never_mixed(rest: Rest) -> None:
    """The key's curve is EUGP's; that another vendor has both dates does not matter."""
    simple = replace(TTF, identity=replace(TTF.identity, vendor="SIMPLE"))
    await rest.publish(A, (TTF, quoted(A, {"2025-03": 1.0})), (simple, quoted(A, {"2025-03": 5.0})))
    await rest.publish(B, (simple, quoted(B, {"2025-03": 6.0})))
    assert (await diff(rest))["data"] == []


async def test_what_is_asked_for_wrongly_is_refused(embedded: Rest) -> None:
    for wrong in ({"asof_b": ""}, {"asof_a": "13.2.2025"}, {"tenor_type": "STRIP"}, {"asof": A}, {"as_of": A},
                  {"known_at": A}, {"limit": 0}):  # fmt: skip
        response = await embedded.get("/v1/curves/diff", **({"asof_a": A, "asof_b": B} | wrong))
        assert response.status_code == 422, wrong


@pytest.mark.parametrize(("before", "after"), [(-1.7e308, 1.7e308), (1e-300, 1e200)])
async def test_a_change_that_is_no_number_is_refused(embedded: Rest, before: float, after: float) -> None:
    await embedded.publish(A, (TTF, quoted(A, {"2025-03": before})))
    await embedded.publish(B, (TTF, quoted(B, {"2025-03": after})))
    response = await embedded.get("/v1/curves/diff", asof_a=A, asof_b=B)
    assert (response.status_code, response.json()["detail"]) == (422, "a change is too large for a number")
