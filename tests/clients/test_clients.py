"""The tools and clients that others use, on the printed schema and on a running server.

What they need of npm is installed into this folder; what they need of Python into environments of their own, since
each wants a graphql-core of its own, and only under `make clients`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import (
    build_client_schema,
    build_schema,
    get_introspection_query,
    lexicographic_sort_schema,
    print_schema,
)

from tests.installing import installed_node, installed_python, or_skip
from tests.pages import operations_of
from tests.served import served, with_prices

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
MADE = FOLDER / "generated"
PROGRAMS = FOLDER / "node_modules" / ".bin"
DOCUMENTS = ["aurum/rest/documents/*.graphql", "tests/clients/documents/*.graphql"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def ran(*command: str | Path, folder: Path = FOLDER, **environment: str) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env={**os.environ, "NO_COLOR": "1", **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def npm() -> None:
    """The packages of the lock. Everything that is made goes below `generated/`, anew each time."""
    or_skip(lambda: installed_node(FOLDER))
    shutil.rmtree(MADE, ignore_errors=True)
    for each in ("relay", "examples"):
        (MADE / each).mkdir(parents=True)
    shutil.copy(ROOT / "schema.graphql", MADE)


def python_of(name: str) -> Path:
    """The Python of an environment with what `python/NAME.lock` says."""
    if not os.environ.get("AURUM_CLIENTS"):
        pytest.skip(f"`make clients` installs what {name} needs")
    return or_skip(lambda: installed_python(FOLDER / "python" / f"{name}.lock"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path) -> Iterator[str]:
    """The address of a real one, with EUGP's file of 12 February."""
    home = tmp_path_factory.mktemp("clients")
    with_prices(home, migrated_sqlite_file)
    with served(home) as url:
        yield url


def tellable() -> str:
    """The printed schema without what introspection cannot tell: the directives of fields, which are about costs."""
    return print_schema(build_schema((ROOT / "schema.graphql").read_text()))


def judge(output: str) -> None:
    """What each client answers to the query and the subscription of `documents/`."""
    answer = json.loads(output.splitlines()[-1])
    assert (answer["name"], answer["asOf"]) == ("TTF (Dutch) gas", "2025-02-12")
    assert len(answer["mids"]) == 4
    assert all(isinstance(mid, float) for mid in answer["mids"])
    event = answer["event"]
    assert (event["asOf"], event["restated"], event["snapshot"]["version"]) == ("2025-02-12", False, 1)
    assert event["curve"]["key"].startswith("eugp:")
    assert event["cursor"].isdecimal()


def test_a_typescript_client_is_generated_compiled_and_answered(npm: None, server: str) -> None:
    ran(PROGRAMS / "graphql-codegen", "--config", "codegen.json")
    ran(PROGRAMS / "relay-compiler")
    ran(PROGRAMS / "tsc", "--project", ".")
    judge(ran("node", "generated/built/typescript/ask.js", server))
    judge_relay(server)


def judge_relay(server: str) -> None:
    """A page, the one behind it, and an object that is fetched again: as the compiler has written the queries."""
    first = post(server, compiled("catalogueQuery"), count=1)["curves"]
    cursor = first["pageInfo"]["endCursor"]
    second = post(server, compiled("catalogueNextQuery"), count=1, cursor=cursor)["curves"]
    (old,), (new,) = first["edges"], second["edges"]
    assert old["cursor"] == cursor
    assert old["node"]["id"] != new["node"]["id"]
    node = post(server, compiled("catalogueCurveQuery"), id=new["node"]["id"])["node"]
    assert {**new["node"], **node} == new["node"]


def compiled(query: str) -> str:
    artifact = (MADE / "relay" / f"{query}.graphql.ts").read_text()
    (text,) = re.findall(r'^ *"text": (".*")$', artifact, re.MULTILINE)
    return str(json.loads(text))


def post(server: str, query: str, **variables: object) -> Any:
    answer = httpx.post(server, json={"query": query, "variables": variables}, timeout=30).json()
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def test_inspector_finds_the_documents_valid_and_the_server_as_printed(npm: None, server: str) -> None:
    said = ran(PROGRAMS / "graphql-inspector", "validate", "documents/*.graphql", "generated/schema.graphql")
    assert "All documents are valid" in said
    told = build_client_schema(post(server, get_introspection_query(specified_by_url=True, one_of=True)))
    (MADE / "told.graphql").write_text(print_schema(told))
    (MADE / "printed.graphql").write_text(tellable())
    said = ran(PROGRAMS / "graphql-inspector", "diff", "generated/printed.graphql", "generated/told.graphql")
    assert "No changes detected" in said


def test_the_schema_has_nothing_to_find(npm: None) -> None:
    ran(PROGRAMS / "graphql-schema-linter", ROOT / "schema.graphql")
    lint("schema.graphql")


def test_operations_of_the_house_and_of_the_docs_have_nothing_to_find(npm: None) -> None:
    assert examples() > 5
    lint(*DOCUMENTS, "tests/clients/generated/examples/*.graphql")


def lint(*files: str) -> None:
    ran(PROGRAMS / "eslint", "--config", FOLDER / "eslint.config.js", "--max-warnings", "0", *files, folder=ROOT)


def examples() -> int:
    """The operations that the docs show, a file each."""
    count = 0
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for text in operations_of(page):
            count += 1
            (MADE / "examples" / f"{page.stem}_{count}.graphql").write_text(text)
    return count


def test_a_python_client_is_generated_and_answered(server: str, tmp_path: Path) -> None:
    python = python_of("ariadne")
    shutil.copytree(FOLDER / "documents", tmp_path / "documents")
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    ran(python.with_name("ariadne-codegen"), "--config", FOLDER / "python" / "ariadne.toml", "client", folder=tmp_path)
    ran(python, "-m", "compileall", "-q", tmp_path / "aurum_client")
    judge(ran(python, FOLDER / "python" / "ask_ariadne.py", server, PYTHONPATH=str(tmp_path)))


def test_gql_reads_the_printed_schema_and_the_servers(server: str) -> None:
    python = python_of("gql")
    said = ran(python, FOLDER / "python" / "ask_gql.py", server)
    judge(said)
    told, printed = (
        print_schema(lexicographic_sort_schema(build_schema(each))) for each in (json.loads(said)["schema"], tellable())
    )
    assert told == printed
