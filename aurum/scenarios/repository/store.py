"""Reads and writes scenarios and their versions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, update

from aurum.backends.database import AnyRow, Database, WriteConnection
from aurum.backends.paging import Page, PageRequest, SortKey, read_page
from aurum.market.identity import fold
from aurum.market.words import check_sought
from aurum.scenarios.repository.merging import Origin
from aurum.scenarios.repository.model import (
    Definition,
    Key,
    Scenario,
    ScenarioFilter,
    ScenarioState,
    Version,
    read_filter,
    write_filter,
)
from aurum.scenarios.tables import scenario_tags, scenario_versions, scenarios

_NEWEST = and_(scenario_versions.c.scenario_id == scenarios.c.id, scenario_versions.c.version == scenarios.c.version)
_OWN = ("id", "state", "parent_id", "parent_version", "created_by")
_SAID = (
    "name", "description", "drivers", "filter", "as_of", "known_at", "tags", "author", "reason", "created_at",
    "merged_id", "merged_version",
)  # fmt: skip
_ORDER = [SortKey(scenarios.c.created_at, descending=True), SortKey(scenarios.c.id, descending=True)]


class ScenarioStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def by_id(self, tenant: str, ids: Collection[int]) -> dict[int, Scenario]:
        """Deleted ones too."""
        statement = _scenarios(tenant).where(scenarios.c.id.in_(ids))
        async with self.database.read() as connection:
            found = [_scenario(row) for row in await connection.all(statement)]
        return {each.id: each for each in found}

    async def held(self, transaction: WriteConnection, tenant: str, id_: int) -> Scenario | None:
        """Nobody else changes it until the transaction ends."""
        await transaction.lock(f"scenario {tenant} {id_}")
        row = await transaction.first(_scenarios(tenant).where(scenarios.c.id == id_))
        return None if row is None else _scenario(row)

    async def named(self, transaction: WriteConnection, tenant: str, slug: str) -> int | None:
        """The id of the one with this name; nobody else takes a name until the transaction ends."""
        await transaction.lock(f"scenario names {tenant}")
        same = and_(scenarios.c.tenant_id == tenant, scenarios.c.slug == slug)
        found: int | None = await transaction.scalar(select(scenarios.c.id).where(same))
        return found

    async def parents(self, tenant: str, id_: int) -> dict[int, int | None]:
        """By id its parent: of the scenario, and of all that it comes from."""
        columns = (scenarios.c.id, scenarios.c.parent_id)
        start = select(*columns).where(scenarios.c.tenant_id == tenant, scenarios.c.id == id_)
        line = start.cte("line", recursive=True)
        line = line.union(select(*columns).where(scenarios.c.tenant_id == tenant, scenarios.c.id == line.c.parent_id))
        async with self.database.read() as connection:
            return {row[0]: row[1] for row in await connection.all(select(line))}

    async def origins(self, tenant: str, ids: Collection[int]) -> dict[Key, Origin]:
        """Every version of the scenarios, and of all that these come from; a statement for each step back."""
        found, ahead = dict[Key, Origin](), set(ids)
        while ahead:
            statement = _origins(tenant).where(scenarios.c.id.in_(ahead))
            async with self.database.read() as connection:
                found |= {(row.id, row.version): _origin(row) for row in await connection.all(statement)}
            ahead = {id_ for each in found.values() for id_, _ in each.of} - {id_ for id_, _ in found}
        return found

    async def branches(self, tenant: str, ids: Collection[int]) -> dict[int, list[Scenario]]:
        """By scenario: those that branch from it and are not deleted, newest first."""
        own, found = scenarios.c, dict[int, list[Scenario]]()
        statement = _scenarios(tenant).where(own.parent_id.in_(ids), own.state != ScenarioState.DELETED)
        async with self.database.read() as connection:
            for row in await connection.all(statement.order_by(own.created_at.desc(), own.id.desc())):
                found.setdefault(row.parent_id, []).append(_scenario(row))
        return found

    async def page(self, tenant: str, wanted: ScenarioFilter, request: PageRequest) -> Page[Scenario]:
        """Newest first."""
        statement = _scenarios(tenant).where(*_conditions(tenant, wanted))
        async with self.database.read() as connection:
            return (await read_page(connection, statement, _ORDER, request)).map(_scenario)

    async def count(self, tenant: str, wanted: ScenarioFilter) -> int:
        statement = select(func.count()).select_from(scenarios).where(scenarios.c.tenant_id == tenant)
        async with self.database.read() as connection:
            return int(await connection.scalar(statement.where(*_conditions(tenant, wanted))))

    async def versions(self, tenant: str, keys: Collection[Key]) -> dict[Key, Version]:
        """By scenario and version."""
        columns, ids = scenario_versions.c, {id_ for id_, _ in keys}
        statement = select(scenario_versions).where(
            columns.tenant_id == tenant, columns.scenario_id.in_(ids), columns.version.in_({n for _, n in keys})
        )
        async with self.database.read() as connection:
            found = [version_of(row) for row in await connection.all(statement)]
        return {(each.scenario_id, each.version): each for each in found}

    async def all_versions(self, tenant: str, ids: Collection[int]) -> dict[int, list[Version]]:
        """By scenario, the newest first."""
        columns, found = scenario_versions.c, dict[int, list[Version]]()
        statement = select(scenario_versions).where(columns.tenant_id == tenant, columns.scenario_id.in_(ids))
        async with self.database.read() as connection:
            for row in await connection.all(statement.order_by(columns.version.desc())):
                found.setdefault(row.scenario_id, []).append(version_of(row))
        return found

    async def add(
        self, transaction: WriteConnection, tenant: str, said: Definition, by: str, reason: str | None, at: datetime,
        parent: Version | None,
    ) -> Scenario:  # fmt: skip
        values: dict[str, Any] = {
            "tenant_id": tenant, "slug": said.slug, "state": ScenarioState.CREATED, "version": 1, "search": said.search,
            "parent_id": parent and parent.scenario_id, "parent_version": parent and parent.version,
            "created_at": at, "created_by": by,
        }  # fmt: skip
        id_ = int(await transaction.scalar(insert(scenarios).values(**values).returning(scenarios.c.id)))
        version = Version(id_, 1, said, by, reason, at)
        await self._say(transaction, tenant, version)
        return Scenario(id_, ScenarioState.CREATED, version, values["parent_id"], values["parent_version"], at, by)

    async def change(self, transaction: WriteConnection, tenant: str, version: Version) -> None:
        """Adds the next version. The caller holds the scenario."""
        said = version.definition
        await self._set(
            transaction, tenant, version.scenario_id, version=version.version, slug=said.slug, search=said.search
        )
        await transaction.execute(delete(scenario_tags).where(scenario_tags.c.scenario_id == version.scenario_id))
        await self._say(transaction, tenant, version)

    async def turn(self, transaction: WriteConnection, tenant: str, id_: int, state: ScenarioState) -> None:
        """Into another state. The caller holds the scenario."""
        free: dict[str, Any] = {"slug": None} if state is ScenarioState.DELETED else {}
        await self._set(transaction, tenant, id_, state=state, **free)

    async def activate(self, transaction: WriteConnection, tenant: str, id_: int) -> None:
        """Where nothing was done with it yet."""
        created = scenarios.c.state == ScenarioState.CREATED
        await transaction.execute(_changing(tenant, id_).where(created).values(state=ScenarioState.ACTIVE))

    async def _set(self, transaction: WriteConnection, tenant: str, id_: int, **values: Any) -> None:
        await transaction.execute(_changing(tenant, id_).values(**values))

    async def _say(self, transaction: WriteConnection, tenant: str, version: Version) -> None:
        said = version.definition
        row = {
            "scenario_id": version.scenario_id, "version": version.version, "tenant_id": tenant, "name": said.name,
            "description": said.description, "drivers": list(said.drivers), "filter": write_filter(said.curves),
            "as_of": said.as_of, "known_at": said.known_at, "tags": list(said.tags), "author": version.author,
            "reason": version.reason, "created_at": version.created_at,
            "merged_id": version.merged and version.merged[0], "merged_version": version.merged and version.merged[1],
        }  # fmt: skip
        await transaction.execute(insert(scenario_versions), [row])
        tags = [{"tenant_id": tenant, "tag": fold(tag), "scenario_id": version.scenario_id} for tag in said.tags]
        if tags:
            await transaction.insert_missing(scenario_tags, tags)


def _changing(tenant: str, id_: int) -> Any:
    return update(scenarios).where(scenarios.c.tenant_id == tenant, scenarios.c.id == id_)


def _scenarios(tenant: str) -> Select[Any]:
    own, said = scenarios.c, scenario_versions.c
    columns = [*(own[name] for name in _OWN), own.created_at.label("begun_at"), said.scenario_id, said.version]
    joined = scenarios.join(scenario_versions, _NEWEST)
    return select(*columns, *(said[name] for name in _SAID)).select_from(joined).where(own.tenant_id == tenant)


def _conditions(tenant: str, wanted: ScenarioFilter) -> list[ColumnElement[bool]]:
    """Deleted ones fit where their state is asked for alone. Raises InvalidInput for a search that is too long."""
    own, tagged = scenarios.c, scenario_tags.c
    found: list[ColumnElement[bool]] = (
        [own.state != ScenarioState.DELETED] if wanted.states is None else [own.state.in_(wanted.states)]
    )
    if wanted.tags:
        tags = set(map(fold, wanted.tags))
        ids = select(tagged.scenario_id).where(tagged.tenant_id == tenant, tagged.tag.in_(tags))
        found.append(own.id.in_(ids.group_by(tagged.scenario_id).having(func.count() == len(tags))))
    check_sought(wanted.search or "")
    words = fold(wanted.search).split()
    return found + [own.search.contains(word, autoescape=True) for word in words]


def version_of(row: AnyRow) -> Version:
    said = Definition(
        row.name, row.description, tuple(row.drivers), read_filter(row.filter), row.as_of, row.known_at, tuple(row.tags)
    )
    merged = None if row.merged_id is None else (row.merged_id, row.merged_version)
    return Version(row.scenario_id, row.version, said, row.author, row.reason, row.created_at, merged)


def _origins(tenant: str) -> Select[Any]:
    own, said = scenarios.c, scenario_versions.c
    columns = (own.id, own.parent_id, own.parent_version, said.version, said.merged_id, said.merged_version)
    joined = scenarios.join(scenario_versions, said.scenario_id == own.id)
    return select(*columns, said.created_at).select_from(joined).where(own.tenant_id == tenant)


def _origin(row: AnyRow) -> Origin:
    before = (row.id, row.version - 1) if row.version > 1 else (row.parent_id, row.parent_version)
    of = (before, (row.merged_id, row.merged_version))
    return Origin(row.created_at, [key for key in of if key[0] is not None])


def _scenario(row: AnyRow) -> Scenario:
    return Scenario(
        row.id, ScenarioState(row.state), version_of(row), row.parent_id, row.parent_version, row.begun_at,
        row.created_by,
    )  # fmt: skip
