"""Documents, parsed and validated once for each text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ASTValidationRule,
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    validate,
    visit,
)

from aurum.backends.kept import Kept

_MOST_BYTES = 32 * 2**20
_MOST_TRUSTED = 128 * 2**20
_MOST_ERRORS = 20
_ERROR_TEXT = 20_000  # characters: an error may repeat the whole document, so long ones are told fewer
_BYTES = 250  # of a tree with its plans and bills, for each character of the text
_MOST_CONDITIONS = 8
_MOST_LINES = 5000
_SELECTING = {"skip", "include", "defer", "stream"}


@dataclass(frozen=True, slots=True)
class Document:
    """`errors` say what is wrong with it; without `tree` it could not even be parsed.

    `conditions` names the variables that decide what is selected: with the same values of these, the executor's plans
    of one request serve the next. `bills` has what its operations cost, by name (`admission.py`), `executors` what has
    executed them, by kind and name.
    """

    tree: DocumentNode | None
    errors: Sequence[GraphQLError] = ()
    conditions: tuple[str, ...] = ()
    bills: dict[str | None, Any] = field(default_factory=dict)
    executors: dict[Any, Any] = field(default_factory=dict)
    _plans: dict[tuple[Any, ...], dict[Any, Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In bytes, roughly, with its plans and bills: what holds it holds all of them."""
        location = self.tree.loc if self.tree else None
        return _BYTES * (len(location.source.body) if location else 0)

    @property
    def operations(self) -> Iterator[OperationDefinitionNode]:
        nodes = self.tree.definitions if self.tree else ()
        return (node for node in nodes if isinstance(node, OperationDefinitionNode))

    def plans(self, variables: Mapping[str, Any]) -> dict[Any, Any]:
        """Where plans for these variables are kept."""
        values = tuple(map(variables.get, self.conditions))
        if values not in self._plans and len(self._plans) >= _MOST_CONDITIONS:
            self._plans.clear()
        return self._plans.setdefault(values, {})


class Documents:
    """The documents asked for last. Registered ones are kept apart, so that others do not push them out."""

    def __init__(
        self,
        schema: GraphQLSchema,
        rules: Sequence[type[ASTValidationRule]],
        max_tokens: int | None = None,
        hide_suggestions: bool = False,
    ) -> None:
        self._schema = schema
        self._rules = rules
        self._max_tokens = max_tokens
        self._hide_suggestions = hide_suggestions
        self._kept = Kept[str, Document](_MOST_BYTES)
        self._trusted = Kept[str, Document](_MOST_TRUSTED)

    def trust(self, text: str) -> tuple[Document, bool]:
        """A registered document, and whether it is new among them."""
        document = self._trusted.get(text)
        if document is not None:
            return document, False
        document = self.load(text)
        self._trusted.put(text, document, len(text) * _BYTES)
        return document, True

    def load(self, text: str) -> Document:
        document = self._trusted.get(text) or self._kept.get(text)
        if document is None:
            document = self._read(text)
            self._kept.put(text, document, len(text) * _BYTES)
        return document

    def _read(self, text: str) -> Document:
        if text.count("\n") + text.count("\r") >= _MOST_LINES:
            return Document(None, [GraphQLError(f"a document may have {_MOST_LINES:,} lines")])
        try:
            tree = parse(text, max_tokens=self._max_tokens)
        except GraphQLError as error:
            return Document(None, [error])
        most_errors = max(1, min(_MOST_ERRORS, _ERROR_TEXT // len(text)))
        errors = validate(self._schema, tree, self._rules, most_errors, hide_suggestions=self._hide_suggestions)
        return Document(tree, errors, () if errors else _conditions(tree))


def _conditions(tree: DocumentNode) -> tuple[str, ...]:
    found = _Conditions()
    visit(tree, found)
    return tuple(sorted(found.names))


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in _SELECTING:
            values = [argument.value for argument in node.arguments or ()]
            self.names |= {value.name.value for value in values if isinstance(value, VariableNode)}
