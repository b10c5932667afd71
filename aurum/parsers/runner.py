"""Parse workbooks and show or write what is in them, without loading: `python -m aurum.parsers.runner FILES`."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import orjson
import typer
from rich.console import Console
from rich.table import Table

from aurum.errors import WorkbookRefused
from aurum.market.counts import counted
from aurum.parsers.model import ParsedCurve, ParsedWorkbook, Prices, Severity
from aurum.parsers.reader import parse

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ["curve", "tenor", "tenor_type", "delivery_start", "delivery_end", "mid", "bid", "ask", "sheet", "cell"]
_WIDTH = 160  # where the output is no terminal

app = typer.Typer(add_completion=False)


@app.command()
def main(
    files: Annotated[list[str], typer.Argument(help="Workbooks, folders of them, or patterns such as 'in/*.xlsx'.")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The as-of date, if the file does not say it.")
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="PW, EUGP, RP or SIMPLE, if the name does not say it.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write a row per point to this .parquet, .csv or .json file.")
    ] = None,
) -> None:
    """Parse workbooks and show what is in them, or write it to a file. Nothing is loaded.

    The exit code is 1 if a file was refused or has errors.
    """
    console, errors = _console(), _console(stderr=True)
    write = _writer(output) if output else None
    parsed: list[ParsedWorkbook] = []
    failed = False
    for path in _paths(files):
        try:
            name = path.name
            parsed.append(parse(path.read_bytes(), name, as_of=as_of.date() if as_of else None, vendor=vendor))
        except WorkbookRefused as refusal:
            failed = True
            errors.print(_refusal(path, refusal))
        except OSError as error:
            failed = True
            errors.print(f"{path}: cannot be read: {error.strerror or error}")
    if write and output and parsed:
        write(points_table(parsed), output)
        points = sum(book.points for book in parsed)
        console.print(f"wrote {counted(points, 'point')} of {counted(len(parsed), 'file')} to {output}")
    elif parsed:
        console.print(_summary(parsed))
    for book in parsed:
        for finding in book.findings:
            failed = failed or finding.severity is Severity.ERROR
            console.print(f"{book.file}: {finding.severity} {finding.code} {finding}")
    raise typer.Exit(1 if failed else 0)


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def _paths(files: Iterable[str]) -> Iterator[Path]:
    """The files named, those of a folder, and those that a pattern matches; a name that matches none stays."""
    for file in files:
        path = Path(file)
        if path.is_dir():
            yield from sorted(path.glob("*.xlsx"))
        elif path.exists():
            yield path
        else:
            yield from map(Path, sorted(glob.glob(file)) or [file])  # noqa: PTH207 (Path.glob takes no absolute ones)


# ------------------------------------------------------------------------------------------------- shown


def _summary(parsed: list[ParsedWorkbook]) -> Table:
    table = Table()
    table.add_column("file", no_wrap=True)
    for name in ("vendor", "as of"):
        table.add_column(name)
    for name in ("curves", "points", "with bid/ask", "sum of mids"):
        table.add_column(name, justify="right")
    table.add_column("findings")
    for book in parsed:
        quoted = sum(int(np.isfinite(curve.bid).sum()) for curve in book.curves if curve.bid is not None)
        mids = sum(float(np.nansum(curve.mid)) for curve in book.curves)
        counts = Counter(finding.severity for finding in book.findings)
        found = ", ".join(f"{counts[severity]} {severity.lower()}" for severity in Severity if counts[severity])
        numbers = (f"{len(book.curves):,}", f"{book.points:,}", f"{quoted:,}", f"{mids:,.6f}")
        table.add_row(book.file, book.vendor, book.as_of.isoformat(), *numbers, found or "none")
    return table


def _refusal(path: Path, refusal: WorkbookRefused) -> str:
    sheet, cell = refusal.details.get("sheet"), refusal.details.get("cell")
    where = " ".join(filter(None, (sheet and f"{sheet!r}", cell)))
    lines = [f"{path}: refused, {refusal.code}{' ' if where else ''}{where}: {refusal.message}"]
    return "\n  ".join([*lines, *([refusal.hint] if refusal.hint else [])])


# ------------------------------------------------------------------------------------------------- written


def points_table(parsed: Iterable[ParsedWorkbook]) -> pa.Table:
    """A row per point of all workbooks, in typed columns; null where nothing is quoted."""
    import pyarrow as pa  # a quarter of a second that only --output pays

    schema = pa.schema(
        [(name, pa.date32() if name.startswith("delivery") else pa.string()) for name in COLUMNS[:5]]
        + [(name, pa.float64()) for name in ("mid", "bid", "ask")]
        + [(name, pa.string()) for name in ("sheet", "cell")]
    )
    curves = [curve for book in parsed for curve in book.curves]
    tenors = [tenor for curve in curves for tenor in curve.tenors]
    cells = [cell for curve in curves for cell in _addresses(curve)]
    columns = [
        [key for curve in curves for key in [curve.identity.key] * len(curve.tenors)],
        [tenor.label for tenor in tenors],
        [tenor.type.value for tenor in tenors],
        [tenor.period.start for tenor in tenors],
        [tenor.period.end for tenor in tenors],
        *(
            pa.array(
                np.concatenate([np.empty(0), *(_filled(side(curve), curve) for curve in curves)]), from_pandas=True
            )
            for side in _SIDES
        ),
        [sheet for sheet, _ in cells],
        [cell for _, cell in cells],
    ]
    return pa.table(columns, schema=schema)


_SIDES: tuple[Callable[[ParsedCurve], Prices | None], ...] = (
    lambda curve: curve.mid,
    lambda curve: curve.bid,
    lambda curve: curve.ask,
)


def _filled(values: Prices | None, curve: ParsedCurve) -> Prices:
    return np.full(len(curve.tenors), np.nan) if values is None else values


def _addresses(curve: ParsedCurve) -> Iterator[tuple[str, str]]:
    """Sheet and cell of each point's mid, or of its quote where there is no mid."""
    for point in range(len(curve.tenors)):
        mid = curve.mid_cells.address(point)
        address = mid or (curve.quote_cells.address(point) if curve.quote_cells else None) or ""
        sheet, _, cell = address.rpartition("!")
        yield sheet, cell


def _writer(output: Path) -> Callable[[pa.Table, Path], None]:
    writers = {".parquet": _write_parquet, ".csv": _write_csv, ".json": _write_json}
    if output.suffix.lower() not in writers:
        raise typer.BadParameter(f"{output} ends in none of {', '.join(writers)}", param_hint="--output")
    return writers[output.suffix.lower()]


def _write_parquet(points: pa.Table, output: Path) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(points, output)


def _write_csv(points: pa.Table, output: Path) -> None:
    import pyarrow.csv

    pyarrow.csv.write_csv(points, output)


def _write_json(points: pa.Table, output: Path) -> None:
    output.write_bytes(orjson.dumps(points.to_pylist(), option=orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    app()
