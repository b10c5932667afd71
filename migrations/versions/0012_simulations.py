"""Simulations of runs of scenarios, and what they say of curves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Json, Text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scenario_simulations",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("histories", sa.LargeBinary(), nullable=False),
        sa.Column("issues", Json, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("summary", Json, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_runs.id"], name=op.f("fk_scenario_simulations_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_scenario_simulations")),
    )
    op.create_table(
        "scenario_simulated_curves",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("curve_key", Text, nullable=False),
        sa.Column("moves", sa.String(length=16), nullable=False),
        sa.Column("unmodelled", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_runs.id"], name=op.f("fk_scenario_simulated_curves_run_id")),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_scenario_simulated_curves_curve_id")),
        sa.PrimaryKeyConstraint("run_id", "curve_id", name=op.f("pk_scenario_simulated_curves")),
        sa.UniqueConstraint("run_id", "curve_key", name=op.f("uq_scenario_simulated_curves_run_id_curve_key")),
    )


def downgrade() -> None:
    for table in ("scenario_simulated_curves", "scenario_simulations"):
        op.drop_table(table)
