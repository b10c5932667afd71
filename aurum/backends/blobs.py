"""Files kept under the hash of their content: those of vendors for ever, those of exports until they expire."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from aurum.errors import NotFound, Unavailable


def content_hash(data: bytes) -> str:
    """SHA-256 as 64 hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


class Blobs(Protocol):
    """Raises Unavailable where the place is full, read-only or away; what was put there is missing only then."""

    async def put(self, data: bytes) -> str:
        """Keeps the bytes and answers their content hash; the same bytes again change nothing."""

    async def get(self, digest: str) -> bytes:
        """The bytes that were put."""


class FolderBlobs:
    """A local folder: `ab/abcdef...`. A file is there whole or not at all, whenever the power goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, data: bytes) -> str:
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes:
        return await asyncio.to_thread(self._get, digest)

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def take(self, file: Path, digest: str) -> None:
        """Keeps a file of the same disk by moving it here."""
        path = self.path(digest)
        with _outages("kept"):
            _make_folder(path.parent)
            with file.open("rb") as written:
                os.fsync(written.fileno())
            file.replace(path)
            _sync_folder(path.parent)

    def forget(self, digest: str) -> None:
        """For places where nothing is kept for ever."""
        with _outages("removed"):
            self.path(digest).unlink(missing_ok=True)

    def _put(self, data: bytes) -> str:
        digest = content_hash(data)
        path = self.path(digest)
        with _outages("kept"):
            if not path.exists():
                _make_folder(path.parent)
                _write(path, data)
        return digest

    def _get(self, digest: str) -> bytes:
        with _outages("read"):
            try:
                return self.path(digest).read_bytes()
            except FileNotFoundError:
                if not self.folder.is_dir():
                    raise
                raise NotFound(
                    f"the bytes of the file {digest[:12]} are not among the files that are kept",
                    hint="Restore the folder `blobs` in AURUM_HOME from a backup, or send the file again.",
                ) from None


def _write(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _outages(what: str) -> Iterator[None]:
    """Says in plain words that the folder is full, read-only or away: something that may pass."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"files cannot be {what}: {error.strerror or error}",
            hint="Nothing was loaded. See to the folder `blobs` in AURUM_HOME, then try again.",
        ) from error
