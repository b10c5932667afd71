"""What is asked of curves, changed and followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from aurum.curves import model
from aurum.curves.graphql.arguments import (
    DateRange,
    Filter,
    Info,
    KnownAt,
    SeriesInput,
    bounds,
    instant_of,
)
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.errors import InvalidInput
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.ids import row_of
from aurum.graphql.sizes import PAGED, sized
from aurum.metadata import model as catalogue
from aurum.metadata.graphql import (
    CurveOrder,
    Problem,
    Search,
    SearchTerm,
    filter_of,
    name_of,
    order_of,
    problem_of,
    search_terms_of,
)
from aurum.metadata.model import Dimension, SeriesRef
from aurum.metadata.service import MOST_VALUES


@strawberry.type(description="A page of curves.")
class CurveConnection(Connection[Curve]):
    wanted: strawberry.Private[catalogue.CurveFilter]

    @strawberry.field(description="How many curves fit, on all pages.")
    async def total_count(self, info: Info) -> int:
        return await info.context.metadata.count(info.context.principal, self.wanted)

    @strawberry.field(description="What the search text is read as; empty without one.", directives=[sized(5)])
    def search_terms(self) -> list[SearchTerm]:
        return search_terms_of(self.wanted.search)


@strawberry.type(description="An as-of date with prices, or without where a file is missing, and how complete it is.")
class AsOfDay:
    as_of: date = strawberry.field(description="The date.")
    curve_count: int = strawberry.field(description="How many of the chosen curves have prices on it.")
    known_curve_count: int = strawberry.field(description="How many of them had been quoted by then at least once.")
    completeness: float = strawberry.field(description="The one divided by the other: 1 where none is missing.")
    last_published_at: datetime | None = strawberry.field(
        description="When its newest version became known (UTC); null where there are no prices."
    )
    missing_vendors: list[str] = strawberry.field(
        description="Whose file is expected for this date, and has not come in time."
    )


@strawberry.input(description="What a curve is priced in.")
class SetUnitInput:
    curve_id: strawberry.ID = strawberry.field(description="The curve.")
    currency: str | None = strawberry.field(default=None, description="A code of `currencies`; null: not known.")
    unit: str | None = strawberry.field(default=None, description="A code of `units`; null: not known.")
    reason: str = strawberry.field(description="Why; kept with the version.")


@strawberry.type(description="The changed curve, or what was wrong.")
class SetUnitPayload:
    curve: Curve | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


async def curves_page(
    info: Info, wanted: catalogue.CurveFilter, order_by: list[CurveOrder] | None, first: int | None,
    after: str | None, last: int | None = None, before: str | None = None,
) -> CurveConnection:  # fmt: skip
    order, context = order_of(order_by, wanted.search), info.context
    name = name_of(order, wanted.search)
    request = page_request(name, first, after, last, before)
    page = await context.metadata.curves(context.principal, wanted, order, request, head=await context.head())
    return connection(CurveConnection, name, page, curve_of, wanted=wanted)


@strawberry.type
class CurveQuery:
    @strawberry.field(
        description="One curve, by its id, its key or a series that is mapped to it; null where there is none.",
        metadata=batched(),
    )
    async def curve(
        self, info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,
        key: Annotated[str | None, strawberry.argument(
            description="Its key, such as `eugp:eu/dutch_ttf/gas`, or its legacy SHA-256 key.")] = None,
        series: Annotated[SeriesInput | None, strawberry.argument(
            description="A series of another system that is mapped to it.")] = None,
    ) -> Curve | None:  # fmt: skip
        if [id, key, series].count(None) != 2:
            raise InvalidInput("give `id`, `key` or `series`")
        context = info.context
        if id is not None:
            (found,) = await context.load_many(context.metadata.by_id, [row_of(id, "Curve")])
        elif series is not None:
            ref = SeriesRef(series.source, series.id, instant_of(series.known_at))
            found = await context.load(context.metadata.series.curves, ref)
        else:
            head, wanted = await context.head(), key or ""
            found = (await context.metadata.by_key(context.principal, [wanted], head=head)).get(wanted)
        return None if found is None else curve_of(found)

    @strawberry.field(description="Curves of the catalogue.", metadata=batched(), directives=[PAGED])
    async def curves(
        self, info: Info, filter: Filter = None,
        search: Search = None,
        order_by: Annotated[list[CurveOrder] | None, strawberry.argument(
            description="How to sort; null: what is searched for by how well it fits (words of the name first, whole "
            "words before beginnings, then short descriptions), else by key. Ties are sorted by key.")] = None,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> CurveConnection:  # fmt: skip
        read = await info.context.metadata.search(info.context.principal, search)
        return await curves_page(info, filter_of(filter, read), order_by, first, after, last, before)

    @strawberry.field(
        description="As-of dates on which the chosen curves have prices, or should have; oldest first.",
        directives=[sized(250)],
    )
    async def as_of_dates(
        self, info: Info, filter: Filter = None,
        range: Annotated[DateRange | None, strawberry.argument(description="Which dates; null: all.")] = None,
        known_at: KnownAt = None,
    ) -> list[AsOfDay]:  # fmt: skip
        first, last = bounds(range)
        context = info.context
        wanted, at = filter_of(filter), instant_of(known_at)
        days = await context.curves.as_of_days(context.principal, wanted, first, last, known_at=at)
        vendors = await context.metadata.dimensions(context.principal, wanted, {Dimension.VENDOR}, "", MOST_VALUES)
        missing = await context.missing_days([each.value for each in vendors], first, last, at)
        return as_of_days_of(days, missing)


@strawberry.type
class CurveMutation:
    @strawberry.mutation(description="Says what a curve is priced in: a new version, with who and why.")
    async def set_unit(
        self, info: Info, input: Annotated[SetUnitInput, strawberry.argument(description="Curve and unit.")]
    ) -> SetUnitPayload:
        context = info.context
        try:
            curve = await context.metadata.set_unit(
                context.principal, row_of(input.curve_id, "Curve"), input.currency, input.unit, input.reason
            )
        except InvalidInput as error:
            return SetUnitPayload(curve=None, problems=[problem_of(error)])
        return SetUnitPayload(curve=curve_of(curve), problems=[])


def as_of_days_of(days: Sequence[model.AsOfDay], missing: Mapping[date, list[str]]) -> list[AsOfDay]:
    """Days with prices and those on which a file is missing, in order."""
    found = {
        day.as_of: AsOfDay(
            as_of=day.as_of, curve_count=day.curves, known_curve_count=day.known_curves,
            completeness=day.curves / day.known_curves, last_published_at=day.last_published_at,
            missing_vendors=missing.get(day.as_of, []),
        )
        for day in days
    }  # fmt: skip
    for as_of in missing.keys() - found.keys():
        known = max((day.known_curves for day in days if day.as_of < as_of), default=0)
        found[as_of] = AsOfDay(
            as_of=as_of, curve_count=0, known_curve_count=known, completeness=0.0, last_published_at=None,
            missing_vendors=missing[as_of],
        )  # fmt: skip
    return [found[as_of] for as_of in sorted(found)]
