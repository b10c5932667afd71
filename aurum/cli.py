"""aurum: the commands."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from aurum.errors import AurumError, InvalidInput, Unavailable
from aurum.exporting import export, writing
from aurum.market.counts import counted
from aurum.registering import app as operations

if TYPE_CHECKING:
    from aurum.auth import Principal
    from aurum.ingestion.model import Run
    from aurum.services import Services
    from aurum.settings import Settings

COLLECTED_AFTER = (20_000, 20, 50)  # objects, and collections of younger ones: an answer leaves no cycles
app = typer.Typer(no_args_is_help=True, add_completion=False, help="Forward curves: served, ingested, kept.")
app.add_typer(operations, name="operations")
app.command()(export)
console = Console()
errors = Console(stderr=True)

AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", formats=["%Y-%m-%d"], help="Where a file does not tell its own as-of date."),
]
Vendor = Annotated[str | None, typer.Option(help="Where a file's name does not tell its vendor.")]


def main() -> None:
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        app()
    except AurumError as error:
        _say(errors, "error", "red", f"{error.code}: {error.message}", error.hint)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _say(errors, "error", "red", f"{error.filename}: {error.strerror}", "AURUM_HOME says where everything is kept.")
        sys.exit(1)
    except ValueError as error:
        if not _of_settings(error):
            raise
        sys.exit(1)


def _of_settings(error: ValueError) -> bool:
    """Whether it is about them; then it is said."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    if isinstance(error, ValidationError):
        for wrong in error.errors():
            name = "AURUM_" + ("__".join(map(str, wrong["loc"])).upper() or "*")
            told = wrong["msg"].removeprefix("Value error, ")
            _say(errors, "error", "red", f"{name}: {told}", "aurum/settings.py says what can be set.")
    elif isinstance(error, SettingsError):
        _say(errors, "error", "red", f"AURUM_*: {error}", """A list is written as JSON: '["one", "two"]'.""")
    return isinstance(error, (ValidationError, SettingsError))


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="`head`, `base` or an older revision.")] = "head",
) -> None:
    """Bring the configured database to a revision."""
    from aurum.backends import database
    from aurum.settings import Settings

    url = Settings().database_url
    database.migrate(url, revision)
    state = "up to date" if revision == "head" else f"at {revision}"
    console.print(f"The database is {state}: {database.place(url)}", highlight=False, soft_wrap=True)


@app.command()
def schema(
    write: Annotated[bool, typer.Option(help="Write schema.graphql.")] = False,
    check: Annotated[bool, typer.Option(help="Fail if schema.graphql is not what the code says.")] = False,
    file: Annotated[Path, typer.Option(help="The printed schema.")] = Path("schema.graphql"),
) -> None:
    """Print the GraphQL schema."""
    from aurum.schema import printed

    text = printed()
    if check:
        if not file.exists() or file.read_text() != text:
            errors.print(f"{file} is not what the code says: run `make schema` and commit it.")
            raise typer.Exit(1)
    elif write:
        file.write_text(text)
    else:
        sys.stdout.write(text)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Default: AURUM_SERVER__HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Default: AURUM_SERVER__PORT, else 8000.")] = None,
) -> None:
    """Serve GraphQL and REST."""
    import uvicorn

    from aurum.app import create_app
    from aurum.serving import connections
    from aurum.settings import Settings
    from aurum.telemetry import configure_logging
    from aurum.up import free_port

    settings = Settings()
    if host is not None:  # which decides what is shown of the schema, too
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"host": host})})
    port = settings.server.port if port is None else port
    with ExitStack() as held:  # uvicorn would find out when all else is running, and not say what to do
        free_port(held, settings.server.host, port, "AURUM_SERVER__PORT")
    configure_logging(settings.log_level)
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # what is there now stays: the collector need not look at it, 0.1 s each time, while it serves
    uvicorn.run(
        app,
        host=settings.server.host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        **connections(settings),
    )


@app.command()
def worker() -> None:
    """Execute queued runs of scenarios until Ctrl-C, in AURUM_SCENARIOS__PROCESSES processes."""
    from aurum.backends.database import place
    from aurum.settings import Settings
    from aurum.telemetry import configure_logging
    from aurum.working import worker

    settings = Settings()
    configure_logging(settings.log_level)
    what = f"queued runs of scenarios of {place(settings.database_url)} in {settings.scenarios.processes} processes"
    console.print(f"Computes {what}, until Ctrl-C.", highlight=False, soft_wrap=True)
    asyncio.run(worker(settings))


@app.command()
def up(
    with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="A demo week where there are no curves.")] = True,
    with_prefect: Annotated[bool, typer.Option("--prefect/--no-prefect", help="Else the API does the runs.")] = True,
) -> None:
    """Run everything on this machine until Ctrl-C: the API, Prefect with its flows, the drop folder."""
    from aurum.ingestion.model import RunState
    from aurum.settings import Settings
    from aurum.up import up

    settings = Settings()

    async def prepare() -> None:
        loaded: list[Run] = []
        if with_demo:
            await _demo(settings, _yesterday(), if_empty=True, tell=loaded.append)
        for run in loaded:
            if run.state is RunState.FAILED:
                _tell(run)
        if loaded:
            console.print(f"[dim]a week of demo workbooks: {len(loaded)} files[/dim]", highlight=False)

    asyncio.run(up(settings, console, prefect=with_prefect, prepare=prepare))


@app.command()
def ingest(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=True, help="Workbooks, or folders: all below them, oldest first."),
    ],
    as_of: AsOf = None,
    vendor: Vendor = None,
) -> None:
    """Load workbooks, each as a whole or not at all. Exits with 1 if one is refused."""
    from aurum.ingestion.selection import workbooks_below

    paths = [each for path in files for each in (workbooks_below(path) if path.is_dir() else [path])]
    if not paths:
        raise InvalidInput("no workbooks found", hint="Give files, or folders with .xlsx files.")
    failed = asyncio.run(_ingest(paths, as_of.date() if as_of else None, vendor))
    raise typer.Exit(1 if failed else 0)


async def _ingest(paths: list[Path], as_of: date | None, vendor: str | None) -> int:
    """How many were not loaded."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from aurum.auth import local_principal
    from aurum.services import open_services
    from aurum.settings import Settings

    settings = Settings()
    failed = 0
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console,
        transient=True,
    )  # fmt: skip
    async with open_services(settings) as services:
        principal = local_principal(settings.auth, "command line")
        with bar:
            task = bar.add_task("loading", total=len(paths))
            for path in paths:
                bar.update(task, description=path.name)
                failed += not await _ingest_one(services, principal, path, as_of, vendor)
                bar.advance(task)
    return failed


async def _ingest_one(
    services: Services, principal: Principal, path: Path, as_of: date | None, vendor: str | None
) -> bool:
    from aurum.ingestion.model import RunState
    from aurum.ingestion.service import Submission

    try:
        data = await asyncio.to_thread(path.read_bytes)
        submission = Submission(data, path.name, "command line", vendor, as_of)
        run = await services.ingestion.ingest(principal, submission)
    except Unavailable as error:
        _say(errors, "put off", "red", f"{path.name}: {error.code}: {error.message}", error.hint)
        return False
    except AurumError as error:
        _say(errors, "refused", "red", f"{path.name}: {error.code}: {error.message}", error.hint)
        return False
    except OSError as error:
        _say(errors, "refused", "red", f"{path}: {error.strerror or 'cannot be read'}")
        return False
    _tell(run)
    return run.state in (RunState.SUCCEEDED, RunState.UNCHANGED)


def _tell(run: Run) -> None:
    from aurum.ingestion.model import RunState

    counts = run.counts
    if not run.state.final or run.state is RunState.CANCELLED:
        _say(errors, run.state.lower(), "yellow", f"{run.file_name} (run {run.id}): {run.error or 'it has not ended'}")
    elif run.state is RunState.FAILED:
        _say(errors, "refused", "red", f"{run.file_name} (run {run.id}): {run.error_code}: {run.error}", run.hint)
    elif run.state is RunState.UNCHANGED:
        _say(
            console,
            "known",
            "dim",
            f"{run.file_name} (run {run.id}): the same bytes were loaded by run {run.repeats}, as of {run.as_of}",
        )
    else:
        _say(
            console,
            "loaded",
            "green",
            f"{run.file_name} (run {run.id}): {run.vendor} as of {run.as_of}: {counted(counts.curves, 'curve')}, "
            f"{counted(counts.loaded, 'point')}; {counted(counts.new_curves, 'new curve')}, "
            f"{counted(counts.new_versions, 'new version')}, {counts.unchanged} unchanged, "
            f"{counted(counts.findings, 'finding')}",
            f"In quarantine: {counted(counts.withheld, 'point')}. `aurum findings {run.id}` says why."
            if counts.withheld
            else None,
        )


def _say(where: Console, word: str, style: str, text: str, hint: str | None = None) -> None:
    where.print(Text.assemble((f"{word:<9}", style), text), soft_wrap=True)
    if hint:
        where.print(Text(f"{'':<9}{hint}"), soft_wrap=True)


@app.command()
def findings(
    run: Annotated[int, typer.Argument(help="The number of an ingestion run, as `aurum ingest` prints it.")],
    annotated: Annotated[
        Path | None, typer.Option(help="Also save the workbook there, with every finding marked in its cells.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those of severity INFO too.")] = False,
) -> None:
    """Print what was found in a file, the worst first."""
    asyncio.run(_findings(run, annotated, everything))


async def _findings(run_id: int, annotated: Path | None, everything: bool) -> None:
    from aurum.auth import local_principal
    from aurum.parsers.model import Severity
    from aurum.services import open_services
    from aurum.settings import Settings

    settings = Settings()
    async with open_services(settings) as services:
        principal = local_principal(settings.auth, "command line")
        run = await services.ingestion.run(principal, run_id)
        noted = (await services.ingestion.findings(principal, [run_id])).get(run_id, [])
        saved = await services.ingestion.annotated(principal, run_id) if annotated else None
    _tell(run)
    colours = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
    for severity, colour in colours.items():
        found = [each.finding for each in noted if each.finding.severity is severity]
        if severity is not Severity.INFO or everything:
            for finding in found:
                _say(console, severity.lower(), colour, f"{finding.code}: {finding}")
    if annotated and saved:
        name, data = saved
        await asyncio.to_thread(_save, annotated, name, data)


def _save(where: Path, name: str, data: bytes) -> None:
    path = where / name if where.is_dir() else where
    with writing(path):
        path.write_bytes(data)
    _say(console, "saved", "green", str(path))


@app.command()
def demo(
    ending: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; default: yesterday.")
    ] = None,
    if_empty: Annotated[bool, typer.Option(help="Only where the database has no curves yet.")] = False,
    save: Annotated[Path | None, typer.Option(help="Also keep the workbooks in this folder.")] = None,
) -> None:
    """Generate a week of demo workbooks and load them."""
    from aurum.settings import Settings

    asyncio.run(_demo(Settings(), ending.date() if ending else _yesterday(), if_empty, save))


async def _demo(
    settings: Settings, ending: date, if_empty: bool, save: Path | None = None, tell: Callable[[Run], None] = _tell
) -> None:
    from rich.progress import track

    from aurum.auth import local_principal
    from aurum.demo import demo_week
    from aurum.ingestion.service import Submission
    from aurum.metadata.model import CurveFilter
    from aurum.services import open_services

    async with open_services(settings) as services:
        principal = local_principal(settings.auth, "demo")
        if if_empty and await services.metadata.count(principal, CurveFilter()):
            return
        for workbook in track(list(demo_week(ending)), "demo workbooks", console=console, transient=True):
            data = await asyncio.to_thread(workbook.to_bytes)
            if save:
                with writing(save):
                    await asyncio.to_thread(workbook.save, save)
            tell(await services.ingestion.ingest(principal, Submission(data, workbook.name, "demo")))


def _yesterday() -> date:
    """The last day whose prices can have been published."""
    return datetime.now(UTC).date() - timedelta(days=1)
