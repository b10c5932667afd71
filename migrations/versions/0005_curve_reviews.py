"""Who has looked at which curve: new ones wait for it. What was there before the list does not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "curve_reviews",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("reviewed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_curve_reviews_curve_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_curve_reviews")),
    )
    op.create_index(op.f("ix_curve_reviews_curve_id_id"), "curve_reviews", ["curve_id", "id"])
    op.execute(
        "INSERT INTO curve_reviews (tenant_id, curve_id, author, reason, reviewed_at) "
        "SELECT tenant_id, id, 'Aurum', 'in the catalogue before new curves were reviewed', created_at FROM curves"
    )


def downgrade() -> None:
    op.drop_table("curve_reviews")
