"""The browser's own EventSource: it comes back by itself, with the id of the last event it has seen."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, async_playwright

from tests.cutting import cutting_proxy
from tests.live_server import CURVES, live_server
from tests.web.test_graphiql import FLAGS, chromium

SUBSCRIBE = """() => {
    const query = 'subscription { curvePublished(after: "0") { cursor curve { key } } }';
    window.cursors = [];
    const source = new EventSource('/graphql?' + new URLSearchParams({ query }));
    source.addEventListener('next', (event) => {
        const { cursor } = JSON.parse(event.data).data.curvePublished;
        window.cursors.push(event.lastEventId === cursor ? Number(cursor) : NaN);
    });
}"""


async def received(page: Page, count: int) -> list[int]:
    await page.wait_for_function(f"() => window.cursors.length >= {count}", timeout=60_000)
    found: list[int] = await page.evaluate("() => window.cursors")
    return found


async def test_event_source_has_every_event_once(migrated_sqlite_url: str, tmp_path: Path) -> None:
    async with (
        live_server(migrated_sqlite_url, tmp_path) as server,
        cutting_proxy(server.port) as proxy,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page()
        await page.goto(f"{proxy.url}?query={{__typename}}")
        await page.evaluate(SUBSCRIBE)
        await server.load(12)
        await received(page, CURVES)
        proxy.cut()
        await server.load(13)
        cursors = await received(page, 2 * CURVES)
        await browser.close()
    assert cursors == sorted(set(cursors))
    assert len(cursors) == 2 * CURVES
