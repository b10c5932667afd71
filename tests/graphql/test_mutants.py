"""Executors that are wrong in one thing each, and are caught by comparing them with the stock executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import numpy as np
import pytest
from graphql.execution.executor import CollectedErrors
from hypothesis import Phase, given, settings

from aurum.backends.kept import Kept
from aurum.graphql.columnar import completion, leaves, plans, texts
from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.columnar.inputs import Inputs
from aurum.graphql.columnar.records import RecordBatch, SharedColumn
from aurum.graphql.documents import Document, Documents
from tests.graphql.comparing import EXAMPLES, GENERATED, STOCK, Case, Expected, answers, cases, expected
from tests.graphql.desk import Side

pytestmark = pytest.mark.slow
Mutate = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Mutate] = {}
DOCUMENTS = Documents(STOCK, ())  # that they are valid is shown where any are compared


@dataclass(frozen=True)
class Compared:
    case: Case
    wanted: list[Expected]

    @classmethod
    def of(cls, case: Case) -> Compared:
        query, asked, desk = case
        return cls(case, [expected(DOCUMENTS.load(query), values, desk) for values in asked])

    def caught(self, kept: Kept[Any, bytes]) -> bool:
        """Whether something is answered in another way than by the stock executor. No plans are there before."""
        query, asked, desk = self.case
        document = DOCUMENTS.load(query)
        fresh = Document(document.tree, (), document.conditions)
        try:
            return not all(self.wanted[place].fits(found) for place, found in answers(fresh, asked, desk, kept))
        except (TypeError, ValueError, AttributeError, KeyError):
            return True


@pytest.fixture(scope="module")
def drawn() -> list[Compared]:
    """The same cases every time."""
    found = [Compared.of(case) for case in EXAMPLES]

    @settings(GENERATED, max_examples=200, derandomize=True, phases=[Phase.generate])
    @given(cases())
    def draw(case: Case) -> None:
        found.append(Compared.of(case))

    draw()
    return found


def test_the_cases_use_columns_and_fall_back(drawn: list[Compared], monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[str] = Counter()
    rows, lists = ColumnarExecutor._rows, ColumnarExecutor.complete_list_item_value

    async def counted(executor: Any, plan: Any, sources: Any, info: Any) -> Any:
        found = await rows(executor, plan, sources, info)
        counts["together"] += len(found)
        return found

    def one_by_one(executor: Any, *given: Any) -> Any:
        counts["one by one"] += 1
        return lists(executor, *given)

    monkeypatch.setattr(ColumnarExecutor, "_rows", counted)
    monkeypatch.setattr(ColumnarExecutor, "complete_list_item_value", one_by_one)
    kept = Kept[Any, bytes](2**22)
    assert not any(case.caught(kept) for case in drawn)
    assert counts["together"] > 1000
    assert counts["one by one"] > 1000


def mutant(change: Mutate) -> Mutate:
    MUTANTS[change.__name__] = change
    return change


def planned(patch: pytest.MonkeyPatch, change: Callable[[plans.Plan], plans.Plan]) -> None:
    made = plans._planned
    patch.setattr(plans, "_planned", lambda *given: change(made(*given)))


def fields_changed(patch: pytest.MonkeyPatch, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> None:
    made = plans._planned
    patch.setattr(plans, "_planned", lambda of, fields: made(of, change(fields)))


def lenient(shape: plans.Shape) -> plans.Shape:
    return replace(shape, nullable=True, items=shape.items and lenient(shape.items))


@mutant
def an_alias_is_ignored(patch: pytest.MonkeyPatch) -> None:
    fields_changed(patch, lambda fields: tuple(replace(field, key=field.name) for field in fields))


@mutant
def fields_are_in_another_order(patch: pytest.MonkeyPatch) -> None:
    fields_changed(patch, lambda fields: fields[::-1])


@mutant
def a_field_is_left_out(patch: pytest.MonkeyPatch) -> None:
    fields_changed(patch, lambda fields: fields[:5])


@mutant
def plans_are_kept_without_regard_to_skip_and_include(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Document, "plans", lambda document, variables: document._plans.setdefault((), {}))


@mutant
def a_null_passes_where_none_may_be(patch: pytest.MonkeyPatch) -> None:
    fields_changed(patch, lambda fields: tuple(replace(field, shape=lenient(field.shape)) for field in fields))


@mutant
def a_null_object_passes_where_none_may_be(patch: pytest.MonkeyPatch) -> None:
    values = ColumnarExecutor._values

    async def passed(executor: ColumnarExecutor, shape: plans.Shape, *given: Any) -> Any:
        return await values(executor, lenient(shape), *given)

    patch.setattr(ColumnarExecutor, "_values", passed)


@mutant
def numbers_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leaves, "_in_range", lambda *_: True)


@mutant
def nan_is_not_null(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("aurum.graphql.columnar.records.np.isnan", lambda values: np.zeros(len(values), dtype=bool))


@mutant
def scalars_are_not_coerced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leaves, "_coerced", lambda leaf, values, kinds: list(map(str, values)))


@mutant
def an_enum_is_answered_by_its_value(patch: pytest.MonkeyPatch) -> None:
    coerced = leaves._coerced
    patch.setattr(
        leaves, "_coerced",
        lambda leaf, values, kinds: [v.value for v in values] if kinds == {Side} else coerced(leaf, values, kinds),
    )  # fmt: skip


@mutant
def the_type_is_that_of_the_list(patch: pytest.MonkeyPatch) -> None:
    planned(patch, lambda plan: replace(plan, type=cast("Any", STOCK.get_type("Point"))))


@mutant
def arguments_are_not_passed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Inputs, "arguments", lambda *_: {})


@mutant
def what_is_loaded_goes_to_another_parent(patch: pytest.MonkeyPatch) -> None:
    loaded = ColumnarExecutor._loaded

    async def turned(*given: Any) -> Any:
        return list(await loaded(*given))[::-1]

    patch.setattr(ColumnarExecutor, "_loaded", turned)


@mutant
def nulls_move_to_the_end(patch: pytest.MonkeyPatch) -> None:
    values = ColumnarExecutor._values

    async def moved(*given: Any) -> Any:
        return sorted(await values(*given), key=lambda value: value is None)

    patch.setattr(ColumnarExecutor, "_values", moved)


@mutant
def inner_lists_are_cut_wrongly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(completion, "islice", lambda flat, count: islice(flat, count - 1 if count > 1 else count))


@mutant
def permissions_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(plans, "_definition", lambda field: field.extensions.get("strawberry-definition"))


@mutant
def errors_are_answered_as_null(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leaves, "unusual", lambda _: False)


@mutant
def numbers_of_a_column_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(texts, "_strict", lambda plan, places: [])


@mutant
def infinity_is_null(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("aurum.graphql.columnar.texts.np.isinf", lambda values: np.zeros(values.shape, dtype=bool))


@mutant
def texts_of_shared_columns_forget_the_selection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SharedColumn, "texts", lambda column, _: next(iter(column._texts.values()), None))


@mutant
def an_executor_keeps_its_errors(patch: pytest.MonkeyPatch) -> None:
    kept = CollectedErrors()
    patch.setattr("aurum.graphql.columnar.completion.CollectedErrors", lambda: kept)


@mutant
def arguments_are_those_of_another_field(patch: pytest.MonkeyPatch) -> None:
    given = ColumnarExecutor._arguments

    class Confused(dict[int, Any]):
        def get(self, key: int, default: Any = None) -> Any:
            return next(iter(self.values()), default)

    def confused(made: Any, *others: Any) -> Any:
        made._given = made._given if isinstance(made._given, Confused) else Confused()
        return given(made, *others)

    patch.setattr(ColumnarExecutor, "_arguments", confused)


@mutant
def what_is_kept_forgets_aliases(patch: pytest.MonkeyPatch) -> None:
    planned(patch, lambda plan: replace(plan, signature=" ".join(field.name for field in plan.fields)))


@mutant
def what_is_kept_forgets_the_selection(patch: pytest.MonkeyPatch) -> None:
    planned(patch, lambda plan: replace(plan, signature=plan.type.name))


@mutant
def what_is_kept_forgets_the_content(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RecordBatch, "cache_key", 1)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str, drawn: list[Compared], monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    kept = Kept[Any, bytes](2**22)
    assert any(case.caught(kept) for case in drawn)
