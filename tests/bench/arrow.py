"""python -m tests.bench.arrow: what a table costs as an Arrow stream, beside JSON, in ratios of one run.

CPU time of executing and of writing the answer, and that of a client who wants it as a pyarrow table. No database and
no HTTP are in it. Every way ends with the same table.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from strawberry.http import process_result

from aurum.graphql.arrow.tabular import TableAnswer
from aurum.graphql.columnar.records import rendered
from aurum.graphql.execution import Schema
from aurum.graphql.requests import Asked
from tests.bench.executor import FIELDS, Desk, Query, taken

ROUNDS = 7
Rows = Callable[[Any], list[dict[str, Any]]]
SCHEMA = Schema(query=Query)
QUESTIONS: dict[str, tuple[str, Rows]] = {
    "one curve, 100 points x 6 fields": (
        f"{{ curve {{ snapshot {{ points {{ {FIELDS} }} }} }} }}",
        lambda data: data["curve"]["snapshot"]["points"],
    ),
    "50 curves x 100 points x 6 fields": (
        f"{{ curves {{ key snapshot {{ asOf points {{ {FIELDS} }} }} }} }}",
        lambda data: [
            {"key": curve["key"], "asOf": curve["snapshot"]["asOf"], **point}
            for curve in data["curves"]
            for point in curve["snapshot"]["points"]
        ],
    ),
    "12,000 points x 4 fields": ("{ everything { tenor mid bid ask } }", lambda data: data["everything"]),
}


async def as_json(query: str, form: str) -> bytes:
    return rendered(process_result(await SCHEMA.execute(query, context_value=Desk(form))))


async def as_arrow(query: str) -> bytes:
    answer = TableAnswer(SCHEMA, Asked(query))
    result = await SCHEMA.execute(query, context_value=Desk("columns"), executor_class=answer.executor)
    response: Any = await answer.answered(result, {})
    if hasattr(response, "body_iterator"):
        return b"".join([part async for part in response.body_iterator])
    return bytes(response.body)


def read_json(answer: bytes, rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows(orjson.loads(answer)["data"]))


def read_arrow(answer: bytes) -> pa.Table:
    return pa.ipc.open_stream(answer).read_all()


def ways(rows: Rows) -> dict[str, Callable[[str], Awaitable[Any]]]:
    async def json_read(query: str) -> pa.Table:
        return read_json(await as_json(query, "columns"), rows)

    async def kept_read(query: str) -> pa.Table:
        return read_json(await as_json(query, "kept"), rows)

    async def arrow_read(query: str) -> pa.Table:
        return read_arrow(await as_arrow(query))

    return {
        "JSON": lambda query: as_json(query, "columns"),
        "JSON, kept": lambda query: as_json(query, "kept"),
        "Arrow": as_arrow,
        "JSON, read": json_read,
        "JSON, kept, read": kept_read,
        "Arrow, read": arrow_read,
    }


def same(arrow: pa.Table, json: pa.Table) -> bool:
    """Dates are text in JSON, and repeated texts plain."""
    texts = [column.cast(pa.utf8()) if column.type != pa.float64() else column for column in arrow.columns]
    return pa.table(dict(zip(arrow.column_names, texts, strict=True))).to_pylist() == json.to_pylist()  # type: ignore[no-any-return]


async def main(console: Console) -> None:
    table = Table("times as fast as JSON", *ways(list), "bytes of JSON", title=f"Medians of {ROUNDS} rounds")
    for name, (query, rows) in QUESTIONS.items():
        asked = ways(rows)
        assert same(await asked["Arrow, read"](query), await asked["JSON, read"](query)), f"{name}: they differ"
        share = len(await asked["Arrow"](query)) / len(await asked["JSON"](query))
        rounds = [{way: await taken(work, query) for way, work in asked.items()} for _ in range(ROUNDS)]
        ratios = {
            way: statistics.median(
                each["JSON, read" if way.endswith("read") else "JSON"] / each[way] for each in rounds
            )
            for way in asked
        }
        table.add_row(name, *(f"{ratio:.1f}" for ratio in ratios.values()), f"{share:.0%}")
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main(Console(width=160)))
