"""The words of curves: an index of all of them (FTS5 in SQLite, GIN in PostgreSQL), their trigrams; units set again.

PostgreSQL's pg_trgm is not needed: trigrams are rows of a table, on both databases. Triggers keep SQLite's index,
within the transaction that changes a curve: a migration that makes the table anew makes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Json, Text
from aurum.market.identity import fold
from aurum.market.words import trigrams_of, words_of

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BATCH = 2_000
_SET_AGAIN = "ix_curve_units_tenant_id_curve_id"  # units that were set again, which are few
_curves = sa.table(
    "curves",
    sa.column("id", sa.BigInteger),
    sa.column("attributes", Json),
    *(
        sa.column(name, Text)
        for name in (
            "tenant_id", "key", "name", "asset_class", "commodity", "leg", "iso", "market", "location", "product",
            "block", "region", "search",
        )
    ),
)  # fmt: skip
_trigrams = sa.table("curve_trigrams", sa.column("tenant_id"), sa.column("trigram"), sa.column("word"))
_ADD = "INSERT INTO curve_search (rowid, search) VALUES (new.id, new.search);"
_REMOVE = "INSERT INTO curve_search (curve_search, rowid, search) VALUES ('delete', old.id, old.search);"
_TRIGGERS = {"INSERT": _ADD, "DELETE": _REMOVE, "UPDATE OF search": f"{_REMOVE} {_ADD}"}


def upgrade() -> None:
    op.create_table(
        "curve_trigrams",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("trigram", Text, nullable=False),
        sa.Column("word", Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "trigram", "word", name=op.f("pk_curve_trigrams")),
    )
    vocabulary: set[tuple[str, str]] = set()
    for tenant, text in _rewritten(_words):
        vocabulary |= {(tenant, word) for word in words_of(text)}
    rows = [
        {"tenant_id": tenant, "trigram": trigram, "word": word}
        for tenant, word in sorted(vocabulary)
        for trigram in trigrams_of(word)
    ]
    if rows:
        op.get_bind().execute(_trigrams.insert(), rows)
    again = sa.text("version > 1")
    op.create_index(_SET_AGAIN, "curve_units", ["tenant_id", "curve_id"], postgresql_where=again, sqlite_where=again)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ix_curves_search ON curves USING gin (array_to_tsvector(string_to_array(search, ' ')))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE curve_search USING "
        "fts5(search, content='curves', content_rowid='id', tokenize='ascii', prefix='2 3', detail='none')"
    )
    op.execute("INSERT INTO curve_search (curve_search) VALUES ('rebuild')")
    for change, does in _TRIGGERS.items():
        op.execute(f"CREATE TRIGGER curve_search_{change.split()[0].lower()} AFTER {change} ON curves BEGIN {does} END")


def downgrade() -> None:
    op.drop_index(_SET_AGAIN, table_name="curve_units")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_curves_search", table_name="curves")
    else:
        for change in _TRIGGERS:
            op.execute(f"DROP TRIGGER curve_search_{change.split()[0].lower()}")
        op.drop_table("curve_search")
    op.drop_table("curve_trigrams")
    for _ in _rewritten(_folded):
        pass


def _rewritten(text: Callable[[Any], str]) -> Iterator[tuple[str, str]]:
    """Writes the searched text of every curve, and answers it with the curve's tenant."""
    connection, last = op.get_bind(), 0
    change = sa.update(_curves).where(_curves.c.id == sa.bindparam("of")).values(search=sa.bindparam("text"))
    page = sa.select(_curves).order_by(_curves.c.id).limit(_BATCH)
    while rows := connection.execute(page.where(_curves.c.id > last)).all():
        last = rows[-1].id
        texts = [text(row) for row in rows]
        connection.execute(change, [{"of": row.id, "text": each} for row, each in zip(rows, texts, strict=True)])
        yield from ((row.tenant_id, each) for row, each in zip(rows, texts, strict=True))


def _words(row: Any) -> str:
    others = [row.key, row.asset_class, row.commodity, row.leg, row.iso, row.market, row.location, row.product]
    others += [row.block, row.region, *(value for _, value in row.attributes)]
    return " ".join([*words_of(row.name), "|", *words_of(" ".join(filter(None, others)))])


def _folded(row: Any) -> str:
    texts = [row.iso, row.market, row.location, row.product, row.block, row.region]
    words = [row.key, row.name, row.asset_class, row.commodity, row.leg, *texts]
    return " ".join(fold(word) for word in words if word)
