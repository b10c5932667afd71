"""Curves computed from curves: an expression is read, its curves aligned, and every number can say what it is made of.

Pure: it is given what it computes with.
"""

from aurum.curves.expressions.evaluation import Target, evaluate, exchange
from aurum.curves.expressions.leaves import Used, used
from aurum.curves.expressions.model import GAPS, NO_GAP, DerivedCurve, Exchange, Factor, Gap, Input, Source, Term, Why
from aurum.curves.expressions.parsing import parse
from aurum.curves.expressions.printing import printed
from aurum.curves.expressions.tree import Node, Number, keys
from aurum.curves.expressions.units import (
    CompoundUnit,
    Conversion,
    conversion_to,
    factor_between,
    priced_in,
    unit_of_codes,
    unit_of_price,
)

__all__ = [
    "GAPS",
    "NO_GAP",
    "CompoundUnit",
    "Conversion",
    "DerivedCurve",
    "Exchange",
    "Factor",
    "Gap",
    "Input",
    "Node",
    "Number",
    "Source",
    "Target",
    "Term",
    "Used",
    "Why",
    "conversion_to",
    "evaluate",
    "exchange",
    "factor_between",
    "keys",
    "parse",
    "priced_in",
    "printed",
    "unit_of_codes",
    "unit_of_price",
    "used",
]
