"""aurum export: prices to a file, without a server."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from aurum.errors import InvalidInput
from aurum.exports.model import ExportFormat
from aurum.market.counts import counted

if TYPE_CHECKING:
    from aurum.exports.model import Selection

Texts = list[str] | None
_NAMED_ALIKE = (
    "as_of", "known_at", "tenor_type", "delivery_start", "delivery_end", "currency", "unit", "scenario_run",
    "compare_run",
)  # fmt: skip
_OPTIONS = {name: f"--{name.replace('_', '-')}" for name in _NAMED_ALIKE} | {
    "as_of_from": "--from", "as_of_to": "--to", "asOf": "--from … --to",
    "delivery": "--delivery-start … --delivery-end",
}  # fmt: skip


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; it is there whole or not at all.")],
    curve: Annotated[Texts, typer.Option(help="A curve's key; may be repeated. Default: all that fit.")] = None,
    vendor: Annotated[Texts, typer.Option(help="May be repeated.")] = None,
    where: Annotated[
        Texts, typer.Option(help="Any other parameter of /exports.csv, such as `market=EU`; may be repeated.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="The newest as-of date up to this one. Default: the newest.")
    ] = None,
    as_of_from: Annotated[str | None, typer.Option("--from", help="Every as-of date from this one on.")] = None,
    as_of_to: Annotated[str | None, typer.Option("--to", help="Every as-of date up to this one.")] = None,
    known_at: Annotated[str | None, typer.Option(help="As it was known at this instant. Default: now.")] = None,
    tenor_type: Annotated[Texts, typer.Option(help="MONTH, QUARTER, SEASON, CALENDAR, BALANCE.")] = None,
    delivery_start: Annotated[str | None, typer.Option(help="Deliveries from this day on.")] = None,
    delivery_end: Annotated[str | None, typer.Option(help="Deliveries that end by this day, without it.")] = None,
    currency: Annotated[str | None, typer.Option(help="What prices shall be in. Default: as they are.")] = None,
    unit: Annotated[str | None, typer.Option(help="What prices shall be per. Default: as they are.")] = None,
    scenario_run: Annotated[str | None, typer.Option(help="As this run of a scenario has them: its id.")] = None,
    compare_run: Annotated[Texts, typer.Option(help="Runs beside each other: their ids; may be repeated.")] = None,
    format_: Annotated[
        ExportFormat | None, typer.Option("--format", help="Default: what the file's name ends in.")
    ] = None,
) -> None:
    """Write prices to a file: CSV, Excel workbook, Parquet or Arrow stream."""
    from aurum.exports.selections import parse

    given: dict[str, str | Texts] = {
        "curve": curve, "vendor": vendor, "as_of": as_of, "as_of_from": as_of_from, "as_of_to": as_of_to,
        "known_at": known_at, "tenor_type": tenor_type, "delivery_start": delivery_start, "delivery_end": delivery_end,
        "currency": currency, "unit": unit, "scenario_run": scenario_run, "compare_run": compare_run,
    }  # fmt: skip
    pairs = [(name, text) for name, texts in given.items() for text in _listed(texts)]
    pairs += [_pair(each) for each in where or ()]
    with _as_options():
        asyncio.run(_export(parse(pairs), format_ or _format_of(output), output))


@contextmanager
def _as_options() -> Iterator[None]:
    """What is refused is told by the name of its option, not by those that a request has."""
    try:
        yield
    except InvalidInput as error:
        name = str(error.details.get("field"))
        told = error.message.replace(name, _OPTIONS.get(name, name), 1)
        raise type(error)(told, hint=error.hint, **error.details) from None


def _listed(texts: str | Texts) -> list[str]:
    return [texts] if isinstance(texts, str) else texts or []


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"--where {text} has no `=`", hint="Say --where name=value, such as --where market=EU.")
    return name, value


def _format_of(output: Path) -> ExportFormat:
    try:
        return ExportFormat(output.suffix[1:].lower())
    except ValueError:
        endings = ", ".join(ExportFormat)
        raise InvalidInput(f"{output.name} does not tell its format", hint=f"Say --format: {endings}.") from None


async def _export(selection: Selection, format_: ExportFormat, output: Path) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from aurum.auth import local_principal
    from aurum.exports.selections import instant_text
    from aurum.services import open_services
    from aurum.settings import Settings

    settings, console = Settings(), Console()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    async with open_services(settings) as services:
        principal = local_principal(settings.auth, "command line")
        plan = await services.exports.plan(principal, selection, format_)
        with _whole(output) as file, bar:
            task = bar.add_task("exporting", total=plan.rows)
            async with aclosing(services.exports.steps(principal, plan, format_, file)) as steps:
                async for done in steps:
                    bar.update(task, completed=done)
    known = instant_text(plan.known_at)
    console.print(
        f"{output}: {counted(plan.rows, 'point')} of {counted(plan.curve_count, 'curve')}, known at {known}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip


@contextmanager
def _whole(output: Path) -> Iterator[IO[bytes]]:
    """The file, which is in its place once everything is written."""
    mask = os.umask(0o077)  # which cannot be asked for without setting it
    os.umask(mask)
    with _beside(output) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o666 & ~mask)
            Path(file.name).replace(output)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _beside(output: Path) -> IO[bytes]:
    with writing(output):
        if output.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        return tempfile.NamedTemporaryFile(dir=output.parent, prefix=".export-", delete=False)


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Raises InvalidInput where a file that was asked for cannot be written there."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}") from None
