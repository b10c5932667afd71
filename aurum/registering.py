"""aurum operations: register, list, retire and check the operations of clients."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from aurum.graphql.execution import Schema
    from aurum.graphql.registered import Registered

app = typer.Typer(no_args_is_help=True, help="Registered operations: what clients ask for by its id.")
console = Console(soft_wrap=True, highlight=False)
Files = Annotated[
    list[Path],
    typer.Argument(exists=True, dir_okay=True, help="`.graphql` files, manifests (.json), or folders of them."),
]


@app.command()
def register(files: Files) -> None:
    """Register operations for the clients of the tenant: all of them, or none."""
    schema, found = _read(files)
    asyncio.run(_register(schema, found))


@app.command()
def check(files: Files) -> None:
    """Say whether operations are valid with this schema and these limits, and register none."""
    _, found = _read(files)
    console.print(f"Valid operations: {len(found)}.")


@app.command("list")
def list_() -> None:
    """List what the tenant has registered, and when each was last used."""
    asyncio.run(_list())


@app.command()
def retire(operation: Annotated[str, typer.Argument(metavar="ID", help="As `list` prints it.")]) -> None:
    """Have an operation executed no more."""
    asyncio.run(_retire(operation))


def _read(files: list[Path]) -> tuple[Schema, list[Registered]]:
    """Raises OperationInvalid for what cannot be read, is not valid, or says two things under one id."""
    from aurum.errors import InvalidInput
    from aurum.graphql.registered import read
    from aurum.schema import create_schema
    from aurum.settings import Settings

    schema, found = create_schema(Settings().graphql), read(files)
    if not found:
        raise InvalidInput("no operations found", hint="Give `.graphql` files, manifests, or folders of them.")
    schema.register(found)
    return schema, found


async def _register(schema: Schema, found: list[Registered]) -> None:
    from aurum.auth import local_principal
    from aurum.services import open_services
    from aurum.settings import Settings

    settings = Settings()
    async with open_services(settings) as services:
        principal = local_principal(settings.auth, "command line")
        given = [(each.id, each.document) for each in found]
        for each in await services.operations.register(principal, given, schema.wrong, {}):
            console.print(Text(each.id))


async def _list() -> None:
    from aurum.auth import local_principal
    from aurum.services import open_services
    from aurum.settings import Settings

    settings = Settings()
    async with open_services(settings) as services:
        found, used = await services.operations.listed(local_principal(settings.auth, "command line"))
    for each in found:
        last = used.get(each.id)
        told = [f"registered {each.registered_at:%Y-%m-%d %H:%M} by {each.registered_by}"]
        told.append(f"last used {last:%Y-%m-%d %H:%M}" if last else "never used")
        told += [f"retired {each.retired_at:%Y-%m-%d %H:%M}"] if each.retired_at else []
        console.print(Text.assemble(each.id, (f"  {', '.join(told)} (UTC)", "dim")))


async def _retire(id_: str) -> None:
    from aurum.auth import local_principal
    from aurum.services import open_services
    from aurum.settings import Settings

    settings = Settings()
    async with open_services(settings) as services:
        await services.operations.retire(local_principal(settings.auth, "command line"), id_)
    console.print(Text(f"{id_} is retired."))
