"""Jobs that make a file of a selection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("selection", Text, nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_by", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("error_code", Text, nullable=True),
        sa.Column("error", Text, nullable=True),
        sa.Column("hint", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(op.f("ix_exports_tenant_id_id"), "exports", ["tenant_id", "id"])
    op.create_index(op.f("ix_exports_state_due_at"), "exports", ["state", "due_at"])
    op.create_index(op.f("ix_exports_digest"), "exports", ["digest"])


def downgrade() -> None:
    op.drop_table("exports")
