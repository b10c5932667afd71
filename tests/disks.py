"""Disks that are full or read-only, for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


class NotAllowed(Exception):
    """Only root may mount."""


@dataclass(frozen=True)
class Disk:
    """A small file system of its own."""

    folder: Path

    def fill(self, leaving: int = 0) -> None:
        """Up to so many bytes."""
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            with suppress(OSError):
                while filler.write(bytes(4096)):
                    pass
            filler.truncate(filler.tell() - leaving)

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def turn_read_only(self) -> None:
        self._mount("remount,ro")

    def turn_writable(self) -> None:
        self._mount("remount,rw")

    def _mount(self, options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotAllowed(done.stderr)


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Disk]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise NotAllowed("only root may mount a file system")
    folder = Path(tempfile.mkdtemp(prefix="aurum-disk-"))  # servers that run as another user have to get there
    disk = Disk(folder)
    try:
        disk._mount(f"size={mebibytes}m,mode=0755")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)  # a file of it may be open for a moment yet
    finally:
        folder.rmdir()
