"""Tables of prices. A snapshot is a vector: one row per curve, as-of date and version."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint, text

from aurum.backends.database import Id, Instant, Json, Text, tables

tenor_grids = Table(
    "tenor_grids",
    tables,
    Column("id", Id, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("tenors", Json, nullable=False),  # [[label, type, delivery start, delivery end], ...]
)

point_rows = Table(
    "point_rows",
    tables,
    Column("id", Id, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("rows", Json, nullable=False),  # {sheets: [name], sheet: [index], row: [number]}
)

_BLANK = text("points = withheld_points")
snapshots = Table(
    "snapshots",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("curve_id", ForeignKey("curves.id"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("revised_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("file_id", ForeignKey("source_files.id")),
    Column("digest", String(32), nullable=False),
    Column("grid_id", ForeignKey("tenor_grids.id"), nullable=False),
    Column("quoted", LargeBinary, nullable=False),  # a bit per tenor of the grid: whether it has any price
    Column("points", Integer, nullable=False),
    Column("mid", LargeBinary, nullable=False),  # float64, little-endian, one per tenor of the grid
    Column("bid", LargeBinary),
    Column("ask", LargeBinary),
    Column("mid_rows_id", ForeignKey("point_rows.id")),
    Column("mid_columns", Json),  # the column's letter on each sheet of point_rows
    Column("quote_rows_id", ForeignKey("point_rows.id")),
    Column("quote_columns", Json),
    Column("withheld_points", Integer, nullable=False, server_default="0"),
    Column("withheld", LargeBinary),  # a bit per tenor of the grid: whether it is in quarantine; null: none is
    Column("run_id", ForeignKey("ingestion_runs.id")),
    Column("author", Text),
    Column("reason", Text),
    UniqueConstraint("curve_id", "as_of", "version"),
    Index(None, "curve_id", "as_of", "published_at", "revised_at", "version"),
    Index(None, "tenant_id", "as_of", "curve_id"),  # a vendor's day is one range of it
    Index(None, "curve_id", "id"),  # what is in no history_blocks yet
    # The few that have no price at all: not to look for them in every row.
    Index(None, "curve_id", "as_of", postgresql_where=_BLANK, sqlite_where=_BLANK),
)

# Mids of snapshots side by side: of those of one publication that share a grid, of curves whose ids are in one part.
mid_blocks = Table(
    "mid_blocks",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("part", Id, nullable=False),  # 64 ids of curves: the id divided by it
    Column("lowest", Id, nullable=False),  # of the curves
    Column("highest", Id, nullable=False),
    Column("published_at", Instant, nullable=False),
    Column("revised_at", Instant, nullable=False),
    Column("grid_id", ForeignKey("tenor_grids.id"), nullable=False),
    Column("versions", LargeBinary, nullable=False),  # int64, little-endian: all curves, all snapshots, all versions
    Column("mid", LargeBinary, nullable=False),  # as snapshots have them, one after the other
    Column("withheld", LargeBinary),  # likewise, zeros where a snapshot has none; null: none has any
    Index(None, "tenant_id", "as_of", "part"),
)

# Snapshots of a curve that share a grid, turned by 90 degrees: of each tenor the prices of all versions, side by side.
history_blocks = Table(
    "history_blocks",
    tables,
    Column("id", Id, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("curve_id", ForeignKey("curves.id"), nullable=False),
    Column("grid_id", ForeignKey("tenor_grids.id"), nullable=False),
    Column("first_as_of", Date, nullable=False),
    Column("last_as_of", Date, nullable=False),
    Column("last_id", Id, nullable=False),  # of its snapshots; those of the curve before it are all in some block
    Column("count", Integer, nullable=False),
    Column("sides", Integer, nullable=False),  # 3: mid, bid, ask; 1: mid alone
    # int64, little-endian: as-of dates (days since 1970), versions, published, revised (microseconds), of all versions
    Column("versions", LargeBinary, nullable=False),
    Column("prices", LargeBinary, nullable=False),  # float64, little-endian: tenor by tenor, side by side, all versions
    Column("withheld", LargeBinary),  # as mid_blocks have it
    Index(None, "curve_id", "last_id"),
)

# How often a vendor's day has changed: what was read of it is kept until then.
vendor_days = Table(
    "vendor_days",
    tables,
    Column("tenant_id", String(64), primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("revision", Integer, nullable=False),
)

# A publication that says of a curve's day what was known already adds no version, but it did say so.
confirmations = Table(
    "confirmations",
    tables,
    Column("curve_id", ForeignKey("curves.id"), primary_key=True),
    Column("as_of", Date, primary_key=True),
    Column("published_at", Instant, primary_key=True),
    Column("revised_at", Instant, primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("file_id", ForeignKey("source_files.id")),
)
