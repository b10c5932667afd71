"""Every key that a run of a scenario was asked for with, also where the run was there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Json, Text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COPY = (
    "INSERT INTO scenario_run_keys (tenant_id, idempotency_key, run_id, asked) "
    "SELECT tenant_id, idempotency_key, id, asked FROM scenario_runs WHERE idempotency_key IS NOT NULL"
)
_BACK = (
    "UPDATE scenario_runs SET asked = (SELECT k.asked FROM scenario_run_keys AS k WHERE k.run_id = scenario_runs.id "
    "AND k.idempotency_key = scenario_runs.idempotency_key) WHERE idempotency_key IS NOT NULL"
)


def upgrade() -> None:
    op.create_table(
        "scenario_run_keys",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", Text, nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("asked", Json, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["scenario_runs.id"], name=op.f("fk_scenario_run_keys_run_id")),
        sa.PrimaryKeyConstraint("tenant_id", "idempotency_key", name=op.f("pk_scenario_run_keys")),
    )
    op.execute(_COPY)
    op.drop_column("scenario_runs", "asked")


def downgrade() -> None:
    op.add_column("scenario_runs", sa.Column("asked", Json, server_default="{}", nullable=False))
    op.execute(_BACK)
    op.drop_table("scenario_run_keys")
