"""Rows of a batch as JSON, put together from the texts of its columns: no row is ever made.

A piece of text is made for each row and column: the value, with what stands before and behind it in the row. Those of
shared columns beside each other are one piece, made once for each selection and kept with the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from types import NoneType
from typing import Any

import numpy as np
import orjson
from graphql import GraphQLFloat, GraphQLLeafType

from aurum.graphql.leaves import Uncovered, attribute_column, completed_leaves
from aurum.graphql.plans import Plan, Selected
from aurum.graphql.records import Constant, RecordBatch, SharedColumn

Pieces = Sequence[str]
_PLAIN = {int, float, bool, NoneType}  # their JSON has no comma
_CUT = "\n"  # which JSON has not


def encoded_rows(plan: Plan, batch: RecordBatch[Any]) -> bytes:
    """`plan` is flat. Raises Uncovered where one of the values is an error."""
    if not plan.fields or not len(batch):
        return orjson.dumps([{}] * len(batch))
    columns = [None if field.definition is None else batch.raw(field.attribute) for field in plan.fields]
    pieces: list[Pieces] = []
    for shared, places in groupby(range(len(columns)), lambda place: type(columns[place]) is SharedColumn):
        if shared:
            pieces.append(_beside(plan, list(places), columns))
        else:
            pieces += [_pieces(plan, place, columns[place], batch) for place in places]
    row = [""] * (len(batch) * len(pieces))
    for place, each in enumerate(pieces):
        row[place :: len(pieces)] = each
    return f"[{''.join(row)[:-1]}]".encode()


def _beside(plan: Plan, places: Sequence[int], columns: Sequence[Any]) -> Pieces:
    """Of shared columns at these places."""
    shared: list[SharedColumn] = [columns[place] for place in places]
    key = (plan.signature, places[0], *shared[1:])
    found = shared[0].texts(key)
    if found is None:
        each = [
            _around(plan, place, _leaves(plan.fields[place], column.values))
            for place, column in zip(places, shared, strict=True)
        ]
        found = shared[0].keep(key, ["".join(row) for row in zip(*each, strict=True)])
    return found


def _pieces(plan: Plan, place: int, column: Any, batch: RecordBatch[Any]) -> Pieces:
    field = plan.fields[place]
    if field.definition is None:
        return [*_around(plan, place, f'"{plan.type.name}"')] * len(batch)
    if isinstance(column, Constant):
        return [*_around(plan, place, _leaves(field, [column.value]))] * len(batch)
    if field.leaf is GraphQLFloat and isinstance(column, np.ndarray) and column.dtype == np.float64:
        return _around(plan, place, _numbers(column, field.nullable), ",")
    return _around(plan, place, _leaves(field, attribute_column(batch, field.attribute)))


def _around(plan: Plan, place: int, texts: str, cut: str = _CUT) -> Pieces:
    """Texts that are cut, each with what stands around it in the row: the last row has a comma behind it, too."""
    before = f'{"," if place else "{"}"{plan.fields[place].key}":'
    behind = "" if place + 1 < len(plan.fields) else "},"
    return f"{before}{texts.replace(cut, behind + _CUT + before)}{behind}".split(_CUT)


def _numbers(column: Any, nullable: bool) -> str:
    """With commas between them; NaN is null."""
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode()
    if "null" in text and (not nullable or np.isinf(column).any()):
        raise Uncovered
    return text


def _leaves(field: Selected, values: Sequence[Any]) -> str:
    leaf: GraphQLLeafType = field.leaf  # type: ignore[assignment]  # the plan is flat
    completed = completed_leaves(leaf, field.nullable, values)
    if _PLAIN.issuperset(map(type, completed)):
        return orjson.dumps(completed)[1:-1].decode().replace(",", _CUT)
    return _CUT.join([orjson.dumps(value).decode() for value in completed])
