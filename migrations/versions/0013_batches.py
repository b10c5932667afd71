"""What was merged into a version of a scenario, policies of tenants, and runs that are asked for at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Json, Text

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("scenario_versions") as versions:
        versions.add_column(sa.Column("merged_id", Id, nullable=True))
        versions.add_column(sa.Column("merged_version", sa.Integer(), nullable=True))
        versions.create_foreign_key(op.f("fk_scenario_versions_merged_id"), "scenarios", ["merged_id"], ["id"])
    op.add_column("scenario_runs", sa.Column("variation", Json, nullable=True))
    op.create_table(
        "scenario_policies",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name_folded", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name_folded", "version", name=op.f("pk_scenario_policies")),
    )
    op.create_table(
        "scenario_batches",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scenario_id", Id, nullable=True),
        sa.Column("idempotency_key", Text, nullable=True),
        sa.Column("asked", Json, nullable=False),
        sa.Column("requested_by", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], name=op.f("fk_scenario_batches_scenario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_batches")),
        sa.UniqueConstraint("tenant_id", "idempotency_key", name=op.f("uq_scenario_batches_tenant_id_idempotency_key")),
    )
    for columns in (["tenant_id", "created_at", "id"], ["scenario_id", "id"]):
        op.create_index(op.f(f"ix_scenario_batches_{'_'.join(columns)}"), "scenario_batches", columns)
    op.create_table(
        "scenario_batch_runs",
        sa.Column("batch_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("queued", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["scenario_batches.id"], name=op.f("fk_scenario_batch_runs_batch_id")),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_runs.id"], name=op.f("fk_scenario_batch_runs_run_id")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_scenario_batch_runs")),
    )
    op.create_index(op.f("ix_scenario_batch_runs_run_id"), "scenario_batch_runs", ["run_id"])


def downgrade() -> None:
    for table in ("scenario_batch_runs", "scenario_batches", "scenario_policies"):
        op.drop_table(table)
    op.drop_column("scenario_runs", "variation")
    with op.batch_alter_table("scenario_versions") as versions:
        versions.drop_constraint(op.f("fk_scenario_versions_merged_id"), type_="foreignkey")
        versions.drop_column("merged_version")
        versions.drop_column("merged_id")
