"""People are told what became of files: once, in order, whoever is away or dies, and nobody reads the addresses."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from pydantic import SecretStr

from aurum.auth import Principal, Scope
from aurum.backends.events import Event
from aurum.backends.readers import EventReader, Position
from aurum.backends.targets import open_targets
from aurum.errors import InvalidInput, NotFound, Unavailable
from aurum.ingestion.messages import Message, digest_of, message_of
from aurum.ingestion.model import Counts, Run, RunState
from aurum.ingestion.notifications import Notifier, Pace
from aurum.ingestion.service import Submission
from aurum.services import Services, open_services
from aurum.settings import DatabaseSettings, NotificationSettings, Settings
from tests.published import instant
from tests.receivers import MailServer, Webhook, mail_server, webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise imports it

DESK = Principal("desk", "anna", frozenset(Scope))
NOON = instant("2025-02-13 12:00")
QUICK = Pace(quiet=0.02, retry=0.05, timeout=5, new_tenants=0.02)
REFUSED = Run(
    id=12, file_id=3, file_name="EOD_EUGP_20250212.xlsx", trigger="drop folder", requested_by="anna",
    state=RunState.FAILED, as_of=date(2025, 2, 12), vendor="EUGP", attempt=1, created_at=NOON, started_at=NOON,
    finished_at=NOON, parser_version="1", counts=Counts(findings=3), error_code="NOT_A_NUMBER",
    error="Fixed Prices - Mid!D14 holds n/a", hint="Send the mended file.", repeats=None, retries=None, stage=None,
    thresholds_version=None, drift_from=None,
)  # fmt: skip


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as receiver:
        yield receiver


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server("s3cret") as receiver:
        yield receiver


@asynccontextmanager
async def telling(
    services: Services, *addresses: str, pace: Pace = QUICK, public_url: str | None = None, **settings: Any
) -> AsyncIterator[Notifier]:
    """A notifier at work, from the moment on when it listens."""
    notifier = Notifier(
        services.ingestion,
        NotificationSettings(urls=tuple(SecretStr(each) for each in addresses), **settings),
        public_url,
        pace,
    )
    await notifier.open()
    tasks = [asyncio.create_task(work) for work in (notifier.watch(), services.events.watch())]
    try:
        for target in notifier.targets:
            await registered(EventReader(services.database, target.key))
        yield notifier
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def registered(reader: EventReader) -> Position:
    async with asyncio.timeout(10):
        while True:
            try:
                return await reader.position("desk")
            except (NotFound, Unavailable):  # SQLite is busy while others open the file for the first time
                await asyncio.sleep(0.01)


async def until(fulfilled: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not fulfilled():  # noqa: ASYNC110  receivers are threads
            await asyncio.sleep(0.01)


async def miss(services: Services, *vendors: str, tenant: str = "desk") -> None:
    """Notes that the files of these vendors are missing, in one transaction."""
    day = {"as_of": "2025-02-12", "due_at": "2025-02-12T19:00:00+00:00"}
    drafts = [("FILE_MISSING", {"vendor": vendor, **day}) for vendor in vendors]
    async with services.database.write() as transaction:
        await services.events.append(transaction, tenant, services.ingestion.clock(), drafts)


def missing(*vendors: str) -> list[str]:
    return [f"Missing: {vendor} of 2025-02-12" for vendor in vendors]


def event(type_: str, **payload: Any) -> Event:
    return Event(1, type_, NOON, payload)


def test_a_refused_file_is_told_with_its_reason_and_what_to_do() -> None:
    told = message_of(event("INGESTION_RUN", run_id=12, state="FAILED"), REFUSED, "https://aurum.example.com/")
    assert told is not None
    assert told.subject == "Not loaded: EOD_EUGP_20250212.xlsx"
    assert told.body.splitlines() == [
        "Nothing of EOD_EUGP_20250212.xlsx was loaded.",
        "",
        "Reason: Fixed Prices - Mid!D14 holds n/a (NOT_A_NUMBER)",
        "What to do: Send the mended file.",
        "Vendor: EUGP",
        "As-of: 2025-02-12",
        "Findings: 3",
        "Sent by: anna (drop folder)",
        "Run: 12",
        "",
        "Every finding: run this at https://aurum.example.com/graphiql/",
        '{ ingestionRun(id: "SW5nZXN0aW9uUnVuOjEy") '
        "{ fileName state error hint findings { code severity message sheet cells } } }",
    ]


def test_the_query_of_a_message_fits_the_schema() -> None:
    schema = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
    told = message_of(event("INGESTION_RUN", run_id=12, state="FAILED"), REFUSED, "https://aurum.example.com")
    assert told is not None
    assert validate(schema, parse(told.body.splitlines()[-1])) == []


def test_a_quarantine_is_told_with_its_counts() -> None:
    run = replace(REFUSED, state=RunState.SUCCEEDED, counts=Counts(points=11_483, findings=2))
    held = event("QUARANTINED", run_id=12, vendor="EUGP", as_of="2025-02-12", points=1_017)
    told = message_of(held, run)
    assert told is not None
    assert told.subject == "In quarantine: 1,017 points of EUGP of 2025-02-12"
    assert told.body.startswith("Withheld until somebody has decided: 1,017 points of EOD_EUGP_20250212.xlsx.")
    assert "Points in the file: 11,483" in told.body


def test_a_missing_file_is_told_with_when_it_was_due() -> None:
    told = message_of(event("FILE_MISSING", vendor="PW", as_of="2025-02-12", due_at="2025-02-12T20:00:00+01:00"), None)
    body = "The file of PW for 2025-02-12 has not come. It was due at 2025-02-12 19:00 UTC."
    assert told == Message("FILE_MISSING", "Missing: PW of 2025-02-12", body)


def test_what_goes_well_is_not_told() -> None:
    assert message_of(event("INGESTION_RUN", run_id=12, state="SUCCEEDED"), REFUSED) is None
    assert message_of(event("CURVE_PUBLISHED", curve_id=1), None) is None


def test_a_name_adds_no_line_to_a_message() -> None:
    run = replace(REFUSED, file_name="a\r\nBcc: all@example.com\u2028b.xlsx")
    told = message_of(event("INGESTION_RUN", run_id=12, state="FAILED"), run)
    assert told is not None
    assert told.subject == "Not loaded: a Bcc: all@example.com b.xlsx"
    assert told.body.splitlines()[0] == "Nothing of a Bcc: all@example.com b.xlsx was loaded."


def test_a_digest_counts_by_kind_and_lists_the_first() -> None:
    gone = [Message("FAILED", f"Not loaded: {n}.xlsx", "") for n in range(1_200)]
    told = digest_of([*gone, Message("FILE_MISSING", "Missing: PW of 2025-02-12", "")])
    assert told.subject == "Files: 1,200 not loaded, 1 missing"
    assert told.body.splitlines()[0] == "Not loaded: 0.xlsx"
    assert told.body.splitlines()[-1] == "and 1,151 more"


async def test_a_webhook_is_told_once_and_in_order(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address):
        for vendor in ("EUGP", "PW", "RP"):
            await miss(services, vendor)
        refused = await services.ingestion.ingest(DESK, Submission(b"no workbook", "EUGP.xlsx", "upload"))
        await until(lambda: len(hook.messages) == 4)
        await asyncio.sleep(0.2)
    assert hook.subjects == [*missing("EUGP", "PW", "RP"), "Not loaded: EUGP.xlsx"]
    assert refused.error is not None
    assert refused.error in hook.messages[3]["message"]
    assert hook.messages[0]["message"].endswith("Event 1 of desk")


async def test_a_mail_is_plain_words_whatever_the_file_is_called(services: Services, mail: MailServer) -> None:
    address = f"mailto://aurum:s3cret@127.0.0.1:{mail.port}?from=aurum@example.com&to=desk@example.com"
    async with telling(services, address):
        await services.ingestion.ingest(DESK, Submission(b"no workbook", "<b>Q1 &amp; Müller.xlsx", "upload"))
        await until(lambda: mail.mails)
    (told,) = mail.mails
    assert told["to"] == "desk@example.com"
    assert told["subject"] == "Not loaded: <b>Q1 &amp; Müller.xlsx"
    assert told.get_content_type() == "text/plain"
    assert told.get_content().splitlines()[0] == "Nothing of <b>Q1 &amp; Müller.xlsx was loaded."


async def test_only_the_chosen_events_are_told(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address, events=("FILE_MISSING",)):
        await services.ingestion.ingest(DESK, Submission(b"no workbook", "EUGP.xlsx", "upload"))
        await miss(services, "PW")
        await until(lambda: hook.messages)
    assert hook.subjects == missing("PW")


async def test_nothing_is_lost_while_a_receiver_is_away_and_the_others_do_not_wait(
    services: Services, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    with webhook() as other:
        hook.stop()
        async with telling(services, hook.address, other.address):
            for vendor in ("EUGP", "PW", "RP"):
                await miss(services, vendor)
            await until(lambda: len(other.messages) == 3)
            await until(lambda: caplog.text.count("target 1 (JSON) fails and is tried again") >= 2)
            hook.start()
            await until(lambda: len(hook.messages) == 3)
        assert hook.subjects == other.subjects == missing("EUGP", "PW", "RP")


async def test_a_receiver_that_answers_with_an_error_is_tried_again(services: Services, hook: Webhook) -> None:
    hook.answer = lambda _: 200 if len(hook.refused) == 3 else 503
    async with telling(services, hook.address):
        await miss(services, "EUGP", "PW")
        await until(lambda: len(hook.messages) == 2)
    assert [message["title"] for message in hook.refused] == missing("EUGP") * 3
    assert hook.subjects == missing("EUGP", "PW")


async def test_a_message_that_is_never_taken_is_given_up_loudly_and_the_next_ones_go_on(
    services: Services, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda message: 400 if "PW" in message["title"] else 200
    async with telling(services, hook.address, give_up_hours=0.2 / 3600):
        await miss(services, "EUGP", "PW", "RP")
        await until(lambda: len(hook.messages) == 2)
    assert hook.subjects == missing("EUGP", "RP")
    assert len(hook.refused) >= 3
    told = [record for record in caplog.records if record.name.startswith("aurum.")]
    (error,) = [record.getMessage() for record in told if record.levelno == logging.ERROR]
    assert "given up after 0:00:00.2" in error
    assert "Missing: PW of 2025-02-12 (event 2 of desk)" in error
    assert "400" in error


async def test_two_processes_on_one_database_tell_once(
    services: Services, hook: Webhook, migrated_url: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database=DatabaseSettings(url=SecretStr(migrated_url)))
    vendors = [f"V{n}" for n in range(20)]
    pace = replace(QUICK, quiet=0, digest_above=len(vendors))  # a slow machine finds several at once
    async with (
        open_services(settings) as elsewhere,
        telling(services, hook.address, pace=pace),
        telling(elsewhere, hook.address, pace=pace),
    ):
        for n, vendor in enumerate(vendors):
            await miss((services, elsewhere)[n % 2], vendor)
            await asyncio.sleep(0.01)
        await until(lambda: len(hook.messages) >= 20)
        await asyncio.sleep(0.5)
    assert hook.subjects == missing(*vendors)


async def test_after_a_restart_it_goes_on_where_it_was(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address):
        await miss(services, "EUGP")
        await until(lambda: hook.messages)
    await miss(services, "PW")
    await miss(services, "RP", tenant="later")
    async with telling(services, hook.address):
        await until(lambda: len(hook.messages) == 3)
    assert hook.subjects[0] == missing("EUGP")[0]
    assert sorted(hook.subjects[1:]) == missing("PW", "RP")


async def test_what_a_process_was_sending_when_it_died_is_sent_by_another(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address) as notifier:
        reader = EventReader(services.database, notifier.targets[0].key)
    now = services.ingestion.clock()
    died = Position(0, now + timedelta(seconds=0.5))
    assert await reader.move("desk", await reader.position("desk"), died)
    await miss(services, "EUGP")
    async with telling(services, hook.address):
        await until(lambda: hook.messages)
    assert services.ingestion.clock() > died.held_until
    assert hook.subjects == missing("EUGP")


async def test_a_new_target_begins_with_what_happens_now(services: Services, hook: Webhook) -> None:
    await miss(services, "EUGP")
    async with telling(services, hook.address):
        await miss(services, "PW")
        await until(lambda: hook.messages)
    assert hook.subjects == missing("PW")


async def test_many_at_once_are_one_message(services: Services, hook: Webhook) -> None:
    vendors = [f"V{n}" for n in range(132)]
    async with telling(services, hook.address):
        await miss(services, *vendors)
        await until(lambda: hook.messages)
        await miss(services, "PW")
        await until(lambda: len(hook.messages) == 2)
    assert hook.subjects == ["Files: 132 missing", *missing("PW")]
    assert hook.messages[0]["message"].endswith("and 82 more\n\nEvents 1 to 132 of desk")


async def test_what_trickles_in_after_a_message_is_gathered(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address, pace=replace(QUICK, quiet=2)):
        await miss(services, "EUGP")
        await until(lambda: hook.messages)
        for n in range(19):
            await miss(services, f"V{n}")
            await asyncio.sleep(0.02)
        await until(lambda: len(hook.messages) == 2)
    assert hook.subjects == [*missing("EUGP"), "Files: 19 missing"]


async def test_pages_of_other_events_are_passed_over(services: Services, hook: Webhook) -> None:
    async with telling(services, hook.address):
        async with services.database.write() as transaction:
            drafts = [("CURVE_PUBLISHED", {"curve_id": n}) for n in range(1_200)]
            await services.events.append(transaction, "desk", NOON, drafts)
        await miss(services, "EUGP")
        await until(lambda: hook.messages)
    assert hook.subjects == missing("EUGP")
    assert hook.messages[0]["message"].endswith("Event 1201 of desk")


async def test_no_log_tells_an_address(
    services: Services, hook: Webhook, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    hook.answer = lambda _: 200 if hook.refused else 500
    with webhook() as away:
        pass
    wrong = f"mailto://aurum:wr0ngw0rd@127.0.0.1:{mail.port}?from=aurum@example.com&to=desk@example.com"
    right = wrong.replace("wr0ngw0rd", "s3cret")
    webhooks = [f"json://anna:pa%24%24w0rd@127.0.0.1:{each.port}/T0KEN/x?+X-Key=K3Y" for each in (hook, away)]
    async with telling(services, *webhooks, wrong, right):
        await miss(services, "EUGP")
        await until(lambda: hook.messages and mail.mails)
        await until(lambda: all(f"target {n}" in caplog.text for n in (1, 2, 3)))
    assert "500" in caplog.text
    assert "Connection refused" in caplog.text
    assert "535" in caplog.text
    for secret in ("pa%24%24w0rd", "pa$$w0rd", "T0KEN", "K3Y", "wr0ngw0rd", "s3cret", "127.0.0.1:"):
        assert secret not in caplog.text


async def test_an_address_that_cannot_be_understood_is_said_without_telling_it(
    services: Services, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    for address in ("nonsense://T0KEN@host", "T0KEN", "slack://T0KEN"):
        with pytest.raises(InvalidInput, match=r"address 2 of AURUM_NOTIFICATIONS__URLS") as refused:
            async with telling(services, hook.address, address):
                pass
        assert "T0KEN" not in str(refused.value)
    assert "T0KEN" not in caplog.text


def test_the_addresses_of_the_documentation_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
    (example,) = re.findall(r"^AURUM_NOTIFICATIONS__URLS='(.*)'$", page, re.MULTILINE)
    monkeypatch.setenv("AURUM_NOTIFICATIONS__URLS", example)
    rows = [SecretStr(address) for address in re.findall(r"^\| `(\w+://[^`]+)`", page, re.MULTILINE)]
    names = [target.name.partition("target ")[2] for target in open_targets([*Settings().notifications.urls, *rows], 1)]
    assert names == ["1 (JSON)", "2 (E-Mail)", "3 (JSON)", "4 (E-Mail)", "5 (E-Mail)", "6 (Slack)"]


def test_settings_that_are_wrong_do_not_tell_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_NOTIFICATIONS__URLS", '"json://host/T0KEN"')
    with pytest.raises(ValueError, match=r"notifications\.urls") as refused:
        Settings()
    assert "T0KEN" not in str(refused.value)


def test_apprise_is_not_imported_before_it_is_needed() -> None:
    check = "import sys, aurum.ingestion.notifications; sys.exit('apprise' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
