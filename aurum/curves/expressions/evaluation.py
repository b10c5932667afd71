"""What an expression comes to over the curves that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from aurum.curves.expressions.alignment import Places, places, taken, union
from aurum.curves.expressions.delivered import delivered
from aurum.curves.expressions.forms import Form, Forms, Leaf, Linear, Values, number_of
from aurum.curves.expressions.functions import FUNCTIONS, written_out
from aurum.curves.expressions.gaps import gaps_of
from aurum.curves.expressions.leaves import Used, check_days, leaves
from aurum.curves.expressions.model import DerivedCurve, Exchange, Factor, Gap, Input, Source
from aurum.curves.expressions.off_peak import Shares, off_peak_shares
from aurum.curves.expressions.parsing import STEPS, parse
from aurum.curves.expressions.printing import printed
from aurum.curves.expressions.tree import (
    At,
    Call,
    Convert,
    Negated,
    Node,
    Number,
    OffPeak,
    Product,
    QuotedIn,
    Ref,
    Shift,
    Sum,
    keys,
)
from aurum.curves.expressions.units import (
    CompoundUnit,
    Conversion,
    conversion,
    factor_between,
    priced_in,
    rate_wanted,
    said,
)
from aurum.errors import InvalidExpression, InvalidInput, NoExchangeRate, UnitMismatch, UnknownUnit
from aurum.market.periods import TenorGrid
from aurum.market.units import CURRENCIES

_MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Target:
    """What the answer shall be in; None: as it comes. `rate` leads from the one currency to the other."""

    currency: str | None = None
    unit: str | None = None
    rate: Node | None = None


def evaluate(node: Node, sources: Mapping[Used, Source], target: Target) -> DerivedCurve:
    """At each period that any of the sources has; a gap wherever something is missing that the value depends on.

    Raises UnknownUnit, UnitMismatch, NoExchangeRate, MixedDays, and InvalidExpression for what is no number.
    """
    if not keys(node):
        raise InvalidExpression("it names no curve", hint="A curve is its key in brackets: [eugp:eu/dutch_ttf/gas].")
    with _computing():
        evaluation = _evaluation((node,) if target.rate is None else (node, target.rate), sources)
        whole, form = evaluation.answer(node, target)
        return evaluation.curve(whole, form)


def _written(node: Node) -> str:
    """As the answer writes it. What could not be asked again is refused."""
    text = printed(node)
    try:
        parse(text)
    except InvalidExpression as error:  # its position is one of another text
        raise InvalidExpression(f"as the answer would write it: {error.message}") from None
    return text


@contextmanager
def _computing() -> Iterator[None]:
    """What is too large, and what is divided by 0, is found in the values; what is left of the too small may be 0."""
    try:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="raise"):
            yield
    except FloatingPointError:
        raise InvalidExpression("its numbers are too small to compute with") from None


def exchange(
    source: CompoundUnit, target: CompoundUnit, rate: Node | None, sources: Mapping[Used, Source]
) -> Exchange:  # fmt: skip
    """From one unit of prices to another, by the rate where currencies differ. Raises what `evaluate` does."""
    if rate is None or source.base == target.base or source.quantity.base != target.quantity.base:
        return Exchange(factor_between(source, target))
    with _computing():
        evaluation = _evaluation((rate,), sources)
        values = evaluation.exchanged(source, target, rate)
    return Exchange(values, evaluation.tenors)


def _evaluation(asked: Sequence[Node], sources: Mapping[Used, Source]) -> _Evaluation:
    read = {leaf: sources[leaf.key, leaf.at] for each in asked for leaf in leaves(each)}
    check_days(read)
    tenors = union(tuple(source.snapshot.prices.tenors for source in read.values())) if read else TenorGrid(())
    where = {leaf: places(source.snapshot.prices.tenors, tenors, leaf.months) for leaf, source in read.items()}
    prices = {leaf: taken(source.snapshot.prices.mid, where[leaf]) for leaf, source in read.items()}
    return _Evaluation(read, tenors, where, prices)


class _Evaluation:
    """One evaluation: forms of nodes, and what is told of them."""

    def __init__(
        self, read: Mapping[Leaf, Source], tenors: TenorGrid, where: Mapping[Leaf, Places],
        prices: Mapping[Leaf, Values],
    ) -> None:  # fmt: skip
        self.tenors = tenors
        self._read, self._where, self._prices = read, where, prices
        self._forms = Forms(prices, len(tenors))
        self._units: dict[Leaf, CompoundUnit] = {}
        self._conversions: dict[tuple[CompoundUnit, CompoundUnit], Conversion] = {}
        self._factors: dict[Factor, None] = {}
        self._known: dict[tuple[int, date | None, int], tuple[Node, Form]] = {}  # kept with its node

    # ---- from nodes to forms ----

    def _form(self, node: Node, at: date | None, months: int) -> Form:
        """Each node is computed once, however many functions look at it."""
        place = (id(node), at, months)
        if place not in self._known:
            self._known[place] = node, self._made(node, at, months)
        return self._known[place][1]

    def _made(self, node: Node, at: date | None, months: int) -> Form:
        match node:
            case Number(value, unit):
                return Linear(unit, {}, value)
            case Ref():
                return self._priced(node, at, months, None)
            case QuotedIn(of, unit):
                return self._priced(of, at, months, unit)
            case Negated(of):
                return self._forms.scale(self._form(of, at, months), -1.0)
            case Shift(of, count, step):
                return self._form(of, at, months + count * STEPS[step])
            case At(of, day):
                return self._form(of, day, months)
            case OffPeak(base, peak):
                whole = self._form(base, at, months)
                part = self._alike(self._form(peak, at, months), whole.unit, node)
                return self._forms.mix(whole, part, self._shares(node, at, months))
            case Convert(of, unit, rate):
                exchange = None if rate is None else self._form(rate, at, months)
                return self._exchanged(self._form(of, at, months), unit, exchange)
            case Sum():
                return self._summed(node, at, months)
            case Product():
                return self._multiplied(node, at, months)
            case Call():
                return self._called(node, at, months)

    def _priced(self, ref: Ref, at: date | None, months: int, stated: CompoundUnit | None) -> Form:
        leaf = Leaf(ref.key, at, months)
        known = self._read[leaf].unit
        if known is not None and stated is not None and known != stated:
            raise UnitMismatch(f"[{ref.key}] is in {known}, not in {stated}", units=[str(known), str(stated)])
        unit = stated if known is None else known
        if unit is None:
            hint = f"Say it in the catalogue (`setUnit`), or here: quoted_in([{ref.key}], USD/bbl)."
            raise UnknownUnit(f"nobody has said what [{ref.key}] is priced in", hint=hint)
        if self._units.setdefault(leaf, unit) != unit:
            raise UnitMismatch(f"[{ref.key}] is said to be in two units", units=[str(self._units[leaf]), str(unit)])
        return Linear(unit, {leaf: 1.0})

    def _summed(self, node: Sum, at: date | None, months: int) -> Form:
        total = self._form(node.first, at, months)
        for sign, each in node.rest:
            part = self._alike(self._form(each, at, months), total.unit, node)
            total = self._forms.add(total, part if sign > 0 else self._forms.scale(part, -1.0))
        return total

    def _multiplied(self, node: Product, at: date | None, months: int) -> Form:
        total = self._form(node.first, at, months)
        for sign, each in node.rest:
            part = self._form(each, at, months)
            total = self._forms.multiply(total, part) if sign > 0 else self._forms.divide(total, part)
        return total

    def _called(self, node: Call, at: date | None, months: int) -> Form:
        given = [self._form(each, at, months) for each in node.given]
        function, expanded = FUNCTIONS[node.name], written_out(node)
        if expanded is None:
            alike = [self._alike(each, given[0].unit, node) for each in given]
            return self._forms.choose(alike, largest=node.name == "max")
        for rate, fuel in function.rates:
            if isinstance(number := node.given[rate], Number) and number.alike:
                continue  # MWh/MWh says what it counts
            _check_rate(node, given[0].unit, given[rate].unit, given[fuel].unit)
        for place, name in function.factors:
            if place < len(given) and (value := number_of(given[place])) is not None:
                self._factors[Factor(node.name, name, value, given[place].unit)] = None
        return self._form(expanded, at, months)

    def _shares(self, node: OffPeak, at: date | None, months: int) -> Shares:
        base, peak = (self._read[Leaf(each.key, at, months)] for each in (node.base, node.peak))
        return off_peak_shares(base, peak, self.tenors, months)

    # ---- units ----

    def _alike(self, form: Form, unit: CompoundUnit, within: Node) -> Form:
        try:
            return self._converted(form, unit)
        except UnitMismatch as error:
            raise type(error)(f"{error.message}: {_told(within)}", hint=error.hint, **error.details) from None

    def _converted(self, form: Form, unit: CompoundUnit) -> Form:
        if form.unit == unit:
            return form
        found = self._conversions[form.unit, unit] = conversion(form.unit, unit)
        return replace(self._forms.scale(form, found.factor), unit=unit)

    def _exchanged(self, form: Form, unit: CompoundUnit, rate: Form | None) -> Form:
        """The rate is multiplied with or divided by, as its currencies say."""
        if rate is None:
            return self._converted(form, unit)
        hint = f"Give {rate_wanted(form.unit, unit)}."
        if any(code not in CURRENCIES for code, _ in rate.unit.powers) or not rate.unit.base.powers:
            raise NoExchangeRate(f"{said(rate.unit)} is no exchange rate", hint=hint)
        if (number := number_of(rate)) is not None and number <= 0:
            raise InvalidExpression(f"an exchange rate is above 0, not {number:g} {rate.unit}")
        for exchange in (self._forms.multiply, self._forms.divide):
            way = form.unit * rate.unit if exchange == self._forms.multiply else form.unit / rate.unit
            if way.base == unit.base:
                return self._converted(exchange(form, rate), unit)
        units = [str(form.unit), str(unit), str(rate.unit)]
        raise NoExchangeRate(f"a rate in {rate.unit} does not lead from {form.unit} to {unit}", hint=hint, units=units)

    def answer(self, node: Node, target: Target) -> tuple[Node, Form]:
        """With what is converted for the answer written into the expression."""
        form = self._form(node, None, 0)
        if target.currency is None and target.unit is None:
            if target.rate is not None:
                raise InvalidInput("a rate without a currency to convert to", field="fx")
            return node, self._converted(form, _sensible(form.unit))
        unit = priced_in(form.unit, target.currency, target.unit)
        if unit == form.unit and target.rate is None:
            return node, form
        whole = Convert(node, unit, target.rate)
        return whole, self._form(whole, None, 0)

    # ---- what is answered ----

    def exchanged(self, source: CompoundUnit, target: CompoundUnit, rate: Node) -> float | Values:
        """What one of the source unit is in the target's: of every period, or at each; NaN: no rate above 0."""
        form = self._exchanged(Linear(source, {}, 1.0), target, self._form(rate, None, 0))
        if (number := number_of(form)) is not None:
            return number
        values = self._forms.values(form)
        found: Values = np.where(values > 0, values, np.nan)
        return found

    def curve(self, node: Node, form: Form) -> DerivedCurve:
        expression = _written(node)
        values, slopes = self._forms.explained(form), self._forms.slopes(form)
        weights = form.weights if isinstance(form, Linear) else {}
        inputs = tuple(
            Input(
                leaf, self._read[leaf], self._units[leaf], self._where[leaf], self._prices[leaf], slope,
                weights.get(leaf),
            )
            for leaf, slope in slopes.items()
        )  # fmt: skip
        failed = {Gap.DIVISION_BY_ZERO: self._forms.divided_by_zero, Gap.NO_HOURS: self._forms.without_hours}
        gaps, blamed = gaps_of(values, inputs, failed)
        snapshots = [each.source.snapshot for each in inputs]
        undated = [each.source.snapshot.as_of for each in inputs if each.leaf.at is None]
        return DerivedCurve(
            expression=expression, unit=form.unit, as_of=max(undated or (each.as_of for each in snapshots)),
            published_at=max(each.published_at for each in snapshots), tenors=self.tenors, values=values, gaps=gaps,
            gap_inputs=blamed, inputs=inputs, constant=form.constant if isinstance(form, Linear) else None,
            factors=tuple(self._factors), conversions=tuple(self._conversions.values()),
            delivered=delivered(node, {leaf.key: source.curve.identity for leaf, source in self._read.items()}),
        )  # fmt: skip


def _check_rate(node: Call, power: CompoundUnit, rate: CompoundUnit, fuel: CompoundUnit) -> None:
    """7.0 is MMBtu/MWh to some and MWh/MWh to others: without a unit it is neither, unless it cannot matter."""
    if not rate.powers and fuel.quantity != power.quantity:
        raise UnitMismatch(
            f"{node.name} of {power} and {fuel} takes a rate with its unit",
            hint="Such as 7.0 MMBtu/MWh, 2.1 MWh/MWh, 0.37 mt/MWh or 0.4 tCO2/MWh; or convert(...) what it counts.",
            units=[str(power), str(fuel)],
        )


def _sensible(unit: CompoundUnit) -> CompoundUnit:
    """Raises UnitMismatch for what nobody prices in, such as the product of two prices."""
    simple = unit.simplified
    money = sum(power for code, power in simple.powers if code in CURRENCIES)
    if money not in (0, 1) or any(abs(power) > 1 for _, power in simple.powers):
        raise UnitMismatch(f"{simple} is neither a price nor a ratio", units=[str(simple)])
    return simple


def _told(node: Node) -> str:
    text = printed(node)
    return text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}…"
