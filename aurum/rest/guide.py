"""Where clients of v1 are sent: each of its operations as the GraphQL document that answers the same."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from aurum.rest.legacy import DOCUMENTS, OPERATIONS

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>From REST v1 to GraphQL</title>
<h1>From REST v1 to GraphQL</h1>
<p>Version 1 is deprecated. Each of its operations executes one GraphQL document: send it to <code>/graphql</code>
with its variables, and ask for the fields that you need.</p>
"""


def guide_routes(migration_url: str) -> list[Route]:
    """None where the guide is on another server."""
    return [Route(migration_url, _guide)] if migration_url.startswith("/") else []


async def _guide(_: Request) -> Response:
    return HTMLResponse(
        _HEAD + "".join(_section(each.name, each.document) for each in OPERATIONS if each.version == "v1")
    )


def _section(name: str, document: str) -> str:
    text = (DOCUMENTS / f"{document}.graphql").read_text()
    return f"<h2><code>{escape(name)}</code></h2>\n<pre>{escape(text)}</pre>\n"
