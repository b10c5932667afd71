"""What operators read: in a word, in a line, on a page, in a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from aurum.errors import InvalidInput, NotFound, Unavailable
from aurum.ingestion.model import Counts, Noted, PointPrices, Quarantined, QuarantineState, Run, RunState
from aurum.parsers.model import Finding, Severity
from aurum.settings import ServerSettings
from flows.artifacts import annotated_of, report_of, rows_of, url_of
from flows.outcome import Outcome, Word, state_of, tags_of
from tests.flows.runs import LOADED

FILE = LOADED.file_name
SERVER = ServerSettings(public_url="https://aurum.example/")
HELD = replace(LOADED, counts=replace(LOADED.counts, loaded=11_481, withheld=2))
REFUSED = replace(
    LOADED, state=RunState.FAILED, vendor=None, as_of=None, counts=Counts(), error_code="NOT_A_WORKBOOK", error="no zip"
)
KNOWN = replace(LOADED, id=8, state=RunState.UNCHANGED, repeats=7, counts=Counts())
CANCELLED = replace(LOADED, state=RunState.CANCELLED, error_code="CANCELLED", error="cancelled by ann")


def outcome(run: Run) -> Outcome:
    return Outcome(run.file_name, run)


@pytest.mark.parametrize(
    ("told", "word", "line"),
    [
        (outcome(LOADED), Word.LOADED, f"run 7: {FILE}: loaded, EUGP as of 2025-02-12: 11,483 of 11,483 points, 83"),
        (outcome(HELD), Word.QUARANTINED, f"run 7: {FILE}: loaded, EUGP as of 2025-02-12: 11,481 of 11,483 points (2"),
        (outcome(REFUSED), Word.REFUSED, f"run 7: {FILE}: refused: NOT_A_WORKBOOK: no zip"),
        (outcome(KNOWN), Word.KNOWN, f"run 8: {FILE}: known: run 7 has loaded the same bytes"),
        (outcome(CANCELLED), Word.CANCELLED, f"run 7: {FILE}: cancelled: CANCELLED: cancelled by ann"),
        (Outcome("a.xlsx", error=NotFound("no file")), Word.MISSING, "a.xlsx: missing: no file"),
        (Outcome("a.xlsx", error=Unavailable("it is away")), Word.PUT_OFF, "a.xlsx: put off: it is away"),
        (Outcome("a.xlsx", error=InvalidInput("it is")), Word.REFUSED, "a.xlsx: refused: BAD_USER_INPUT: it is"),
    ],
)  # fmt: skip
def test_each_is_told_in_a_word_and_a_line(told: Outcome, word: Word, line: str) -> None:
    assert told.word is word
    assert told.line.startswith(line)


def test_a_flow_is_as_bad_as_the_worst_of_its_files() -> None:
    def became(*runs: Run) -> tuple[str, str | None]:
        state = state_of([outcome(run) for run in runs])
        return state.type.value, state.name

    assert became(LOADED, KNOWN) == ("COMPLETED", "Completed")
    assert became(LOADED, CANCELLED, HELD) == ("COMPLETED", "Quarantined")
    assert became(LOADED, HELD, REFUSED) == ("FAILED", "Failed")
    assert became(CANCELLED) == ("CANCELLED", "Cancelled")
    put_off = [outcome(LOADED), Outcome("a.xlsx", error=Unavailable("it is away"))]
    assert state_of(put_off).is_failed()


def test_the_worst_comes_first_and_many_are_counted() -> None:
    many = [outcome(run) for run in [*[LOADED] * 60, HELD, KNOWN, REFUSED]]
    counted, first, second, *_, last = str(state_of(many).message).splitlines()
    assert counted == "63 files: 1 refused, 1 quarantined, 60 loaded, 1 known"
    assert "refused: NOT_A_WORKBOOK" in first
    assert "(2 in quarantine)" in second
    assert last == "and 13 more"


def test_a_flow_run_is_found_by_what_is_read_or_by_what_the_name_says() -> None:
    assert outcome(REFUSED).name == f"EUGP 2025-02-12 {FILE} (#7)"
    assert tags_of([outcome(REFUSED)]) == {"EUGP", "2025-02-12", "run-7", "refused"}
    assert tags_of([outcome(HELD)]) == {"EUGP", "2025-02-12", "run-7", "quarantined"}
    assert tags_of([Outcome("a.xlsx", error=NotFound("no file"))]) == {"missing"}
    assert tags_of([outcome(replace(HELD, id=number)) for number in range(30)]) == {"EUGP", "quarantined"}


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (SERVER, "https://aurum.example/graphiql/"),
        (ServerSettings(), "http://127.0.0.1:8000/graphiql/"),
        (ServerSettings(host="0.0.0.0", port=81), "http://127.0.0.1:81/graphiql/"),
        (ServerSettings(host="::1", port=81), "http://[::1]:81/graphiql/"),
    ],
)
def test_links_lead_to_where_people_reach_the_server(server: ServerSettings, url: str) -> None:
    assert url_of(server, "graphiql/") == url


def test_only_what_was_read_has_an_annotated_workbook() -> None:
    url = annotated_of(SERVER, LOADED)
    assert url == "https://aurum.example/runs/SW5nZXN0aW9uUnVuOjc/annotated.xlsx"
    assert annotated_of(SERVER, KNOWN) == url  # of the run that has loaded it
    assert [annotated_of(SERVER, run) for run in (REFUSED, CANCELLED)] == [None, None]


def test_a_page_has_counts_quarantine_and_findings() -> None:
    point = Quarantined(
        1, 7, 3, "EUGP", date(2025, 2, 12), 4, "eugp:eu/dutch_ttf/gas", None, "NOT_A_NUMBER", "'n/a' is no number",
        "Fixed Prices - Mid", ("D12",), PointPrices(None, 41.1, 41.3), QuarantineState.OPEN,
    )  # fmt: skip
    cells = tuple(f"D{row}" for row in range(20, 60))
    found = [
        Finding("LATE", Severity.INFO, "late"),
        Finding("JUMP", Severity.ERROR, "too high", "Strips - Mid", cells, "eugp:eu/dutch_ttf/gas"),
    ]
    page = report_of(HELD, [Noted(finding, {}) for finding in found], [point], SERVER)
    assert page.startswith(
        f"# EUGP as of 2025-02-12: loaded, 2 in quarantine\n\n`{FILE}`, run 7, sent by ann (upload)\n"
    )
    assert "| 5 | 83 | 11,483 | 11,481 | 2 |" in page
    assert "## In quarantine: 2\n" in page
    assert "| 'n/a' is no number | Fixed Prices - Mid!D12 | eugp:eu/dutch_ttf/gas |  |  | 41.1 | 41.3 |" in page
    assert "and 1 more: the annotated workbook and Aurum have all of them" in page
    assert page.index("| error | too high | Strips - Mid!D20<br>D21<br>") < page.index("| info | late |")
    assert "<br>and 34 more | `JUMP` |" in page


def test_a_table_begins_with_what_needs_somebody() -> None:
    rows = rows_of([outcome(run) for run in (KNOWN, LOADED, HELD, REFUSED)], SERVER)
    link = "https://aurum.example/runs/SW5nZXN0aW9uUnVuOjc/annotated.xlsx"
    assert [row["result"] for row in rows] == [
        "refused", f"[quarantined]({link})", f"[loaded]({link})", f"[known]({link})"
    ]  # fmt: skip
    assert rows[0] == {
        "result": "refused", "vendor": "EUGP", "as of": "2025-02-12", "file": FILE, "points": "", "findings": "",
        "run": "7", "why": "NOT_A_WORKBOOK: no zip",
    }  # fmt: skip
