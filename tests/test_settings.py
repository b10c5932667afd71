"""A setting that is misspelt is refused: its default would be another database, or another limit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from aurum.settings import OF_TESTS, Settings, variables

ROOT = Path(__file__).parents[1]
AREAS = {
    f"AURUM_{name.upper()}" for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)
}
SAID = [ROOT / "Makefile", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("AURUM_DATABSE__URL", "AURUM_DATABASE__URL"),
        ("AURUM_DATABASE_URL", "AURUM_DATABASE__URL"),
        ("AURUM_DATABASE__ULR", "AURUM_DATABASE__URL"),
        ("AURUM_SERVER_PORT", "AURUM_SERVER__PORT"),
        ("aurum_hom", "AURUM_HOME"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, misspelt: str, meant: str
) -> None:
    monkeypatch.setenv(misspelt, "s3cret")
    with pytest.raises(ValidationError, match=f"there is no setting {misspelt}, did you mean {meant}?") as refused:
        Settings()
    assert "s3cret" not in str(refused.value)


def test_an_area_is_a_setting_and_an_empty_one_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURUM_SERVER", '{"port": 8001}')
    monkeypatch.setenv("AURUM_NONSENSE", "")
    assert Settings().server.port == 8001


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AURUM_DATABASE__URL", "mysql://me:s3cret@db/aurum", "postgresql\\+asyncpg://"),
        ("AURUM_DATABASE__URL", "me:s3cret@db/aurum", "sqlite\\+aiosqlite://"),
        ("AURUM_REDIS__URL", "me:s3cret@redis:6379", "redis://"),
        ("AURUM_SERVER__PUBLIC_URL", "aurum.example.com", "https"),
        ("AURUM_PREFECT__API_URL", "localhost:4200/api", "https"),
    ],
)
def test_an_address_of_no_known_kind_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=told) as refused:
        Settings()
    assert "s3cret" not in str(refused.value)


def test_what_kubernetes_says_of_a_service_called_aurum_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "AURUM_SERVICE_HOST": "10.0.0.11",
        "AURUM_SERVICE_PORT": "8000",
        "AURUM_SERVICE_PORT_HTTP": "8000",
        "AURUM_PORT": "tcp://10.0.0.11:8000",
        "AURUM_PORT_8000_TCP": "tcp://10.0.0.11:8000",
        "AURUM_PORT_8000_TCP_PORT": "8000",
        "AURUM_REDIS_SERVICE_HOST": "10.0.0.12",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert Settings().server.port == 8000


def test_every_setting_is_documented() -> None:
    """With its area, or on a page about that area (`AURUM_GRAPHQL__...`) without."""
    pages = [page.read_text() for page in SAID]

    def said(name: str) -> bool:
        area, _, alone = name.rpartition("__")
        return any(name in page or (f"{area}__" in page and f"`{alone}`" in page) for page in pages)

    assert [name for name in sorted(variables()) if name not in AREAS and not said(name)] == []


@pytest.mark.parametrize("file", SAID, ids=lambda file: file.name)
def test_what_the_documentation_names_can_be_set(file: Path) -> None:
    named = set(re.findall(r"\bAURUM_[A-Z_]*[A-Z]\b", file.read_text()))
    assert named <= variables() | OF_TESTS
