"""Points that have a price, of many curves, one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

import strawberry

from aurum.curves import quotes
from aurum.curves.graphql.arguments import Filter, Info, KnownAt, TenorTypes, instant_of
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.curves.graphql.points import CurvePoint, points_of
from aurum.curves.quotes import QuotesWanted
from aurum.errors import InvalidInput
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Before, Connection, First, Last, connection, page_request
from aurum.graphql.sizes import PAGED, sized, sizing, weighing
from aurum.market.periods import TenorType
from aurum.metadata.graphql import DimensionValues, chosen_dimensions, dimension_values_of, filter_of
from aurum.metadata.model import Dimension

AsOfExactly = Annotated[
    date | None,
    strawberry.argument(description="Exactly this as-of date; null: the newest quote of each curve and label."),
]
ComparedWith = Annotated[
    date | None,
    strawberry.argument(
        description="Only deliveries that have a price on this as-of date too: `comparedWith` of each."
    ),
]
OnePerLegacyKey = Annotated[
    bool,
    strawberry.argument(
        description="Of curves that share a legacy key only the first, by the configured order of vendors; the "
        "filter does not change which one."
    ),
]


@strawberry.type(description="A point that has a price, with the curve and the as-of date it is of.")
class Quote(CurvePoint):
    curve: Curve = strawberry.field(description="The curve.")
    as_of: date = strawberry.field(description="The date the market is looked at from.")
    label: str = strawberry.field(description="The tenor in one spelling: `2025-06`, `Q2 2025`, `Calendar 2025`.")
    compared_with: Annotated[Quote, strawberry.lazy("aurum.curves.graphql.quotes")] | None = strawberry.field(
        default=None,
        description="The same delivery on the as-of date that `comparedWith` asked for; null: none was.",
    )


@strawberry.type(description="A page of points of many curves.")
class QuoteConnection(Connection[Quote]):
    pass


@strawberry.type(description="A kind of tenor, counted.")
class TenorTypeCount:
    tenor_type: TenorType = strawberry.field(description="Which kind.")
    count: int = strawberry.field(description="How many quotes are of it.")


@strawberry.type(description="How many quotes there are of what.")
class QuoteFacets:
    curve_count: int = strawberry.field(description="How many curves have any.")
    quote_count: int = strawberry.field(description="How many there are on all pages of `quotes`.")
    found: strawberry.Private[quotes.QuoteFacets]

    @strawberry.field(description="By kind, those that there are.", directives=[sized(8)])
    def tenor_types(self) -> list[TenorTypeCount]:
        found = self.found.types
        return [TenorTypeCount(tenor_type=each, count=found[each]) for each in TenorType if found[each]]

    @strawberry.field(
        description="By values of dimensions; `count` is the number of quotes.",
        directives=[sizing(12, ["limit"], "values")],
    )
    def dimensions(
        self,
        names: Annotated[list[Dimension] | None, strawberry.argument(description="Which; null: all.")] = None,
        prefix: Annotated[str, strawberry.argument(description="Only values that begin so, in any case.")] = "",
        limit: Annotated[int, strawberry.argument(description="At most so many values of each, 0 to 5000.")] = 1000,
    ) -> list[DimensionValues]:
        chosen = chosen_dimensions(names, limit)
        return dimension_values_of(chosen, self.found.dimensions(chosen, prefix, limit))


@strawberry.type
class QuoteQuery:
    @strawberry.field(
        description="Points with a price, of many curves: by legacy key, label, start of delivery and as-of date.",
        metadata=batched(),
        directives=[PAGED],
    )
    async def quotes(
        self, info: Info, filter: Filter = None,
        as_of: AsOfExactly = None,
        compared_with: ComparedWith = None, known_at: KnownAt = None, tenor_types: TenorTypes = None,
        one_per_legacy_key: OnePerLegacyKey = False,
        offset: Annotated[int, strawberry.argument(
            description="Skips so many more. They are read all the same: prefer cursors.")] = 0,
        first: First = None, after: After = None, last: Last = None, before: Before = None,
    ) -> QuoteConnection:  # fmt: skip
        if offset < 0:
            raise InvalidInput("`offset` is not negative", field="offset")
        request = page_request("quotes", first, after, last, before)
        wanted = QuotesWanted(
            filter_of(filter), as_of, compared_with, instant_of(known_at), tenor_types, one_per_legacy_key
        )
        page = await info.context.curves.quotes.page(info.context.principal, wanted, request, offset)
        points = _points_of([each for quote in page.items for each in (quote, quote.other) if each is not None])
        return connection(QuoteConnection, "quotes", page, lambda quote: _quote_of(quote, points))

    @strawberry.field(
        description="The quotes that `quotes` lists, counted: what it can be narrowed to.",
        directives=[weighing(100)],
    )
    async def quote_facets(
        self, info: Info, filter: Filter = None,
        as_of: AsOfExactly = None, compared_with: ComparedWith = None,
        known_at: KnownAt = None, tenor_types: TenorTypes = None,
        one_per_legacy_key: OnePerLegacyKey = False,
    ) -> QuoteFacets:  # fmt: skip
        wanted = QuotesWanted(
            filter_of(filter), as_of, compared_with, instant_of(known_at), tenor_types, one_per_legacy_key
        )
        found = await info.context.curves.quotes.facets(info.context.principal, wanted)
        return QuoteFacets(curve_count=len(found.curves), quote_count=found.types.total(), found=found)


def _points_of(found: Sequence[quotes.Quote]) -> dict[tuple[int, int], CurvePoint]:
    """By snapshot and place; those of a snapshot are made together."""
    of_snapshot: dict[int, list[quotes.Quote]] = {}
    for quote in found:
        of_snapshot.setdefault(quote.snapshot.id, []).append(quote)
    points: dict[tuple[int, int], CurvePoint] = {}
    for id_, each in of_snapshot.items():
        places = [quote.place for quote in each]
        made = points_of(each[0].snapshot.prices, places)
        points |= {(id_, place): point for place, point in zip(places, made, strict=True)}
    return points


def _quote_of(quote: quotes.Quote, points: Mapping[tuple[int, int], CurvePoint]) -> Quote:
    other = None if quote.other is None else _quote_of(quote.other, points)
    return Quote(
        **vars(points[quote.snapshot.id, quote.place]), curve=curve_of(quote.curve), as_of=quote.snapshot.as_of,
        label=quote.label, compared_with=other,
    )  # fmt: skip
