"""Where messages are sent to, by Apprise: webhooks, mail servers, chats. Their addresses are secrets."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from aurum.errors import InvalidInput, Unavailable
from aurum.market.counts import counted

_said: ContextVar[list[str] | None] = ContextVar("_said", default=None)
_HINT = "See docs/notifications.md for how addresses are written."


class Target:
    """One address. `name` is for people, `key` is lasting; neither tells the address.

    A target sends one message at a time, on a thread of its own: none of them waits for another.
    """

    def __init__(self, number: int, address: str, plugin: Any, timeout_seconds: float) -> None:
        self.name = f"notification target {number} ({plugin.service_name})"
        self.key = f"notify {hashlib.sha256(address.encode()).hexdigest()[:32]}"
        self._address = address
        self._plugin = plugin
        self._timeout_seconds = timeout_seconds
        self._thread = ThreadPoolExecutor(1, "notification")

    async def send(self, subject: str, body: str) -> None:
        """Raises Unavailable with the reason. After a timeout the message may arrive all the same."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                loop = asyncio.get_running_loop()
                reason = await loop.run_in_executor(self._thread, self._send, subject, body)
        except TimeoutError:
            reason = f"no answer within {counted(self._timeout_seconds, 'second')}"
        if reason is not None:
            raise Unavailable(reason)

    def _send(self, subject: str, body: str) -> str | None:
        """Why it was not sent; None where it was. Blocks."""
        from apprise import Apprise, NotifyFormat, NotifyType

        said: list[str] = []
        token = _said.set(said)
        try:
            apprise = Apprise()
            apprise.add(self._plugin)
            sent = apprise.notify(body, subject, NotifyType.WARNING, body_format=NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001  its text may tell the address
            return _masked(repr(error), self._address)
        finally:
            _said.reset(token)
        return None if sent else _masked(" ".join(said) or "no reason given", self._address)

    def close(self) -> None:
        """Does not wait for a message that is being sent."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def open_targets(addresses: Sequence[SecretStr], timeout_seconds: float) -> list[Target]:
    """Raises InvalidInput for what is no address. Blocks: Apprise is imported here (0.3 s, 40 MB)."""
    from apprise import Apprise, AppriseAsset, NotifyFormat

    for name in ("apprise", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_discreet)
    logging.getLogger("apprise").setLevel(logging.DEBUG)  # why a connection failed is said no louder
    targets: list[Target] = []
    for number, secret in enumerate(addresses, 1):
        token = _said.set([])
        try:
            plugin = Apprise.instantiate(secret.get_secret_value(), asset=AppriseAsset(app_id="Aurum"))
        finally:
            _said.reset(token)
        if plugin is None:
            raise InvalidInput(f"address {number} of AURUM_NOTIFICATIONS__URLS is none that is known", hint=_HINT)
        plugin.notify_format = NotifyFormat.TEXT  # as it is: nothing in a message is markup
        targets.append(Target(number, secret.get_secret_value(), plugin, timeout_seconds))
    return targets


def _discreet(record: logging.LogRecord) -> bool:
    """Keeps the records of sending out of the log, for they tell addresses; notes those that say why it failed."""
    said = _said.get()
    if said is None:
        return True
    text = record.getMessage()
    if record.name == "apprise" and (record.levelno >= logging.WARNING or text.startswith("Socket Exception")):
        said.append(text if record.exc_info is None else f"{text} ({record.exc_info[1]!r})")
    return False


def _masked(text: str, address: str) -> str:
    """The text without any part of the address."""
    secret = re.sub(r"(?<=[?&])[^=&]*=", "", address.partition("://")[2] or address)
    parts = {part for written in (secret, unquote(secret)) for part in re.split(r"[/:@?&=+,;\s]+", written)} - {""}
    found = "|".join(re.escape(part) for part in sorted(parts, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{found})(?!\w)", "***", text, flags=re.IGNORECASE)
