"""What a document may contain, measured before it is validated: what is too much costs no more than being parsed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeAlias, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    VariableDefinitionNode,
)
from graphql.validation.rules.max_introspection_depth_rule import MaxIntrospectionDepthRule
from graphql.validation.validate import ValidationAbortedError
from strawberry.extensions import AddValidationRules, DisableIntrospection, MaxTokensLimiter, SchemaExtension

from aurum.settings import GraphQLSettings

_MOST_FIELDS = 600  # of an operation or a fragment, every fragment written out where it is spread
_MOST_IN_ALL = 1500  # of all of these together
_MOST_REPEATS = 2000  # pairs of fields that are answered in the same place, and so have to be compared
_MOST_OPERATIONS = 50
_MOST_FRAGMENTS = 100
_MOST_FRAGMENT_USES = 1000  # fragments times operations: several rules follow all from each
_MOST_WITHIN = 50  # fragments within fragments
_MOST_SPREADS = 300
_MOST_VARIABLES = 200  # of all operations
_MOST_DIRECTIVES_HERE = 8  # of one field, fragment or operation
_MOST_ARGUMENTS = 50  # of a field or a directive
_MOST_MEMBERS = 200  # of an object in the document
_MOST_DIGITS = 400  # of a number: Python itself refuses to read one of 4,300, in other words

Definition: TypeAlias = OperationDefinitionNode | FragmentDefinitionNode


def limits(settings: GraphQLSettings) -> list[Callable[[], SchemaExtension]]:
    class Bounded(SizeRule):
        allowed = settings

    checks: list[Callable[[], SchemaExtension]] = [
        lambda: MaxTokensLimiter(max_token_count=settings.max_tokens),
        lambda: AddValidationRules([Bounded, MaxIntrospectionDepthRule]),
    ]
    if not settings.introspection:
        checks.append(DisableIntrospection)
    return checks


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection with its fragments written out: levels of fields, aliases, fields, fields of the first level."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    roots: int = 0


class SizeRule(ValidationRule):
    """Ends validation before any other rule has looked at a selection.

    Measures each fragment once, so that fragments which spread each other cost nothing, however often.
    """

    allowed: ClassVar[GraphQLSettings]

    def enter_document(self, node: DocumentNode, *_: Any) -> None:
        self._sizes: dict[str, Size] = {}
        self._open: set[str] = set()
        definitions = [each for each in node.definitions if isinstance(each, Definition)]
        self._named = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        self._judge_nodes(node)
        sizes = [self._judge_size(each) for each in definitions]
        self._judge("fields", sum(size.fields for size in sizes), _MOST_IN_ALL)
        self._judge("pairs of repeated fields", sum(map(self._repeats, definitions)), _MOST_REPEATS)

    def _judge_nodes(self, document: DocumentNode) -> None:
        found: Counter[type[Node]] = Counter()
        for node in _nodes(document):
            found[type(node)] += 1
            self._judge("directives in one place", len(getattr(node, "directives", None) or ()), _MOST_DIRECTIVES_HERE)
            if isinstance(node, (FieldNode, DirectiveNode)):
                self._judge("arguments in one place", len(node.arguments or ()), _MOST_ARGUMENTS, node)
            elif isinstance(node, ListValueNode):
                self._judge("items in a list", len(node.values), self.allowed.max_list_items, node)
            elif isinstance(node, ObjectValueNode):
                self._judge("members in an object", len(node.fields), _MOST_MEMBERS, node)
            elif isinstance(node, (IntValueNode, FloatValueNode)):
                self._judge("digits in a number", len(node.value), _MOST_DIGITS)
        operations, fragments = found[OperationDefinitionNode], found[FragmentDefinitionNode]
        if len(document.definitions) > operations + fragments:
            raise ValidationAbortedError("a document has operations and fragments, and no other definitions")
        self._judge("operations", operations, _MOST_OPERATIONS)
        self._judge("fragments", fragments, _MOST_FRAGMENTS)
        self._judge("fragments times operations", operations * fragments, _MOST_FRAGMENT_USES)
        self._judge("spreads of fragments", found[FragmentSpreadNode], _MOST_SPREADS)
        self._judge("variables", found[VariableDefinitionNode], _MOST_VARIABLES)
        self._judge("directives", found[DirectiveNode], self.allowed.max_directives)

    def _judge_size(self, definition: Definition) -> Size:
        size = self._measure(definition.selection_set)
        self._judge("levels", size.depth, self.allowed.max_depth, definition)
        self._judge("aliases", size.aliases, self.allowed.max_aliases, definition)
        if isinstance(definition, OperationDefinitionNode):
            self._judge("fields of the first level", size.roots, self.allowed.max_root_fields, definition)
        self._judge("fields", size.fields, _MOST_FIELDS, definition)
        return size

    def _judge(self, what: str, found: int, most: int, node: Node | None = None) -> None:
        if found > most:
            of = "operation" if isinstance(node, OperationDefinitionNode) else "document"
            raise ValidationAbortedError(f"the {of} has more than {most} {what}", node)

    def _measure(self, selected: SelectionSetNode | None) -> Size:
        depth = aliases = fields = roots = 0
        for selection in selected.selections if selected else ():
            if isinstance(selection, FragmentSpreadNode):
                inner = self._fragment(selection)
            else:
                inner = self._measure(selection.selection_set)  # type: ignore[attr-defined]  # inline, or a field
            if isinstance(selection, FieldNode):
                inner = Size(
                    inner.depth + 1, inner.aliases + (selection.alias is not None), inner.fields + 1, 1
                )  # fmt: skip
            depth = max(depth, inner.depth)
            aliases += inner.aliases
            fields += inner.fields
            roots += inner.roots
        return Size(depth, aliases, fields, roots)

    def _fragment(self, spread: FragmentSpreadNode) -> Size:
        name = spread.name.value
        if name not in self._named:  # another rule refuses it
            return Size()
        if name in self._open:
            raise ValidationAbortedError(f"the fragment {name!r} is spread within itself", spread)
        if name not in self._sizes:
            self._judge("fragments within each other", len(self._open), _MOST_WITHIN, spread)
            self._open.add(name)
            self._sizes[name] = self._measure(self._named[name].selection_set)
            self._open.discard(name)
        return self._sizes[name]

    def _repeats(self, definition: Definition) -> int:
        pairs, places = 0, [[definition.selection_set]]
        while places:
            together = defaultdict(list)
            for each in self._written_out(places.pop()):
                together[(each.alias or each.name).value].append(each)
            for same in together.values():
                pairs += len(same) * (len(same) - 1) // 2
                places.append([each.selection_set for each in same if each.selection_set is not None])
        return pairs

    def _written_out(self, selected: Sequence[SelectionSetNode]) -> Iterator[FieldNode]:
        """Fields of the first level, those of a fragment once."""
        seen: set[str] = set()
        waiting = list(selected)
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, FieldNode):
                    yield selection
                elif not isinstance(selection, FragmentSpreadNode):
                    waiting.append(selection.selection_set)  # type: ignore[attr-defined]  # inline
                elif selection.name.value in self._named and selection.name.value not in seen:
                    seen.add(selection.name.value)
                    waiting.append(self._named[selection.name.value].selection_set)


def _nodes(root: Node) -> Iterator[Node]:
    """All but names."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for key in _inner(cast("Hashable", type(node))):
            value = getattr(node, key)
            if isinstance(value, (list, tuple)):
                waiting.extend(value)
            elif isinstance(value, Node):
                waiting.append(value)


@cache
def _inner(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if each.name not in ("alias", "loc", "name"))
