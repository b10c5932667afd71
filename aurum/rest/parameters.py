"""What a request may ask for: models whose fields are the query parameters, with their defaults and bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from starlette.datastructures import QueryParams

from aurum.market.identity import fold
from aurum.rest.problems import Problem

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(text: Any) -> Any:
    if not isinstance(text, str) or not DAY.fullmatch(text):
        raise PydanticCustomError("date_parsing", "Input should be a valid date: YYYY-MM-DD")
    return text


Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str | None, AfterValidator(lambda text: fold(text) or None)]
"""Matched trimmed, with single blanks and in any case."""


class Parameters(BaseModel):
    """Those that `controls` does not name are filters: a cursor carries them."""

    model_config = ConfigDict(frozen=True)
    controls: ClassVar[frozenset[str]] = frozenset({"format"})

    @classmethod
    def read(cls, query: QueryParams, path: Mapping[str, str]) -> Self:
        """Unknown parameters are ignored, empty ones count as not sent; anything wrong is a Problem."""
        try:
            return cls.model_validate({name: value for name, value in query.items() if value != ""} | dict(path))
        except ValidationError as error:
            raise refusal(error, "query") from None

    @property
    def filters(self) -> dict[str, Any]:
        """What was sent of them, as JSON has it."""
        sent = self.model_fields_set - self.controls
        return self.model_dump(mode="json", include=sent, exclude_none=True)

    def with_filters(self, filters: dict[str, Any]) -> Self:
        """With those of a cursor where the request sends none."""
        return self.model_validate(filters | self.model_dump(mode="json", exclude_unset=True, exclude_none=True))


class Paged(Parameters):
    """Of a list. Subclasses declare the bounds of `limit`; more than `largest_page` are never answered."""

    controls = Parameters.controls | {"limit", "cursor", "since_cursor", "prev_cursor", "offset"}
    largest_page: ClassVar[int] = 500

    limit: int
    cursor: str | None = None
    since_cursor: str | None = None
    offset: Annotated[int, Field(ge=0, lt=2**31)] | None = None

    @property
    def token(self) -> tuple[str | None, bool]:
        """The cursor that counts, and whether it was sent to go back."""
        return self.cursor or self.since_cursor, False


class PagedBothWays(Paged):
    prev_cursor: str | None = None

    @property
    def token(self) -> tuple[str | None, bool]:
        return (self.prev_cursor, True) if self.prev_cursor else super().token


def refusal(error: ValidationError, where: str) -> Problem:
    """The 422 of section 1.8: in the words of pydantic, as the legacy service had them."""
    found = error.errors(include_url=False)
    detail = [{"loc": [where, *each["loc"]], "msg": each["msg"], "type": each["type"]} for each in found]
    return Problem(422, detail, errors=[_field(each) for each in found])


def _field(error: ErrorDetails) -> dict[str, Any]:
    told = {"field": ".".join(map(str, error["loc"])), "message": error["msg"], "code": error["type"]}
    if error["type"] != "missing":
        told["value"] = error["input"]
    return told | ({"constraint": error["ctx"]} if error.get("ctx") else {})
