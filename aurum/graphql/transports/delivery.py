"""How messages get to a client: one at a time, and not later than it is patient with."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Message, Send

from aurum.errors import AurumError
from aurum.graphql.line import Line

_FAREWELL_SECONDS = 1.0  # for the last words, where the server cannot send them without waiting


class Gone(Exception):
    """The client has closed the connection."""


class TooSlow(AurumError):
    """The client took nothing for as long as it may."""

    code = "TOO_SLOW"
    status = 408


class Sender:
    """Sends one after the other. Raises TooSlow where one waits for `seconds`, Gone where nobody is there."""

    def __init__(self, line: Line, send: Send, seconds: float) -> None:
        self._line = line
        self._send = send
        self._seconds = seconds
        self._lock = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._lock.locked()

    async def send(self, message: Message) -> None:
        async with self._lock:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._send(message)
            except TimeoutError:
                raise TooSlow(f"the client took nothing for {self._seconds:g} s") from None
            except OSError as error:
                raise Gone from error

    async def send_last(self, *messages: Message) -> None:
        """However slow the client is: it may still read them, if it hurries."""
        self._line.release()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                for message in messages:
                    await self._send(message)
