"""SIMPLE: one sheet of mids, labels in A with a colon, every header cell filled. Read as PW is, carrying nothing."""

from __future__ import annotations

from functools import partial

from aurum.parsers import pw
from aurum.parsers.layout import Layout, SheetRule

VENDOR = "SIMPLE"

SHEETS = (SheetRule("Fixed Prices - Mid"),)

LABELS = {label: name for label, name in pw.LABELS.items() if name != "leg"}

LAYOUTS = (
    Layout(
        vendor=VENDOR,
        sheets=SHEETS,
        labels=LABELS,
        describe=partial(pw.describe, vendor=VENDOR),
        foreign=pw.FOREIGN,
    ),
)
