"""Registered operations, and when each was last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Instant, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operations",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("document", Text, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.Column("registered_by", Text, nullable=False),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.Column("retired_by", Text, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_operations")),
    )
    op.create_index(op.f("ix_operations_tenant_id_revision"), "operations", ["tenant_id", "revision"])
    op.create_table(
        "operation_uses",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("id", Text, nullable=False),
        sa.Column("last_used_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_operation_uses")),
    )


def downgrade() -> None:
    op.drop_table("operation_uses")
    op.drop_table("operations")
