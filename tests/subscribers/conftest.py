from __future__ import annotations

from pathlib import Path

import pytest

from tests.installing import installed_node, or_skip


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the clients, with their packages."""
    return or_skip(lambda: installed_node(Path(__file__).parent))
