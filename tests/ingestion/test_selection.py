"""Which files of the drop folder are meant: by their names, oldest first, and none outside of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from aurum.auth import worker_principal
from aurum.errors import InvalidInput, NotFound
from aurum.ingestion.selection import Dropped, Selection, dropped, last_day, named
from aurum.services import Services

DESK = worker_principal("demo")
FILES = (
    "EOD_RP_20250212_2215.xlsx",
    "EOD_EUGP_20250212_2230.xlsx",
    "EOD_EUGP_20250212_2215.xlsx",
    "older/EOD_EUGP_20250211_2215.xlsx",
    "older/EOD_RP_20250210_2215.xlsx",
    "older/prices of RP.xlsx",
    "notes.txt",
    ".kept/EOD_EUGP_20250102_2215.xlsx",
)


@pytest.fixture
def filled(services: Services) -> Services:
    for name in FILES:
        file = services.ingestion.drop_folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"anything")
    return services


async def found(services: Services, wanted: Selection) -> list[str]:
    return [file.path for file in await dropped(services.ingestion, wanted)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EOD_EUGP_20250212_2215.xlsx", ("EUGP", date(2025, 2, 12))),
        ("a/b/eod_rp_20250212_2215_corrected.xlsx", ("RP", date(2025, 2, 12))),
        ("prices of RP.xlsx", ("RP", None)),
        ("EOD_EUGP_20251345_2215.xlsx", ("EUGP", None)),
        ("EOD_ACME_20250212_2215.xlsx", (None, date(2025, 2, 12))),
        ("prices.xlsx", (None, None)),
    ],
)
def test_a_name_says_the_vendor_and_the_day(name: str, says: tuple[str | None, date | None]) -> None:
    assert named(name) == Dropped(name, *says)


async def test_a_history_goes_from_its_oldest_day_on(filled: Services) -> None:
    assert await found(filled, Selection()) == [
        "older/EOD_RP_20250210_2215.xlsx",
        "older/EOD_EUGP_20250211_2215.xlsx",
        "EOD_EUGP_20250212_2215.xlsx",
        "EOD_EUGP_20250212_2230.xlsx",
        "EOD_RP_20250212_2215.xlsx",
        "older/prices of RP.xlsx",
    ]


async def test_every_condition_has_to_fit(filled: Services) -> None:
    day = date(2025, 2, 11)
    assert await found(filled, Selection(first=day, last=day)) == ["older/EOD_EUGP_20250211_2215.xlsx"]
    assert await found(filled, Selection(last=day, vendors=("RP",))) == ["older/EOD_RP_20250210_2215.xlsx"]
    assert await found(filled, Selection("older", vendors=("RP", "PW"))) == [
        "older/EOD_RP_20250210_2215.xlsx", "older/prices of RP.xlsx"
    ]  # fmt: skip
    assert len(await found(filled, Selection(first=day))) == 4
    assert await found(filled, Selection("older", first=date(2025, 2, 12))) == []


async def test_a_folder_that_the_watch_passes_over_can_be_asked_for(filled: Services) -> None:
    assert await found(filled, Selection(".kept")) == [".kept/EOD_EUGP_20250102_2215.xlsx"]


@pytest.mark.parametrize("folder", ["..", "../drop2", "/etc", "older/../.."])
async def test_nothing_outside_of_the_drop_folder_is_seen(filled: Services, folder: str) -> None:
    (filled.ingestion.drop_folder.parent / "drop2").mkdir()
    with pytest.raises(InvalidInput):
        await found(filled, Selection(folder))


@pytest.mark.parametrize("folder", ["nowhere", "notes.txt", "a\0b"])
async def test_a_folder_that_is_not_there(filled: Services, folder: str) -> None:
    with pytest.raises(NotFound):
        await found(filled, Selection(folder))


@pytest.mark.parametrize(
    ("now", "vendors", "day"),
    [
        ("2025-02-12 22:30", (), "2025-02-11"),  # due at 23:00 UTC, which is 18:00 in New York
        ("2025-02-12 23:00", (), "2025-02-12"),
        ("2025-02-16 12:00", ("RP",), "2025-02-14"),  # a Sunday
        ("2025-02-18 12:00", ("RP",), "2025-02-14"),  # Presidents' Day was on Monday
        ("2025-02-16 12:00", ("PW",), "2025-02-15"),  # nothing is expected of PW
    ],
)
async def test_the_last_day_is_the_last_whose_files_were_due(
    services: Services, now: str, vendors: tuple[str, ...], day: str
) -> None:
    services.ingestion.clock = lambda: datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert await last_day(services.ingestion, DESK, vendors) == date.fromisoformat(day)
