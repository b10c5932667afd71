"""The schema's text, sorted. Unlike graphql-core's `print_schema` it keeps the directives of fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from graphql import ArgumentNode, DirectiveDefinitionNode, DirectiveNode, Node, parse, print_ast

_ONE_OF = "directive @oneOf on INPUT_OBJECT"  # Strawberry prints it without a description
_QUOTES = '"""'
Defaults: TypeAlias = Mapping[tuple[str, str], str]
_SORTED = {"definitions", "fields", "arguments", "values", "types", "interfaces", "locations"}


def sorted_sdl(text: str) -> str:
    """Directive definitions first, the rest by name; arguments of directives as they are, without the defaults."""
    tree = parse(text.replace(_ONE_OF, f'"""Exactly one of its fields is given."""\n{_ONE_OF}'))
    defaults = {
        (definition.name.value, argument.name.value): print_ast(argument.default_value)
        for definition in tree.definitions
        if isinstance(definition, DirectiveDefinitionNode)
        for argument in definition.arguments or ()
        if argument.default_value is not None
    }
    return "\n".join(_spaced(print_ast(_sorted(tree, defaults)).split("\n"))) + "\n"


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    """With an empty line before each description, but not the first one in its brackets."""
    before, within = "", False
    for line in lines:
        if not within and before and before[-1] not in "{(" and line.lstrip().startswith(_QUOTES):
            yield ""
        yield line
        before, within = line, within != (line.count(_QUOTES) == 1)


def _sorted(node: Node, defaults: Defaults) -> Any:
    if isinstance(node, DirectiveNode):
        told = [each for each in node.arguments or () if not _is_default(node, each, defaults)]
        return replace(node, arguments=tuple(told))
    changed: dict[str, Any] = {}
    for key in node.keys:
        value = getattr(node, key)
        if isinstance(value, Node):
            changed[key] = _sorted(value, defaults)
        elif isinstance(value, tuple):
            nodes = [_sorted(each, defaults) for each in value]
            changed[key] = tuple(sorted(nodes, key=_place) if key in _SORTED else nodes)
    return replace(node, **changed)


def _is_default(directive: DirectiveNode, argument: ArgumentNode, defaults: Defaults) -> bool:
    return defaults.get((directive.name.value, argument.name.value)) == print_ast(argument.value)


def _place(node: Any) -> tuple[bool, str]:
    """Of a definition, a field, an argument, a value, a type or a location."""
    name = getattr(node, "name", None) or getattr(node, "type", None) or node
    return not isinstance(node, DirectiveDefinitionNode), getattr(name, "value", "")
