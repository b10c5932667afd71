"""What an operation may ask for, measured before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)
from strawberry.extensions import AddValidationRules, DisableIntrospection, MaxTokensLimiter, SchemaExtension

from aurum.settings import GraphQLSettings

_MOST_FIELDS = 5000  # of an operation, every fragment written out where it is spread


def limits(settings: GraphQLSettings) -> list[Callable[[], SchemaExtension]]:
    class Bounded(SizeRule):
        max_depth = settings.max_depth
        max_aliases = settings.max_aliases

    checks: list[Callable[[], SchemaExtension]] = [
        lambda: MaxTokensLimiter(max_token_count=settings.max_tokens),
        lambda: AddValidationRules([Bounded]),
    ]
    if not settings.introspection:
        checks.append(DisableIntrospection)
    return checks


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection with its fragments written out: levels of fields, aliases, fields."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0


class SizeRule(ValidationRule):
    """Measures each fragment once, so that fragments which spread each other cost nothing, however often."""

    max_depth: int
    max_aliases: int

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments: dict[str, Size] = {}
        self._open: set[str] = set()

    def enter_document(self, node: DocumentNode, *_: Any) -> None:
        named = {each.name.value: each for each in node.definitions if isinstance(each, FragmentDefinitionNode)}
        for operation in node.definitions:
            if isinstance(operation, OperationDefinitionNode):
                self._judge(operation, self._measure(operation.selection_set, named))

    def _judge(self, operation: OperationDefinitionNode, size: Size) -> None:
        for what, found, most in (
            ("levels", size.depth, self.max_depth),
            ("aliases", size.aliases, self.max_aliases),
            ("fields", size.fields, _MOST_FIELDS),
        ):
            if found > most:
                self.report_error(GraphQLError(f"the operation has more than {most} {what}", operation))

    def _measure(self, selected: SelectionSetNode | None, named: dict[str, FragmentDefinitionNode]) -> Size:
        depth = aliases = fields = 0
        for selection in selected.selections if selected else ():
            if isinstance(selection, FragmentSpreadNode):
                inner, own = self._fragment(selection.name.value, named), 0
            elif isinstance(selection, FieldNode):
                inner, own = self._measure(selection.selection_set, named), 1
                aliases += selection.alias is not None
            else:
                inner, own = self._measure(cast("InlineFragmentNode", selection).selection_set, named), 0
            depth = max(depth, inner.depth + own)
            aliases += inner.aliases
            fields += inner.fields + own
        return Size(depth, aliases, fields)

    def _fragment(self, name: str, named: dict[str, FragmentDefinitionNode]) -> Size:
        if name in self._open or name not in named:  # a cycle, or unknown: another rule refuses it
            return Size()
        if name not in self._fragments:
            self._open.add(name)
            self._fragments[name] = self._measure(named[name].selection_set, named)
            self._open.discard(name)
        return self._fragments[name]
