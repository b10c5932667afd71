"""Prefect's own server: what a browser gets from it reaches nobody else, and no other page reaches it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from aurum.graphql.ids import node_id
from aurum.ingestion.model import Noted
from aurum.parsers.model import Finding, Severity
from aurum.settings import ServerSettings
from aurum.up import prefect_environment
from flows.artifacts import report_of
from tests.flows.conftest import PrefectServer
from tests.flows.runs import LOADED

pytestmark = pytest.mark.slow

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def test_only_the_older_ui_is_served_and_only_from_here(prefect_server: PrefectServer) -> None:
    client, root = prefect_server.client, prefect_server.environment["PREFECT_UI_URL"]
    page = client.get(f"{root}/", follow_redirects=True)
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    settings = client.get(f"{root}/ui-settings").json()
    assert (settings["available_uis"], settings["api_url"]) == (["v1"], "/api")


def test_pages_of_others_are_kept_out(prefect_server: PrefectServer) -> None:
    client = prefect_server.client
    rebound = client.get("health", headers={"host": "prefect.example:4200"})
    assert rebound.status_code == 400
    foreign = client.get("health", headers={"origin": "https://example.com"})
    assert "access-control-allow-origin" not in foreign.headers


def test_the_users_own_prefect_is_left_alone(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api")
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = prefect_environment(prefect_server.home, 4200)
    assert "PREFECT_API_KEY" not in environment
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost,::1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: tests/install-servers says how to get it")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


def test_the_pages_ask_nobody_else(prefect_server: PrefectServer, browser: Browser) -> None:
    port = urlsplit(prefect_server.url).port
    asked: set[str | None] = set()
    page = browser.new_page()
    page.on("request", lambda request: asked.add(urlsplit(request.url.removeprefix("blob:")).hostname))
    page.on("websocket", lambda websocket: asked.add(urlsplit(websocket.url).hostname))
    for host in ("127.0.0.1", "localhost"):
        page.goto(f"http://{host}:{port}/deployments")
        page.get_by_text("Deployments").first.wait_for(timeout=20_000)
    page.goto(f"http://{host}:{port}/v2/dashboard")
    page.get_by_text("Dashboard").first.wait_for(timeout=20_000)
    page.wait_for_load_state("networkidle")
    page.close()
    assert asked == {"127.0.0.1", "localhost"}


def test_what_a_file_says_is_shown_as_text(prefect_server: PrefectServer, browser: Browser) -> None:
    run = replace(LOADED, requested_by="*ann* `x` | <img src=x onerror=alert(1)> [click](javascript:alert(1)) A_B_")
    finding = Finding("JUMP", Severity.ERROR, f"41 | {run.requested_by}", "Strips - Mid", ("D12",))
    report = report_of(run, [Noted(finding, {})], [], ServerSettings(public_url="https://aurum.example"))
    artifact = prefect_server.ask("artifacts/", key="hostile", type="markdown", data=report)
    page = browser.new_page()
    page.on("dialog", lambda _: pytest.fail("a script of the file's has run"))
    page.goto(f"{prefect_server.environment['PREFECT_UI_URL']}/artifacts/artifact/{artifact['id']}")
    page.get_by_text("Findings: 1").wait_for(timeout=20_000)
    assert f"sent by {run.requested_by} (upload)" in page.inner_text("body")
    cells = page.locator("tr", has_text="JUMP").locator("td").all_inner_texts()
    assert [" ".join(cell.split()) for cell in cells] == ["error", finding.message, "Strips - Mid!D12", "JUMP"]
    links = {link.inner_text(): link.get_attribute("href") for link in page.locator("a").all()}
    assert links["Annotated workbook"] == f"https://aurum.example/runs/{node_id('IngestionRun', run.id)}/annotated.xlsx"
    assert "click" not in links
    page.close()
