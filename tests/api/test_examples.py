"""What README.md and the pages of docs/ show in GraphQL, asked of the demo week that README.md names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aurum.auth import local_principal
from aurum.demo import demo_week
from aurum.ingestion.service import Submission
from aurum.services import Services
from aurum.settings import Settings
from tests.api.conftest import Ask
from tests.pages import operations_of

ROOT = Path(__file__).parents[2]
# Quarantine and exports have tests of their own; what the others show is a subscription, or needs a run.
_DOCS = ("aggregates", "calendars", "data-sets", "derived", "locations", "moves", "reading", "search")
PAGES = ("README", *(f"docs/{name}" for name in _DOCS))
OLD = "snapshot(require:"  # an as-of date of long ago: refused, as the page says


@pytest.fixture
def migrated_url(migrated_sqlite_url: str) -> str:
    return migrated_sqlite_url


async def test_the_examples_of_the_pages_are_answered(ask: Ask, services: Services) -> None:
    (ending,) = set(re.findall(r"aurum demo --ending (2025-\d\d-\d\d)", (ROOT / "README.md").read_text()))
    await load(services, date.fromisoformat(ending))
    asked = [(page, example) for page in PAGES for example in examples(page)]
    assert len(asked) == 27
    ids: dict[str, str] = {}
    for page, example in asked:
        for name, id_ in ids.items():
            example = example.replace(f"THE {name.upper()}'S ID", id_)
        answer = await ended(ask, example)
        codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
        assert codes == (["NOT_TRUSTED"] if OLD in example else []), (page, answer)
        assert not [each for each in found(answer, "problems") if each], (page, answer)
        assert OLD in example or not empty(answer["data"]), (page, answer)
        made = [(name, each) for name in ("scenario", "run") for each in found(answer, name)]
        ids |= {name: each["id"] for name, each in made if each and page == "README" and "id" in each}


async def ended(ask: Ask, example: str) -> dict[str, Any]:
    """The answer; of a run that is asked for by its id when it has ended."""
    async with asyncio.timeout(60):
        while True:
            answer = await ask(example, **({"text": "dutsch gas"} if "$text" in example else {}))
            if not example.startswith("{") or not {"QUEUED", "RUNNING"} & {*map(str, found(answer, "state"))}:
                return answer
            await asyncio.sleep(0.2)


async def load(services: Services, ending: date) -> None:
    principal = local_principal(Settings().auth, "demo")
    for workbook in demo_week(ending):
        if "EUGP" in workbook.name:
            await services.ingestion.ingest(principal, Submission(workbook.to_bytes(), workbook.name, "demo"))


def examples(page: str) -> list[str]:
    return [each for each in operations_of(ROOT / f"{page}.md") if not each.startswith("subscription")]


def found(value: Any, name: str) -> Iterator[Any]:
    """Everything of the name, wherever it is."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == name:
                yield each
            yield from found(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from found(each, name)


def empty(data: dict[str, Any]) -> bool:
    """Whether a field of the first level tells nothing: null, or no node."""
    return any(value is None or [] in (value, *found(value, "nodes")) for value in data.values())
