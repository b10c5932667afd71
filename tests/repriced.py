"""Files in which a price differs, and with it everything that hangs on it: quotes, strips, spreads."""

from __future__ import annotations

from datetime import date, datetime

from aurum.demo import eugp_workbook
from aurum.demo.workbooks import VendorWorkbook

TTF = ("Dutch_TTF", "NA")  # on two of the gas sheets, and a leg of most spark spreads
EUA = ("EUA", "EMISSIONS")  # on its own


def repriced(
    day: date, month: date, mid: float, *, curve: tuple[str, str] = TTF, months: int = 4,
    published_at: datetime | None = None,
) -> VendorWorkbook:  # fmt: skip
    """EUGP's file of a day with this mid, to the last bits, for a month of a curve."""
    moved = eugp_workbook(day, months=months, changes={(*curve, month): 1000.0})
    plain = eugp_workbook(day, months=months)
    sheet = "Fixed Prices - Mid"
    (was,) = [
        before
        for row, other in zip(plain.sheets[sheet], moved.sheets[sheet], strict=True)
        for before, after in zip(row, other, strict=True)
        if isinstance(before, float) and isinstance(after, float) and round(after - before) == 1000
    ]
    return eugp_workbook(day, months=months, published_at=published_at, changes={(*curve, month): mid - was})
