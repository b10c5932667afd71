"""Words of the catalogue: how they are indexed, what a search text is read as, what fits it and how well.

SQLite has an FTS5 index, PostgreSQL a GIN index of the same words; misspelt ones are found by a table of trigrams.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator

from aurum.backends.database import Database, WriteConnection
from aurum.market.words import check_sought, most_alike, swaps_of, trigrams_of, words_of
from aurum.metadata.model import Curve, Search, SearchTerm
from aurum.metadata.tables import curve_trigrams, curves

_MOST_MENDED = 20  # words of a search that similar ones are looked for, and that its rank counts
_LEAST_ALIKE = 0.3  # as pg_trgm has it
_CANDIDATES = 50
_BAR = "|"
_LAST = chr(0x10FFFF)


def searched_text(curve: Curve) -> str:
    """The words of a curve's name, a bar, and those of all else that describes it."""
    identity = curve.identity
    others = [curve.key, curve.asset_class, curve.commodity, identity.leg, identity.iso, identity.market]
    others += [identity.location, identity.product, identity.block, curve.region]
    others += [value for _, value in curve.attributes]
    return " ".join([*words_of(curve.name), _BAR, *words_of(" ".join(filter(None, others)))])


class Vocabulary:
    """The words that a tenant's curves have."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, transaction: WriteConnection, tenant: str, texts: Iterable[str]) -> None:
        """The words of texts as `searched_text` has them."""
        words = {word for text in texts for word in text.split()} - {_BAR}
        rows = [
            {"tenant_id": tenant, "trigram": trigram, "word": word} for word in words for trigram in trigrams_of(word)
        ]
        # In one order: who adds the same words at the same time waits, and two never wait for each other.
        rows.sort(key=lambda row: (row["trigram"], row["word"]))
        await transaction.insert_missing(curve_trigrams, rows)

    async def read(self, tenant: str, text: str) -> Search | None:
        """None for a blank text. The last word may be the beginning of one, unless a blank follows it.

        Raises InvalidInput for a text that is too long.
        """
        check_sought(text)
        if not text.strip():
            return None
        words = words_of(text)
        begun = words[-1] if words and not text[-1].isspace() else None
        known = await self._known(tenant, words, begun)
        missing = [word for word in words[:_MOST_MENDED] if word not in known]
        alike = await self._alike(tenant, missing) if missing else {}
        return Search(
            tuple(
                SearchTerm(word, alike[word], similar=True)
                if alike.get(word)
                else SearchTerm(word, (word,), word == begun, missing=word not in known)
                for word in words
            )
        )

    async def _known(self, tenant: str, words: Sequence[str], begun: str | None) -> set[str]:
        """Those that there are, and `begun` where there is one that begins so."""
        columns = curve_trigrams.c
        starts = {f"  {word[0]}" for word in words}
        same = columns.trigram.in_(starts), columns.word.in_(words)
        selects = [select(columns.word).where(columns.tenant_id == tenant, *same)] if words else []
        if begun in words:
            assert begun  # noqa: S101  it is one of the words
            beginning = and_(columns.word >= begun, columns.word <= begun + _LAST)
            statement = select(literal(begun)).where(
                select(columns.word)
                .where(columns.tenant_id == tenant, columns.trigram == f"  {begun[0]}", beginning)
                .exists()
            )
            selects.append(statement)
        if not selects:
            return set()
        async with self._database.read() as connection:
            return {row[0] for row in await connection.all(selects[0].union_all(*selects[1:]))}

    async def _alike(self, tenant: str, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By word: those most alike, where any is."""
        columns = curve_trigrams.c
        selects = [
            select(literal(word).label("given"), columns.word)
            .where(columns.tenant_id == tenant, _near(word))
            .group_by(columns.word)
            .order_by(_swapped(word).desc(), func.count().desc(), func.length(columns.word), columns.word)
            .limit(_CANDIDATES)
            .subquery()
            for word in words
        ]
        first, *others = [select(each) for each in selects]
        async with self._database.read() as connection:
            rows = await connection.all(first.union_all(*others))
        found: dict[str, list[str]] = {word: [] for word in words}
        for given, word in rows:
            found[given].append(word)
        return {word: most_alike(word, candidates, _LEAST_ALIKE) for word, candidates in found.items()}


def _swapped(word: str) -> ColumnElement[bool]:
    return curve_trigrams.c.word.in_(swaps_of(word))


def _near(word: str) -> ColumnElement[bool]:
    """Which trigrams may be those of a similar word: `ad` has none in common with `da`."""
    columns = curve_trigrams.c
    starts = [f"  {each[0]}" for each in swaps_of(word)]
    return or_(columns.trigram.in_(trigrams_of(word)), and_(columns.trigram.in_(starts), _swapped(word)))


class _Terms(TypeDecorator[Collection[SearchTerm]]):
    """All terms as the databases' indexes are asked for them. Words are letters and digits: nothing else to quote."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Collection[SearchTerm] | None, dialect: Dialect) -> str:
        served = dialect.name == "postgresql"
        quote, begun, either, both = ("'", ":*", " | ", " & ") if served else ('"', "*", " OR ", " AND ")
        terms = (
            either.join(f"{quote}{word}{quote}{begun if term.begun else ''}" for word in term.found)
            for term in value or ()
        )
        return both.join(f"({term})" for term in terms)


class fitting(ColumnElement[bool]):  # noqa: N801  an operator, as SQLAlchemy names them
    """Whether a curve has a word for every term of a search; without any term none has."""

    type = Boolean()
    inherit_cache = False

    def __init__(self, search: Search) -> None:
        self.terms = bindparam(None, search.terms, type_=_Terms())

    def self_group(self, against: Any = None) -> fitting:
        """As it is: see `among`."""
        return self


@compiles(fitting, "postgresql")
def _tsvector(element: fitting, compiler: SQLCompiler, **named: Any) -> str:
    column, terms = compiler.process(curves.c.search, **named), compiler.process(element.terms, **named)
    return f"array_to_tsvector(string_to_array({column}, ' ')) @@ CAST({terms} AS tsquery)"


@compiles(fitting, "sqlite")
def _fts5(element: fitting, compiler: SQLCompiler, **named: Any) -> str:
    column, terms = compiler.process(curves.c.id, **named), compiler.process(element.terms, **named)
    return f"{column} IN (SELECT rowid FROM curve_search WHERE curve_search MATCH {terms})"  # noqa: S608  as compiled


# Of two that fit as well, the one that is described in fewer words is closer to what was asked for.
SHORTNESS: ColumnElement[int] = func.length(curves.c.search, type_=Integer())


def rank(search: Search) -> ColumnElement[int]:
    """How well a curve fits: 2 for each term whose word the name has, 1 where only the rest has it whole.

    It depends on the curve alone, so that other curves do not move it from one page to another.
    """
    text = " " + curves.c.search + " "
    terms = search.terms[:_MOST_MENDED]
    scores = [case((_any(text, term, "% {} %|%"), 2), (_any(text, term, "% {} %"), 1), else_=0) for term in terms]
    return sum(scores[1:], start=scores[0]) if scores else literal(0, Integer())


def _any(text: ColumnElement[str], term: SearchTerm, pattern: str) -> ColumnElement[bool]:
    return or_(*(text.like(pattern.format(word)) for word in term.found))
