from __future__ import annotations

from pathlib import Path

import pytest

from aurum.backends.blobs import FolderBlobs, content_hash
from aurum.errors import NotFound


async def test_bytes_are_kept_under_their_hash_once(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = await blobs.put(b"prices")
    assert digest == content_hash(b"prices") == await blobs.put(b"prices")
    assert await blobs.get(digest) == b"prices"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]


async def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await FolderBlobs(tmp_path).get("0" * 64)
