"""Registered operations: documents with an id, read from files that people or clients' tools have written.

A folder's `.graphql` files have their path as id, its folders joined with dots. A manifest says its ids itself:
Apollo's `persisted-query-manifest.json`, or an object from ids to documents, as Relay's compiler and graphql-codegen
write it. Each can also be asked for by `sha256:` and its hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurum.errors import InvalidInput

if TYPE_CHECKING:
    from graphql import GraphQLError

HASHED = "sha256:"
_IDS = re.compile(r"(x-[A-Za-z0-9._~-]+:)?[A-Za-z0-9._~-]+|sha256:[0-9a-f]{64}")  # by GraphQL over HTTP
_MOST_ID = 256
_SUFFIXES = (".graphql", ".gql")
_APOLLO = "apollo-persisted-query-manifest"


class OperationInvalid(InvalidInput):
    code = "OPERATION_INVALID"


@dataclass(frozen=True)
class Registered:
    """A document under an id. `where` it was read is for people."""

    id: str
    document: str
    where: str = ""

    @cached_property
    def digest(self) -> str:
        return digest_of(self.document)


def digest_of(document: str) -> str:
    """SHA-256 of the text, hexadecimal."""
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


def named(operations: Iterable[Registered]) -> dict[str, Registered]:
    """By their ids, and by their hashes. Raises OperationInvalid where one id has two documents."""
    found: dict[str, Registered] = {}
    for each in operations:
        first = found.setdefault(each.id, each)
        if first.document != each.document:
            raise OperationInvalid(f"{each.where}: the id {each.id!r} is that of another document, of {first.where}")
    for each in list(found.values()):
        found.setdefault(HASHED + each.digest, each)
    return found


def judged_id(id_: str, document: str) -> str:
    """The id as it is. Raises OperationInvalid where it is none, or the hash of another document."""
    if len(id_) > _MOST_ID or not _IDS.fullmatch(id_):
        hint = "Letters, digits and -._~ are allowed; or `sha256:` and the hash of the document."
        raise OperationInvalid(f"{id_[:100]!r} is no id of a document", hint=hint)
    if id_.startswith(HASHED) and id_ != HASHED + digest_of(document):
        raise OperationInvalid(f"the document has another hash than its id says: {HASHED}{digest_of(document)}")
    return id_


def told(errors: Sequence[GraphQLError]) -> Iterator[str]:
    """What is wrong with a document, each with its line where that is known."""
    for error in errors:
        line = f"{error.locations[0].line}: " if error.locations else ""
        yield f"{line}{error.message}"


def read(paths: Iterable[Path]) -> list[Registered]:
    """The operations of files and folders. Raises OperationInvalid where one cannot be read; none is validated."""
    return [operation for path in paths for operation in _read(path)]


def _read(path: Path) -> list[Registered]:
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.suffix in (*_SUFFIXES, ".json") and each.is_file())
        return [operation for file in files for operation in _of_file(file, file.relative_to(path))]
    return _of_file(path, Path(path.name))


def _of_file(file: Path, name: Path) -> list[Registered]:
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise OperationInvalid(f"{file}:{line}: this is not UTF-8") from error
    except OSError as error:
        raise OperationInvalid(f"{file}: {error.strerror or 'it cannot be read'}") from error
    if file.suffix == ".json":
        return [_judged(id_, document, f"{file}, {id_[:100]!r}") for id_, document in _of_manifest(file, text)]
    if file.suffix not in _SUFFIXES:
        raise OperationInvalid(f"{file}: neither a .graphql file, nor a manifest (.json), nor a folder of them")
    return [_judged(".".join(name.with_suffix("").parts), text, str(file))]


def _judged(id_: str, document: str, where: str) -> Registered:
    try:
        return Registered(judged_id(id_, document), document, where)
    except OperationInvalid as error:
        raise OperationInvalid(f"{where}: {error.message}", hint=error.hint) from error


def _of_manifest(file: Path, text: str) -> list[tuple[str, str]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise OperationInvalid(f"{file}:{error.lineno}: this is not JSON: {error.msg}") from error
    if isinstance(content, Mapping) and "format" in content:
        return _of_apollo(file, content)
    if not isinstance(content, Mapping) or not all(isinstance(each, str) for each in content.values()):
        raise OperationInvalid(f"{file}: a manifest is an object from ids to documents, or Apollo's")
    return list(content.items())


def _of_apollo(file: Path, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    operations = content.get("operations")
    if (content["format"], content.get("version")) != (_APOLLO, 1) or not isinstance(operations, list):
        raise OperationInvalid(f"{file}: of Apollo's manifests, version 1 of {_APOLLO} is read")
    for number, each in enumerate(operations):
        if not isinstance(each, Mapping) or not all(isinstance(each.get(name), str) for name in ("id", "body")):
            raise OperationInvalid(f"{file}: operation {number + 1} has no `id` and `body` that are texts")
    return [(each["id"], each["body"]) for each in operations]
