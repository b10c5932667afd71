"""gql with the printed schema, and with the one it introspects over a WebSocket: a query and a subscription."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from gql import Client, GraphQLRequest  # type: ignore[import-not-found]  # of an environment of its own
from gql.transport.requests import RequestsHTTPTransport  # type: ignore[import-not-found]
from gql.transport.websockets import WebsocketsTransport  # type: ignore[import-not-found]
from graphql import print_schema

FOLDER = Path(__file__).parents[1]
PRICES, PUBLISHED = (
    (FOLDER / "documents" / f"{name}.graphql").read_text() for name in ("curve_prices", "curves_published")
)
VARIABLES = {"key": "eugp:eu/dutch_ttf/gas", "tenorTypes": ["MONTH"]}


def ask(url: str) -> object:
    """Checked against the printed schema before it is sent."""
    printed = FOLDER.parents[1] / "schema.graphql"
    client = Client(schema=printed.read_text(), transport=RequestsHTTPTransport(url, timeout=30))
    return client.execute(GraphQLRequest(PRICES, variable_values=VARIABLES))["curve"]


async def follow(url: str) -> tuple[object, str]:
    """The first event, and the schema as the server tells it."""
    transport = WebsocketsTransport(url.replace("http", "ws"))
    told = ("specified_by_url", "directive_is_repeatable", "input_value_deprecation", "input_object_one_of")
    whole = dict.fromkeys(told, True)
    async with Client(transport=transport, fetch_schema_from_transport=True, introspection_args=whole) as session:
        schema = print_schema(session.client.schema)
        variables = {"after": "0", "filter": {"products": ["gas"]}}
        async for answer in session.subscribe(GraphQLRequest(PUBLISHED, variable_values=variables)):
            return answer["curvePublished"], schema
    raise RuntimeError("the subscription ended")


def main(url: str) -> None:
    curve, (event, schema) = ask(url), asyncio.run(follow(url))
    mids = [point["mid"] for point in curve["snapshot"]["points"]]  # type: ignore[index]
    answer = {"name": curve["name"], "asOf": curve["snapshot"]["asOf"], "mids": mids, "event": event}  # type: ignore[index]
    print(json.dumps({**answer, "schema": schema}))  # noqa: T201  a program


main(sys.argv[1])
