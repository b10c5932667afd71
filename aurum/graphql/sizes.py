"""How long lists are and what fields weigh, as the schema says it: `@listSize` and `@cost` of IBM's specification.

What these say in schema.graphql is what `costs.py` counts with: the directives of a field are its metadata.
"""

from __future__ import annotations

from typing import TypeVar

import strawberry
from graphql import GraphQLField, get_named_type, is_leaf_type
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET

ASSUMED = 10
DEFAULT_PAGE = 50
Directive = TypeVar("Directive")


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description="How many items a list has, for estimating what an operation costs.",
)
class ListSize:
    assumed_size: int | None = strawberry.field(
        name="assumedSize", description="As a rule, and where no slicing argument is given."
    )
    slicing_arguments: list[str] | None = strawberry.field(
        name="slicingArguments",
        default=UNSET,
        description="Arguments, or fields within them, that say how many: the largest counts; of a list, its length.",
    )
    sized_fields: list[str] | None = strawberry.field(
        name="sizedFields",
        default=UNSET,
        description="The lists in the answered objects that the arguments size; none: the field itself.",
    )
    require_one_slicing_argument: bool | None = strawberry.field(
        name="requireOneSlicingArgument", default=True, description="Whether one of them has to be given."
    )


@strawberry.schema_directive(
    name="cost",
    locations=[Location.FIELD_DEFINITION],
    description="What each answer of a field costs; without it an object is 1, a leaf 0.",
)
class Cost:
    weight: str = strawberry.field(name="weight", description="A number.")


def sized(assumed: int, *arguments: str) -> ListSize:
    """Of a list: how many items it has as a rule, and the arguments that say how many."""
    if not arguments:
        return ListSize(assumed_size=assumed)
    return ListSize(assumed_size=assumed, slicing_arguments=list(arguments), require_one_slicing_argument=False)


def sizing(assumed: int, arguments: list[str], *fields: str) -> ListSize:
    """Of a field whose arguments say how long the lists `fields` of its objects are."""
    return ListSize(
        assumed_size=assumed,
        slicing_arguments=arguments,
        sized_fields=list(fields),
        require_one_slicing_argument=False,
    )


def weighing(weight: int) -> Cost:
    return Cost(weight=str(weight))


PAGED = sizing(DEFAULT_PAGE, ["first", "last"], "nodes", "edges")


def size_of(field: GraphQLField) -> ListSize | None:
    return _directive(field, ListSize)


def weight_of(field: GraphQLField) -> int:
    cost = _directive(field, Cost)
    if cost is not None:
        return int(cost.weight)
    return 0 if is_leaf_type(get_named_type(field.type)) else 1


def _directive(field: GraphQLField, kind: type[Directive]) -> Directive | None:
    definition: StrawberryField | None = field.extensions.get("strawberry-definition")
    found = () if definition is None else definition.directives
    return next((each for each in found if isinstance(each, kind)), None)
