"""Whatever is asked, and however broken the data: columns are answered as objects are by the stock executor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from aurum.backends.kept import Kept
from aurum.graphql.columnar.completion import StockExecutor
from tests.graphql.comparing import DOCUMENTS, EXAMPLES, GENERATED, Case, answer, answers, cases, expected
from tests.graphql.desk import Desk

KEPT = Kept[Any, bytes](2**22)


@pytest.mark.slow
@settings(GENERATED, max_examples=250)
@given(cases())
def test_whatever_is_asked(case: Case) -> None:
    compare(*case)


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case[0])
def test_what_is_rarely_generated(case: Case) -> None:
    compare(*case)


def compare(query: str, asked: list[dict[str, Any]], desk: Desk) -> None:
    document = DOCUMENTS.load(query)
    assert document.errors == []
    wanted = [expected(document, values, desk) for values in asked]
    stock = StockExecutor
    for place, values in enumerate(asked):
        assert wanted[place].fits(answer(document, values, replace(desk, columns=True), stock)), "a batch is a list"
    for place, answered in answers(document, asked, desk, KEPT):
        assert wanted[place].fits(answered), (wanted[place].stock, answered)
