"""What a reading notes as it goes, and does not raise."""

from __future__ import annotations

from aurum.parsers.model import Finding, Severity

_WORST = (Severity.INFO, Severity.WARNING, Severity.ERROR)


class Findings:
    """Keeps the first findings of a file and counts the rest: a shifted sheet has one per cell."""

    def __init__(self, kept: int = 1_000) -> None:
        self._kept = kept
        self._findings: list[Finding] = []
        self._more = dict.fromkeys(Severity, 0)

    def error(
        self, code: str, message: str, sheet: str | None = None, *cells: str, curve_key: str | None = None
    ) -> None:
        self._add(Finding(code, Severity.ERROR, message, sheet, cells, curve_key))

    def warning(
        self, code: str, message: str, sheet: str | None = None, *cells: str, curve_key: str | None = None
    ) -> None:
        self._add(Finding(code, Severity.WARNING, message, sheet, cells, curve_key))

    def info(self, code: str, message: str, sheet: str | None = None, *cells: str) -> None:
        self._add(Finding(code, Severity.INFO, message, sheet, cells))

    @property
    def full(self) -> bool:
        return len(self._findings) >= self._kept

    def count(self, severity: Severity, more: int) -> None:
        """Findings that would not be kept, without the work of writing them."""
        self._more[severity] += more

    def _add(self, finding: Finding) -> None:
        if self.full:
            self.count(finding.severity, 1)
        else:
            self._findings.append(finding)

    def closed(self) -> tuple[Finding, ...]:
        """All that were kept, and one that counts the others, as severe as the worst of them."""
        if not any(self._more.values()):
            return tuple(self._findings)
        worst = max((severity for severity, count in self._more.items() if count), key=_WORST.index)
        counts = ", ".join(f"{count:,} {severity}" for severity, count in self._more.items() if count)
        return (*self._findings, Finding("MORE_FINDINGS", worst, f"and more that are not listed: {counts}"))
