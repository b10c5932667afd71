"""GraphQL multipart requests: the order of their parts, what is refused before it is read, and what is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.file_uploads import Upload

from aurum.graphql.endpoint import Endpoint
from aurum.graphql.errors import Errors
from aurum.graphql.execution import Schema
from aurum.settings import GraphQLSettings
from tests.graphql.desk import Desk

MOST = 2_000_000  # bytes of a file
BOUNDARY = "----------aurum"
HEADERS = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


@strawberry.type
class Query:
    nothing: int = 0


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def read(self, files: list[Upload | None] | None = None, file: Upload | None = None) -> list[list[str]]:
        """Of each file its name and its text."""
        given: list[Any] = [each for each in [*(files or ()), file] if each is not None]
        texts = await asyncio.gather(*(each.read() for each in given))
        assert [await each.read() for each in given] == [b""] * len(given)
        return [[each.filename, text.decode()] for each, text in zip(given, texts, strict=True)]

    @strawberry.mutation
    async def rest(self, file: Upload) -> list[str]:
        """The file in pieces, and from a place on."""
        given: Any = file
        pieces = [(await given.read(2)).decode(), (await given.read(2)).decode()]
        await given.seek(1)
        return [*pieces, (await given.read()).decode()]


READ = "mutation($files: [Upload], $file: Upload) { read(files: $files, file: $file) }"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    schema = Schema(query=Query, mutation=Mutation, extensions=[Errors])
    endpoint = Endpoint(schema, lambda _: Desk(), GraphQLSettings(max_files=3), MOST)
    transport = httpx.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]), client=("127.0.0.1", 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as opened:
        yield opened


def part(name: str, content: str | bytes, file: str | None = None) -> bytes:
    named = "" if file is None else f'; filename="{file}"'
    data = content if isinstance(content, bytes) else content.encode()
    return f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"


def operations(query: str = READ, **variables: Any) -> bytes:
    return part("operations", json.dumps({"query": query, "variables": variables}))


def places(**names: Any) -> bytes:
    return part("map", json.dumps({name[1:]: paths for name, paths in names.items()}))


async def send(client: httpx.AsyncClient, *parts: bytes, **headers: str) -> httpx.Response:
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return await client.post("/graphql", content=body, headers=HEADERS | headers)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


# ------------------------------------------------------------------------------------------------- what is accepted


async def test_files_go_where_the_map_says_in_the_order_they_come(client: httpx.AsyncClient) -> None:
    response = await send(
        client, operations(files=[None, None], file=None),
        places(_a=["variables.files.1"], _b=["variables.file"], _c=["variables.files.0"]),
        part("c", "third", "c.txt"), part("a", "first", "a.txt"), part("b", "second", "b.txt"),
    )  # fmt: skip
    assert response.json() == {"data": {"read": [["c.txt", "third"], ["a.txt", "first"], ["b.txt", "second"]]}}


@pytest.mark.parametrize("size", [5, 1_900_000])  # in memory, and in a temporary file
async def test_a_file_in_several_places_is_read_whole_in_each(client: httpx.AsyncClient, size: int) -> None:
    text = "12345" * (size // 5)
    paths = ["variables.files.0", "variables.files.1", "variables.file"]
    response = await send(client, operations(files=[None, None], file=None), places(_0=paths), part("0", text, "a"))
    assert response.json() == {"data": {"read": [["a", text]] * 3}}


async def test_a_file_is_read_in_pieces(client: httpx.AsyncClient) -> None:
    query = operations("mutation($file: Upload!) { rest(file: $file) }", file=None)
    response = await send(client, query, places(_0=["variables.file"]), part("0", "abcdef", "a"))
    assert response.json() == {"data": {"rest": ["ab", "cd", "bcdef"]}}


async def test_a_file_may_be_for_no_place_and_a_request_without_files(client: httpx.AsyncClient) -> None:
    response = await send(client, operations(file=None), places(_0=[]), part("0", "unused", "a"))
    assert response.json() == {"data": {"read": []}}
    assert (await send(client, operations(), places())).json() == {"data": {"read": []}}


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("Preise Öl €.xlsx", "Preise Öl €.xlsx"),
        ("价格.xlsx", "价格.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\\\desk\\\\prices.xlsx", "prices.xlsx"),
        ("..\\\\..\\\\prices.xlsx", "prices.xlsx"),
        ("..", "unnamed"),
        ("a/..", "unnamed"),
        ("", "unnamed"),
        ("  .  ", "unnamed"),
        ("a\x00b\x7f\u202ec.xlsx", "abc.xlsx"),
        ("%2e%2e%2fa", "%2e%2e%2fa"),
        ("x" * 300 + ".xlsx", "x" * 250 + ".xlsx"),
    ],
)
async def test_names_of_files_have_no_folders(client: httpx.AsyncClient, given: str, seen: str) -> None:
    response = await send(client, operations(file=None), places(_0=["variables.file"]), part("0", "x", given))
    assert response.json() == {"data": {"read": [[seen, "x"]]}}


# ------------------------------------------------------------------------------------------------- what is refused


ONE = operations(file=None), places(_0=["variables.file"])
REFUSED: dict[str, tuple[list[bytes], int, str]] = {
    "map before operations": ([ONE[1], ONE[0], part("0", "x", "a")], 400, "PARTS_OUT_OF_ORDER"),
    "file before map": ([ONE[0], part("0", "x", "a"), ONE[1]], 400, "PARTS_OUT_OF_ORDER"),
    "file before operations": ([part("0", "x", "a"), *ONE], 400, "PARTS_OUT_OF_ORDER"),
    "file that is missing": ([*ONE], 400, "FILE_MISSING"),
    "file that map does not name": ([*ONE, part("0", "x", "a"), part("1", "x", "a")], 400, "FILE_UNEXPECTED"),
    "file that comes twice": ([*ONE, part("0", "x", "a"), part("0", "x", "a")], 400, "FILE_UNEXPECTED"),
    "file that is a text": ([*ONE, part("0", "x")], 400, "BAD_REQUEST"),
    "operations as a file": ([part("operations", "{}", "a"), *ONE], 400, "PARTS_OUT_OF_ORDER"),
    "operations twice": ([ONE[0], *ONE, part("0", "x", "a")], 400, "BAD_REQUEST"),
    "map twice": ([*ONE, ONE[1], part("0", "x", "a")], 400, "BAD_REQUEST"),
    "another text": ([*ONE, part("note", "x"), part("0", "x", "a")], 400, "BAD_REQUEST"),
    "a batch": ([part("operations", "[]"), places(), part("0", "x", "a")], 400, "BATCH_REFUSED"),
    "operations without UTF-8": ([part("operations", b'{"query": "\xff"}')], 400, "BAD_REQUEST"),
    "one place, two files": (
        [ONE[0], places(_0=["variables.file"], _1=["variables.file"]), part("0", "", "a"), part("1", "", "b")],
        400, "BAD_REQUEST",
    ),
    "a place that is no place": ([ONE[0], places(_0=["operations.variables.file"])], 400, "BAD_REQUEST"),
    "an index below zero": ([operations(files=[None]), places(_0=["variables.files.-1"])], 400, "BAD_REQUEST"),
    "an index with more digits than any": (
        [operations(files=[None]), places(_0=["variables.files." + "9" * 5000])], 400, "BAD_REQUEST",
    ),
    "an attribute": ([operations(files=[None]), places(_0=["variables.__class__"])], 400, "BAD_REQUEST"),
    "no list of places": ([ONE[0], places(_0="variables.file")], 400, "BAD_REQUEST"),
    "too many files in the map": (
        [operations(files=[None] * 4), places(**{f"_{n}": [f"variables.files.{n}"] for n in range(4)})],
        413, "TOO_MANY_FILES",
    ),
    "a file that is too large": ([*ONE, part("0", b"x" * (MOST + 1), "a")], 413, "FILE_TOO_LARGE"),
    "operations that are too large": ([operations(x="x" * 2**20)], 413, "BODY_TOO_LARGE"),
    "a map that is too large": ([ONE[0], part("map", " " * (2**20 + 1))], 413, "BODY_TOO_LARGE"),
    "headers that are too large": ([*ONE, part("0", "x", "a" * 100_000)], 400, "BAD_REQUEST"),
    "headers that are too many": (
        [*ONE, part("0", "x", "a").replace(b"\r\n\r\n", b"\r\n" + b"a: b\r\n" * 1000 + b"\r\n")], 400, "BAD_REQUEST",
    ),
    "a body that breaks off": ([*ONE, part("0", "x", "a")[:-2]], 400, "BAD_REQUEST"),
    "a part without a name": ([f"--{BOUNDARY}\r\nx: y\r\n\r\nz\r\n".encode()], 400, "BAD_REQUEST"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
async def test_a_request_of_another_form_is_refused(client: httpx.AsyncClient, what: str) -> None:
    parts, status, expected = REFUSED[what]
    response = await send(client, *parts)
    assert (code(response), "data" in response.json()) == ((status, expected), False)


async def test_a_compressed_body_is_refused(client: httpx.AsyncClient) -> None:
    response = await send(client, **{"content-encoding": "gzip"})
    assert code(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_what_is_refused_is_not_read_to_its_end(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless(*first: bytes) -> AsyncIterator[bytes]:
        nonlocal sent
        sent = 0
        yield b"".join(first)
        for _ in range(1000):
            sent += 1
            yield b"x" * 65_536

    begun = part("0", "", "a").removesuffix(b"\r\n")
    for what in ("map before operations", "file before map", "too many files in the map", "a batch"):
        parts, _, expected = REFUSED[what]
        response = await client.post("/graphql", content=endless(*parts, begun), headers=HEADERS)
        assert (code(response)[1], sent) == (expected, 0)
    response = await client.post("/graphql", content=endless(*ONE, begun), headers=HEADERS)
    assert (code(response), sent) == ((413, "FILE_TOO_LARGE"), MOST // 65_536 + 1)
    two = operations(files=[None, None]), places(_0=["variables.files.0"], _1=["variables.files.1"])
    large = part("0", b"x" * MOST, "a")
    response = await client.post("/graphql", content=endless(*two, large, part("1", "", "b")[:-2]), headers=HEADERS)
    assert (code(response)[1], sent < 20) == ("BODY_TOO_LARGE", True)
    sent = 0
    response = await client.post("/graphql", content=endless(), headers=HEADERS | {"content-length": str(10 * MOST)})
    assert (code(response), sent) == ((413, "BODY_TOO_LARGE"), 0)


# ------------------------------------------------------------------------------------------------- who may send one


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, True),  # no browser
        ({"origin": "http://127.0.0.1:8000"}, True),
        ({"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, True),
        ({"origin": "http://127.0.0.1:8000", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:3000"}, False),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, False),
        ({"origin": "https://127.0.0.1:8000"}, False),
        ({"origin": "null"}, False),
        ({"referer": "http://evil.example/"}, False),
        ({"cookie": "session=1"}, False),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, False),
        ({"origin": "http://localhost:3000", "x-graphql-require-preflight": "1"}, True),
        ({"origin": "http://localhost:3000", "apollo-require-preflight": "true"}, True),
        ({"origin": "http://localhost:3000", "authorization": "Bearer x"}, True),
        ({"origin": "http://localhost:3000", "x-graphql-require-preflight": ""}, False),
    ],
)
async def test_a_form_that_a_page_of_another_site_could_post_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], accepted: bool
) -> None:
    response = await send(client, *ONE, part("0", "x", "a"), **headers)
    if accepted:
        assert response.json() == {"data": {"read": [["a", "x"]]}}
    else:
        assert code(response) == (400, "PREFLIGHT_REQUIRED")


# ------------------------------------------------------------------------------------------------- what is left behind


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    """Temporary files that are open, or lie in their folder, which is one of our own."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("only Linux tells which files a process has open")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def found() -> list[str]:
        opened = []
        for each in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # the one of this very folder
                opened.append(str(each.readlink()))
        return [each for each in opened if each.startswith(str(tmp_path))] + list(map(str, tmp_path.iterdir()))

    return found


async def test_a_file_of_a_client_that_goes_away_is_gone(
    client: httpx.AsyncClient, left: Callable[[], list[str]]
) -> None:
    app: Any = client._transport.app  # type: ignore[attr-defined]
    seen: list[int] = []
    begun = b"".join([*ONE, part("0", b"x" * 1_500_000, "a")[:-2]])
    messages = [{"type": "http.request", "body": begun, "more_body": True}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        seen.append(len(left()))
        return {"type": "http.disconnect"}

    async def send_nothing(message: Any) -> None:
        raise AssertionError(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", HEADERS["content-type"].encode())]
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "root_path": "",
        "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": headers, "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, send_nothing)
    assert seen == [1]
    assert left() == []


async def test_files_are_gone_when_the_request_is_answered_or_refused(
    client: httpx.AsyncClient, left: Callable[[], list[str]]
) -> None:
    large = part("0", b"x" * 1_500_000, "a")
    assert "data" in (await send(client, *ONE, large)).json()
    assert left() == []
    for parts in ([*ONE, large, part("1", "x", "b")], [*ONE, large, b"nonsense"]):
        assert "errors" in (await send(client, *parts)).json()
        assert left() == []
    invalid = operations("mutation($file: Upload!) { nonsense(file: $file) }", file=None), ONE[1], large
    assert "errors" in (await send(client, *invalid)).json()
    assert left() == []
