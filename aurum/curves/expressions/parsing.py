"""Reads expressions of curves. The grammar:

sum      = product { ("+" | "-") product }
product  = signed { ("*" | "/") signed }
signed   = "-" signed | value
value    = number [ unit ] | "[" curve key "]" | "(" sum ")" | function "(" arguments ")"
unit     = code [ "/" code ]                    a code of `units` or `currencies`, in their case

shift(sum, ["-"] whole number, "month" | "quarter" | "year")
at(sum, 2025-02-12)
convert(sum, unit [, sum])                      `1` is the unit of a plain number
quoted_in([curve key], unit)
off_peak([curve key], [curve key])
spark, dark, clean_spark, clean_dark, crack, basket, min, max: arguments are sums
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from aurum.curves.expressions.functions import FUNCTIONS
from aurum.curves.expressions.tokens import Token, tokens
from aurum.curves.expressions.tree import (
    At,
    Call,
    Convert,
    Negated,
    Node,
    Number,
    OffPeak,
    QuotedIn,
    Ref,
    Shift,
    product_of,
    sum_of,
)
from aurum.curves.expressions.units import PLAIN, CompoundUnit, is_code
from aurum.errors import InvalidExpression
from aurum.market.counts import counted
from aurum.market.identity import normalize_key

LONGEST, DEEPEST, MOST_NODES = 4000, 32, 500
LONGEST_KEY, FARTHEST = 300, 1200
LARGEST, SMALLEST = 1e30, 1e-30  # of numbers, but for 0
STEPS = {"month": 1, "quarter": 3, "year": 12}


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """Raises InvalidExpression, which says at which character."""
    if len(text) > LONGEST:
        raise InvalidExpression(f"an expression of {len(text):,} characters; {LONGEST:,} are the most")
    return _Parser(text).whole()


class _Parser:
    """One token ahead. `_nodes` and `_depth` bound what is made, and how deep it recurs."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = self._nodes = self._depth = 0

    def whole(self) -> Node:
        node = self._sum()
        if self._next.kind != "end":
            raise self._expected("an operator or the end")
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _sign(self, signs: str) -> str | None:
        return self._take().text if self._next.kind == "sign" and self._next.text in signs else None

    def _require(self, sign: str) -> None:
        if self._sign(sign) is None:
            raise self._expected(f"{sign!r}")

    def _expected(self, what: str) -> InvalidExpression:
        found = "it ends" if self._next.kind == "end" else f"there is {self._next.text[:40]!r}"
        return self._wrong(f"expected {what}, but {found}")

    def _wrong(self, message: str, token: Token | None = None, hint: str | None = None) -> InvalidExpression:
        position = (token or self._next).position
        return InvalidExpression(f"{message}, at {position}", hint=hint, position=position)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"nested more than {DEEPEST} deep")

    def _made(self) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._wrong(f"more than {MOST_NODES} numbers, curves and operations")

    def _sum(self) -> Node:
        first, rest = self._product(), []
        while sign := self._sign("+-"):
            self._made()
            rest.append((1 if sign == "+" else -1, self._product()))
        return sum_of(first, tuple(rest)) if rest else first

    def _product(self) -> Node:
        first, rest = self._signed(), []
        while sign := self._sign("*/"):
            self._made()
            rest.append((1 if sign == "*" else -1, self._signed()))
        return product_of(first, tuple(rest)) if rest else first

    def _signed(self) -> Node:
        if self._sign("-") is None:
            return self._value()
        self._made()
        self._deeper()
        node = Negated(self._signed())
        self._depth -= 1
        return node

    def _value(self) -> Node:
        self._made()
        match self._next.kind:
            case "number":
                return self._number()
            case "curve":
                return self._curve()
            case "name":
                return self._function()
            case "date":
                raise self._wrong(
                    "a date stands only in at(...)", hint="Differences of numbers have blanks: 1999 - 12."
                )
        self._require_value()
        self._deeper()
        node = self._sum()
        self._require(")")
        self._depth -= 1
        return node

    def _require_value(self) -> None:
        if self._sign("(") is None:
            raise self._expected("a number, a [curve], a function or '('")

    def _number(self) -> Number:
        token = self._take()
        value = float(token.text)
        nothing = not token.text.lower().partition("e")[0].strip("0.")
        if not nothing and not SMALLEST <= value <= LARGEST:
            raise self._wrong(f"a number is 0, or {SMALLEST:g} to {LARGEST:g}", token)
        follows = self._next
        if follows.kind != "name" or not is_code(follows.text):
            return Number(value)
        unit = self._unit()
        return Number(value, unit, "" if unit.powers else follows.text)

    def _target(self) -> CompoundUnit:
        if self._next.text == "1":
            self._take()
            return PLAIN
        return self._unit()

    def _unit(self) -> CompoundUnit:
        unit = CompoundUnit.of({self._code(): 1})
        ahead = self._tokens[self._at : self._at + 2]
        if ahead[0].text == "/" and ahead[1].kind == "name" and is_code(ahead[1].text):
            self._at += 1
            unit = unit / CompoundUnit.of({self._code(): 1})
        return unit

    def _code(self) -> str:
        if self._next.kind != "name" or not is_code(self._next.text):
            raise self._wrong(
                f"{self._next.text[:40]!r} is not the code of a unit or a currency", hint="See `units`, `currencies`."
            )
        return self._take().text

    def _curve(self) -> Ref:
        token = self._take()
        key = normalize_key(token.text[1:-1])
        if not key or len(key) > LONGEST_KEY or not key.isprintable():
            raise self._wrong(f"a key has 1 to {LONGEST_KEY} printable characters", token)
        return Ref(key)

    def _function(self) -> Node:
        token = self._take()
        special: dict[str, Callable[[], Node]] = {
            "shift": self._shift,
            "at": self._as_of,
            "convert": self._convert,
            "quoted_in": self._quoted_in,
            "off_peak": self._off_peak,
        }
        if token.text not in special and token.text not in FUNCTIONS:
            names = ", ".join(sorted([*special, *FUNCTIONS]))
            hint = f"There are {names}. A curve is in brackets; codes of units stand behind a number, in their case."
            raise self._wrong(f"{token.text[:40]!r} is not a function", token, hint)
        self._require("(")
        self._deeper()
        node = special[token.text]() if token.text in special else self._call(token)
        self._require(")")
        self._depth -= 1
        return node

    def _call(self, token: Token) -> Call:
        given = [self._sum()]
        while self._sign(","):
            given.append(self._sum())
        function = FUNCTIONS[token.text]
        if not function.takes(len(given)):
            raise self._wrong(f"{token.text} takes {function.signature}, not {counted(len(given), 'argument')}", token)
        return Call(token.text, tuple(given))

    def _shift(self) -> Shift:
        of = self._sum()
        self._require(",")
        negative, token = self._sign("-") is not None, self._take()
        if token.kind != "number" or not token.text.isdigit() or len(token.text) > 4 or int(token.text) > FARTHEST:
            raise self._wrong(f"shift takes a whole number up to {FARTHEST:,}", token)
        self._require(",")
        step = self._take()
        if step.text not in STEPS:
            raise self._wrong(f"shift goes by {', '.join(STEPS)}", step)
        return Shift(of, -int(token.text) if negative else int(token.text), step.text)

    def _as_of(self) -> At:
        of = self._sum()
        self._require(",")
        token = self._take()
        try:
            return At(of, date.fromisoformat(token.text if token.kind == "date" else ""))
        except ValueError:
            raise self._wrong("at takes a date such as 2025-02-12", token) from None

    def _convert(self) -> Convert:
        of = self._sum()
        self._require(",")
        unit = self._target()
        return Convert(of, unit, self._sum() if self._sign(",") else None)

    def _quoted_in(self) -> QuotedIn:
        of = self._named("quoted_in takes a [curve]")
        self._require(",")
        return QuotedIn(of, self._target())

    def _off_peak(self) -> OffPeak:
        takes = "off_peak takes the [curve] of all hours, then that of the peak's"
        base = self._named(takes)
        self._require(",")
        return OffPeak(base, self._named(takes))

    def _named(self, otherwise: str) -> Ref:
        if self._next.kind != "curve":
            raise self._wrong(otherwise)
        self._made()
        return self._curve()
