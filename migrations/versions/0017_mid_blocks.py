"""Mids of many curves side by side, those of snapshots that are there already included: day by day, all or nothing."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PART = 64
_SHARED = ("tenant_id", "as_of", "published_at", "revised_at", "grid_id")
_types = {"as_of": sa.Date, "published_at": Instant, "revised_at": Instant}
_snapshots = sa.table(
    "snapshots",
    *(sa.column(name, _types.get(name)) for name in (*_SHARED, "curve_id", "id", "version", "mid", "withheld")),
)


def upgrade() -> None:
    blocks = op.create_table(
        "mid_blocks",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("part", Id, nullable=False),
        sa.Column("lowest", Id, nullable=False),
        sa.Column("highest", Id, nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("revised_at", Instant(), nullable=False),
        sa.Column("grid_id", Id, nullable=False),
        sa.Column("versions", sa.LargeBinary(), nullable=False),
        sa.Column("mid", sa.LargeBinary(), nullable=False),
        sa.Column("withheld", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["grid_id"], ["tenor_grids.id"], name=op.f("fk_mid_blocks_grid_id_tenor_grids")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mid_blocks")),
    )
    if op.get_bind().dialect.name == "postgresql":  # float64 compresses by a third at most
        for column in ("versions", "mid"):
            op.execute(f"ALTER TABLE mid_blocks ALTER COLUMN {column} SET STORAGE EXTERNAL")
    columns = _snapshots.c
    every_day = sa.select(columns.tenant_id, columns.as_of).distinct().order_by(columns.tenant_id, columns.as_of)
    for tenant, as_of in op.get_bind().execute(every_day).all():
        of_day = sa.select(_snapshots).where(columns.tenant_id == tenant, columns.as_of == as_of)
        rows = [row._mapping for row in op.get_bind().execute(of_day.order_by(columns.curve_id, columns.version))]
        op.bulk_insert(blocks, _blocks(rows))
    op.create_index(op.f("ix_mid_blocks_tenant_id_as_of_part"), "mid_blocks", ["tenant_id", "as_of", "part"])


def downgrade() -> None:
    op.drop_table("mid_blocks")


def _blocks(rows: list[Any]) -> list[dict[str, Any]]:
    def key(row: Any) -> tuple[Any, ...]:
        return *(row[name] for name in _SHARED), row["curve_id"] // _PART

    names = (*_SHARED, "part")
    return [dict(zip(names, alike, strict=True)) | _of(list(of)) for alike, of in groupby(sorted(rows, key=key), key)]


def _of(rows: list[Any]) -> dict[str, Any]:
    named = [[row[name] for row in rows] for name in ("curve_id", "id", "version")]
    length = max((len(row["withheld"]) for row in rows if row["withheld"] is not None), default=0)
    return {
        "lowest": rows[0]["curve_id"],
        "highest": rows[-1]["curve_id"],
        "versions": np.array(named, "<i8").tobytes(),
        "mid": b"".join([row["mid"] for row in rows]),
        "withheld": b"".join([row["withheld"] or bytes(length) for row in rows]) if length else None,
    }
