"""What the server tells the application of a connection, beyond ASGI."""

from __future__ import annotations

import asyncio
from typing import Protocol

from starlette.types import Scope

LINE = "aurum.line"


class Line(Protocol):
    """The connection as the server has it: in the scope as `aurum.line`, where the server is Aurum's own.

    `stopping` is done once the server wants to stop. `arrived`: the whole body of the request has come.
    """

    @property
    def stopping(self) -> asyncio.Future[None]: ...
    @property
    def arrived(self) -> bool: ...
    def release(self) -> None:
        """What is sent from now on does not wait for the client; the connection is cut a little later."""


class OtherLine:
    """Of a server that tells nothing: it cancels what still runs when it stops."""

    arrived = False

    def __init__(self) -> None:
        self.stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        pass


def line_of(scope: Scope) -> Line:
    line: Line | None = scope.get(LINE)
    return OtherLine() if line is None else line
