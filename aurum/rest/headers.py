"""What responses carry beside their bodies: ids, the end of v1, conditions, compression."""

from __future__ import annotations

import gzip
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import Response

from aurum.settings import RestSettings

_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_SMALLEST_COMPRESSED = 500


def exchange(request: Request) -> dict[str, str]:
    """The headers of every response; X-Request-Id is set for the whole application."""
    correlation = request.headers.get("x-correlation-id", "")
    parent = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return {
        "x-correlation-id": correlation if _ID.fullmatch(correlation) else request.scope["aurum.request_id"],
        "x-trace-id": parent[1] if parent else secrets.token_hex(16),
        "x-span-id": secrets.token_hex(8),
        "vary": "Authorization, X-Aurum-Tenant, Accept, Accept-Encoding",
    }


def lifecycle(rest: RestSettings) -> dict[str, str]:
    """That v1 is deprecated, and until when it is served."""
    url = rest.migration_url
    told = {
        "deprecation": f"@{int(rest.v1_deprecated_at.timestamp())}",
        "link": f'<{url}>; rel="deprecation"; type="text/html", <{url}>; rel="sunset"; type="text/html", '
        '</graphql>; rel="successor-version"',
        "x-api-lifecycle": "deprecated",
        "x-api-migration-guide": url,
    }
    if rest.v1_sunset_at is not None:
        day = rest.v1_sunset_at
        told["sunset"] = format_datetime(datetime(day.year, day.month, day.day, tzinfo=UTC), usegmt=True)
        told["warning"] = f'299 aurum "API v1 is deprecated; migrate before {day}"'
    return told


def names(request: Request, etag: str) -> bool:
    """Whether If-None-Match has the tag, which makes the answer a 304."""
    known = ",".join(request.headers.getlist("if-none-match"))
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in known.split(","))


def compressed(request: Request, response: Response) -> Response:
    """With gzip, where the client takes it and it is worth while."""
    if len(response.body) >= _SMALLEST_COMPRESSED and takes_gzip(request.headers.get("accept-encoding", "")):
        response.body = gzip.compress(response.body, 6, mtime=0)
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))
    return response


def takes_gzip(accepted: str) -> bool:
    weights = {}
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        weights[coding.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return weights.get("gzip", weights.get("*", False))
