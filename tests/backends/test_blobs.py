from __future__ import annotations

import os
from pathlib import Path

import pytest

from aurum.backends.blobs import FolderBlobs, content_hash
from aurum.errors import Unavailable


async def test_bytes_are_kept_under_their_hash_once(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = await blobs.put(b"prices")
    assert digest == content_hash(b"prices") == await blobs.put(b"prices")
    assert await blobs.get(digest) == b"prices"
    assert files(tmp_path) == [digest]


async def test_what_was_put_and_is_not_there_may_come_back(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "mounted")
    digest = await blobs.put(b"prices")
    (tmp_path / "mounted").rename(tmp_path / "away")
    with pytest.raises(Unavailable, match="files cannot be read: No such file") as told:
        await blobs.get(digest)
    assert "AURUM_HOME" in str(told.value.hint)
    (tmp_path / "away").rename(tmp_path / "mounted")
    assert await blobs.get(digest) == b"prices"


async def test_where_no_folder_can_be_made_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"a file")
    with pytest.raises(Unavailable, match="files cannot be kept: File exists"):
        await FolderBlobs(tmp_path / "blobs").put(b"prices")


async def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    blobs = FolderBlobs(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", fails)
        with pytest.raises(Unavailable, match="files cannot be kept: Input/output error"):
            await blobs.put(b"prices")
    assert files(tmp_path) == []
    assert await blobs.get(await blobs.put(b"prices")) == b"prices"


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]
