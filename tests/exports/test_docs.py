"""What docs/exports.md says, done: addresses, Python, and as much of the Power Query as is possible without Excel."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import fromstring
from zipfile import ZipFile

import httpx
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from aurum.exports.frames import SCHEMA
from aurum.exports.selections import PARAMETERS
from tests.exports.excel import ASK, FOLDER, workbook
from tests.live_server import LiveServer, live_server

PAGE = (FOLDER.parent / "exports.md").read_text()
LOCAL = "http://127.0.0.1:8000"


@pytest.fixture
async def server(migrated_sqlite_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with live_server(migrated_sqlite_url, tmp_path) as opened:
        await opened.load(12)
        yield opened


async def test_addresses_and_lines_of_python_work(server: LiveServer) -> None:
    base = server.url.removesuffix("/graphql")
    addresses = re.findall(r"^curl -s '([^']+)'", PAGE, re.M)
    assert len(addresses) == 3
    async with httpx.AsyncClient() as client:
        for address in addresses:
            response = await client.get(address.replace(LOCAL, base))
            assert response.status_code == 200, response.text
            assert int(response.headers["x-aurum-points"]) > 0
    pandas, polars, frames = [await asyncio.to_thread(ran, code.replace(LOCAL, base)) for code in blocks("python")]
    assert pandas["curve_key"].unique().tolist() == polars["curve_key"].unique().to_list() == ["eugp:eu/dutch_ttf/gas"]
    assert pandas["mid"].tolist() == polars["mid"].to_list()
    assert (str(pandas["mid"].dtype), str(polars["delivery_start"].dtype)) == ("float64", "Date")
    assert len(frames) == 6
    for frame in frames:
        assert list(frame.columns) == SCHEMA.names
        assert list(frame["mid"]) == list(pandas["mid"])
    (mutation,) = blocks("graphql")
    async with httpx.AsyncClient() as client:
        made = (await client.post(server.url, json={"query": mutation})).json()["data"]["createExport"]
        assert made["problems"] == []
        query = f'{{ export(id: "{made["export"]["id"]}") {{ state url pointCount }} }}'
        export = await finished(client, server.url, query)
    read = await asyncio.to_thread(ran, f'import polars as pl\ncurves = pl.read_parquet("{base}{export["url"]}")')
    assert len(read) == export["pointCount"] > 0


async def test_commands_work(server: LiveServer, migrated_sqlite_url: str, tmp_path: Path) -> None:
    commands = [each for each in re.findall(r"^aurum (export .+)$", PAGE, re.M) if "-run " not in each]
    assert len(commands) == 2
    environment = {**os.environ, "AURUM_DATABASE__URL": migrated_sqlite_url}
    for each in commands:
        command = [sys.executable, "-m", "aurum", *shlex.split(each)]
        done = await asyncio.to_thread(subprocess.run, command, env=environment, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
    gas = pq.read_table(tmp_path / "gas.parquet").to_pydict()
    assert {*gas["curve_key"]} > {"eugp:eu/dutch_ttf/gas", "eugp:eu/french_peg/gas"}
    assert ({*gas["currency"]}, {*gas["unit"]}) == ({"EUR"}, {"MMBtu"})
    assert load_workbook(tmp_path / "ttf.xlsx").sheetnames == ["About", "Points"]


async def finished(client: httpx.AsyncClient, url: str, query: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            export = (await client.post(url, json={"query": query})).json()["data"]["export"]
            if export["url"] is not None:
                return export
            await asyncio.sleep(0.1)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def ran(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(code, names)
    return names["curves"]


def test_every_parameter_is_in_the_docs() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE[PAGE.index("## What is selected") : PAGE.index("## What is in a row")]))
    assert set(PARAMETERS) <= told


def test_the_workbook_is_the_one_that_is_made() -> None:
    kept, made = load_workbook(FOLDER / "curves.xlsx"), workbook()
    assert kept.sheetnames == made.sheetnames == ["Ask", "How to", "Query"]
    for name in kept.sheetnames:
        assert list(kept[name].values) == list(made[name].values), "run `python -m tests.exports.excel`"
    assert kept["Ask"].tables["Ask"].ref == f"A1:B{len(ASK) + 1}"
    assert [row[0] for row in kept["Query"].values] == (FOLDER / "curves.pq").read_text().splitlines()


def test_every_part_of_the_workbook_is_well_formed_and_named() -> None:
    """What makes Excel offer a repair: a part that is no XML or that nothing names, a table that is not its cells."""
    with ZipFile(FOLDER / "curves.xlsx") as book:
        parts = {name: fromstring(book.read(name)) for name in book.namelist()}
    types = {each.get("PartName", each.get("Extension")) for each in parts["[Content_Types].xml"]}
    assert {f"/{name}" for name in parts if not name.endswith((".rels", "Types].xml"))} <= types
    for name, of in parts.items():
        for each in of if name.endswith(".rels") else ():
            folder = PurePosixPath(name).parent.parent
            assert str(PurePosixPath("/") / folder / each.attrib["Target"])[1:] in parts
    columns = [each.get("name") for each in parts["xl/tables/table1.xml"].iter() if each.tag.endswith("}tableColumn")]
    assert columns == [cell.value for cell in load_workbook(FOLDER / "curves.xlsx")["Ask"][1]]


async def test_power_querys_question_is_answered_with_the_columns_that_it_types(server: LiveServer) -> None:
    sheet = load_workbook(FOLDER / "curves.xlsx")["Ask"]
    rows = [row for row in sheet.iter_rows(min_row=2, values_only=True) if row[1] is not None]
    assert {row[0] for row in ASK} <= {"server", *PARAMETERS}
    asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in rows if name != "server")
    async with httpx.AsyncClient() as client:
        response = await client.get(f"{server.url.removesuffix('/graphql')}/exports.csv?{asked}")
    header, *lines = csv.reader(io.StringIO(response.text))
    query = (FOLDER / "curves.pq").read_text()
    assert re.findall(r'\{"(\w+)", (?:type|Int64)', query) == header == SCHEMA.names
    assert {line[header.index("curve_key")] for line in lines} == {"eugp:eu/dutch_ttf/gas"}
    assert query.count("(") == query.count(")")
    assert query.count("{") == query.count("}")
