"""What each load made of its data set's contract; names of policies are long enough for one of each vendor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_checks",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("promise", sa.String(length=32), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("vendor", Text, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("contract_version", sa.Integer(), nullable=False),
        sa.Column("promised", Text, nullable=False),
        sa.Column("found", Text, nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=True),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["ingestion_runs.id"], name=op.f("fk_contract_checks_run_id")),
        sa.PrimaryKeyConstraint("run_id", "promise", name=op.f("pk_contract_checks")),
    )
    op.create_index(
        op.f("ix_contract_checks_tenant_id_vendor_run_id"), "contract_checks", ["tenant_id", "vendor", "run_id"]
    )
    _names_of_policies(32, 64)


def downgrade() -> None:
    op.drop_table("contract_checks")
    op.execute("DELETE FROM ingestion_policies WHERE name LIKE 'contract %'")
    _names_of_policies(64, 32)


def _names_of_policies(before: int, after: int) -> None:
    with op.batch_alter_table("ingestion_policies") as table:
        table.alter_column(
            "name", existing_type=sa.String(length=before), type_=sa.String(length=after), existing_nullable=False
        )
