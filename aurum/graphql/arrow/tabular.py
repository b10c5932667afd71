"""Operations answered as Arrow streams. Those who never ask for one never load pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql.execution.values import get_variable_values
from starlette.responses import Response
from strawberry.types.execution import ExecutionResult

from aurum.graphql.admission import chosen
from aurum.graphql.arrow.tables import Table, table_of
from aurum.graphql.columnar.completion import ColumnarExecutor
from aurum.graphql.execution import Schema
from aurum.graphql.media import failed
from aurum.graphql.requests import Asked


class TableAnswer:
    """Raises what `table_of` raises."""

    def __init__(self, schema: Schema, asked: Asked) -> None:
        self._table = _planned(schema, asked)

    @property
    def executor(self) -> type[ColumnarExecutor]:
        from aurum.graphql.arrow.arrays import TableExecutor

        return TableExecutor

    async def answered(self, result: ExecutionResult, extensions: Mapping[str, Any]) -> Response:
        """The whole table, or the errors: never a part of it."""
        from aurum.graphql.arrow.flattened import streamed

        if self._table is None or result.errors:
            return failed(result)
        return await streamed(self._table, result, extensions)


def _planned(schema: Schema, asked: Asked) -> Table | None:
    """None where the document or the variables are not valid: whoever executes them says why."""
    document = schema.document(asked.query)
    if document.tree is None or document.errors:
        return None
    operation = chosen(document, asked.operation_name)
    inner = schema._schema
    variables = get_variable_values(inner, operation.variable_definitions or (), asked.variables or {})
    if isinstance(variables, list):
        return None
    known, key = document.plans(variables.coerced), (Table, asked.operation_name)
    if key not in known:
        known[key] = table_of(inner, document, operation, variables)
    planned: Table = known[key]
    return planned
