"""Where curves are, as Aurum ships it and as a tenant says; and which series of other systems they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aurum.backends.database import Instant, Text
from aurum.market.identity import CurveIdentity
from aurum.market.locations import LocationAliases
from aurum.metadata.reference.locations import location_aliases

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("curves", sa.Column("location_key", Text))
    op.create_index(op.f("ix_curves_tenant_id_location_key"), "curves", ["tenant_id", "location_key"])
    _versions(
        "location_aliases",
        ["vendor", "iso", "market", "product", "text_folded"],
        sa.Column("text", Text, nullable=False),
        sa.Column("location", Text),
    )
    _versions(
        "series_mappings",
        ["source", "series"],
        sa.Column("curve_key", Text),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("method", Text, nullable=False),
    )
    op.create_index(op.f("ix_series_mappings_tenant_id_curve_key"), "series_mappings", ["tenant_id", "curve_key"])
    _link()


def downgrade() -> None:
    op.drop_table("series_mappings")
    op.drop_table("location_aliases")
    op.drop_index(op.f("ix_curves_tenant_id_location_key"), "curves")
    op.drop_column("curves", "location_key")


def _versions(table: str, of: list[str], *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        *(sa.Column(name, Text, nullable=False) for name in of),
        sa.Column("version", sa.Integer(), nullable=False),
        *columns,
        sa.Column("author", Text, nullable=False),
        sa.Column("reason", Text, nullable=False),
        sa.Column("known_from", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", *of, "version", name=op.f(f"pk_{table}")),
    )


def _link() -> None:
    aliases, connection = LocationAliases(location_aliases()), op.get_bind()
    names = ("vendor", "market", "location", "product", "iso")
    curves = sa.table("curves", sa.column("id"), sa.column("location_key"), *map(sa.column, names))
    found = [
        {"row": row.id, "linked": alias.location}
        for row in connection.execute(sa.select(curves)).all()
        if (alias := aliases.of(CurveIdentity(**{name: getattr(row, name) for name in names}))) and alias.location
    ]
    if found:
        link = sa.update(curves).where(curves.c.id == sa.bindparam("row"))
        connection.execute(link.values(location_key=sa.bindparam("linked")), found)
