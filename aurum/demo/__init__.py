"""Workbooks that look like the vendors' and hold invented prices: for demonstrations and for tests.

The layouts and the names of hubs and products are the vendors'; the numbers are drawn from a seed. Everything
is a function of its arguments: the same as-of and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from aurum.demo.eugp import GAS, eugp_workbook
from aurum.demo.prices import DEFAULT_SEED
from aurum.demo.pw import pw_workbook
from aurum.demo.rp import rp_workbook
from aurum.demo.simple import simple_workbook
from aurum.demo.tenors import months_from
from aurum.demo.workbooks import VendorWorkbook

__all__ = [
    "DEFAULT_SEED",
    "VendorWorkbook",
    "business_days",
    "demo_week",
    "eugp_workbook",
    "pw_workbook",
    "rp_workbook",
    "simple_workbook",
]

VENDORS: tuple[Callable[..., VendorWorkbook], ...] = (
    eugp_workbook,
    rp_workbook,
    pw_workbook,
    simple_workbook,
)
_CORRECTED_DAY, _SLIPPED_DAY = 2, 3
_CORRECTION_TIME = time(7, 40, tzinfo=UTC)


def demo_week(ending: date, *, seed: int = DEFAULT_SEED) -> Iterator[VendorWorkbook]:
    """Five business days of all vendors, in the order of publication; the last is `ending` or just before it.

    The TTF gas of the third day was wrong in one month: the vendor publishes it again the next morning. On the fourth
    day two prices of UKA are slips: one is no number, the other far off its bid and ask.
    """
    for number, as_of in enumerate(business_days(ending, 5)):
        for workbook in VENDORS:
            made = workbook(as_of, seed=seed)
            if number == _SLIPPED_DAY and made.vendor == "EUGP":
                _slip(made)
            yield made
        if number == _CORRECTED_DAY:
            yield _correction(as_of, seed)


def business_days(ending: date, count: int) -> list[date]:
    """The last `count` Mondays to Fridays up to a date, oldest first. Holidays are not left out."""
    days = (ending - timedelta(days=back) for back in range(2 * count + 2))
    return [day for day in days if day.weekday() < 5][:count][::-1]


def _slip(workbook: VendorWorkbook) -> None:
    mids, (unread, wrong) = "Fixed Prices - Mid", ("AX16", "AX20")
    price = workbook.cell(mids, wrong)
    workbook.put(mids, unread, "n/a")
    workbook.put(mids, wrong, price * 10 if isinstance(price, float) else None)


def _correction(as_of: date, seed: int) -> VendorWorkbook:
    published_at = datetime.combine(as_of + timedelta(days=1), _CORRECTION_TIME)
    next_month = months_from(as_of, 2)[1]
    changes = {("Dutch_TTF", GAS, next_month): 1.25}
    return eugp_workbook(as_of, seed=seed, published_at=published_at, changes=changes)
