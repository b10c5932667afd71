"""The review list: new curves wait until somebody has looked at them."""

from __future__ import annotations

from typing import Annotated

import strawberry

from aurum.curves.graphql.arguments import Info
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.errors import InvalidInput, NotFound
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import sized
from aurum.metadata.graphql import Problem, problem_of


@strawberry.input(description="Curves that somebody has looked at: all of them, or none.")
class ReviewCurvesInput:
    ids: list[strawberry.ID] = strawberry.field(description="The curves, at most 1000.")
    reason: str = strawberry.field(description="What was found; kept for good.")


@strawberry.type(description="The curves as they are now, or what was wrong.")
class ReviewCurvesPayload:
    curves: list[Curve] = strawberry.field(description="Empty where there are problems.", directives=[sized(10)])
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class ReviewMutation:
    @strawberry.mutation(
        description="Takes curves off the review list, with who and why. Changes no price and no unit."
    )
    async def review_curves(
        self, info: Info, input: Annotated[ReviewCurvesInput, strawberry.argument(description="Which, and why.")]
    ) -> ReviewCurvesPayload:
        context = info.context
        try:
            ids = [row_of(id_, "Curve") for id_ in input.ids]
            found = await context.metadata.review(context.principal, ids, input.reason)
        except (InvalidInput, NotFound) as error:
            return ReviewCurvesPayload(curves=[], problems=[problem_of(error)])
        return ReviewCurvesPayload(curves=[curve_of(curve) for curve in found], problems=[])
