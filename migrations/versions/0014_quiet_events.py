"""Events that leave the catalogue and prices as they were; ids of results of runs that are never used again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event_heads", sa.Column("quiet", sa.BigInteger(), server_default="0", nullable=False))
    _let_results_count(autoincrement=True)


def downgrade() -> None:
    _let_results_count(autoincrement=False)
    op.drop_column("event_heads", "quiet")


def _let_results_count(*, autoincrement: bool) -> None:
    """PostgreSQL never uses an id twice; SQLite only without this."""
    if op.get_bind().dialect.name == "sqlite":
        kept = {"sqlite_autoincrement": autoincrement}
        with op.batch_alter_table("scenario_results", recreate="always", table_kwargs=kept):
            pass
