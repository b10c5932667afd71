"""Apollo's client and its persisted queries against a server of its own process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import free_port, running

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
VIEWER = "query Viewer {\n  viewer {\n    name\n    __typename\n  }\n}"  # as the client prints it
Steps = list[dict[str, Any]]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and what it needs."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("node and npm are not installed: .ci/run should have installed them")
        pytest.skip("node and npm are not installed: tests/install-servers says how to get them")
    folder = tmp_path_factory.mktemp("apollo")
    for name in ("package.json", "package-lock.json", ".npmrc", "apollo.mjs"):
        shutil.copy(HERE / name, folder)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, capture_output=True,
        timeout=240,
    )  # fmt: skip
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "persisted-query-manifest.json"
    id_ = hashlib.sha256(VIEWER.encode()).hexdigest()
    operations = [{"id": id_, "name": "Viewer", "type": "query", "body": VIEWER}]
    file.write_text(json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}))
    return file


@pytest.fixture
def settings() -> dict[str, str]:
    return {}


@pytest.fixture
def endpoint(migrated_sqlite_url: str, tmp_path: Path, settings: dict[str, str]) -> Iterator[str]:
    environment = {**os.environ, "AURUM_HOME": str(tmp_path), "AURUM_DATABASE__URL": migrated_sqlite_url, **settings}
    port = free_port()
    with running("aurum", environment, tmp_path / "log", "serve", "--port", str(port)):
        yield _ready(f"http://127.0.0.1:{port}/graphql", tmp_path / "log")


def _ready(address: str, log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return address
    raise AssertionError(f"the server does not answer:\n{log.read_text()}")


def run(folder: Path, endpoint: str, scenario: str, *more: str) -> Steps:
    done = subprocess.run(
        ["node", "apollo.mjs", endpoint, scenario, *more], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def request(method: str, *, query: bool, hash_: bool = True) -> dict[str, Any]:
    return {"method": method, "query": query, "hash": hash_}


def typed(name: str) -> dict[str, Any]:
    return {"__type": {"__typename": "__Type", "name": name}}


def test_the_document_is_sent_once_and_then_its_hash(installed: Path, endpoint: str) -> None:
    first, second, another_client, invalid = run(installed, endpoint, "post")
    by_hash, whole = request("POST", query=False), request("POST", query=True)
    assert first == {"sent": [by_hash, whole], "data": typed("Curve")}
    assert second == {"sent": [by_hash], "data": typed("Query")}
    assert another_client == {"sent": [by_hash], "data": typed("Curve")}
    assert (invalid["sent"], invalid["codes"]) == ([by_hash, whole], ["GRAPHQL_INVALID"])


def test_hashes_are_sent_with_get(installed: Path, endpoint: str) -> None:
    first, second, another_client = run(installed, endpoint, "get")
    by_hash = request("GET", query=False)
    assert first == {"sent": [by_hash, request("POST", query=True)], "data": typed("Curve")}
    assert second == {"sent": [by_hash], "data": typed("Query")}
    assert another_client == {"sent": [by_hash], "data": typed("Curve")}


class TestSwitchedOff:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"AURUM_GRAPHQL__PERSISTED_QUERIES": "false"}

    def test_the_client_sends_documents_from_then_on(self, installed: Path, endpoint: str) -> None:
        first, second, *_ = run(installed, endpoint, "post")
        whole = request("POST", query=True, hash_=False)
        assert first == {"sent": [request("POST", query=False), whole], "data": typed("Curve")}
        assert second == {"sent": [whole], "data": typed("Query")}


class TestOnlyRegistered:
    @pytest.fixture
    def settings(self, manifest: Path) -> dict[str, str]:
        return {"AURUM_GRAPHQL__ONLY_REGISTERED": "true", "AURUM_GRAPHQL__OPERATIONS": json.dumps([str(manifest)])}

    def test_what_its_manifest_names_is_answered(self, installed: Path, endpoint: str, manifest: Path) -> None:
        registered, other = run(installed, endpoint, "manifest", str(manifest))
        by_hash = request("POST", query=False)
        viewer = {"viewer": {"__typename": "Viewer", "name": "developer"}}
        assert registered == {"sent": [by_hash], "data": viewer}
        assert (other["sent"], other["codes"]) == ([by_hash], ["OPERATION_NOT_REGISTERED"])


def test_a_form_of_the_platforms_own_is_read(installed: Path, endpoint: str) -> None:
    (answer,) = run(installed, endpoint, "upload")
    assert answer["refused"] == "PREFLIGHT_REQUIRED"
    payload = {"run": {"fileName": "Preise Öl €.xlsx"}, "problems": []}
    assert answer["answered"] == {"data": {"uploadWorkbook": payload}}
