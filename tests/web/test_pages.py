"""The built files: types, headers, nothing else reachable, nothing stale."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from graphql import build_schema, parse, validate
from starlette.applications import Starlette

from aurum.web.pages import GRAPHIQL, MEDIA_TYPES, pages

ROOT = Path(__file__).parents[2]
TABS = ROOT / "aurum" / "web" / "source" / "tabs.js"


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=pages())), base_url="http://aurum")


async def test_every_file_is_served_with_its_type_whatever_the_machine_thinks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mimetypes.guess_type", lambda *_, **__: ("text/plain", None))
    monkeypatch.setattr("starlette.responses.guess_type", lambda *_, **__: ("text/plain", None))
    files = [path for path in GRAPHIQL.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == set(MEDIA_TYPES)
    async with client() as http:
        for path in files:
            answer = await http.get(f"/graphiql/{path.relative_to(GRAPHIQL).as_posix()}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[path.suffix]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert ("immutable" in answer.headers["cache-control"]) == (path.parent.name == "assets")
            assert answer.content == path.read_bytes()


async def test_the_page_is_asked_for_every_time_and_an_asset_never_again() -> None:
    async with client() as http:
        page = await http.get("/graphiql/")
        assert page.headers["cache-control"] == "no-cache"
        again = await http.get("/graphiql/", headers={"if-none-match": page.headers["etag"]})
        assert again.status_code == 200
        script = re.search(r'src="\./(assets/[^"]+\.js)"', page.text)
        assert script is not None
        asset = await http.get(f"/graphiql/{script[1]}")
        unchanged = await http.get(f"/graphiql/{script[1]}", headers={"if-none-match": asset.headers["etag"]})
        assert unchanged.status_code == 304
        assert unchanged.headers["cache-control"] == asset.headers["cache-control"]


async def test_the_bare_address_leads_to_the_folder_relatively() -> None:
    async with client() as http:
        answer = await http.get("/graphiql")
        assert answer.status_code == 307
        assert answer.headers["location"] == "graphiql/"
        answer = await http.get("/graphiql", params={"query": "{ viewer }"})
        assert answer.headers["location"] == "graphiql/?query=%7B+viewer+%7D"


@pytest.mark.parametrize("path", ["missing.js", "assets", "../pages.py", "%2e%2e/pages.py", "..%2fpages.py"])
async def test_nothing_else_is_served(path: str) -> None:
    async with client() as http:
        assert (await http.get(f"/graphiql/{path}")).status_code == 404


def test_the_page_has_no_inline_script_and_no_address_outside() -> None:
    page = (GRAPHIQL / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"(?:src|href)=\"(?!\./)", page) == []
    assert list(GRAPHIQL.rglob("*.map")) == []


def first_documents() -> list[str]:
    return re.findall(r"^const \w+ = `(.*?)`$", TABS.read_text(), flags=re.DOTALL | re.MULTILINE)


def test_the_built_page_has_the_tabs_of_the_source() -> None:
    """Red means: ``npm ci && npm run build`` in aurum/web/source."""
    built = "".join(path.read_text() for path in (GRAPHIQL / "assets").glob("*.js"))
    documents = first_documents()
    assert len(documents) == 2
    for document in documents:
        assert document in built


def test_the_first_tabs_are_valid() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    for document in first_documents():
        assert validate(schema, parse(document)) == []
