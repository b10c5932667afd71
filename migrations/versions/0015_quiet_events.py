"""Which events left the catalogue and prices as they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event_heads", sa.Column("quiet", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("event_heads", "quiet")
