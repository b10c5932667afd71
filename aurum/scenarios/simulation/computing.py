"""A simulation around the curves of a scenario, from their histories to all that is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from aurum.errors import InvalidInput, InvalidScenario
from aurum.market.finite import finite
from aurum.scenarios.digest import bits_of, digest_of
from aurum.scenarios.documents import canonical
from aurum.scenarios.drivers import Driver
from aurum.scenarios.model import BaseCurve, Outcome
from aurum.scenarios.policies import Policies
from aurum.scenarios.refusals import refused
from aurum.scenarios.simulation.asked import Terms, issue_of
from aurum.scenarios.simulation.driving import driven
from aurum.scenarios.simulation.factors import FactorModel, fitted
from aurum.scenarios.simulation.histories import History, line_of
from aurum.scenarios.simulation.moves import MoveKind, Moves, daily_moves
from aurum.scenarios.simulation.risk import Risk
from aurum.scenarios.simulation.shocks import Sampling
from aurum.scenarios.simulation.simulating import Simulation, simulate
from aurum.scenarios.simulation.stress import StressDay, StressDays, stress_days

ARITHMETIC = "1"  # counts up when the same inputs mean another number
_MOVES, _FITTED, _PATHS = 0.1, 0.25, 0.95  # of a simulation


@dataclass(frozen=True, slots=True)
class Summary:
    """What is told of a simulation as a whole. `moves` daily ones it is fitted on, of `moves_found` of the window,
    from `first_day` to `last_day`, on `days_found` as-of dates; `partial` and `apart` see `Moves`.

    `incomplete`: days of the window that lack a move which the positions need, and are not ranked.
    """

    moves: int
    moves_found: int
    days_found: int
    partial: int
    apart: int
    first_day: date
    last_day: date
    explained: tuple[float, ...]
    risks: tuple[Risk, ...]
    stress: tuple[StressDay, ...]
    incomplete: int


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """`digest` is of every number that is told."""

    simulation: Simulation
    kinds: Mapping[str, MoveKind]
    summary: Summary
    digest: str


@contextmanager
def _refused_as_scenarios_are() -> Iterator[None]:
    try:
        yield
    except InvalidScenario:
        raise
    except InvalidInput as error:
        raise refused([issue_of(error)]) from error


@_refused_as_scenarios_are()
@finite("what is simulated")
def compute(
    terms: Terms, seed: int, histories: Sequence[History], curves: Sequence[BaseCurve], drivers: Sequence[Driver],
    outcome: Outcome, policies: Policies, done: Callable[[float], None] = lambda _: None,
) -> Computed:  # fmt: skip
    """Around the scenario that `outcome` is, of the curves that have a history. Raises InvalidScenario.

    `done` is told which part of it is, now and then.
    """
    moves = daily_moves(histories, terms.window)
    done(_MOVES)
    model = fitted(moves, share=terms.share)
    done(_FITTED)
    stories = (outcome.curves[each.key] for each in histories)
    lines = [line_of(replace(each.base, mid=each.mid)) for each in stories]
    sampling = Sampling(terms.paths, terms.horizon, seed)
    positions = [each.position(terms.currency or each.currency) for each in terms.positions]
    periods = terms.risk_periods
    found = simulate(
        model, lines, sampling, driven=driven(curves, drivers, outcome, sampling, policies),
        positions=positions, periods=periods, level=terms.level,
        done=lambda part: done(_FITTED + (_PATHS - _FITTED) * part),
    )  # fmt: skip
    stressed = StressDays([], 0, 0)
    if positions and terms.stress:
        stressed = stress_days(moves, lines, positions, periods, terms.stress)
    summary = _summary(moves, model, found, stressed)
    return Computed(found, dict(zip(moves.keys, moves.kinds, strict=True)), summary, _digest(found, summary))


def _digest(found: Simulation, summary: Summary) -> str:
    told = [
        summary.moves, summary.moves_found, summary.days_found, summary.partial, summary.apart, summary.incomplete,
        summary.first_day.isoformat(), summary.last_day.isoformat(), list(summary.explained),
        [[day.as_of.isoformat(), day.loss + 0.0, *(loss + 0.0 for loss in day.by_period)] for day in summary.stress],
    ]  # fmt: skip
    return digest_of(b"aurum simulation of a run", found.digest.encode(), canonical(told))


def _summary(moves: Moves, model: FactorModel, found: Simulation, stressed: StressDays) -> Summary:
    return Summary(
        model.moves, model.moves_found, moves.days_found, moves.partial, moves.apart, moves.days[0].item(),
        moves.days[-1].item(), tuple(model.explained.tolist()), tuple(found.risks), tuple(stressed.worst),
        stressed.incomplete,
    )  # fmt: skip


def history_digest(histories: Sequence[History]) -> str:
    """SHA-256 (hex) of every price that a simulation learns from."""
    parts: list[bytes] = []
    for each in sorted(histories, key=lambda history: history.key):
        days, months = each.days.astype(np.int64).astype("<i8"), each.months.astype("<i8")
        parts += [each.key.encode(), days.tobytes(), months.tobytes(), bits_of(each.prices), bytes([each.absolute])]
    return digest_of(*parts)
