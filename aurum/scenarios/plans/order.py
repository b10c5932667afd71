"""Which curves follow which: never in a circle, and after those that they follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.plans.steps import Kind, Step, moves_of


def out_of_order(steps: Sequence[Step], keys: Sequence[str]) -> list[Issue]:
    """`keys` are those of the curves. What follows its own driver's moves alone cannot be out of order."""
    circle = _circle(steps)
    if circle:
        named = " follows ".join(keys[at] for at in circle)
        driver = max(n for n, step in enumerate(steps) for pair in _follows(step) if set(pair) <= set(circle))
        return [
            Issue(
                Severity.ERROR, "CYCLE", f"curves follow one another in a circle: {named}", f"drivers.{driver}",
                "Leave one of the drivers out, or limit its curves.",
            )
        ]  # fmt: skip
    return list(_early(steps, keys))


def _circle(steps: Sequence[Step]) -> list[int]:
    graph: dict[int, set[int]] = {}
    for step in steps:
        for follower, followed in _follows(step):
            graph.setdefault(follower, set()).add(followed)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[int] = error.args[1]
        return circle[::-1]
    return []


def _early(steps: Sequence[Step], keys: Sequence[str]) -> Iterator[Issue]:
    moves = [{to.curve for move in moves_of(step) for to in move.targets} for step in steps]
    for n, step in enumerate(steps):
        followed = {other for _, other in _follows(step)}
        late = [later for later in range(n + 1, len(steps)) if followed & moves[later]]
        if late:
            key = keys[min(followed & moves[late[-1]])]
            yield Issue(
                Severity.WARNING, "FOLLOWED_TOO_EARLY",
                f"drivers.{late[-1]} moves {key} after it was followed: that is not followed", f"drivers.{n}",
                f"Put it after drivers.{late[-1]}.",
            )  # fmt: skip


def _follows(step: Step) -> Iterator[tuple[int, int]]:
    """Follower and followed."""
    for move in moves_of(step):
        if move.kind is Kind.FOLLOW and move.reference is not None and not move.own:
            for to in move.targets:
                yield to.curve, move.reference[0]
