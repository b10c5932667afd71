"""GraphQL multipart requests: `operations`, then `map`, then the files that it puts into the variables, as they come.

Whatever can be refused is refused before what follows is read. The files are temporary ones without a name, which are
gone when the request has been answered, or has broken off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from aurum.graphql.requests import Asked, BadRequest, TooLarge, asked_for, decoded, judge_encoding
from aurum.market.counts import counted
from aurum.settings import GraphQLSettings

_MOST_NAME = 255
_ORDER = "`operations`, then `map`, then the files: see the GraphQL multipart request specification."
_FORCING = ("x-graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name", "authorization")
_OF_BROWSERS = ("origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode")


class PreflightRequired(BadRequest):
    code = "PREFLIGHT_REQUIRED"


class PartsOutOfOrder(BadRequest):
    code = "PARTS_OUT_OF_ORDER"


class FileMissing(BadRequest):
    code = "FILE_MISSING"


class FileUnexpected(BadRequest):
    code = "FILE_UNEXPECTED"


class FileTooLarge(TooLarge):
    code = "FILE_TOO_LARGE"


class TooManyFiles(TooLarge):
    code = "TOO_MANY_FILES"


class Uploaded(UploadFile):
    """A file in one place of the variables; it is read from its start in each of them."""

    def __init__(self, source: UploadFile, lock: asyncio.Lock) -> None:
        super().__init__(source.file, size=source.size, filename=_base_name(source.filename), headers=source.headers)
        self._lock = lock
        self._place = 0

    async def read(self, size: int = -1) -> bytes:
        async with self._lock:
            await super().seek(self._place)
            found = await super().read(size)
            self._place += len(found)
        return found

    async def seek(self, offset: int) -> None:
        self._place = offset


@asynccontextmanager
async def uploaded(request: Request, settings: GraphQLSettings, max_file: int) -> AsyncIterator[Asked]:
    """What is asked for, with files of at most `max_file` bytes in its variables, until the block is left.

    Raises PreflightRequired for what a page of another site could have sent, UnsupportedMediaType where the body is
    compressed; what is wrong with the parts as the errors above, BadRequest and TooLarge.
    """
    _judge_sender(request.headers, request.url.scheme)
    judge_encoding(request.headers)
    async with aclosing(request.stream()) as stream:
        parts = _Parts(Headers(scope=request.scope), stream, settings, max_file)
        try:
            await parts.parse()
        except (MultiPartException, KeyError, ValueError) as error:
            raise BadRequest("the parts of the body cannot be read") from error
    async with AsyncExitStack() as stack:
        for file in parts.files.values():
            stack.push_async_callback(file.close)
        yield parts.asked_with_files()


def _judge_sender(headers: Mapping[str, str], scheme: str) -> None:
    """A page of another site may have a browser post a form, with all that the browser is trusted for.

    It may not set a header without asking first, and no browser posts without telling that it is one.
    """
    if any(headers.get(name) for name in _FORCING) or headers.get("sec-fetch-site") == "same-origin":
        return
    own = headers.get("origin") == f"{scheme}://{headers.get('host')}" and "sec-fetch-site" not in headers
    if not own and any(name in headers for name in _OF_BROWSERS):
        hint = "Send the header `x-graphql-require-preflight: 1` with it."
        raise PreflightRequired("a multipart request of another page has to be announced", hint=hint)


class _Parts(MultiPartParser):
    """Starlette's parser, which closes the files if an error ends it."""

    def __init__(self, headers: Headers, stream: Any, settings: GraphQLSettings, max_file: int) -> None:
        super().__init__(headers, stream, max_files=settings.max_files, max_fields=2)
        self.files: dict[str, UploadFile] = {}
        self._settings = settings
        self._max_text = settings.max_body_kib * 1024
        self._max_file = max_file
        self._asked: Asked | None = None
        self._places: dict[str, list[tuple[Any, Any]]] | None = None
        self._read = 0  # bytes of the current part
        self._ended = False

    def asked_with_files(self) -> Asked:
        if self._asked is None or self._places is None:
            raise BadRequest(f"the body has no part `{'map' if self._asked else 'operations'}`", hint=_ORDER)
        if not self._ended:
            raise BadRequest("the body breaks off: its last boundary is missing")
        for name, places in self._places.items():
            if name not in self.files:
                raise FileMissing(f"`map` names a file {name[:50]!r}, which was not sent")
            lock = asyncio.Lock()
            for holder, key in places:
                holder[key] = Uploaded(self.files[name], lock)
        return self._asked

    def on_end(self) -> None:
        self._ended = True

    def on_part_begin(self) -> None:
        super().on_part_begin()
        self._read = 0

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        name, file = self._current_part.field_name, self._current_part.file
        if file is not None:
            self._begin_file(name, file)
        elif self._asked is None and name == "map":
            raise PartsOutOfOrder("`map` comes before `operations`", hint=_ORDER)
        elif self._places is not None or name != ("operations" if self._asked is None else "map"):
            raise BadRequest(f"the part {name[:50]!r} is not due here, or is no file", hint=_ORDER)

    def _begin_file(self, name: str, file: UploadFile) -> None:
        if self._places is None:
            raise PartsOutOfOrder("a file comes before `operations` and `map`", hint=_ORDER)
        if name not in self._places or name in self.files:
            raise FileUnexpected(f"a file {name[:50]!r} is not named in `map`, or comes twice")
        self.files[name] = file

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            error = FileTooLarge(f"a file may have {self._max_file:,} bytes", file=self._current_part.field_name[:50])
            self._count(end - start, self._max_file, error)
            super().on_part_data(data, start, end)
        else:
            self._count(end - start, self._max_text, TooLarge(f"a text may have {self._max_text:,} bytes"))
            self._current_part.data.extend(data[start:end])

    def _count(self, more: int, most: int, error: Exception) -> None:
        self._read += more
        if self._read > most:
            raise error

    def on_part_end(self) -> None:
        super().on_part_end()
        if self._current_part.file is not None:
            return
        given = decoded(bytes(self._current_part.data), f"`{self._current_part.field_name}`")
        if self._asked is None:
            self._asked = asked_for(given, self._settings)
        else:
            self._places = self._placed(given, self._asked)

    def _placed(self, given: Any, asked: Asked) -> dict[str, list[tuple[Any, Any]]]:
        if not isinstance(given, dict):
            raise BadRequest("`map` has to be an object")
        if len(given) > self._settings.max_files:
            raise TooManyFiles(f"a request may have {counted(self._settings.max_files, 'file')}, not {len(given)}")
        if not all(isinstance(paths, list) for paths in given.values()):
            raise BadRequest("`map` has a list of places for each file")
        return {name: [_place(asked, path) for path in paths] for name, paths in given.items()}


def _place(asked: Asked, path: Any) -> tuple[Any, Any]:
    """Where in the variables a file belongs: object and name, or list and index. From then on it is taken."""
    first, *rest = path.split(".") if isinstance(path, str) else [""]
    holder: Any = asked.variables
    try:
        *above, last = rest
        for step in above:
            holder = holder[_key(holder, step)]
        key = _key(holder, last)
        if first == "variables" and holder[key] is None:
            holder[key] = ...
            return holder, key
    except (TypeError, LookupError, ValueError):
        pass
    raise BadRequest("`map` puts a file where the variables have no null", hint="Each place is used once.")


def _key(holder: Any, step: str) -> Any:
    return int(step) if isinstance(holder, list) and re.fullmatch("[0-9]{1,6}", step) else step


def _base_name(given: str | None) -> str:
    """What a client calls its file, without folders, and without characters that nobody sees."""
    name = "".join(filter(str.isprintable, re.split(r"[/\\]", given or "")[-1])).strip()[-_MOST_NAME:]
    return name if name.strip(".") else "unnamed"
