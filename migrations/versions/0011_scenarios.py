"""Scenarios with all their versions, their runs, and what these make of curves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Json, Text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scenarios",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("slug", Text, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("parent_version", sa.Integer(), nullable=True),
        sa.Column("search", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", Text, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["scenarios.id"], name=op.f("fk_scenarios_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenarios")),
        sa.UniqueConstraint("tenant_id", "slug", name=op.f("uq_scenarios_tenant_id_slug")),
    )
    op.create_index(op.f("ix_scenarios_tenant_id_created_at_id"), "scenarios", ["tenant_id", "created_at", "id"])
    op.create_index(op.f("ix_scenarios_parent_id"), "scenarios", ["parent_id"])
    op.create_table(
        "scenario_versions",
        sa.Column("scenario_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("description", Text, nullable=True),
        sa.Column("drivers", Json, nullable=False),
        sa.Column("filter", Json, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("known_at", Instant(), nullable=True),
        sa.Column("tags", Json, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], name=op.f("fk_scenario_versions_scenario_id")),
        sa.PrimaryKeyConstraint("scenario_id", "version", name=op.f("pk_scenario_versions")),
    )
    op.create_table(
        "scenario_tags",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("tag", Text, nullable=False),
        sa.Column("scenario_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], name=op.f("fk_scenario_tags_scenario_id")),
        sa.PrimaryKeyConstraint("tenant_id", "tag", "scenario_id", name=op.f("pk_scenario_tags")),
    )
    _create_runs()


def _create_runs() -> None:
    op.create_table(
        "scenario_runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("scenario_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("time_limit", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("known_at", Instant(), nullable=False),
        sa.Column("inputs", Json, nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", Text, nullable=True),
        sa.Column("asked", Json, nullable=False),
        sa.Column("requested_by", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", Instant(), nullable=True),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=True),
        sa.Column("output_digest", sa.String(length=64), nullable=True),
        sa.Column("issues", Json, nullable=False),
        sa.Column("error_code", Text, nullable=True),
        sa.Column("error", Text, nullable=True),
        sa.Column("hint", Text, nullable=True),
        sa.ForeignKeyConstraint(["scenario_id"], ["scenarios.id"], name=op.f("fk_scenario_runs_scenario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_runs")),
        sa.UniqueConstraint("tenant_id", "idempotency_key", name=op.f("uq_scenario_runs_tenant_id_idempotency_key")),
    )
    for columns in (
        ["tenant_id", "request_digest"], ["tenant_id", "created_at", "id"], ["scenario_id", "id"],
        ["state", "priority", "id"],
    ):  # fmt: skip
        op.create_index(op.f(f"ix_scenario_runs_{'_'.join(columns)}"), "scenario_runs", columns)
    op.create_table(
        "scenario_results",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("curve_key", Text, nullable=False),
        sa.Column("snapshot_id", Id, nullable=False),
        sa.Column("mid", sa.LargeBinary(), nullable=True),
        sa.Column("drivers", Json, nullable=False),
        sa.Column("amounts", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_runs.id"], name=op.f("fk_scenario_results_run_id")),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_scenario_results_curve_id")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"], name=op.f("fk_scenario_results_snapshot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario_results")),
        sa.UniqueConstraint("run_id", "curve_id", name=op.f("uq_scenario_results_run_id_curve_id")),
        sa.UniqueConstraint("run_id", "curve_key", name=op.f("uq_scenario_results_run_id_curve_key")),
    )


def downgrade() -> None:
    for table in ("scenario_results", "scenario_runs", "scenario_tags", "scenario_versions", "scenarios"):
        op.drop_table(table)
