"""requirements.lock: everything pinned and hashed, no address, and what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text().replace("\\\n", "").splitlines()
    if line.strip() and not line.lstrip().startswith("#")
]
PIN = re.compile(r"(?P<requirement>[^;=]+==[^\s;]+(?:\s*;.*?)?)(?P<hashes>(?:\s+--hash=sha256:[0-9a-f]{64})+)")


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = project["build-system"]["requires"]
    return [
        Requirement(text) for text in project["project"]["dependencies"] + project["dependency-groups"]["dev"] + build
    ]


def pinned() -> dict[str, list[Requirement]]:
    """By name; a package may be pinned to other versions for other Pythons or systems."""
    pins: dict[str, list[Requirement]] = {}
    for line in LINES:
        match = PIN.fullmatch(line)
        assert match, line
        pin = Requirement(match["requirement"])
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def test_every_line_is_a_pin_with_hashes() -> None:
    assert len(pinned()) > 100


def test_no_address_and_no_option_but_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert set(re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", text)) == {"--hash"}


@pytest.mark.parametrize("requirement", wanted(), ids=lambda requirement: requirement.name)
def test_the_pins_satisfy_the_project(requirement: Requirement) -> None:
    pins = pinned()[canonicalize_name(requirement.name)]
    for pin in pins:
        (specifier,) = pin.specifier
        assert requirement.specifier.contains(specifier.version), f"{pin} is not {requirement}: make lock"
