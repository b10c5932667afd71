"""Quarantine and its decisions, policies, missing files, who and what made a snapshot."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Json, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in _columns():
        # In the column itself: SQLite cannot add a constraint to a table that is there.
        op.add_column(table, column, inline_references=True)
    blank = sa.text("points = withheld_points")
    op.create_index(
        op.f("ix_snapshots_curve_id_as_of"), "snapshots", ["curve_id", "as_of"], postgresql_where=blank,
        sqlite_where=blank,
    )  # fmt: skip
    op.create_table(
        "vendor_days",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("vendor", Text, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "vendor", "as_of", name=op.f("pk_vendor_days")),
    )
    op.execute(
        "INSERT INTO vendor_days (tenant_id, vendor, as_of, revision) SELECT DISTINCT tenant_id, vendor, as_of, 1 "
        "FROM source_files WHERE published_at IS NOT NULL"
    )
    op.execute(_COUNTED[op.get_bind().dialect.name])
    op.create_table(
        "quarantine",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", Id, nullable=False),
        sa.Column("file_id", Id, nullable=False),
        sa.Column("vendor", Text, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("curve_id", Id, nullable=True),
        sa.Column("curve_key", Text, nullable=True),
        sa.Column("tenor", Text, nullable=True),
        sa.Column("tenor_type", Text, nullable=True),
        sa.Column("delivery_start", sa.Date(), nullable=True),
        sa.Column("delivery_end", sa.Date(), nullable=True),
        sa.Column("findings", Json, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("message", Text, nullable=False),
        sa.Column("sheet", Text, nullable=True),
        sa.Column("cells", Json, nullable=False),
        sa.Column("mid", sa.Float(), nullable=True),
        sa.Column("bid", sa.Float(), nullable=True),
        sa.Column("ask", sa.Float(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["ingestion_runs.id"], name=op.f("fk_quarantine_run_id")),
        sa.ForeignKeyConstraint(["file_id"], ["source_files.id"], name=op.f("fk_quarantine_file_id")),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_quarantine_curve_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index(op.f("ix_quarantine_tenant_id_state_id"), "quarantine", ["tenant_id", "state", "id"])
    op.create_index(op.f("ix_quarantine_tenant_id_vendor_as_of"), "quarantine", ["tenant_id", "vendor", "as_of"])
    op.create_index(op.f("ix_quarantine_run_id"), "quarantine", ["run_id"])
    op.create_table(
        "quarantine_decisions",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("quarantine_id", Id, nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("mid", sa.Float(), nullable=True),
        sa.Column("bid", sa.Float(), nullable=True),
        sa.Column("ask", sa.Float(), nullable=True),
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["quarantine_id"], ["quarantine.id"], name=op.f("fk_quarantine_decisions_quarantine_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine_decisions")),
    )
    op.create_index(op.f("ix_quarantine_decisions_quarantine_id_id"), "quarantine_decisions", ["quarantine_id", "id"])
    op.create_table(
        "ingestion_policies",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("known_from", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name=op.f("pk_ingestion_policies")),
    )
    op.create_table(
        "missing_files",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("vendor", Text, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("noticed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "vendor", "as_of", name=op.f("pk_missing_files")),
    )
    op.create_table(
        "event_readers",
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("held_until", Instant(), nullable=False),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("reader", "tenant_id", name=op.f("pk_event_readers")),
    )


def downgrade() -> None:
    op.execute("UPDATE ingestion_runs SET state = 'FAILED' WHERE state = 'CANCELLED'")
    for statement in _UNKNOWN[op.get_bind().dialect.name]:
        op.execute(statement)
    op.drop_index(op.f("ix_snapshots_curve_id_as_of"), "snapshots")
    op.drop_table("event_readers")
    for table in ("missing_files", "ingestion_policies", "quarantine_decisions", "quarantine", "vendor_days"):
        op.drop_table(table)
    for table, column in reversed(_columns()):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column.name)


_FOUND = "(SELECT count(*) FROM ingestion_findings f WHERE f.run_id = ingestion_runs.id AND f.severity = '{}')"
_ERRORS, _WARNINGS = _FOUND.format("ERROR"), _FOUND.format("WARNING")
# What runs of the older revision would have counted: all their points were loaded, or none.
_COUNTED = {
    "postgresql": "UPDATE ingestion_runs SET counts = counts || jsonb_build_object('loaded', CASE WHEN state = "  # noqa: S608
    f"'SUCCEEDED' THEN counts->'points' ELSE '0' END, 'withheld', 0, 'errors', {_ERRORS}, 'warnings', {_WARNINGS})",
    "sqlite": "UPDATE ingestion_runs SET counts = json_set(counts, '$.loaded', CASE WHEN state = 'SUCCEEDED' "  # noqa: S608
    "THEN json_extract(counts, '$.points') ELSE 0 END, '$.withheld', 0, "
    f"'$.errors', {_ERRORS}, '$.warnings', {_WARNINGS})",
}
# What the older revision's code cannot read.
_UNKNOWN = {
    "postgresql": (
        "UPDATE ingestion_runs SET counts = counts - ARRAY['loaded', 'withheld', 'errors', 'warnings']",
        "UPDATE events SET payload = payload || '{\"state\": \"FAILED\"}' WHERE payload->>'state' = 'CANCELLED'",
    ),
    "sqlite": (
        "UPDATE ingestion_runs SET counts = json_remove(counts, '$.loaded', '$.withheld', '$.errors', '$.warnings')",
        "UPDATE events SET payload = json_set(payload, '$.state', 'FAILED') "
        "WHERE json_extract(payload, '$.state') = 'CANCELLED'",
    ),
}


def _columns() -> list[tuple[str, sa.Column[Any]]]:
    return [
        ("ingestion_runs", sa.Column("retries", Id, _references("ingestion_runs", "fk_ingestion_runs_retries"))),
        ("ingestion_runs", sa.Column("stage", sa.String(length=16))),
        ("ingestion_runs", sa.Column("lost", sa.Integer(), nullable=False, server_default="0")),
        ("ingestion_runs", sa.Column("thresholds_version", sa.Integer())),
        ("ingestion_runs", sa.Column("drift_from", Id, _references("source_files", "fk_ingestion_runs_drift_from"))),
        ("ingestion_findings", sa.Column("points", Json)),
        ("snapshots", sa.Column("withheld_points", sa.Integer(), nullable=False, server_default="0")),
        ("snapshots", sa.Column("withheld", sa.LargeBinary())),
        ("snapshots", sa.Column("run_id", Id, _references("ingestion_runs", "fk_snapshots_run_id"))),
        ("snapshots", sa.Column("author", Text)),
        ("snapshots", sa.Column("reason", Text)),
    ]


def _references(table: str, name: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.id", name=op.f(name))
