"""`python -m aurum.parsers.runner`: what it shows, what it writes, and when it fails."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from aurum.parsers.runner import COLUMNS, app
from tests.parsers.sheets import AS_OF, BIDASK, FEB, MAR, MID, PW_BIDASK, PW_MID, WEST, put, workbook

NAME = "EOD_PW_20250212_1430.xlsx"
HEADER = PW_MID[:6]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two good files, one of them with a point that has a quote and no mid."""
    (tmp_path / NAME).write_bytes(workbook({MID: PW_MID, BIDASK: PW_BIDASK}))
    quoted = [*HEADER, [None, FEB, "1 / 2"], [None, MAR, "3 / 4"]]
    half = workbook({MID: [*HEADER, [None, FEB, 1.5]], BIDASK: quoted})
    (tmp_path / "EOD_PW_20250213_1430.xlsx").write_bytes(half)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_table_says_what_is_in_each_file(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0, result.output
    first, second = (line for line in result.stdout.splitlines() if "EOD_PW" in line and "│" in line)
    assert [cell.strip() for cell in first.strip("│").split("│")] == [
        *(NAME, "PW", "2025-02-12", "2", "4", "4", "130.250000", "2 warning"),
    ]
    assert [cell.strip() for cell in second.strip("│").split("│")][3:7] == ["1", "2", "2", "1.500000"]
    assert f"{NAME}: WARNING MISSING_SHEET Strips - Mid: there is no sheet 'Strips - Mid'" in result.stdout


@pytest.mark.parametrize(
    "given", ["{0}", "{0}/EOD_PW_20250212_1430.xlsx {0}/EOD_PW_20250213_1430.xlsx", "{0}/EOD*.xlsx"]
)
def test_folders_files_and_patterns_are_put_one_behind_the_other(folder: Path, given: str) -> None:
    output = folder / "points.json"
    assert run(*given.format(folder).split(), "--output", output).exit_code == 0
    points = json.loads(output.read_bytes())
    assert len(points) == 4 + 2
    assert [list(point) for point in points] == [COLUMNS] * 6
    assert points[0] == {
        "curve": WEST,
        "tenor": "2025-02",
        "tenor_type": "MONTH",
        "delivery_start": "2025-02-01",
        "delivery_end": "2025-03-01",
        "mid": 45.5,
        "bid": 45.0,
        "ask": 46.0,
        "sheet": MID,
        "cell": "C7",
    }
    assert {name: points[-1][name] for name in ("tenor", "mid", "bid", "ask", "sheet", "cell")} == {
        "tenor": "2025-03",
        "mid": None,
        "bid": 3.0,
        "ask": 4.0,
        "sheet": BIDASK,
        "cell": "C8",
    }


def test_parquet_is_typed_and_null_where_nothing_is_quoted(folder: Path) -> None:
    output = folder / "points.parquet"
    result = run(folder, "--output", output)
    assert (result.exit_code, "wrote 6 points of 2 files" in result.stdout) == (0, True)
    table = pq.read_table(output)
    assert table.schema.names == COLUMNS
    assert [table.schema.field(name).type for name in ("delivery_start", "mid", "cell")] == [
        pa.date32(),
        pa.float64(),
        pa.string(),
    ]
    assert table["mid"].to_pylist() == [45.5, 41.25, 47.0, -3.5, 1.5, None]
    assert table["delivery_end"].to_pylist()[0] == date(2025, 3, 1)


def test_csv_leaves_empty_what_is_not_quoted(folder: Path) -> None:
    output = folder / "points.CSV"
    assert run(folder / "EOD_PW_20250213_1430.xlsx", "--output", output).exit_code == 0
    with output.open(newline="") as file:
        header, *points = csv.reader(file)
    assert header == COLUMNS
    assert [point[5:] for point in points] == [["1.5", "1", "2", MID, "C7"], ["", "3", "4", BIDASK, "C8"]]


def test_refused_files_are_named_and_the_others_go_on(folder: Path) -> None:
    (folder / "EOD_PW_20250214_1430.xlsx").write_bytes(b"no zip")
    dated = workbook({MID: [["Date:", AS_OF], *PW_MID]})
    (folder / "EOD_PW_20250217_1430.xlsx").write_bytes(dated)
    result = run(folder, folder / "none.xlsx", "--output", folder / "points.csv")
    assert result.exit_code == 1
    assert "wrote 6 points of 2 files" in result.stdout
    refused, _, disagreeing, missing = result.stderr.splitlines()
    assert "EOD_PW_20250214_1430.xlsx: refused, NOT_A_WORKBOOK" in refused
    assert f"EOD_PW_20250217_1430.xlsx: refused, AS_OF_MISMATCH '{MID}' B1" in disagreeing
    assert "none.xlsx: cannot be read: No such file" in missing


def test_errors_in_a_file_are_shown_and_fail(folder: Path) -> None:
    (folder / NAME).write_bytes(workbook({MID: put(PW_MID, "C8", "n/a")}))
    result = run(folder / NAME)
    assert result.exit_code == 1
    assert f"{NAME}: ERROR NOT_A_NUMBER {MID}!C8: 'n/a' stands where a number is due" in result.stdout


def test_as_of_and_vendor_may_be_said(folder: Path) -> None:
    plain = folder / "prices.xlsx"
    plain.write_bytes(workbook({MID: PW_MID}))
    unknown = run(plain)
    assert (unknown.exit_code, "UNKNOWN_VENDOR" in unknown.stderr, "--vendor" in unknown.stderr) == (1, True, True)
    undated = run(plain, "--vendor", "pw")
    assert (undated.exit_code, "MISSING_AS_OF" in undated.stderr, "--as-of" in undated.stderr) == (1, True, True)
    assert run(plain, "--vendor", "pw", "--as-of", "2025-02-12").exit_code == 0


def test_wrong_usage_is_told_before_anything_is_read(folder: Path) -> None:
    assert run().exit_code == 2
    assert run(folder, "--as-of", "12/02/2025").exit_code == 2
    assert run(folder, "--output", folder / "points.xlsx").exit_code == 2


def test_it_is_a_module_that_runs(folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "aurum.parsers.runner", str(folder / NAME)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert result.returncode == 0, result.stderr
    assert "130.250000" in result.stdout
