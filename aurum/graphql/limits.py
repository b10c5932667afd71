"""What an operation may ask for, checked before it runs."""

from __future__ import annotations

from collections.abc import Callable

from strawberry.extensions import (
    DisableIntrospection,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    QueryDepthLimiter,
    SchemaExtension,
)

from aurum.settings import GraphQLSettings


def limits(settings: GraphQLSettings) -> list[Callable[[], SchemaExtension]]:
    checks: list[Callable[[], SchemaExtension]] = [
        lambda: MaxTokensLimiter(max_token_count=settings.max_tokens),
        lambda: MaxAliasesLimiter(max_alias_count=settings.max_aliases),
        lambda: QueryDepthLimiter(max_depth=settings.max_depth),
    ]
    if not settings.introspection:
        checks.append(DisableIntrospection)
    return checks
