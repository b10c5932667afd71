"""Statements that are read often: built once in SQLAlchemy, compiled once, and run on PostgreSQL's driver itself.

A read costs a fifth there of what it costs through SQLAlchemy. As a rule a connection plans it once for a while: to
plan takes longer than to look for a few rows. On SQLite it runs as any statement does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import asyncpg
import orjson
from sqlalchemy import CompoundSelect, Dialect, Select, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import URL
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import BindParameter, ColumnElement, bindparam
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine

from aurum.backends.behind import Behind
from aurum.backends.unfit import checked_json

_DIALECT: Any = asyncpg_dialect()  # type: ignore[no-untyped-call]
_CLAUSE, _TYPE = InternalTraversal.dp_clauseelement, InternalTraversal.dp_type
_STATEMENTS = 200  # that a connection keeps prepared
_PLAN_SECONDS = 20.0  # one made for an empty table is a thousand times too slow once it is full
_ENDING_SECONDS = 2.0
_OWN = ("prepared_statement_", "async_")  # of what an address says, what SQLAlchemy takes for itself


class Many(TypeDecorator[Sequence[Any]]):
    """The type of a parameter that is a list: an array in PostgreSQL, JSON in SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(postgresql.ARRAY(self.item) if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else _as_json(value)


def _as_json(items: Sequence[Any] | None) -> str:
    return checked_json(orjson.dumps(list(items or ())).decode())


class among(ColumnElement[bool]):  # noqa: N801  an operator, as SQLAlchemy names them
    """Whether a column is one of the items of a list parameter."""

    type = Boolean()
    inherit_cache = True
    _traverse_internals = [("column", _CLAUSE), ("parameter", _CLAUSE)]  # noqa: RUF012  as SQLAlchemy has it

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.parameter: BindParameter[Any] = bindparam(name, type_=Many(column.type))

    def self_group(self, against: Any = None) -> among:
        """As it is: compared with 1, as SQLAlchemy would on SQLite, no index serves it."""
        return self


@compiles(among, "postgresql")
def _any(element: among, compiler: SQLCompiler, **named: Any) -> str:
    return f"{compiler.process(element.column, **named)} = ANY ({compiler.process(element.parameter, **named)})"


@compiles(among, "sqlite")
def _each(element: among, compiler: SQLCompiler, **named: Any) -> str:
    column, parameter = (compiler.process(each, **named) for each in (element.column, element.parameter))
    return f"{column} IN (SELECT value FROM json_each({parameter}))"  # noqa: S608  of what SQLAlchemy has compiled


class looked_up(ColumnElement[Any]):  # noqa: N801  an operator, as SQLAlchemy names them
    """The item of the list `values` that stands where the column's value stands in the list `keys`; null: nowhere.

    Keys ascend: PostgreSQL looks for a value in the middle of what is left.
    """

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012  as SQLAlchemy has it
        ("column", _CLAUSE), ("keys", _CLAUSE), ("values", _CLAUSE), ("type", _TYPE),
    ]  # fmt: skip

    def __init__(self, column: ColumnElement[Any], keys: str, values: str, type_: TypeEngine[Any]) -> None:
        self.column = column
        self.type = type_
        self.keys: BindParameter[Any] = bindparam(keys, type_=Many(column.type))
        self.values: BindParameter[Any] = bindparam(values, type_=Many(type_))


@compiles(looked_up, "postgresql")
def _in_halves(element: looked_up, compiler: SQLCompiler, **named: Any) -> str:
    column, keys, values = (compiler.process(each, **named) for each in (element.column, element.keys, element.values))
    place = f"width_bucket({column}, {keys})"
    return f"CASE WHEN ({keys})[{place}] = {column} THEN ({values})[{place}] END"


@compiles(looked_up, "sqlite")
def _beside(element: looked_up, compiler: SQLCompiler, **named: Any) -> str:
    keys, column, values = (compiler.process(each, **named) for each in (element.keys, element.column, element.values))
    lists = f"json_each({keys}) AS k JOIN json_each({values}) AS v ON v.key = k.key"
    # In the order of the parameters: SQLite counts them.
    return f"(SELECT v.value FROM {lists} WHERE k.value = {column})"  # noqa: S608  of what SQLAlchemy has compiled


class _Rows(FunctionElement[Any]):
    inherit_cache = True


def rows_of(**items: TypeEngine[Any]) -> Any:
    """List parameters side by side as the columns of a table, under their names."""
    parameters = [bindparam(name, type_=Many(item)) for name, item in items.items()]
    return _Rows(*parameters).table_valued(*items, name="given")


@compiles(_Rows, "postgresql")
def _unnested(element: _Rows, compiler: SQLCompiler, **named: Any) -> str:
    columns = (f"unnest({compiler.process(each, **named)}) AS {each.key}" for each in element.clauses)
    return f"(SELECT {', '.join(columns)})"


@compiles(_Rows, "sqlite")
def _joined(element: _Rows, compiler: SQLCompiler, **named: Any) -> str:
    first, *others = element.clauses
    # By place: a join of json_each() with another one would go through all of it again for each item.
    beside = [f"json_extract({compiler.process(each, **named)}, '$[' || key || ']') AS {each.key}" for each in others]
    columns = ", ".join([f"value AS {first.key}", *beside])
    return f"(SELECT {columns} FROM json_each({compiler.process(first, **named)}))"  # noqa: S608  as above


class Read:
    """A statement with named parameters, all of which are given whenever it is run; its rows are tuples.

    On the driver JSON is decoded, instants are aware and in UTC, and every other value is as the driver has it.
    `by_values`: which way is fast depends on them, as where rows are sorted and few fit: PostgreSQL plans it for them.
    """

    def __init__(self, statement: Select[Any] | CompoundSelect[Any], *, by_values: bool = False) -> None:
        self.statement = statement
        self.by_values = by_values

    @cached_property
    def _compiled(self) -> Any:
        return self.statement.compile(dialect=_DIALECT)

    @cached_property
    def text(self) -> str:
        return str(self._compiled)

    @cached_property
    def _places(self) -> list[tuple[str, Any, Callable[[Any], Any] | None]]:
        """By place: the name of what is bound, its value where it is always the same, and what the driver needs."""
        binds = [(name, self._compiled.binds[name]) for name in self._compiled.positiontup]
        return [
            (name, each.effective_value, each.type.dialect_impl(_DIALECT).bind_processor(_DIALECT))
            for name, each in binds
        ]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        given = [(parameters.get(name, value), processed) for name, value, processed in self._places]
        return [value if processed is None else processed(value) for value, processed in given]


class Driver:
    """Connections of PostgreSQL's driver. Only single SELECTs run on them.

    They go back to their pool, which resets them, from those alone who are cancelled, or whose statement fails: who is
    cancelled once it is prepared leaves it begun, and its time would run out under whoever asks next.
    """

    def __init__(self, url: URL, size: int, settings: Mapping[str, str], patience: float, behind: Behind) -> None:
        _, arguments = _DIALECT.create_connect_args(url)
        self._arguments = {name: value for name, value in arguments.items() if not name.startswith(_OWN)}
        self._size = size
        self._settings = dict(settings)
        self._patience = patience
        self._behind = behind
        self._free = asyncio.Semaphore(size)
        self._idle: list[Any] = []  # taken from the pool for good: giving back costs it as much as a statement
        self._opening: asyncio.Future[Any] | None = None
        self._pool: Any = None

    async def rows(self, text: str, arguments: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Asks a second time, on a new connection, where the first one turns out to be closed."""
        pool = self._pool or await self._opened()
        try:
            return await self._fetched(pool, text, arguments)
        except (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError, ConnectionError) as error:
            if isinstance(error, asyncpg.DataError):
                raise
            await pool.expire_connections()
        return await self._fetched(pool, text, arguments, anew=True)

    async def _fetched(
        self, pool: Any, text: str, arguments: Sequence[Any], *, anew: bool = False
    ) -> Sequence[Sequence[Any]]:
        """Who is cancelled does not wait for the server to end the statement: that may be what it cannot do."""
        async with self._free:
            if anew:
                self._drop()
            connection = self._idle.pop() if self._idle else await pool.acquire()
            try:
                rows: Sequence[Sequence[Any]] = await connection.fetch(text, *arguments)
            except asyncio.CancelledError:
                self._behind.leave(_released(pool, connection))
                raise
            except BaseException:
                await _released(pool, connection)
                raise
            if self._behind.closed:  # and its pool waits for what is out
                await pool.release(connection)
            else:
                self._idle.append(connection)
            return rows

    def _drop(self) -> None:
        while self._idle:
            with suppress(asyncpg.InterfaceError):  # it is lost already
                self._idle.pop().terminate()

    async def close(self) -> None:
        self._drop()
        if self._pool is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_SECONDS):
                    await self._pool.close()

    async def _opened(self) -> Any:
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        self._pool = await asyncio.shield(self._opening)
        return self._pool

    async def _open(self) -> Any:
        return await asyncpg.create_pool(
            **self._arguments, min_size=0, max_size=self._size, init=_decode_json,
            max_inactive_connection_lifetime=0, statement_cache_size=_STATEMENTS,
            max_cached_statement_lifetime=_PLAN_SECONDS, server_settings=self._settings,
            command_timeout=self._patience,
        )  # fmt: skip


async def _released(pool: Any, connection: Any) -> None:
    """Cut off where the server does not end its statement."""
    with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        await pool.release(connection, timeout=_ENDING_SECONDS)


async def _decode_json(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encoded, decoder=lambda data: orjson.loads(data[1:])
    )


def _encoded(value: Any) -> bytes:
    return b"\x01" + orjson.dumps(value)  # the version of its format
