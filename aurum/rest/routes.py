"""Serves the legacy operations: a request's variables and document to the schema, its answer to the client."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from aurum.context import Context
from aurum.graphql.admission import READING, Admission
from aurum.graphql.execution import Schema
from aurum.graphql.requests import Asked
from aurum.rest import v2
from aurum.rest.cursors import Cursors
from aurum.rest.downloads import download_routes
from aurum.rest.exports import Streamed, export_routes
from aurum.rest.guide import guide_routes
from aurum.rest.headers import compressed, exchange, lifecycle, names
from aurum.rest.health import health_routes
from aurum.rest.legacy import DOCUMENTS, OPERATIONS, Csv, Operation
from aurum.rest.pages import AskedPage
from aurum.rest.parameters import Paged
from aurum.rest.problems import Problem, guarded, told
from aurum.settings import Settings

Charge = Callable[[Context, int], Awaitable[None]]
ContextOf = Callable[[HTTPConnection], Context]
_ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def rest_routes(settings: Settings, schema: Schema, context_of: ContextOf) -> list[BaseRoute]:
    shim = Shim(settings, schema, context_of)
    base = settings.rest.problem_base
    routes: list[BaseRoute] = [*health_routes(base), *download_routes(context_of, base)]
    routes += guide_routes(settings.rest.migration_url)
    routes += export_routes(context_of, base, settings.subscriptions.send_seconds)
    routes += [Route(each.path, shim.handler(each.version, each), methods=[each.method]) for each in OPERATIONS]
    # The rest of both versions is this shim's too: its 404 looks like every other error.
    return routes + [Route(f"/{v}/{{_:path}}", shim.handler(v), methods=_ALL_METHODS) for v in ("v1", "v2")]


class Shim:
    def __init__(self, settings: Settings, schema: Schema, context_of: ContextOf) -> None:
        self._schema = schema
        self._admission = Admission(schema, settings.graphql)
        self._context_of = context_of
        self._problem_base = settings.rest.problem_base
        self._seconds = settings.subscriptions.send_seconds
        self._lifecycle = {"v1": lifecycle(settings.rest), "v2": {}}
        self._cursors = Cursors(settings.rest.cursor_keys, settings.home / "cursor.key")
        self._documents = {each.document: (DOCUMENTS / f"{each.document}.graphql").read_text() for each in OPERATIONS}

    def handler(self, version: str, operation: Operation | None = None) -> Callable[[Request], Awaitable[Response]]:
        """Answers an operation; without one, that there is none."""

        async def answer(request: Request) -> Response:
            headers = exchange(request) | self._lifecycle[version] | {"x-api-version": version}

            async def answered() -> Response:
                context = self._context_of(request)
                headers["x-aurum-tenant"] = _tenant(request, context.principal.tenant)
                if operation is None:
                    raise Problem(404, "Not Found")
                return await self._answer(operation, request, context)

            response = await guarded(request, self._problem_base, answered)
            response.headers.update(headers)
            return response if isinstance(response, Streamed) else compressed(request, response)

        return answer

    async def _answer(self, operation: Operation, request: Request, context: Context) -> Response:
        asked = operation.parameters.read(request.query_params, request.path_params)
        if isinstance(asked, v2.OfTenant):
            return await self._answer_v2(operation, asked, request, context)
        page = None
        if isinstance(asked, Paged):
            page = AskedPage(asked, self._cursors, operation.name, context.principal.tenant)
            asked = page.asked
        variables = operation.variables(asked) | (page.variables if page else {})
        if operation.csv and operation.streamed:
            return await self._streamed(operation, operation.csv, variables, context)
        started = time.perf_counter()
        data = await self._data(operation, variables, context)
        meta = {"request_id": context.request_id, "query_time_ms": int((time.perf_counter() - started) * 1000)}
        content = operation.shape(asked, data)
        cursors = page.neighbours(data["page"]["pageInfo"]) if page else {}
        if page:
            meta |= page.meta(len(content["data"]), cursors)
        if operation.csv and getattr(asked, "format", None) == "csv":
            response = operation.csv.response(content["data"], cursors)
            return _conditional(request, operation, response, bytes(response.body), cursors)
        return _conditional(request, operation, _json({"meta": meta, **content}), _canonical(content), cursors)

    async def _answer_v2(
        self, operation: Operation, asked: v2.OfTenant, request: Request, context: Context
    ) -> Response:  # fmt: skip
        """Section 1.2: a flat resource, or a list of which each item has its own `meta`."""
        started = time.perf_counter()
        page = None
        if isinstance(asked, v2.Listed):
            page = v2.RowPage(asked, self._cursors, operation.name, context.principal.tenant)
            asked = page.asked
        content = operation.shape(asked, await self._data(operation, operation.variables(asked), context))
        meta = {
            "request_id": context.request_id,
            "tenant_id": context.principal.tenant,
            "version": "v2",
            "processing_time_ms": round((time.perf_counter() - started) * 1000, 2),
        }
        if page is None:
            meta |= content.pop("meta", {})
            return _conditional(request, operation, _json({**content, "meta": meta}), _canonical(content), {})
        rows, told, cursors = page.of(content["data"])
        links, header = v2.links(request, cursors)
        response = _json({"data": [{**row, "meta": meta} for row in rows], "meta": meta | told, "links": links})
        response.headers["link"] = header
        return _conditional(request, operation, response, _canonical({"data": rows}), cursors)

    async def _streamed(
        self, operation: Operation, table: Csv, variables: dict[str, Any], context: Context
    ) -> Response:  # fmt: skip
        """A CSV as it is read; the first page before anything is sent, so that what is refused is a problem."""
        name = table.file_name.format(variables["asOf"] or "all")
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": operation.cache_control}
        pages = self._pages(operation, variables, context)
        first: list[dict[str, Any]] = await anext(pages, [])

        async def lines() -> AsyncGenerator[bytes]:
            async with aclosing(pages):
                yield (table.head + table.lines(first)).encode()
                async for rows in pages:
                    yield table.lines(rows).encode()

        return Streamed(lines(), headers, "text/csv", self._seconds)

    async def _pages(
        self, operation: Operation, variables: dict[str, Any], context: Context
    ) -> AsyncGenerator[list[dict[str, Any]]]:
        """The rows of an as-of date, or of every one, the oldest first: the document is executed for each page.

        What the first costs has to be left of a budget; for want of it none of the others breaks off.
        """
        days = [variables["asOf"]]
        if variables["asOf"] is None:
            data = await self._data(operation, variables | {"days": True}, context.for_operation())
            days = [each["asOf"] for each in data["days"] if each["curveCount"]]
        charge: Charge = context.charges.charge
        for day in days:
            after, more = None, True
            while more:
                asked = variables | {"asOf": day, "after": after}
                data = await self._data(operation, asked, context.for_operation(), charge)
                charge = context.charges.owe
                yield operation.shape(None, data)["data"]
                after, more = data["page"]["pageInfo"]["endCursor"], data["page"]["pageInfo"]["hasNextPage"]

    async def _data(
        self, operation: Operation, variables: dict[str, Any], context: Context, charge: Charge | None = None
    ) -> dict[str, Any]:
        document = self._documents[operation.document]
        asked = Asked(document, variables=variables)
        cost = self._admission.cost(asked, READING, context.request_id) or 0
        await (charge or context.charges.charge)(context, cost)
        result = await self._schema.execute(document, variable_values=variables, context_value=context)
        if result.errors:
            extensions = result.errors[0].extensions or {}
            if extensions.get("field") in operation.missing:
                raise Problem(404, f"{operation.missing[extensions['field']]} not found")
            raise told(result.errors[0].message, extensions)
        await self._admission.settle(asked, result, context)
        data: dict[str, Any] = result.data
        return data


def _json(content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _canonical(content: Mapping[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def _conditional(
    request: Request, operation: Operation, response: Response, tagged: bytes, cursors: Mapping[str, str | None]
) -> Response:  # fmt: skip
    """With the tag of what is in it; 304 where the client has it."""
    etag = f'"{hashlib.sha256(orjson.dumps(cursors) + tagged).hexdigest()}"'
    if names(request, etag):
        response = Response(status_code=304)
    response.headers.update({"etag": etag, "cache-control": operation.cache_control})
    return response


def _tenant(request: Request, own: str) -> str:
    """The caller's own, which header and parameter may name but not change."""
    headers, query = request.headers, request.query_params
    in_header = headers.get("x-aurum-tenant", "").strip() or headers.get("x-tenant-id", "").strip()
    named = [name.lower() for name in (in_header, query.get("tenant_id", "").strip()) if name]
    if not all(map(_TENANT.fullmatch, named)):
        raise Problem(400, "Invalid tenant identifier")
    if any(name != own for name in named):
        raise Problem(403, "tenant mismatch")
    return own
