"""Versions of a curve turned by 90 degrees, for its history.

What is there already gets into blocks as new files come.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_WAITING = "ix_snapshots_curve_id_id"


def upgrade() -> None:
    op.create_table(
        "history_blocks",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("grid_id", Id, nullable=False),
        sa.Column("first_as_of", sa.Date(), nullable=False),
        sa.Column("last_as_of", sa.Date(), nullable=False),
        sa.Column("last_id", Id, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("sides", sa.Integer(), nullable=False),
        sa.Column("versions", sa.LargeBinary(), nullable=False),
        sa.Column("prices", sa.LargeBinary(), nullable=False),
        sa.Column("withheld", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_history_blocks_curve_id_curves")),
        sa.ForeignKeyConstraint(["grid_id"], ["tenor_grids.id"], name=op.f("fk_history_blocks_grid_id_tenor_grids")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_blocks")),
    )
    op.create_index(op.f("ix_history_blocks_curve_id_last_id"), "history_blocks", ["curve_id", "last_id"])
    op.create_index(op.f(_WAITING), "snapshots", ["curve_id", "id"])
    if op.get_bind().dialect.name == "postgresql":  # a piece of what is not compressed is read on its own
        op.execute("ALTER TABLE history_blocks ALTER COLUMN prices SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_index(op.f(_WAITING), table_name="snapshots")
    op.drop_table("history_blocks")
