"""Prefect's own server: what a browser gets from it reaches nobody else, and no other page reaches it."""

from __future__ import annotations

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from aurum.up import prefect_environment
from tests.flows.conftest import PrefectServer

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


def test_the_pages_ask_nobody_else(prefect_server: PrefectServer) -> None:
    browser_program = shutil.which("chromium")
    if browser_program is None:
        pytest.skip("chromium is not installed: tests/install-servers says how to get it")
    port = urlsplit(prefect_server.url).port
    asked: set[str | None] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=FLAGS)
        page = browser.new_page()
        page.on("request", lambda request: asked.add(urlsplit(request.url.removeprefix("blob:")).hostname))
        page.on("websocket", lambda websocket: asked.add(urlsplit(websocket.url).hostname))
        for host in ("127.0.0.1", "localhost"):
            page.goto(f"http://{host}:{port}/deployments")
            page.get_by_text("Deployments").first.wait_for(timeout=20_000)
        page.goto(f"http://{host}:{port}/v2/dashboard")
        page.get_by_text("Dashboard").first.wait_for(timeout=20_000)
        page.wait_for_load_state("networkidle")
        browser.close()
    assert asked == {"127.0.0.1", "localhost"}
