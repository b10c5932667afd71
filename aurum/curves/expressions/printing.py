"""Expressions as text: one way to write each, which reads back as the same."""

from __future__ import annotations

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
)

_SUM, _PRODUCT, _UNARY = 1, 2, 3


def printed(node: Node) -> str:
    """Canonical: blanks around operators, parentheses only where they say something, numbers in their shortest form."""
    return _printed(node, _SUM)


def _printed(node: Node, level: int) -> str:
    """`level`: how tightly what stands around it binds."""
    match node:
        case Sum(first, rest):
            text = _printed(first, _SUM) + "".join(f" {'+' if s > 0 else '-'} {_printed(n, _PRODUCT)}" for s, n in rest)
            return f"({text})" if level > _SUM else text
        case Product(first, rest):
            text = _printed(first, _PRODUCT) + "".join(
                f" {'*' if s > 0 else '/'} {_printed(n, _UNARY)}" for s, n in rest
            )
            return f"({text})" if level > _PRODUCT else text
        case Negated(of):
            return f"-{_printed(of, _UNARY)}"
        case Number(value, unit, alike):
            return number(value) + (f" {unit}" if unit.powers else f" {alike}/{alike}" if alike else "")
        case Ref(key):
            return f"[{key}]"
    return _call(node)


def _call(node: Call | Shift | At | Convert | QuotedIn | OffPeak) -> str:
    match node:
        case Call(name, given):
            return f"{name}({', '.join(map(printed, given))})"
        case Shift(of, count, step):
            return f"shift({printed(of)}, {count}, {step})"
        case At(of, day):
            return f"at({printed(of)}, {day})"
        case Convert(of, unit, rate):
            return f"convert({printed(of)}, {unit}{'' if rate is None else f', {printed(rate)}'})"
        case QuotedIn(of, unit):
            return f"quoted_in({printed(of)}, {unit})"
        case OffPeak(base, peak):
            return f"off_peak({printed(base)}, {printed(peak)})"


def number(value: float) -> str:
    return repr(value).removesuffix(".0")
