"""Apollo's client and its persisted queries against a server of its own process."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installing import installed_node, or_skip
from tests.served import served

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
VIEWER = "query Viewer {\n  viewer {\n    name\n    __typename\n  }\n}"  # as the client prints it
Steps = list[dict[str, Any]]


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs Apollo's client, with its packages."""
    return or_skip(lambda: installed_node(HERE))


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
    with served(tmp_path, AURUM_DATABASE__URL=migrated_sqlite_url, **settings) as url:
        yield url


def run(node: str, endpoint: str, scenario: str, *more: str) -> Steps:
    done = subprocess.run(
        [node, "apollo.mjs", endpoint, scenario, *more], cwd=HERE, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def request(method: str, *, query: bool, hash_: bool = True) -> dict[str, Any]:
    return {"method": method, "query": query, "hash": hash_}


def typed(name: str) -> dict[str, Any]:
    return {"__type": {"__typename": "__Type", "name": name}}


def test_the_document_is_sent_once_and_then_its_hash(node: str, endpoint: str) -> None:
    first, second, another_client, invalid = run(node, endpoint, "post")
    by_hash, whole = request("POST", query=False), request("POST", query=True)
    assert first == {"sent": [by_hash, whole], "data": typed("Curve")}
    assert second == {"sent": [by_hash], "data": typed("Query")}
    assert another_client == {"sent": [by_hash], "data": typed("Curve")}
    assert (invalid["sent"], invalid["codes"]) == ([by_hash, whole], ["GRAPHQL_INVALID"])


def test_hashes_are_sent_with_get(node: str, endpoint: str) -> None:
    first, second, another_client = run(node, endpoint, "get")
    by_hash = request("GET", query=False)
    assert first == {"sent": [by_hash, request("POST", query=True)], "data": typed("Curve")}
    assert second == {"sent": [by_hash], "data": typed("Query")}
    assert another_client == {"sent": [by_hash], "data": typed("Curve")}


class TestSwitchedOff:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {"AURUM_GRAPHQL__PERSISTED_QUERIES": "false"}

    def test_the_client_sends_documents_from_then_on(self, node: str, endpoint: str) -> None:
        first, second, *_ = run(node, endpoint, "post")
        whole = request("POST", query=True, hash_=False)
        assert first == {"sent": [request("POST", query=False), whole], "data": typed("Curve")}
        assert second == {"sent": [whole], "data": typed("Query")}


class TestOnlyRegistered:
    @pytest.fixture
    def settings(self, manifest: Path) -> dict[str, str]:
        return {"AURUM_GRAPHQL__ONLY_REGISTERED": "true", "AURUM_GRAPHQL__OPERATIONS": json.dumps([str(manifest)])}

    def test_what_its_manifest_names_is_answered(self, node: str, endpoint: str, manifest: Path) -> None:
        registered, other = run(node, endpoint, "manifest", str(manifest))
        by_hash = request("POST", query=False)
        viewer = {"viewer": {"__typename": "Viewer", "name": "developer"}}
        assert registered == {"sent": [by_hash], "data": viewer}
        assert (other["sent"], other["codes"]) == ([by_hash], ["OPERATION_NOT_REGISTERED"])


def test_a_form_of_the_platforms_own_is_read(node: str, endpoint: str) -> None:
    (answer,) = run(node, endpoint, "upload")
    assert answer["refused"] == "PREFLIGHT_REQUIRED"
    payload = {"run": {"fileName": "Preise Öl €.xlsx"}, "problems": []}
    assert answer["answered"] == {"data": {"uploadWorkbook": payload}}
