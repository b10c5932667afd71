"""Makes docs/excel/curves.xlsx: `python -m tests.exports.excel`."""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table, TableStyleInfo

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "excel"
ASK = (
    ("server", "http://127.0.0.1:8000"),
    ("curve", "eugp:eu/dutch_ttf/gas"),
    ("curve", None),
    ("vendor", None),
    ("as_of", None),
    ("as_of_from", None),
    ("as_of_to", None),
    ("known_at", None),
    ("tenor_type", "MONTH"),
    ("delivery_start", None),
    ("delivery_end", None),
    ("currency", None),
    ("unit", None),
)
_STEPS = (
    "Fill in the column Value of the sheet Ask. Add rows for other parameters; a parameter may stand in several rows.",
    "Data > Get Data > From Other Sources > Blank Query; in its window Home > Advanced Editor.",
    "Put the text of the sheet Query there in place of what there is: copy its column A. Done.",
    "Asked for credentials: Anonymous, for the server's address. Privacy level: Organizational.",
    "Close & Load To: a table. From then on Data > Refresh All asks again.",
    "For a report that stays as it is, fill in known_at (2025-02-12T22:15:00Z): Refresh brings the same numbers again.",
)


def workbook() -> Workbook:
    book = Workbook()
    ask = book.active
    assert ask is not None
    ask.title = "Ask"
    for row in (("Parameter", "Value"), *ASK):
        ask.append(row)
    table = Table(displayName="Ask", ref=f"A1:B{len(ASK) + 1}")
    table.tableStyleInfo = TableStyleInfo(name="TableStyleMedium2", showRowStripes=True)
    ask.add_table(table)
    ask.column_dimensions["A"].width, ask.column_dimensions["B"].width = 18, 44
    how, query = book.create_sheet("How to"), book.create_sheet("Query")
    for number, step in enumerate(_STEPS, 1):
        how.append([number, step])
    how.column_dimensions["B"].width = 110
    for line in (FOLDER / "curves.pq").read_text().splitlines():
        query.append([line])
    for cell in query["A"]:
        cell.font = Font(name="Consolas")
    query.column_dimensions["A"].width = 130
    return book


if __name__ == "__main__":
    workbook().save(FOLDER / "curves.xlsx")
