"""Series of other systems: which curve each is, who said so, and which it could be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from aurum.curves.graphql.arguments import Info, KnownAt, instant_of
from aurum.curves.graphql.curves import Curve, curve_of
from aurum.errors import InvalidInput, NotFound
from aurum.graphql.columnar.plans import batched
from aurum.graphql.connections import After, Connection, First, connection, page_request
from aurum.graphql.enums import publish_enum
from aurum.graphql.sizes import DEFAULT_PAGE, sized, sizing, weighing
from aurum.market.identity import normalize_key
from aurum.metadata import model
from aurum.metadata.graphql import Problem, problem_of
from aurum.metadata.model import MappingMethod, SeriesRef
from aurum.metadata.series import Suggestion

publish_enum(
    MappingMethod,
    "How a series found its curve.",
    {
        "MANUAL": "A person looked it up.",
        "AUTOMATED": "A program knew it.",
        "HEURISTIC": "It was concluded from similarity.",
    },
)


@strawberry.type(description="Which curve a series of another system is.")
class SeriesMapping:
    source: str = strawberry.field(description="The other system.")
    id: str = strawberry.field(description="What the series is called there.")
    version: int = strawberry.field(description="Counts from 1.")
    curve_key: str | None = strawberry.field(description="The key of the curve; null: the mapping was removed.")
    confidence: float = strawberry.field(description="How sure that is, 0 to 1.")
    method: MappingMethod = strawberry.field(description="How it was found.")
    author: str = strawberry.field(description="Who said so.")
    reason: str = strawberry.field(description="Why.")
    known_from: datetime = strawberry.field(description="Since when it is in force (UTC).")

    @strawberry.field(description="The curve; null while there is none of this key.", metadata=batched())
    async def curve(self, info: Info) -> Curve | None:
        if self.curve_key is None:
            return None
        found = await info.context.load(info.context.metadata.by_key, self.curve_key)
        return None if found is None else curve_of(found)


@strawberry.type(description="A page of mappings.")
class SeriesMappingConnection(Connection[SeriesMapping]):
    pass


@strawberry.type(description="A word that was asked for, and what was found for it.")
class WordMatch:
    asked: str = strawberry.field(description="Of the text, in lower case.")
    found: str = strawberry.field(description="Of the curve, in lower case.")
    similarity: float = strawberry.field(
        description="1 where they are the same; else the share of letters that they have in common, in order."
    )


@strawberry.type(description="A curve that a text could mean.")
class SeriesSuggestion:
    curve: Curve = strawberry.field(description="The curve.")
    score: float = strawberry.field(
        description="0 to 1: three quarters for the words of the text that the curve has, a quarter for those of the "
        "curve that the text has; words that few curves have weigh more."
    )
    matches: list[WordMatch] = strawberry.field(
        description="Words of the text that the curve has, sorted.", directives=[sized(5)]
    )


@strawberry.input(description="Which curve a series of another system is from now on.")
class SetSeriesMappingInput:
    source: str = strawberry.field(description="The other system, such as `legacy`; matched exactly.")
    id: str = strawberry.field(description="What the series is called there; matched exactly.")
    curve_key: str = strawberry.field(description="The curve's key; there need not be a curve of it yet.")
    confidence: float = strawberry.field(default=1.0, description="How sure that is, 0 to 1.")
    method: MappingMethod = strawberry.field(default=MappingMethod.MANUAL, description="How it was found.")
    reason: str = strawberry.field(description="Why; kept with the mapping.")


@strawberry.input(description="A series that is no curve from now on.")
class RemoveSeriesMappingInput:
    source: str = strawberry.field(description="The other system.")
    id: str = strawberry.field(description="What the series is called there.")
    reason: str = strawberry.field(description="Why; kept with the removal.")


@strawberry.type(description="The new version of the mapping, or what was wrong.")
class SeriesMappingPayload:
    mapping: SeriesMapping | None = strawberry.field(description="Null where there are problems.")
    problems: list[Problem] = strawberry.field(description="Empty where it worked.", directives=[sized(1)])


@strawberry.type
class SeriesQuery:
    @strawberry.field(
        description="Which curves series of other systems are, by source and id.",
        directives=[sizing(DEFAULT_PAGE, ["first"], "nodes", "edges")],
    )
    async def series_mappings(
        self, info: Info,
        source: Annotated[str | None, strawberry.argument(description="Only of this system; null: all.")] = None,
        curve_key: Annotated[str | None, strawberry.argument(description="Only to this curve; null: all.")] = None,
        known_at: KnownAt = None, first: First = None, after: After = None,
    ) -> SeriesMappingConnection:  # fmt: skip
        context, request = info.context, page_request("seriesMappings", first, after)
        wanted = {"source": source, "curve_key": None if curve_key is None else normalize_key(curve_key)}
        given = {name: text for name, text in wanted.items() if text is not None}
        page = await context.metadata.series.mappings(context.principal, given, request, known_at=instant_of(known_at))
        return connection(SeriesMappingConnection, "seriesMappings", page, mapping_of)

    @strawberry.field(
        description="Every version of which curve a series is, the newest first; removals have no curve.",
        directives=[sized(5)],
    )
    async def series_mapping_versions(
        self, info: Info,
        source: Annotated[str, strawberry.argument(description="The other system.")],
        id: Annotated[str, strawberry.argument(description="What the series is called there.")],
    ) -> list[SeriesMapping]:  # fmt: skip
        context = info.context
        found = await context.metadata.series.versions(context.principal, SeriesRef(source, id))
        return [mapping_of(each) for each in found]

    @strawberry.field(
        description="Curves that a text could mean, such as the name of a series: the likeliest first, ties by key. "
        "None that shares no word with it.",
        directives=[sized(10, "first"), weighing(10)],
    )
    async def series_suggestions(
        self, info: Info,
        text: Annotated[str, strawberry.argument(description="At most 1000 characters.")],
        first: Annotated[int, strawberry.argument(description="At most so many, 0 to 50.")] = 10,
    ) -> list[SeriesSuggestion]:  # fmt: skip
        found = await info.context.metadata.series.suggestions(info.context.principal, text, first)
        return [_suggestion_of(each) for each in found]


@strawberry.type
class SeriesMutation:
    @strawberry.mutation(description="Says which curve a series of another system is: a new version, with who and why.")
    async def set_series_mapping(
        self, info: Info, input: Annotated[SetSeriesMappingInput, strawberry.argument(description="Series and curve.")]
    ) -> SeriesMappingPayload:
        context, ref = info.context, SeriesRef(input.source, input.id)
        try:
            mapping = await context.metadata.series.set(
                context.principal, ref, input.curve_key, input.confidence, input.method, input.reason
            )
        except InvalidInput as error:
            return SeriesMappingPayload(mapping=None, problems=[problem_of(error)])
        return SeriesMappingPayload(mapping=mapping_of(mapping), problems=[])

    @strawberry.mutation(description="Says that a series is no curve any more: a new version, with who and why.")
    async def remove_series_mapping(
        self, info: Info, input: Annotated[RemoveSeriesMappingInput, strawberry.argument(description="Which series.")]
    ) -> SeriesMappingPayload:
        context, ref = info.context, SeriesRef(input.source, input.id)
        try:
            mapping = await context.metadata.series.remove(context.principal, ref, input.reason)
        except (InvalidInput, NotFound) as error:
            return SeriesMappingPayload(mapping=None, problems=[problem_of(error)])
        return SeriesMappingPayload(mapping=mapping_of(mapping), problems=[])


def mapping_of(mapping: model.SeriesMapping) -> SeriesMapping:
    return SeriesMapping(
        source=mapping.source, id=mapping.series, version=mapping.version, curve_key=mapping.curve_key,
        confidence=mapping.confidence, method=mapping.method, author=mapping.author, reason=mapping.reason,
        known_from=mapping.known_from,
    )  # fmt: skip


def _suggestion_of(found: Suggestion) -> SeriesSuggestion:
    words = [WordMatch(asked=each.asked, found=each.found, similarity=each.similarity) for each in found.matches]
    return SeriesSuggestion(curve=curve_of(found.curve), score=found.score, matches=words)
