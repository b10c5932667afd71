"""What a simulation is pinned to when its run is asked for: curves, versions of their histories, hours, rates."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from aurum.auth import Principal
from aurum.curves.analytics.deliveries import MOST_MONTHS
from aurum.curves.model import Listed
from aurum.errors import AurumError
from aurum.market.counts import counted
from aurum.market.identity import normalize_key
from aurum.market.periods import TenorType, month_number, months_at
from aurum.market.units import CURRENCIES
from aurum.metadata.reference.calendars import block_hours
from aurum.scenarios.bases import Base, Bases
from aurum.scenarios.drivers import EVERY_CURVE, Driver
from aurum.scenarios.model import Issue, Severity
from aurum.scenarios.refusals import refuse_errors
from aurum.scenarios.simulation.asked import (
    LARGEST_VOLUME,
    MOST_SIMULATED,
    Held,
    Per,
    PositionAsked,
    SimulationAsked,
    Terms,
    error,
    impossible,
    issue_of,
)
from aurum.scenarios.simulation.computing import ARITHMETIC
from aurum.scenarios.simulation.documents import document_of
from aurum.scenarios.simulation.draws import roots
from aurum.scenarios.simulation.driving import stochastic
from aurum.scenarios.simulation.factors import LEAST_MOVES
from aurum.scenarios.simulation.moves import common_days, too_little
from aurum.scenarios.suggestions import nearest

Days = Mapping[int, Sequence[Listed]]  # by curve, oldest first


@dataclass(frozen=True, slots=True)
class Pinned:
    """`histories`: of each curve the snapshots of its days, which never change; packed. `issues`: warnings."""

    terms: Terms
    histories: bytes
    issues: Sequence[Issue]

    @property
    def document(self) -> list[Any]:
        """What it would be computed from."""
        return [ARITHMETIC, document_of(self.terms), hashlib.sha256(self.histories).hexdigest()]


async def pin(
    bases: Bases, principal: Principal, asked: SimulationAsked, chosen: Sequence[Base], drivers: Sequence[Driver],
    known_at: datetime,
) -> Pinned:  # fmt: skip
    """Of a run that starts from `chosen`. Two statements. Raises InvalidScenario with all that is wrong."""
    refuse_errors(impossible(asked))
    ids = {base.curve.id for base in chosen}
    if asked.curves != EVERY_CURVE:
        ids = await bases.metadata.matching(principal, asked.curves, ids)
    simulated, left = _of_one_day([base for base in chosen if base.curve.id in ids])
    as_of, ids = simulated[0].as_of, {base.curve.id for base in simulated}
    first = as_of - timedelta(days=_calendar_days(asked.window))
    days = await bases.curves.listed_days(principal, ids, first=first, last=as_of, known_at=known_at)
    return await asyncio.to_thread(_pinned, asked, simulated, left, drivers, days)


def _pinned(
    asked: SimulationAsked, simulated: Sequence[Base], left: Sequence[Base], drivers: Sequence[Driver], days: Days
) -> Pinned:
    drawn = stochastic(drivers)
    if drawn:
        roots(drawn)
    _refuse_too_little(simulated, days)
    terms, issues = _Maker(asked, simulated, days).made(simulated[0].as_of)
    refuse_errors(issues)
    histories = pack_histories({id_: [day.id for day in each] for id_, each in days.items()})
    return Pinned(terms, histories, _left_out(terms.as_of, left))


def _calendar_days(window: int) -> int:
    """In which the days of a window lie, with holidays and some that are missing."""
    return (window + 1) * 3 // 2 + 14


def _of_one_day(chosen: Sequence[Base]) -> tuple[list[Base], list[Base]]:
    """Those that have prices of the newest as-of date among them, and the others."""
    if not chosen:
        why, suggestion = "the simulation has no curve of the run", "Widen its filter, or the scenario's."
        refuse_errors([error("EMPTY_SELECTION", why, "filter", suggestion)])
    as_of = max(base.as_of for base in chosen)
    simulated = [base for base in chosen if base.as_of == as_of]
    if len(simulated) > MOST_SIMULATED:
        why = f"{len(simulated):,} curves are more than the {MOST_SIMULATED} that are simulated together"
        refuse_errors([error("TOO_MANY_CURVES", why, "filter", "Narrow its filter.")])
    return simulated, [base for base in chosen if base.as_of < as_of]


def _left_out(as_of: date, left: Sequence[Base]) -> list[Issue]:
    if not left:
        return []
    why = f"no prices of {as_of}, and not simulated: {counted(len(left), 'curve')}, such as {left[0].curve.key}"
    suggestion = "Take an as-of date that all of them have, or leave them out by its filter."
    return [Issue(Severity.WARNING, "LEFT_OUT", why, "simulation.filter", suggestion)]


def _refuse_too_little(simulated: Sequence[Base], days: Days) -> None:
    """With as-of dates that are too few, whatever is quoted on them."""
    keys = {base.curve.id: base.curve.key for base in simulated}
    dates = {id_: np.array([day.as_of for day in each], dtype="datetime64[D]") for id_, each in days.items()}
    common, apart = common_days(list(dates.values()))
    found = int((~apart).sum())
    if found < LEAST_MOVES:
        issue = issue_of(too_little(found, LEAST_MOVES, "daily moves", len(common)))
        fewest = min(dates, key=lambda id_: (len(dates[id_]), keys[id_]))
        why = f"{issue.message}; {keys[fewest]} has the fewest, {len(dates[fewest])}"
        refuse_errors([error(issue.code, why, "filter", issue.suggestion)])


class _Maker:
    """The terms of what is asked, with every reason why some of it cannot be."""

    def __init__(self, asked: SimulationAsked, simulated: Sequence[Base], days: Days) -> None:
        self.asked = asked
        self.issues: list[Issue] = []
        self._days = days
        self._bases = {base.curve.legacy_key: base for base in reversed(simulated)}
        self._bases |= {base.curve.key: base for base in simulated}
        self._currency = self._checked_currency()
        self._rates = self._checked_rates()

    def made(self, as_of: date) -> tuple[Terms, list[Issue]]:
        asked = self.asked
        named = [self._base(key, f"absolute.{n}") for n, key in enumerate(asked.absolute)]
        held = [self._held(position, f"positions.{n}") for n, position in enumerate(asked.positions)]
        terms = Terms(
            as_of, asked.paths, asked.horizon, asked.window, asked.share, asked.level, asked.periods, asked.stress,
            tuple(sorted({base.curve.key for base in named if base})), self._currency,
            tuple(each for each in held if each),
        )  # fmt: skip
        return terms, self.issues

    def _refuse(self, code: str, why: str, field: str, suggestion: str | None = None) -> None:
        issue = error(code, why, field, suggestion)
        if issue not in self.issues:
            self.issues.append(issue)

    def _base(self, key: str, field: str) -> Base | None:
        found = self._bases.get(normalize_key(key))
        if found is None:
            close = nearest(key, [base.curve.key for base in self._bases.values()]) if len(self.issues) < 10 else None
            self._refuse("UNKNOWN_CURVE", f"the simulation has no curve {key[:80]!r}", field, close)
        return found

    # ---- money ----

    def _checked_currency(self) -> str | None:
        """What is asked for, or what all positions are in: pounds of those in pence."""
        if self.asked.currency is not None:
            if self.asked.currency in CURRENCIES:
                return self.asked.currency
            self._refuse("UNKNOWN_CURRENCY", f"{self.asked.currency[:20]!r} is no currency", "currency")
            return None
        bases = (self._bases.get(normalize_key(each.curve)) for each in self.asked.positions)
        found = sorted({CURRENCIES[base.curve.currency].base for base in bases if base and base.curve.currency})
        if len(found) > 1:
            self._refuse("NO_EXCHANGE_RATE", f"positions are in {' and '.join(found)}", "currency",
                         "Give `currency`, and the `rates` of the others.")  # fmt: skip
        return found[0] if len(found) == 1 else None

    def _checked_rates(self) -> dict[str, float]:
        found, own = dict[str, float](), CURRENCIES.get(self._currency or "")
        for n, (code, rate) in enumerate(self.asked.rates):
            if code not in CURRENCIES:
                self._refuse("UNKNOWN_CURRENCY", f"{code[:20]!r} is no currency", f"rates.{n}.currency")
            elif code in found:
                self._refuse("NAME_TWICE", f"there are two rates of {code}", f"rates.{n}.currency")
            elif own is not None and CURRENCIES[code].base == own.base:
                self._refuse("OUT_OF_RANGE", f"{self._currency} is what is told itself", f"rates.{n}.currency")
            elif not 0.0 < rate <= LARGEST_VOLUME:
                self._refuse("OUT_OF_RANGE", "a rate is above 0, and no more than 1e12", f"rates.{n}.rate")
            found[code] = rate
        return found

    def _rate(self, currency: str) -> float | None:
        """How much of the simulation's currency one of it is; None: nobody has said."""
        own, to = CURRENCIES[currency], CURRENCIES[self._currency or currency]
        if own.base == to.base:
            return own.factor / to.factor
        if currency in self._rates:
            return self._rates[currency]
        return self._rates[own.base] * own.factor if own.base in self._rates else None

    # ---- positions ----

    def _held(self, asked: PositionAsked, field: str) -> Held | None:
        base = self._base(asked.curve, f"{field}.curve")
        if base is None or not self._fits(asked, base, field):
            return None
        curve = base.curve
        if curve.currency is None:
            self._refuse("UNKNOWN_UNIT", f"nobody has said what {curve.key} is priced in", f"{field}.curve")
            return None
        rate, hours = self._rate(curve.currency), self._hours(asked, base, field)
        if rate is None:
            why = f"what is priced in {curve.currency} is not in {self._currency} without a rate"
            self._refuse("NO_EXCHANGE_RATE", why, "rates", f"Give what one {curve.currency} is in {self._currency}.")
        if rate is None or hours is None:
            return None
        return Held(curve.key, asked.start, asked.end, asked.volume, asked.per, hours, curve.currency, rate)

    def _fits(self, asked: PositionAsked, base: Base, field: str) -> bool:
        """Whether it is of whole months that the curve has, and no absurd number."""
        if not abs(asked.volume) <= LARGEST_VOLUME:
            self._refuse("OUT_OF_RANGE", "a volume is between -1e12 and 1e12", f"{field}.volume")
            return False
        first, end = month_number(asked.start), month_number(asked.end)
        if asked.start.day != 1 or asked.end.day != 1 or not 0 < end - first <= MOST_MONTHS:
            why = "a position is of whole months: from the first day of one until before that of a later one"
            self._refuse("OUT_OF_RANGE", why, f"{field}.delivery")
            return False
        tenors = self._days[base.curve.id][-1].tenors
        missing = set(range(first, end)) - {
            month_number(each.period.start) for each in tenors if each.type is TenorType.MONTH
        }
        if missing:
            why = f"{base.curve.key} has no {months_at(min(missing)).start:%Y-%m}"
            self._refuse("OUT_OF_RANGE", why, f"{field}.delivery", "Take months that it quotes.")
        return not missing

    def _hours(self, asked: PositionAsked, base: Base, field: str) -> tuple[float, ...] | None:
        periods = [months_at(month) for month in range(month_number(asked.start), month_number(asked.end))]
        if asked.per is Per.MONTH:
            return (1.0,) * len(periods)
        try:
            return tuple(block_hours(base.curve, periods).tolist())
        except AurumError as refused:
            self._refuse(refused.code, refused.message, f"{field}.per", "Give the volume of a month, and `per: MONTH`.")
            return None


def pack_histories(histories: Mapping[int, Collection[int]]) -> bytes:
    parts = [(curve_id, len(ids), *ids) for curve_id, ids in histories.items()]
    return np.array([number for part in parts for number in part], dtype="<i8").tobytes()


def unpack_histories(data: bytes) -> dict[int, list[int]]:
    numbers: list[int] = np.frombuffer(data, dtype="<i8").tolist()
    found, at = {}, 0
    while at < len(numbers):
        curve_id, count = numbers[at : at + 2]
        found[curve_id] = numbers[at + 2 : at + 2 + count]
        at += 2 + count
    return found
