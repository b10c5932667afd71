"""A copy of a vendor's workbook that shows what was found in it, for people who open it in Excel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from openpyxl import Workbook

from aurum.errors import WorkbookRefused
from aurum.ingestion.annotated.editable import Editable, empty, open_editable
from aurum.ingestion.annotated.marks import Places, mark
from aurum.ingestion.annotated.sheet import Listed, add_findings_sheet
from aurum.market.counts import counted
from aurum.parsers.model import Finding, Severity

__all__ = ["annotate"]

_LISTED_FINDINGS = 50_000  # Excel opens no sheet with more than 65,530 links
_SEVERITIES = list(Severity)

Lines = Sequence[tuple[str, str]]


def annotate(data: bytes, name: str, about: Lines, findings: Sequence[Finding]) -> bytes:
    """The workbook with the findings as colours and comments of its cells, and listed on a first sheet.

    `about` are labels and values of the run, for that sheet. Of a file that cannot be copied the result is that sheet
    alone, and it says why. Blocks for seconds: callers run it on a thread.
    """
    findings = sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
    try:
        return _annotated(open_editable(data, name), name, about, findings)
    except WorkbookRefused as refusal:
        why = " ".join(filter(None, (f"{refusal.message}.", refusal.hint)))
    alone = empty()
    intro = f"What was found in {name}, whose sheets could not be copied."
    _add_findings(alone.book, intro, [*about, ("Not copied", why)], [(finding, None) for finding in findings])
    return alone.to_bytes()


def _annotated(opened: Editable, name: str, about: Lines, findings: Sequence[Finding]) -> bytes:
    places = Places(opened.book)
    of_findings = [places.of(finding) for finding in findings]
    left = mark(findings, of_findings)
    if left:
        about = [*about, ("Not coloured", f"{counted(left, 'more cell')}, of the last findings below")]
    links = [places.link(finding, found) for finding, found in zip(findings, of_findings, strict=True)]
    intro = f"A copy of {name} as it was read: values in place of formulas, no pictures, no charts."
    _add_findings(opened.book, intro, about, list(zip(findings, links, strict=True)))
    return opened.to_bytes()


def _add_findings(book: Workbook, intro: str, about: Lines, findings: Sequence[Listed]) -> None:
    """Adds their sheet, and opens the workbook at it.

    No other sheet stays selected: what is typed into one of several selected sheets goes into all of them.
    """
    if len(findings) > _LISTED_FINDINGS:
        about = [*about, ("Not listed", counted(len(findings) - _LISTED_FINDINGS, "more finding"))]
    counts = Counter(finding.severity for finding, _ in findings)
    first = add_findings_sheet(book, intro, about, counts, findings[:_LISTED_FINDINGS])
    for sheet in book.worksheets:
        for view in sheet.views.sheetView:
            view.tabSelected = sheet is first
    for window in book.views:
        window.firstSheet = 0
    book.active = first
