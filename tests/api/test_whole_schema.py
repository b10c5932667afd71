"""Whatever is asked of the whole schema is answered as graphql-core alone would answer it, byte for byte."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import orjson
import pytest
from graphql import DocumentNode, execute
from hypothesis import assume, given, settings
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionResult, PreExecutionError

from aurum.auth import local_principal
from aurum.context import Context
from aurum.graphql.media import JSON, answered
from aurum.schema import create_schema
from aurum.services import Services
from aurum.settings import GraphQLSettings, Settings
from tests.api.conftest import Ask
from tests.api.test_scenario_runs import done, scenario
from tests.graphql.comparing import GENERATED, Answer, Everything, Expected, nulled_place
from tests.graphql.whole import Words, whole_queries

T = TypeVar("T")
SCHEMA = create_schema(GraphQLSettings(introspection=True, max_tokens=10_000, max_directives=500, max_aliases=500))
is_awaitable: Any = optimized_is_awaitable
SEEN = """{
  curves(first: 3, filter: {vendors: ["EUGP"]}) { nodes { id key legacyKey name snapshot { id } } }
  scenarioRuns(first: 3) { nodes { id scenario { id } } }
  ingestionRuns(first: 3) { nodes { id file { id } } } quarantine(first: 3) { nodes { id } }
  calendars { name } dataSets { nodes { key } } locations(first: 3) { nodes { key } }
}"""


@dataclass(frozen=True)
class Desk:
    """What answers both ways, one question after the other."""

    services: Services

    def context(self) -> Context:
        return Context(local_principal(Settings().auth, "test"), self.services, "asked", 60.0)

    async def ours(self, query: str, variables: dict[str, Any]) -> tuple[bytes, Any]:
        with all_awaited("ours", query, variables):
            result = await SCHEMA.execute(query, context_value=self.context(), variable_values=variables)
        return answered(result, JSON, {}).body, result

    async def stock(self, query: str, variables: dict[str, Any], executor: Any) -> ExecutionResult:
        context, tree = self.context(), cast("DocumentNode", SCHEMA.document(query).tree)
        with all_awaited(executor.__name__, query, variables):
            result: Any = execute(
                SCHEMA._schema, tree, variable_values=variables, context_value=context,
                executor_class=executor, is_awaitable=is_awaitable,
            )  # fmt: skip
            result = await result if is_awaitable(result) else result
        return ExecutionResult(result.data, SCHEMA._told(result.errors, context))


@contextmanager
def all_awaited(who: str, query: str, variables: dict[str, Any]) -> Iterator[None]:
    """A coroutine that is left behind is told where it is, not whenever the collector finds it."""
    gc.freeze()  # what was there before is not looked through each time, which would take two thirds of the test
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", RuntimeWarning)
        yield
        gc.collect()
    assert not left, (who, query, variables, [str(each.message) for each in left])


@pytest.fixture(autouse=True)
def _no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test is the worker."""
    monkeypatch.setenv("AURUM_SCENARIOS__PROCESSES", "0")


@pytest.fixture
async def desk(loaded: Services, ask: Ask) -> Desk:
    await done(ask, loaded, await scenario(ask))
    return Desk(loaded)


@pytest.fixture
async def words(desk: Desk, ask: Ask) -> Words:
    """Of what is there: keys, ids, names."""
    found: dict[str, set[str]] = {}

    def look(at: Any) -> None:
        for name, each in at.items() if isinstance(at, dict) else ():
            if isinstance(each, str):
                found.setdefault(name, set()).add(each)
            look(each)
        for each in at if isinstance(at, list) else ():
            look(each)

    look((await ask(SEEN))["data"])
    names = {name: sorted(each) for name, each in found.items()}
    curves: Sequence[str] = [key for key in names["key"] if "~" not in key and ":" in key]
    return {
        **names, "ids": names["id"], "scenarioRun": names["id"],
        "curve": curves, "curveKey": curves, "keys": curves, "legacyKeys": names["legacyKey"],
        "expression": [f"{curves[0]} - {curves[-1]}", f"2 * {curves[0]}", "1 +", "nothing"],
        "vendors": ["EUGP", "PW"], "vendor": ["EUGP"], "first": [1, 2, 3], "last": [1, 2],
        "search": ["german", "ttf gas"], "currency": ["USD", "EUR"], "unit": ["MWh", "therm"],
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_whatever_is_asked(desk: Desk, words: Words) -> None:
    loop = asyncio.get_running_loop()

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    @settings(GENERATED, max_examples=20)
    @given(whole_queries(SCHEMA._schema, words))
    def ask_both(asked: tuple[str, dict[str, Any]]) -> None:
        assume(not SCHEMA.document(asked[0]).errors)
        wait(alike(desk, *asked))

    await asyncio.to_thread(ask_both)


async def alike(desk: Desk, query: str, variables: dict[str, Any]) -> None:
    body, result = await desk.ours(query, variables)
    if isinstance(result, PreExecutionError):
        stock = await desk.stock(query, variables, StrawberryGraphQLCoreExecutionContext)
        assert stock.data is None
        assert body == answered(PreExecutionError(None, stock.errors), JSON, {}).body
        return
    again, _ = await desk.ours(query, variables)
    alone = answer(await desk.stock(query, variables, StrawberryGraphQLCoreExecutionContext))
    every = answer(await desk.stock(query, variables, Everything))
    wanted = Expected(alone, frozenset(every.errors + alone.errors))
    for each in (body, again):
        assert wanted.fits(told(each)), (alone, told(each))


def answer(result: ExecutionResult) -> Answer:
    return told(answered(result, JSON, {}).body)


def told(body: bytes) -> Answer:
    """From the JSON of an answer: `data` as they were written."""
    said = orjson.loads(body)
    assert orjson.dumps(said) == body  # so that what is equal below is so byte for byte
    errors = said.get("errors", [])
    return Answer(
        data=orjson.dumps(said["data"]),
        errors=tuple(sorted(map(orjson.dumps, errors))),
        nulled=frozenset(nulled_place(said["data"], error.get("path", [])) for error in errors),
    )
