"""The 61 audits of the npm package `graphql-http`, asked of a running server: all of them, the recommended ones too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.installing import installed_node, or_skip
from tests.served import served

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent


def test_every_audit_passes(migrated_sqlite_url: str, tmp_path: Path) -> None:
    node = or_skip(lambda: installed_node(HERE))
    with served(tmp_path, AURUM_DATABASE__URL=migrated_sqlite_url) as url:
        command = [node, "over-http.mjs", url]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    audits = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(audits) == 61
    assert [each for each in audits if each["status"] != "ok"] == []
