"""GraphiQL at ``/graphiql/``: built files, served under a policy that lets nothing in from elsewhere.

``source/`` holds what they are built from: ``npm ci && npm run build`` there writes ``graphiql/`` anew.
"""

import os
from pathlib import Path

from starlette.datastructures import URL, Headers
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

GRAPHIQL = Path(__file__).parent / "graphiql"

# Written out because the machine's own table decides otherwise: on Windows .js is often text/plain, which
# nosniff makes a browser refuse.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}

# 'self' covers the websocket of the same host and port (Chrome 71, Safari 16). The editor places its lines
# with style attributes, hence 'unsafe-inline' for styles, and draws squiggles with data: images.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

FOREVER = "public, max-age=31536000, immutable"  # the name of an asset holds the hash of its bytes
ASK_EVERY_TIME = "no-cache"


def pages() -> list[BaseRoute]:
    """The routes of the pages, to be put beside the API's own."""
    files = BuiltFiles(directory=GRAPHIQL, html=True, check_dir=False)
    return [Route("/graphiql", to_the_folder), Mount("/graphiql", app=files, name="graphiql")]


async def to_the_folder(request: Request) -> Response:
    """Relative, so that it holds behind a proxy that adds a path or ends TLS."""
    return RedirectResponse(URL("graphiql/").replace(query=request.url.query))


class BuiltFiles(StaticFiles):
    """Static files of which those under ``assets/`` never change and the others are never answered 304.

    index.html keeps its size from build to build, and images of containers flatten modification times, so
    size and time cannot tell an old one from a new one.
    """

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = Path(full_path)
        is_asset = path.parent.name == "assets"
        response = FileResponse(
            path,
            status_code=status_code,
            headers=HEADERS | {"cache-control": FOREVER if is_asset else ASK_EVERY_TIME},
            media_type=MEDIA_TYPES[path.suffix],
            stat_result=stat_result,
        )
        if is_asset and self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response
