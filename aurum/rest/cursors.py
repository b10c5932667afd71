"""Cursors that only this server can have made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from aurum.errors import InvalidCursor

_LONGEST = 1000
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: beside the item at `position`, before it if `backward`. The filters are part of it."""

    operation: str
    tenant: str
    position: str
    backward: bool
    filters: dict[str, Any]


class Cursors:
    """Signed with the first of the keys, accepted with any. Without keys one is made once and kept in a file."""

    def __init__(self, keys: Sequence[SecretStr], kept: Path) -> None:
        self._configured = [key.get_secret_value().encode() for key in keys]
        self._kept = kept

    def sign(self, cursor: Cursor) -> str:
        content = zlib.compress(orjson.dumps(astuple(cursor), option=orjson.OPT_SORT_KEYS), 9)
        return base64.urlsafe_b64encode(_mac(self._keys[0], content) + content).decode().rstrip("=")

    def read(self, token: str, operation: str, tenant: str) -> Cursor:
        """Raises InvalidCursor for what this server has not signed, or for another list or tenant."""
        with suppress(ValueError, TypeError):
            if len(token) <= _LONGEST:
                padded = token.encode("ascii") + b"=" * (-len(token) % 4)
                signed = base64.b64decode(padded, b"-_", validate=True)
                mac, content = signed[:_DIGEST], signed[_DIGEST:]
                if any(hmac.compare_digest(mac, _mac(key, content)) for key in self._keys):
                    cursor = Cursor(*orjson.loads(zlib.decompress(content)))
                    if (cursor.operation, cursor.tenant) == (operation, tenant):
                        return cursor
        raise InvalidCursor("Invalid cursor")

    @cached_property
    def _keys(self) -> list[bytes]:
        if self._configured:
            return self._configured + ([self._kept.read_bytes()] if self._kept.exists() else [])
        return [_made_once(self._kept)]


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _made_once(file: Path) -> bytes:
    """The key in the file; made first where there is none, by one of those who ask at the same time."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, new = tempfile.mkstemp(dir=file.parent)  # for its owner alone
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(32))
            stream.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(new, file)
        Path(new).unlink()
    return file.read_bytes()
