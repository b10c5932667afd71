"""A book of curves and the whole schema over it, for tests of what subscriptions say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aurum.graphql.execution import Schema
from aurum.schema import create_schema
from aurum.settings import GraphQLSettings
from tests.published import Book, open_book


@pytest.fixture
async def book(migrated_url: str) -> AsyncIterator[Book]:
    async with open_book(migrated_url) as opened:
        yield opened


@pytest.fixture
def schema() -> Schema:
    return create_schema(GraphQLSettings())
