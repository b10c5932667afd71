"""What the questions cost without GraphQL: one statement each over Aurum's tables, asyncpg, orjson, bare ASGI."""

from __future__ import annotations

import os
from datetime import date
from typing import Any

import asyncpg
import numpy as np
import orjson

_VECTORS = "SELECT c.key, s.as_of, s.grid_id, s.mid, s.bid, s.ask FROM curves c, LATERAL ("
_NEWEST = (
    "SELECT * FROM snapshots WHERE curve_id = c.id AND as_of <= $2"
    " ORDER BY as_of DESC, published_at DESC, revised_at DESC, version DESC LIMIT 1) s"
    " WHERE c.tenant_id = 'demo' AND c.key = ANY($1) ORDER BY c.key"
)
_BETWEEN = (
    "SELECT DISTINCT ON (as_of) * FROM snapshots WHERE curve_id = c.id AND as_of BETWEEN $2 AND $3"
    " ORDER BY as_of, published_at DESC, revised_at DESC, version DESC) s"
    " WHERE c.tenant_id = 'demo' AND c.key = ANY($1) ORDER BY s.as_of"
)
_GRID = "SELECT tenors FROM tenor_grids WHERE id = $1"
Fields = tuple[list[str], list[str], list[str]]
pool: asyncpg.Pool
grids: dict[int, Fields] = {}


async def grid(id_: int) -> Fields:
    if id_ not in grids:
        tenors = orjson.loads(await pool.fetchval(_GRID, id_))
        labels, _, starts, ends = (list(each) for each in zip(*tenors, strict=True))
        grids[id_] = labels, starts, ends
    return grids[id_]


def numbers(packed: bytes) -> list[float | None]:
    values = np.frombuffer(packed, dtype="<f8")
    plain: list[float | None] = values.tolist()
    for place in np.isnan(values).nonzero()[0].tolist():
        plain[place] = None
    return plain


async def points(row: Any) -> list[dict[str, Any]]:
    columns = (*await grid(row[2]), numbers(row[3]), numbers(row[4]), numbers(row[5]))
    return [
        {"tenor": tenor, "deliveryStart": start, "deliveryEnd": end, "mid": mid, "bid": bid, "ask": ask}
        for tenor, start, end, mid, bid, ask in zip(*columns, strict=True)
    ]


async def short_points(row: Any) -> list[dict[str, Any]]:
    columns = ((await grid(row[2]))[0], numbers(row[3]), numbers(row[4]), numbers(row[5]))
    return [{"tenor": tenor, "mid": mid, "bid": bid, "ask": ask} for tenor, mid, bid, ask in zip(*columns, strict=True)]


async def one(asked: dict[str, Any]) -> Any:
    (row,) = await pool.fetch(_VECTORS + _NEWEST, [asked["key"]], date.fromisoformat(asked["asOf"]))
    return {"key": row[0], "points": await points(row)}


async def many(asked: dict[str, Any]) -> Any:
    rows = await pool.fetch(_VECTORS + _NEWEST, asked["keys"], date.fromisoformat(asked["asOf"]))
    return [{"key": row[0], "points": await points(row)} for row in rows]


async def between(asked: dict[str, Any]) -> Any:
    return await pool.fetch(
        _VECTORS + _BETWEEN, [asked["key"]], *map(date.fromisoformat, (asked["first"], asked["last"]))
    )


async def history(asked: dict[str, Any]) -> Any:
    found = []
    for row in await between(asked):
        _, starts, ends = await grid(row[2])
        place = next(
            at for at, pair in enumerate(zip(starts, ends, strict=True)) if pair == (asked["start"], asked["end"])
        )
        mid, bid, ask = (numbers(row[side][8 * place : 8 * place + 8])[0] for side in (3, 4, 5))
        found.append({"asOf": row[1], "mid": mid, "bid": bid, "ask": ask})
    return {"key": asked["key"], "points": found}


async def days(asked: dict[str, Any]) -> Any:
    rows = await between(asked)
    return {"key": asked["key"], "days": [{"asOf": row[1], "points": await short_points(row)} for row in rows]}


async def typename(_: dict[str, Any]) -> Any:
    return {"__typename": "Query"}


ANSWERS = {"typename": typename, "one": one, "many": many, "history": history, "days": days}


async def app(scope: Any, receive: Any, send: Any) -> None:
    global pool
    if scope["type"] == "lifespan":
        size = int(os.environ["POOL"])
        pool = await asyncpg.create_pool(os.environ["DATABASE"], min_size=size, max_size=size, reset=_nothing)
        await send({"type": "lifespan.startup.complete"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    asked = orjson.loads(body)
    answer = orjson.dumps({"data": await ANSWERS[asked["query"]](asked["variables"])})
    length = str(len(answer)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def _nothing(_: Any) -> None:
    """Asyncpg would send a statement whenever a connection is given back; there is nothing to put back."""
