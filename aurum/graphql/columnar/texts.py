"""Rows of a batch as JSON, put together from the texts of its columns: no row is ever made.

A piece of text is made for each row and column: the value, with what stands before and behind it in the row. Those of
shared columns beside each other are one piece, made once for each selection and kept with the first of them. Where all
other columns are numbers, or the same in every row, all text but the numbers is kept, and they are put in.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from types import NoneType
from typing import Any, cast

import numpy as np
import orjson
from graphql import GraphQLFloat, GraphQLLeafType
from numpy.typing import NDArray

from aurum.graphql.columnar.leaves import Uncovered, attribute_column, completed_leaves
from aurum.graphql.columnar.plans import Plan, Selected
from aurum.graphql.columnar.records import Constant, RecordBatch, SharedColumn, Stack

Pieces = Sequence[str]
_PLAIN = {int, float, bool, NoneType}  # their JSON has no comma
_CUT, _PLACE = "\n", "\r"  # which JSON has not


def encoded_rows(plan: Plan, batch: RecordBatch[Any]) -> bytes:
    """`plan` is flat. Raises Uncovered where one of the values is an error."""
    if not plan.fields or not len(batch):
        return orjson.dumps([{}] * len(batch))
    if batch.place is not None:
        stack, place = batch.place
        if plan.signature not in stack.prepared:
            stack.prepared[plan.signature] = _stacked(plan, stack)
        if stack.prepared[plan.signature] is not None:
            template, rows, spoilt = stack.prepared[plan.signature]
            if spoilt[place]:
                raise Uncovered
            return _filled(template, _texts(rows[place]))
    columns = batch.raws(None if field.definition is None else field.attribute for field in plan.fields)
    numbers = [place for place, column in enumerate(columns) if _is_numbers(plan.fields[place], column)]
    others = {type(column) for place, column in enumerate(columns) if place not in numbers}
    if numbers and SharedColumn in others and others <= {SharedColumn, Constant}:
        rows = _side_by_side([cast("NDArray[np.float64]", columns[place]) for place in numbers])
        return _filled(_template(plan, columns, numbers), _sound(rows, _strict(plan, numbers)))
    pieces: list[Pieces] = []
    for shared, places in groupby(range(len(columns)), lambda place: type(columns[place]) is SharedColumn):
        if shared:
            pieces.append(_beside(plan, list(places), columns))
        else:
            pieces += [_pieces(plan, place, columns[place], batch) for place in places]
    return _joined(pieces, len(batch)).encode()


def _stacked(plan: Plan, stack: Stack[Any]) -> tuple[list[bytes], NDArray[np.float64], list[bool]] | None:
    """The pieces of text of all batches, the numbers of each of them, row by row, and which of them hold an error.

    None where other columns than numbers differ.
    """
    columns = [None if each.definition is None else stack.raw(each.attribute) for each in plan.fields]
    numbers = [place for place, column in enumerate(columns) if _is_numbers(plan.fields[place], column, 2)]
    others = {type(column) for place, column in enumerate(columns) if place not in numbers}
    if not numbers or SharedColumn not in others or not others <= {SharedColumn, Constant}:
        return None
    rows = _side_by_side([cast("NDArray[np.float64]", columns[place]) for place in numbers])
    return _template(plan, columns, numbers), rows, _spoilt(rows, _strict(plan, numbers))


def _template(plan: Plan, columns: Sequence[Any], numbers: Sequence[int]) -> list[bytes]:
    """The text of all rows, cut where each number goes, and blank there. At least one of the columns is shared."""
    shared: list[SharedColumn] = [column for column in columns if type(column) is SharedColumn]
    same = [(type(column.value), repr(column.value)) for column in columns if type(column) is Constant]
    key = (plan.signature, *numbers, *same, *shared[1:])
    found = shared[0].texts(key)
    if found is None:
        pieces = [_around(plan, place, _cells(plan, place, columns[place])) for place in range(len(columns))]
        found = shared[0].keep(key, _joined(pieces, len(shared[0].values)).encode().split(_PLACE.encode()))
    return cast("list[bytes]", found)


def _cells(plan: Plan, place: int, column: Any) -> str:
    """Of a template: texts that are cut, or one for all rows."""
    if isinstance(column, np.ndarray):
        return _PLACE
    values = [column.value] if isinstance(column, Constant) else column.values
    return _leaves(plan.fields[place], values)


def _filled(template: Sequence[bytes], numbers: Sequence[bytes]) -> bytes:
    """With a number behind each piece but the last. Half as dear as `%`."""
    text = [b""] * (2 * len(numbers) + 1)
    text[::2], text[1::2] = template, numbers
    return b"".join(text)


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
        return _around(plan, place, f'"{plan.type.name}"')
    if isinstance(column, Constant):
        return _around(plan, place, _leaves(field, [column.value]))
    if _is_numbers(field, column):
        return _around(plan, place, _CUT.join(map(bytes.decode, _sound(column[:, None], _strict(plan, [place])))))
    return _around(plan, place, _leaves(field, attribute_column(batch, field.attribute)))


def _around(plan: Plan, place: int, texts: str) -> Pieces:
    """Texts that are cut, each with what stands around it in the row: the last row has a comma behind it, too."""
    before = f'{"," if place else "{"}"{plan.fields[place].key}":'
    behind = "" if place + 1 < len(plan.fields) else "},"
    return f"{before}{texts.replace(_CUT, behind + _CUT + before)}{behind}".split(_CUT)


def _joined(pieces: Sequence[Pieces], length: int) -> str:
    """Where there is one piece it stands in every row."""
    row = [""] * (length * len(pieces))
    for place, each in enumerate(pieces):
        row[place :: len(pieces)] = each if len(each) == length else list(each) * length
    return f"[{''.join(row)[:-1]}]"


def _is_numbers(field: Selected, column: Any, dimensions: int = 1) -> bool:
    return (
        type(column) is np.ndarray
        and column.ndim == dimensions
        and field.leaf is GraphQLFloat
        and column.dtype == np.float64
    )


def _strict(plan: Plan, places: Sequence[int]) -> list[int]:
    """Which of the fields at these places may not be null."""
    return [n for n, place in enumerate(places) if not plan.fields[place].shape.nullable]


def _side_by_side(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """As the last axis: `np.stack` takes four times as long."""
    rows = np.empty((*columns[0].shape, len(columns)))
    for place, column in enumerate(columns):
        rows[..., place] = column
    return rows


def _sound(rows: NDArray[np.float64], strict: Sequence[int]) -> list[bytes]:
    """Row by row. Raises Uncovered where one is an error."""
    if _spoilt(rows[None], strict)[0]:
        raise Uncovered
    return _texts(rows)


def _spoilt(rows: NDArray[np.float64], strict: Sequence[int]) -> list[bool]:
    """In which of the batches a number is infinite, or one of the columns `strict`, which may not be null, is NaN."""
    wrong = np.isinf(rows)
    if strict:
        wrong[:, :, strict] |= np.isnan(rows[:, :, strict])
    found: list[bool] = np.asarray(wrong.any(axis=(1, 2))).tolist()
    return found


def _texts(rows: NDArray[np.float64]) -> list[bytes]:
    """Row by row; NaN is null."""
    return orjson.dumps(rows.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _leaves(field: Selected, values: Sequence[Any]) -> str:
    leaf: GraphQLLeafType = field.leaf  # type: ignore[assignment]  # the plan is flat
    completed = completed_leaves(leaf, field.shape.nullable, values)
    if _PLAIN.issuperset(map(type, completed)):
        return orjson.dumps(completed)[1:-1].decode().replace(",", _CUT)
    return _CUT.join([orjson.dumps(value).decode() for value in completed])
