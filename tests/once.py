"""What is dear to make and comes out the same each time: tests make it once in a process, and share it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from aurum.demo import VendorWorkbook


@pytest.fixture(scope="session", autouse=True)
def written_anew() -> Iterator[Callable[[VendorWorkbook], bytes]]:
    """What writes a workbook. Without it, one of the same content is written once: that is dear, and the same bytes."""
    write, written = VendorWorkbook.to_bytes, dict[bytes, bytes]()

    def to_bytes(workbook: VendorWorkbook) -> bytes:
        content = hashlib.sha256(repr(workbook).encode()).digest()
        if content not in written:
            written[content] = write(workbook)
        return written[content]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VendorWorkbook, "to_bytes", to_bytes)
        yield write


@pytest.fixture(scope="session", autouse=True)
def types_made_once() -> Iterator[None]:
    """Whoever makes Aurum's schema has limits, caches and an executor of its own; its types are dear, and the same."""
    make, made = strawberry.Schema.__init__, list[strawberry.Schema]()

    def init(schema: strawberry.Schema, *unnamed: Any, **named: Any) -> None:
        if unnamed or named["query"].__module__ != "aurum.schema":
            return make(schema, *unnamed, **named)
        if not made:
            made.append(strawberry.Schema.__new__(strawberry.Schema))
            make(made[0], **named)
        own = {name: named[name] for name in ("extensions", "execution_context_class", "config")}
        schema._schema = GraphQLSchema.__new__(GraphQLSchema)
        vars(schema).update(vars(made[0]) | own | {"_schema": schema._schema})
        vars(schema._schema).update(vars(made[0]._schema), _strawberry_schema=schema)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strawberry.Schema, "__init__", init)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """An engine keeps what it has compiled, by its dialect: here all engines keep it together."""
    make, kept = Engine.__init__, LRUCache[Any, Any](10_000)

    def init(engine: Engine, *given: Any, **named: Any) -> None:
        make(engine, *given, **named)
        engine._compiled_cache = kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", init)
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda dialect: hash(type(dialect)))
        yield
