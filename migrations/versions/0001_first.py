"""Curves, snapshots, files, runs, units and the event log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Id, Instant, Json, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "curves",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("legacy_key", sa.String(length=64), nullable=False),
        sa.Column("vendor", Text, nullable=False),
        sa.Column("iso", Text, nullable=True),
        sa.Column("market", Text, nullable=False),
        sa.Column("location", Text, nullable=False),
        sa.Column("product", Text, nullable=False),
        sa.Column("block", Text, nullable=True),
        sa.Column("measure", Text, nullable=False),
        sa.Column("leg", Text, nullable=True),
        sa.Column("identity_unit", Text, nullable=True),
        sa.Column("region", Text, nullable=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("asset_class", Text, nullable=False),
        sa.Column("commodity", Text, nullable=False),
        sa.Column("currency", Text, nullable=True),
        sa.Column("unit", Text, nullable=True),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("iso_folded", Text, nullable=True),
        sa.Column("market_folded", Text, nullable=False),
        sa.Column("location_folded", Text, nullable=False),
        sa.Column("product_folded", Text, nullable=False),
        sa.Column("block_folded", Text, nullable=True),
        sa.Column("region_folded", Text, nullable=True),
        sa.Column("search", Text, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_curves")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_curves_tenant_id_key")),
    )
    op.create_index(op.f("ix_curves_tenant_id_legacy_key"), "curves", ["tenant_id", "legacy_key"], unique=False)
    op.create_index(
        op.f("ix_curves_tenant_id_vendor_location_folded"),
        "curves",
        ["tenant_id", "vendor", "location_folded"],
        unique=False,
    )
    op.create_table(
        "event_heads",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_event_heads")),
    )
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "cursor", name=op.f("pk_events")),
    )
    op.create_table(
        "point_rows",
        sa.Column("id", Id, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("rows", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_rows")),
        sa.UniqueConstraint("digest", name=op.f("uq_point_rows_digest")),
    )
    op.create_table(
        "source_files",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("vendor", Text, nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("created_at", Instant(), nullable=True),
        sa.Column("modified_at", Instant(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_files")),
        sa.UniqueConstraint("tenant_id", "content_hash", name=op.f("uq_source_files_tenant_id_content_hash")),
    )
    op.create_index(
        op.f("ix_source_files_tenant_id_vendor_as_of"), "source_files", ["tenant_id", "vendor", "as_of"], unique=False
    )
    op.create_table(
        "tenor_grids",
        sa.Column("id", Id, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("tenors", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenor_grids")),
        sa.UniqueConstraint("digest", name=op.f("uq_tenor_grids_digest")),
    )
    op.create_table(
        "unit_mappings",
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("currency", Text, nullable=True),
        sa.Column("unit", Text, nullable=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("known_from", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "text", "version", name=op.f("pk_unit_mappings")),
    )
    op.create_table(
        "curve_units",
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("currency", Text, nullable=True),
        sa.Column("unit", Text, nullable=True),
        sa.Column("confidence", Text, nullable=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("note", Text, nullable=True),
        sa.Column("known_from", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_curve_units_curve_id")),
        sa.PrimaryKeyConstraint("curve_id", "version", name=op.f("pk_curve_units")),
    )
    op.create_table(
        "ingestion_runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("file_id", Id, nullable=False),
        sa.Column("file_name", Text, nullable=False),
        sa.Column("trigger", Text, nullable=False),
        sa.Column("requested_by", Text, nullable=False),
        sa.Column("requested_vendor", Text, nullable=True),
        sa.Column("requested_as_of", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("vendor", Text, nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("parser_version", Text, nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.Column("error_code", Text, nullable=True),
        sa.Column("error", Text, nullable=True),
        sa.Column("hint", Text, nullable=True),
        sa.Column("repeats", Id, nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["source_files.id"], name=op.f("fk_ingestion_runs_file_id")),
        sa.ForeignKeyConstraint(["repeats"], ["ingestion_runs.id"], name=op.f("fk_ingestion_runs_repeats")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingestion_runs")),
    )
    op.create_index(op.f("ix_ingestion_runs_file_id"), "ingestion_runs", ["file_id"], unique=False)
    op.create_index(
        op.f("ix_ingestion_runs_state_lease_expires_at"), "ingestion_runs", ["state", "lease_expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_ingestion_runs_tenant_id_created_at_id"),
        "ingestion_runs",
        ["tenant_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "confirmations",
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("revised_at", Instant(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("file_id", Id, nullable=True),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_confirmations_curve_id")),
        sa.ForeignKeyConstraint(["file_id"], ["source_files.id"], name=op.f("fk_confirmations_file_id")),
        sa.PrimaryKeyConstraint("curve_id", "as_of", "published_at", "revised_at", name=op.f("pk_confirmations")),
    )
    op.create_table(
        "snapshots",
        sa.Column("id", Id, nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("curve_id", Id, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.Column("revised_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("file_id", Id, nullable=True),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("grid_id", Id, nullable=False),
        sa.Column("quoted", sa.LargeBinary(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("mid", sa.LargeBinary(), nullable=False),
        sa.Column("bid", sa.LargeBinary(), nullable=True),
        sa.Column("ask", sa.LargeBinary(), nullable=True),
        sa.Column("mid_rows_id", Id, nullable=True),
        sa.Column("mid_columns", Json, nullable=True),
        sa.Column("quote_rows_id", Id, nullable=True),
        sa.Column("quote_columns", Json, nullable=True),
        sa.ForeignKeyConstraint(["curve_id"], ["curves.id"], name=op.f("fk_snapshots_curve_id")),
        sa.ForeignKeyConstraint(["file_id"], ["source_files.id"], name=op.f("fk_snapshots_file_id")),
        sa.ForeignKeyConstraint(["grid_id"], ["tenor_grids.id"], name=op.f("fk_snapshots_grid_id")),
        sa.ForeignKeyConstraint(["mid_rows_id"], ["point_rows.id"], name=op.f("fk_snapshots_mid_rows_id")),
        sa.ForeignKeyConstraint(["quote_rows_id"], ["point_rows.id"], name=op.f("fk_snapshots_quote_rows_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("curve_id", "as_of", "version", name=op.f("uq_snapshots_curve_id_as_of_version")),
    )
    op.create_index(
        op.f("ix_snapshots_curve_id_as_of_published_at_revised_at_version"),
        "snapshots",
        ["curve_id", "as_of", "published_at", "revised_at", "version"],
        unique=False,
    )
    op.create_index(op.f("ix_snapshots_tenant_id_as_of"), "snapshots", ["tenant_id", "as_of"], unique=False)
    op.create_table(
        "ingestion_findings",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("message", Text, nullable=False),
        sa.Column("sheet", Text, nullable=True),
        sa.Column("cells", Json, nullable=False),
        sa.Column("curve_key", Text, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["ingestion_runs.id"], name=op.f("fk_ingestion_findings_run_id")),
        sa.PrimaryKeyConstraint("run_id", "place", name=op.f("pk_ingestion_findings")),
    )


def downgrade() -> None:
    op.drop_table("ingestion_findings")
    op.drop_table("confirmations")
    op.drop_index(op.f("ix_snapshots_tenant_id_as_of"), table_name="snapshots")
    op.drop_index(op.f("ix_snapshots_curve_id_as_of_published_at_revised_at_version"), table_name="snapshots")
    op.drop_table("snapshots")
    op.drop_index(op.f("ix_ingestion_runs_tenant_id_created_at_id"), table_name="ingestion_runs")
    op.drop_index(op.f("ix_ingestion_runs_state_lease_expires_at"), table_name="ingestion_runs")
    op.drop_index(op.f("ix_ingestion_runs_file_id"), table_name="ingestion_runs")
    op.drop_table("ingestion_runs")
    op.drop_table("curve_units")
    op.drop_table("unit_mappings")
    op.drop_table("tenor_grids")
    op.drop_index(op.f("ix_source_files_tenant_id_vendor_as_of"), table_name="source_files")
    op.drop_table("source_files")
    op.drop_table("point_rows")
    op.drop_table("events")
    op.drop_table("event_heads")
    op.drop_index(op.f("ix_curves_tenant_id_vendor_location_folded"), table_name="curves")
    op.drop_index(op.f("ix_curves_tenant_id_legacy_key"), table_name="curves")
    op.drop_table("curves")
