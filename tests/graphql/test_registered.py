"""Operations read from files, and what is said of those that cannot be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from aurum.graphql.registered import OperationInvalid, Registered, judged_id, named, read
from aurum.schema import create_schema
from aurum.settings import GraphQLSettings

TEXT = "query Desk { viewer { name } }\n"
HASH = hashlib.sha256(TEXT.encode()).hexdigest()


def written(folder: Path, **files: str | bytes | object) -> Path:
    """Files by their names, with `__` for a folder and `_` for a dot."""
    for name, content in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_files_of_a_folder_have_their_path_as_id(tmp_path: Path) -> None:
    folder = written(
        tmp_path, desk_graphql=TEXT, boards__gas_gql=TEXT + "#", readme_md="not one", a_json={"x": "{ a }"}
    )
    found = read([folder])
    assert [(each.id, each.document) for each in found] == [
        ("x", "{ a }"), ("boards.gas", TEXT + "#"), ("desk", TEXT),
    ]  # fmt: skip
    assert [(each.id, each.document) for each in read([folder / "desk.graphql"])] == [("desk", TEXT)]


def test_manifests_of_clients_tools_are_read(tmp_path: Path) -> None:
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1,
              "operations": [{"id": HASH, "name": "Desk", "type": "query", "body": TEXT}]}  # fmt: skip
    folder = written(tmp_path, apollo_json=apollo, relay_json={"0f3a" * 8: TEXT}, codegen_json={f"sha256:{HASH}": TEXT})
    found = [read([folder / f"{name}.json"])[0] for name in ("apollo", "relay", "codegen")]
    assert [(each.id, each.document) for each in found] == [
        (HASH, TEXT), ("0f3a" * 8, TEXT), (f"sha256:{HASH}", TEXT),
    ]  # fmt: skip
    assert [each.digest for each in found] == [HASH] * 3


def test_each_is_found_by_its_id_and_by_its_hash() -> None:
    found = named([Registered("desk", TEXT), Registered("board", TEXT), Registered("other", "{ a }")])
    assert {id_: each.id for id_, each in found.items()} == {
        "desk": "desk", "board": "board", "other": "other", f"sha256:{HASH}": "desk",
        f"sha256:{hashlib.sha256(b'{ a }').hexdigest()}": "other",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.graphql", b"query A {\n  viewer \xff }", "a.graphql:2: this is not UTF-8"),
        ("a b.graphql", TEXT, "a b.graphql: 'a b' is no id of a document"),
        ("a.txt", TEXT, "a.txt: neither a .graphql file"),
        ("a.json", '{\n"a": }', "a.json:2: this is not JSON"),
        ("a.json", "[]", "a.json: a manifest is an object"),
        ("a.json", '{"a": 5}', "a.json: a manifest is an object"),
        ("a.json", '{"format": "other", "version": 1, "operations": []}', "version 1 of apollo-persisted"),
        ("a.json", '{"format": "apollo-persisted-query-manifest", "version": 2}', "version 1 of apollo-persisted"),
        ("a.json", '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}',
         "a.json: operation 1 has no `id` and `body`"),
        ("a.json", json.dumps({"a:b": TEXT}), "a.json, 'a:b': 'a:b' is no id"),
        ("a.json", json.dumps({"sha256:" + "0" * 64: TEXT}), "another hash than its id says"),
        ("a.json", json.dumps({"a": "{ nonsense }", "b": TEXT}), "a.json, 'a':1: Cannot query field 'nonsense'"),
        ("a.graphql", "query A {\n  viewer {\n    name\n    salary\n  }\n}", "graphql:4: Cannot query field 'salary'"),
        ("a.graphql", "query A {\n  viewer {", "a.graphql:2: Syntax Error"),
        ("a.graphql", "fragment F on Viewer { name }", "a.graphql:1: Fragment 'F' is never used."),
        ("a.graphql", "{ " + "__typename " * 51 + "}", "a.graphql:1: the operation has more than 50 fields"),
        ("a.graphql", "", "a.graphql:1: Syntax Error"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered_is_told_with_its_file_and_line(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(OperationInvalid) as error:
        create_schema(GraphQLSettings()).register(read([tmp_path / name]))
    assert said in error.value.message
    assert str(tmp_path) in error.value.message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperationInvalid, match=r"nowhere\.graphql: No such file"):
        read([tmp_path / "nowhere.graphql"])


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    folder = written(tmp_path, a_graphql="{ a }", b_graphql="{ b c }", c_graphql=TEXT)
    with pytest.raises(OperationInvalid) as error:
        create_schema(GraphQLSettings()).register(read([folder]))
    assert [line.split(": ")[0] for line in error.value.message.splitlines()] == [
        f"{folder}/a.graphql:1", f"{folder}/b.graphql:1", f"{folder}/b.graphql:1",
    ]  # fmt: skip


def test_one_id_with_two_documents_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, a_graphql=TEXT, a_json={"a": TEXT + " "})
    with pytest.raises(
        OperationInvalid, match=r"a\.json, 'a': the id 'a' is that of another document|another document"
    ):
        create_schema(GraphQLSettings()).register(read([folder]))


@pytest.mark.parametrize("id_", ["a", "A-b.c_d~9", "x-desk:board", f"sha256:{HASH}", "0" * 256])
def test_ids_are_those_of_graphql_over_http(id_: str) -> None:
    assert judged_id(id_, TEXT) == id_


@pytest.mark.parametrize(
    "id_",
    ["", "a b", "ä", "a/b", "desk:board", "x-:b", "x-a:b:c", "sha256:", f"sha256:{HASH.upper()}", "a\n", "0" * 257],
)
def test_other_ids_are_refused(id_: str) -> None:
    with pytest.raises(OperationInvalid):
        judged_id(id_, TEXT)
