"""The GraphiQL page in a real browser, with everything outside the loopback address refused."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import pytest_asyncio
import strawberry
import uvicorn
from playwright.async_api import Browser, ConsoleMessage, Page, Request, WebSocket, async_playwright, expect
from playwright.async_api import Route as Intercepted
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from aurum.web.pages import pages

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one browser for all of them

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the network is off
]
SECOND_EVENT = threading.Event()

# ------------------------------------------------------------------------------------------- the server


def authorization(info: strawberry.Info[dict[str, Any], None]) -> str:
    """What the headers editor sent: as a header with a query, in connection_init with a subscription."""
    sent = info.context.get("connection_params") or info.context["request"].headers
    return str({name.lower(): value for name, value in sent.items()}.get("authorization", "nobody"))


@strawberry.type
class Curve:
    key: str
    name: str = strawberry.field(description="What people call the curve.")


def curve_by_key(key: str) -> Curve:
    return Curve(key=key, name=f"The curve {key}")


@strawberry.type
class Publication:
    cursor: int
    by: str


@strawberry.type
class Query:
    curve: Curve = strawberry.field(resolver=curve_by_key, description="One curve, *by its key*.")

    @strawberry.field
    def viewer(self, info: strawberry.Info[dict[str, Any], None]) -> str:
        return authorization(info)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def published(self, info: strawberry.Info[dict[str, Any], None]) -> AsyncIterator[Publication]:
        yield Publication(cursor=1001, by=authorization(info))
        await asyncio.to_thread(SECOND_EVENT.wait, 20)
        yield Publication(cursor=1002, by=authorization(info))


def application() -> Starlette:
    graphql = GraphQL[dict[str, Any], None](strawberry.Schema(Query, subscription=Subscription), graphql_ide=None)
    return Starlette(routes=[Route("/graphql", graphql), WebSocketRoute("/graphql", graphql), *pages()])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(application(), ws="websockets-sansio", lifespan="off", log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


# ------------------------------------------------------------------------------------------ the browser


def chromium() -> str:
    """The machine's Chromium. Never a skip: a page nobody opened is a page nobody tested."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    apt = shutil.which("apt-get")
    if found is None and apt and os.geteuid() == 0:
        subprocess.run([apt, "update", "-qq"], check=True)
        install = [apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(install, check=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
        found = shutil.which("chromium")
    if found is None:
        pytest.fail("These tests need a browser: install the package chromium (apt-get install chromium).")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=20_000)  # for a busy machine; none of it takes a second on an idle one
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield launched
        await launched.close()


PANES = {
    "query": ".graphiql-query-editor",
    "tools": ".graphiql-editor-tool .graphiql-editor:not(.hidden)",
    "response": ".graphiql-response",
}


@dataclass
class Visit:
    """A page somebody looks at, what it asked of the outside, and what it complained about."""

    page: Page
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def guard(self, intercepted: Intercepted, request: Request) -> None:
        if urlsplit(request.url).hostname == "127.0.0.1":
            await intercepted.continue_()
        else:
            self.outside.append(request.url)
            await intercepted.abort()

    def watch_socket(self, opened: WebSocket) -> None:
        if urlsplit(opened.url).hostname != "127.0.0.1":
            self.outside.append(opened.url)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def write(self, pane: str, text: str) -> None:
        await self.page.locator(PANES[pane]).click()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.type(text)
        if named := re.match(r"(?:query|subscription) (\w+)", text):
            # GraphiQL takes note of the operation's name a tenth of a second after the last key.
            await expect(self.page.get_by_role("tab", selected=True)).to_contain_text(named[1])

    async def run(self) -> None:
        await self.page.locator(".graphiql-execute-button").click()

    async def expect_in(self, pane: str, text: str) -> None:
        await expect(self.page.locator(f"{PANES[pane]} .view-lines")).to_contain_text(text)

    async def side(self, label: str) -> None:
        await self.page.locator(".graphiql-sidebar").get_by_role("button", name=label).click()


@asynccontextmanager
async def visiting(browser: Browser, address: str, **options: Any) -> AsyncIterator[Visit]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    visit = Visit(await context.new_page())
    await context.route("**/*", visit.guard)
    context.on("weberror", lambda error: visit.complaints.append(str(error.error)))
    visit.page.on("console", visit.listen)
    visit.page.on("websocket", visit.watch_socket)
    try:
        await visit.page.goto(f"{address}/graphiql")
        await expect(visit.page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
        yield visit
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, address: str) -> AsyncIterator[Visit]:
    """A first visit; whatever the test does there, nothing may go outside or be complained of."""
    async with visiting(browser, address) as opened:
        yield opened
    assert opened.outside == []
    assert opened.complaints == []


async def test_the_first_visit_shows_the_two_tabs_and_the_schema(visit: Visit) -> None:
    page = visit.page
    await expect(page).to_have_title("Aurum")
    assert urlsplit(page.url).path == "/graphiql/"
    await expect(page.get_by_role("tab")).to_contain_text(["FirstCurve", "Published"])
    await visit.side("Documentation Explorer")
    await expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Subscription")
    await page.wait_for_load_state("networkidle")


async def test_a_query_shows_its_result(visit: Visit) -> None:
    await visit.write("query", 'query Mine { curve(key: "eugp:ttf") { name } }')
    await visit.run()
    await visit.expect_in("response", "The curve eugp:ttf")


async def test_a_subscription_shows_each_event_and_both_doors_get_the_headers(visit: Visit) -> None:
    SECOND_EVENT.clear()
    await visit.page.get_by_role("button", name="Headers").click()
    await visit.write("tools", '{"Authorization": "Bearer abc"}')
    await visit.write("query", "query Mine { viewer }")
    await visit.run()
    await visit.expect_in("response", "Bearer abc")

    await visit.write("query", "subscription News { published { cursor by } }")
    await visit.run()
    await visit.expect_in("response", "1001")
    await visit.expect_in("response", "Bearer abc")
    SECOND_EVENT.set()
    await visit.expect_in("response", "1002")


async def test_typing_offers_the_fields_of_the_schema(visit: Visit) -> None:
    await visit.write("query", 'query Mine { curve(key: "a") { na')
    offered = visit.page.locator(".suggest-widget.visible .monaco-list-row")
    await expect(offered.first).to_contain_text("name")
    await visit.page.keyboard.press("Enter")
    await visit.run()
    await visit.expect_in("response", "The curve a")


async def test_a_mistake_is_marked_while_it_is_typed(visit: Visit) -> None:
    await visit.write("query", "query Mine { curves }")
    await expect(visit.page.locator(".graphiql-query-editor .squiggly-error").first).to_be_attached()


async def test_the_documentation_shows_what_a_field_means(visit: Visit) -> None:
    await visit.side("Documentation Explorer")
    docs = visit.page.locator(".graphiql-doc-explorer")
    await docs.get_by_role("link", name="Query", exact=True).click()
    await expect(docs).to_contain_text("One curve, by its key.")
    await docs.get_by_role("link", name="Curve", exact=True).click()
    await expect(docs).to_contain_text("What people call the curve.")


async def test_the_explorer_writes_the_query(visit: Visit) -> None:
    await visit.write("query", 'query Mine { curve(key: "a") { name } }')
    await visit.side("GraphiQL Explorer")
    await visit.page.locator(".graphiql-explorer-field-view", has_text=re.compile("^key$")).last.click()
    await visit.run()
    await visit.expect_in("response", '"key"')


async def test_prettify_lays_out_query_and_variables_and_keeps_comments(visit: Visit) -> None:
    await visit.write("query", "query Mine($key: String!) { curve(key: $key) { name } } # mine")
    await visit.page.get_by_role("button", name="Variables").click()
    await visit.write("tools", '{"key":"a" /* theirs */}')
    await visit.page.get_by_role("button", name="Prettify").click()
    lines = visit.page.locator(".graphiql-query-editor .view-line")
    await expect(lines).to_have_count(6)
    await visit.expect_in("query", "# mine")
    tools = visit.page.locator(f"{PANES['tools']} .view-line")
    await expect(tools).to_have_text(["{", re.compile(r'"key":\s"a"\s/\*\stheirs\s\*/'), "}"])
    await visit.run()
    await visit.expect_in("response", "The curve a")


@pytest.mark.parametrize(("scheme", "darkest"), [("light", 255), ("dark", 60)])
async def test_the_page_follows_the_readers_colour_scheme(
    browser: Browser, address: str, scheme: str, darkest: int
) -> None:
    async with visiting(browser, address, color_scheme=scheme) as opened:
        colour = await opened.page.locator(".graphiql-container").evaluate("e => getComputedStyle(e).backgroundColor")
        red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
        assert max(red, green, blue) <= darkest
        assert (scheme == "light") == (min(red, green, blue) == 255)


# Half a second after the last key. Not wait_for_function, which needs the eval that the policy forbids.
TABS_ARE_STORED = """async () => {
  while (!localStorage['aurum/graphiql:tabState'].includes('viewer')) await new Promise(go => setTimeout(go, 50))
}"""


async def ask_with_a_token(visit: Visit) -> None:
    await visit.page.get_by_role("button", name="Headers").click()
    await visit.write("tools", '{"Authorization": "Bearer abc"}')
    await visit.write("query", "query Mine { viewer }")
    await visit.run()
    await visit.expect_in("response", "Bearer abc")
    await visit.page.evaluate(TABS_ARE_STORED)


async def kept(visit: Visit) -> dict[str, str]:
    stored: dict[str, str] = await visit.page.evaluate("({...localStorage})")
    return stored


async def test_tabs_outlast_a_reload_apart_from_those_of_other_servers(visit: Visit) -> None:
    await ask_with_a_token(visit)
    await visit.page.reload()
    await visit.expect_in("query", "viewer")
    await expect(visit.page.get_by_role("tab")).to_contain_text(["Mine", "Published"])
    assert all(key.startswith("aurum/") for key in await kept(visit))


async def test_a_link_opens_its_query_in_a_tab_of_its_own_and_does_not_run_it(visit: Visit, address: str) -> None:
    await visit.write("query", "query Mine { viewer }")
    await visit.page.evaluate(TABS_ARE_STORED)
    link = {"query": "query Linked($key: String!) { curve(key: $key) { name } }", "variables": '{"key": "eugp:ttf"}'}
    for _ in range(2):  # the second time its tab is there
        await visit.page.goto(f"{address}/graphiql?{urlencode(link)}")
        await visit.expect_in("query", "Linked")
        await expect(visit.page.get_by_role("tab")).to_contain_text(["Mine", "Published", "Linked"])
        await expect(visit.page.locator(f"{PANES['response']} .view-lines")).to_have_text("")
        await visit.run()
        await visit.expect_in("response", "The curve eugp:ttf")
        await visit.page.evaluate(TABS_ARE_STORED.replace("viewer", "Linked"))


async def test_a_link_may_be_what_somebody_sees_first(visit: Visit, address: str) -> None:
    await visit.page.evaluate("localStorage.clear()")
    await visit.page.goto(f"{address}/graphiql/?{urlencode({'query': 'query Linked { viewer }'})}")
    await expect(visit.page.get_by_role("tab")).to_contain_text(["Linked"])
    await visit.run()
    await visit.expect_in("response", "nobody")


async def test_tokens_are_kept_only_for_who_asks(visit: Visit) -> None:
    async def choose(answer: str) -> None:
        await visit.side("Open settings dialog")
        await visit.page.get_by_role("button", name=answer, exact=True).click()
        await visit.page.keyboard.press("Escape")

    await ask_with_a_token(visit)
    assert "viewer" in (await kept(visit))["aurum/graphiql:queries"]
    assert "Bearer abc" not in str(await kept(visit))

    await choose("On")
    assert "Bearer abc" in str(await kept(visit))
    await visit.page.reload()
    await visit.expect_in("tools", "Bearer abc")
    await visit.run()
    await visit.expect_in("response", "Bearer abc")

    await choose("Off")
    assert "Bearer abc" not in str(await kept(visit))


ATTEMPTS = [
    "fetch('http://192.0.2.1/').catch(() => null)",
    "new Image().src = 'http://192.0.2.1/a.png'",
    "new WebSocket('ws://192.0.2.1/')",
    "document.head.append(Object.assign(document.createElement('script'), {src: 'http://192.0.2.1/a.js'}))",
    "document.head.append(Object.assign(document.createElement('script'), {text: 'alert(1)'}))",
]


async def test_the_policy_refuses_the_outside_and_inline_scripts(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as opened:
        for attempt in ATTEMPTS:
            async with opened.page.expect_console_message(lambda message: "Content Security Policy" in message.text):
                await opened.page.evaluate(f"() => {{ {attempt} }}")
        assert opened.outside == []
